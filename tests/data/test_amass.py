"""AMASS in its own formats: archives and folders, both releases, good files and bad ones."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from amass_files import archive, clip, npz, smplh, smplx, unpacked
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from lsr1_pl.cli import main
from lsr1_pl.data import MotionStore
from lsr1_pl.data.sources.amass import is_recording, read_recording, recording_name
from lsr1_pl.data.sources.amass_conversion import convert_amass
from lsr1_pl.ground.errors import UserError


def read(content: dict[str, Any]) -> Any:
    return read_recording(io.BytesIO(npz(content)), "a_poses.npz")


@pytest.mark.parametrize("make", [smplh, smplx])
def test_a_recording_is_the_motion_it_was_made_of(make: Any) -> None:
    poses = clip()
    found = read(make(poses))
    ours, theirs = (Rotation.from_rotvec(p[:, :3]) for p in (found.poses, poses))
    assert (ours * theirs.inv()).magnitude().max() < 1e-6
    np.testing.assert_allclose(found.poses[:, 3:66], poses[:, 3:66], atol=1e-6)
    assert (found.poses[:, 66:] == 0).all()
    np.testing.assert_allclose(found.betas, np.linspace(-1, 1, 16)[:10], rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "fps", "gender"),
    [
        ({}, 120.0, "female"),
        ({"mocap_framerate": None, "mocap_frame_rate": np.array(60)}, 60.0, "female"),
        ({"gender": np.array(b"male")}, 120.0, "male"),
        ({"gender": np.array(["Male"])}, 120.0, "male"),
        ({"gender": np.array("b'female'")}, 120.0, "female"),
        ({"gender": None}, 120.0, "neutral"),
        ({"mocap_framerate": np.array([250.0])}, 250.0, "female"),
    ],
)
def test_variants_of_keys(changes: dict[str, Any], fps: float, gender: str) -> None:
    found = read(smplh(clip(), **changes))
    assert (found.fps, found.gender) == (fps, gender)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"poses": None}, "'poses' is missing"),
        ({"poses": np.zeros((5, 60))}, r"'poses' is shaped \(5, 60\)"),
        ({"poses": np.zeros((0, 156))}, "shaped"),
        ({"poses": np.where(np.arange(5)[:, None] == 3, np.nan, np.zeros((5, 156)))}, "in frame 3"),
        ({"poses": np.full((5, 156), 1e300)}, "not finite"),
        ({"poses": np.full((5, 156), "a")}, "expected numbers"),
        ({"betas": np.zeros(4)}, "holds 4 numbers"),
        ({"mocap_framerate": None, "rate": np.array(60)}, "no frame rate.*found betas, .*rate"),
        ({"poses": None, "pose_body": np.zeros(3)}, "'poses' is missing; found .*pose_body"),
        ({"mocap_framerate": np.array(0.0)}, "above 0"),
        ({"gender": np.array("x")}, "'gender' is 'x'"),
        ({"betas": np.array([None] * 16)}, "damaged"),
    ],
)
def test_bad_keys_are_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words) as raised:
        read(smplh(clip(), **changes))
    assert str(raised.value).startswith("a_poses.npz: ")


WHOLE = npz(smplh(clip()[:3]))


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, len(WHOLE)),
    st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=5),
)
def test_damaged_files_are_read_or_named(length: int, changes: list[tuple[int, int]]) -> None:
    raw = bytearray(WHOLE)
    for position, byte in changes:
        raw[position] = byte
    # Anything but a UserError fails the test.
    with contextlib.suppress(UserError):
        read_recording(io.BytesIO(bytes(raw[: length if length % 2 else None])), "a")


@pytest.mark.parametrize(
    ("path", "name", "subject"),
    [
        ("HumanEva/S1/Box_1_poses.npz", "HumanEva/S1/Box_1", "HumanEva/S1"),
        ("MPI-HDM05/bk/HDM_bk_01_stageii.npz", "MPI_HDM05/bk/HDM_bk_01", "MPI_HDM05/bk"),
        ("SSM/1/x_poses.npz", "SSM_synced/1/x", "SSM_synced/1"),
        ("Transitions/a/y_poses.npz", "Transitions_mocap/a/y", "Transitions_mocap/a"),
        ("MoSh/m/z_poses.npz", "MPI_mosh/m/z", "MPI_mosh/m"),
        ("CMU/01/01_01_poses.npz", "CMU/01/01_01", "CMU/01"),
    ],
)
def test_names_of_data_sets_are_those_of_the_usual_split(
    path: str, name: str, subject: str
) -> None:
    assert recording_name(PurePosixPath(path)) == (name, subject)


def test_which_files_are_recordings() -> None:
    assert is_recording("a_poses.npz")
    assert is_recording("a_stageii.npz")
    assert not is_recording("shape.npz")
    assert not is_recording("neutral_stagei.npz")


def files() -> dict[str, bytes]:
    good = npz(smplh(clip()))
    return {
        "CMU/01/01_01_poses.npz": good,
        "CMU/01/01_02_poses.npz": npz(smplx(clip("kick"))),
        "CMU/01/shape.npz": npz({"betas": np.zeros(16)}),
        "CMU/02/bad_poses.npz": good[: len(good) // 2],
        "CMU/02/MTR03_poses.npz": good,
        "CMU/02/LICENSE.txt": b"terms",
    }


@pytest.fixture(params=["archive", "folder"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "archive":
        return archive(tmp_path / "amass" / "CMU.tar.bz2", files()).parent
    return unpacked(tmp_path / "amass", files())


def test_conversion(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["data", "convert", "amass", str(source), str(tmp_path / "store"), "--workers", "1"]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "2 recordings" in " ".join(printed.split())
    for word in ("bad_poses.npz", "MTR03_poses.npz", "broken in AMASS", "not an npz file"):
        assert word in printed, word
    store = MotionStore(tmp_path / "store")
    assert [r.name for r in store.recordings] == ["CMU/01/01_01", "CMU/01/01_02"]
    assert [r.fps for r in store.recordings] == [120.0, 60.0]
    assert [r.gender for r in store.recordings] == ["female", "neutral"]
    assert [r.rows for r in store.recordings] == [len(clip()), len(clip("kick"))]
    kick = store.poses(np.arange(len(clip()), len(store)))
    np.testing.assert_allclose(kick[:, 3:66], clip("kick")[:, 3:66], atol=1e-6)
    assert store.has_betas
    store.verify()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["amass", "store"]


def test_a_stopped_conversion_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = unpacked(tmp_path / "amass", {k: v for k, v in files().items() if "/01/" in k})
    from lsr1_pl.data.sources import amass_conversion

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(amass_conversion, "fill_store", stop)
        with pytest.raises(KeyboardInterrupt):
            convert_amass(source, tmp_path / "store", workers=1)
    assert not (tmp_path / "store").exists()
    (part,) = (tmp_path / ".store.converting").glob("*.json")
    before = part.stat().st_mtime_ns
    times = []

    def watch(units: Any, total: int) -> Any:
        yield from units
        times.append((total, part.stat().st_mtime_ns))

    report = convert_amass(source, tmp_path / "store", workers=1, track=watch)
    assert times == [(1, before)]
    assert len(report.read) == 2
    assert not (tmp_path / ".store.converting").exists()


def test_a_cut_archive_keeps_what_came_before(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).random((200, 156))
    content = {f"A/s/{i}_poses.npz": npz(smplh(clip(), poses=noise + i)) for i in range(12)}
    path = archive(tmp_path / "amass" / "A.tar.bz2", content)
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) * 2 // 3])
    report = convert_amass(path.parent, tmp_path / "store", workers=1)
    assert 1 <= len(report.read) < 12
    assert "damaged after" in report.refused["A.tar.bz2"]


def test_an_archive_that_names_other_folders_writes_nothing_there(tmp_path: Path) -> None:
    good = npz(smplh(clip()))
    names = ["../../evil_poses.npz", "/abs/olute_poses.npz"]
    source = archive(tmp_path / "in" / "amass" / "X.tar.bz2", dict.fromkeys(names, good)).parent
    convert_amass(source, tmp_path / "in" / "store", workers=1)
    recordings = MotionStore(tmp_path / "in" / "store").recordings
    assert [r.name for r in recordings] == ["evil", "abs/olute"]
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_nothing_to_convert(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        convert_amass(tmp_path / "none", tmp_path / "store")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"amass\.is\.tue\.mpg\.de"):
        convert_amass(tmp_path / "empty", tmp_path / "store")
    unpacked(tmp_path / "bad", {"A/b/c_poses.npz": b""})
    with pytest.raises(UserError, match="not an npz"):
        convert_amass(tmp_path / "bad", tmp_path / "store", workers=1)
    assert not (tmp_path / "store").exists()
