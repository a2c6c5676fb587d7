"""Damaged bodies, regressors, archives, sequences and stores: read, skipped or named, no more."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amass_files import archive, clip, npz, smplh
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from legacy_pickles import write
from smpl_files import as_distributed, smpl_arrays
from threedpw_files import sequence

from lsr1_pl.data import MotionStore
from lsr1_pl.data.motion.store import Motion, write_store
from lsr1_pl.data.sources.amass_conversion import convert_amass
from lsr1_pl.data.sources.smpl import convert_regressor, convert_smpl
from lsr1_pl.data.sources.threedpw import read_sequence
from lsr1_pl.ground.errors import UserError

Change = tuple[float, int]
"""Where, as a share of the length, and the new byte."""

FUZZ = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
damage = given(
    st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=5),
    st.one_of(st.just(1.0), st.floats(0, 1)),
)


def damaged(content: bytes, changes: list[Change], kept: float) -> bytes:
    """Some bytes changed, then cut to a share of the length."""
    copy = bytearray(content)
    for where, byte in changes:
        copy[int(where * len(copy))] = byte
    return bytes(copy[: round(kept * len(copy))])


def read_or_named(name: str, read: Callable[[], Any]) -> Any:
    """What ``read`` returns; None if it raises an error that names the file."""
    try:
        return read()
    except UserError as error:
        message = str(error)
    assert name in message
    return None


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Sound files of each kind."""
    folder = tmp_path_factory.mktemp("whole")
    write(folder / "basicmodel_m.pkl", as_distributed(smpl_arrays()))
    np.savez_compressed(folder / "SMPL_MALE.npz", **smpl_arrays())
    rows = np.random.default_rng(0).random((17, 6890))
    np.save(folder / "regressor.npy", rows / rows.sum(axis=1, keepdims=True))
    recordings = {f"CMU/01/01_0{i}_poses.npz": npz(smplh(clip("walk"))) for i in (1, 2)}
    archive(folder / "CMU.tar.bz2", recordings)
    write(folder / "street_00.pkl", sequence(1))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@FUZZ
@damage
@pytest.mark.parametrize("name", ["basicmodel_m.pkl", "SMPL_MALE.npz"])
def test_models(
    name: str, whole: dict[str, bytes], tmp_path: Path, changes: list[Change], kept: float
) -> None:
    path, target = tmp_path / name, tmp_path / "out"
    path.write_bytes(damaged(whole[name], changes, kept))
    shutil.rmtree(target, ignore_errors=True)
    if read_or_named(name, lambda: convert_smpl(path, target)) is None:
        assert not target.exists() or not any(target.iterdir())


@FUZZ
@damage
def test_regressors(
    whole: dict[str, bytes], tmp_path: Path, changes: list[Change], kept: float
) -> None:
    path, target = tmp_path / "regressor.npy", tmp_path / "out"
    path.write_bytes(damaged(whole[path.name], changes, kept))
    shutil.rmtree(target, ignore_errors=True)
    if read_or_named(str(path), lambda: convert_regressor(path, target)) is None:
        assert not target.exists() or not any(target.iterdir())


@FUZZ
@damage
def test_archives(
    whole: dict[str, bytes], tmp_path: Path, changes: list[Change], kept: float
) -> None:
    source, target = tmp_path / "amass", tmp_path / "out"
    source.mkdir(exist_ok=True)
    (source / "CMU.tar.bz2").write_bytes(damaged(whole["CMU.tar.bz2"], changes, kept))
    shutil.rmtree(target, ignore_errors=True)
    report = read_or_named("CMU", lambda: convert_amass(source, target, workers=1))
    if report is None:
        assert not target.exists()
    else:
        MotionStore(target).verify()
        assert len(report.read) == 2 or report.refused


@FUZZ
@damage
def test_sequences(
    whole: dict[str, bytes], tmp_path: Path, changes: list[Change], kept: float
) -> None:
    path = tmp_path / "street_00.pkl"
    path.write_bytes(damaged(whole[path.name], changes, kept))
    people = read_or_named(str(path), lambda: read_sequence(path))
    assert all(np.isfinite(person.poses).all() for person in people or ())


@FUZZ
@damage
@pytest.mark.parametrize("name", ["manifest.json", "poses_00000.npy"])
def test_stores(name: str, tmp_path: Path, changes: list[Change], kept: float) -> None:
    folder = tmp_path / "store"
    if not folder.exists():
        motion = Motion("a", "a", clip("walk")[:9], fps=30.0, source_frames=9)
        write_store(folder, [motion], source="test", licence="none")
        shutil.copytree(folder, tmp_path / "sound")
    content = (tmp_path / "sound" / name).read_bytes()
    (folder / name).write_bytes(damaged(content, changes, kept))
    store = read_or_named(str(folder), lambda: MotionStore(folder))
    if store is not None:
        assert store.poses(np.arange(len(store))).shape == (len(store), 72)
        read_or_named(str(folder), store.verify)


def bomb() -> bytes:
    """A small npz whose header claims an array of 8 TB."""
    buffer = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
    np.lib.format.write_array_header_1_0(buffer, header)
    content: dict[str, Any] = smplh(clip("walk"))
    raw = io.BytesIO(npz(content))
    with zipfile.ZipFile(raw, "a") as archive_file:
        archive_file.writestr("betas.npy", buffer.getvalue())
    return raw.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_header_that_lies_about_its_size_is_named(tmp_path: Path) -> None:
    source = tmp_path / "amass" / "CMU" / "01"
    source.mkdir(parents=True)
    (source / "01_01_poses.npz").write_bytes(bomb())
    with pytest.raises(UserError, match=r"01_01_poses\.npz"):
        convert_amass(tmp_path / "amass", tmp_path / "out", workers=1)
