"""Sources with what is no recording: links to nothing, folders, pipes, devices, odd names."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from amass_files import archive, clip, npz, smplh, unpacked
from bvh_files import bvh_text, still
from legacy_pickles import write
from smpl_files import as_distributed, smpl_arrays
from threedpw_files import sequence

from lsr1_pl.body.files import read_body
from lsr1_pl.data import MotionStore, convert_cmu, read_bvh
from lsr1_pl.data.assets_check import examine, known_assets
from lsr1_pl.data.motion.store import Motion, write_store
from lsr1_pl.data.sources.amass_conversion import convert_amass
from lsr1_pl.data.sources.legacy_pickle import read_legacy_pickle
from lsr1_pl.data.sources.smpl import convert_regressor, convert_smpl
from lsr1_pl.data.sources.threedpw import convert_3dpw
from lsr1_pl.ground.errors import UserError

LATIN_1 = os.fsdecode(b"caf\xe9")
"""A name whose last byte is no UTF-8."""


def dangling(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


def loop(path: Path) -> None:
    path.symlink_to(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


ODD: dict[str, tuple[Callable[[Path], None], str]] = {
    "dangling link": (dangling, "no such file"),
    "link to itself": (loop, "symbolic link"),
    "folder": (Path.mkdir, "is a folder"),
    "pipe": (os.mkfifo, "no regular file"),
    "device": (device, "no regular file"),
}
odd = pytest.mark.parametrize("kind", ODD)


def amass(folder: Path) -> Path:
    """Recordings a, b and d of one subject."""
    content = npz(smplh(clip()[:3]))
    return unpacked(folder, {f"CMU/01/{name}_poses.npz": content for name in "abd"})


@odd
def test_amass_leaves_one_out(kind: str, tmp_path: Path) -> None:
    make, why = ODD[kind]
    source = amass(tmp_path / "amass")
    make(source / "CMU" / "01" / "c_poses.npz")
    report = convert_amass(source, tmp_path / "store", workers=1)
    assert list(report.read) == ["CMU/01/a", "CMU/01/b", "CMU/01/d"]
    assert list(report.refused) == ["CMU/01/c_poses.npz"]
    assert why in report.refused["CMU/01/c_poses.npz"].lower()


@pytest.mark.parametrize("kind", [kind for kind in ODD if kind != "folder"])
def test_amass_names_an_archive_that_is_none(kind: str, tmp_path: Path) -> None:
    source = amass(tmp_path / "amass")
    (source / "deep").mkdir()
    ODD[kind][0](source / "deep" / "B.tar.bz2")
    report = convert_amass(source, tmp_path / "store", workers=1)
    assert len(report.read) == 3
    assert list(report.refused) == ["deep/B.tar.bz2"]
    assert ODD[kind][1] in report.refused["deep/B.tar.bz2"].lower()


def test_amass_names_what_is_no_file_in_an_archive(tmp_path: Path) -> None:
    folder = tmp_path / "amass"
    folder.mkdir()
    content = npz(smplh(clip()[:3]))
    with tarfile.open(folder / "A.tar", "w") as tar:
        for name, kind in (("a", tarfile.SYMTYPE), ("b", tarfile.REGTYPE), ("c", tarfile.DIRTYPE)):
            member = tarfile.TarInfo(f"CMU/01/{name}_poses.npz")
            member.type = kind
            member.size = len(content) if name == "b" else 0
            tar.addfile(member, io.BytesIO(content))
    report = convert_amass(folder, tmp_path / "store", workers=1)
    assert list(report.read) == ["CMU/01/b"]
    assert set(report.refused) == {"CMU/01/a_poses.npz", "CMU/01/c_poses.npz"}


@pytest.mark.parametrize("packed", [False, True])
def test_amass_spells_names_that_are_no_text(packed: bool, tmp_path: Path) -> None:
    content = npz(smplh(clip()[:3]))
    files = {
        f"CMU/{LATIN_1}/a_poses.npz": content,
        f"CMU/01/{LATIN_1}_poses.npz": content,
        f"CMU/01/broken{LATIN_1}_poses.npz": b"",
    }
    if packed:
        source = archive(tmp_path / "amass" / f"{LATIN_1}.tar.bz2", files).parent
    else:
        source = unpacked(tmp_path / "amass", files)
    report = convert_amass(source, tmp_path / "store", workers=1)
    recordings = MotionStore(tmp_path / "store").recordings
    spelled = r"caf\udce9"
    assert {r.name for r in recordings} == {f"CMU/{spelled}/a", f"CMU/01/{spelled}"}
    assert {r.subject for r in recordings} == {f"CMU/{spelled}", "CMU/01"}
    assert list(report.refused) == [f"CMU/01/broken{spelled}_poses.npz"]


def test_amass_goes_on_after_a_damaged_part(tmp_path: Path) -> None:
    source = amass(tmp_path / "amass")
    work = tmp_path / ".store.converting"
    work.mkdir()
    (work / "00000.json").write_text('{"stamp"')
    assert len(convert_amass(source, tmp_path / "store", workers=1).read) == 3


def bvh(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / f"{name}.bvh"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(bvh_text(still(8)), encoding="utf-8")
    return folder


@odd
def test_cmu_leaves_one_out(kind: str, tmp_path: Path) -> None:
    make, why = ODD[kind]
    source = bvh(tmp_path / "bvh", "01_01", "01_03")
    make(source / "01_02.bvh")
    report = convert_cmu(source, tmp_path / "store")
    assert list(report.read) == ["01_01.bvh", "01_03.bvh"]
    assert why in report.refused["01_02.bvh"].lower()


def test_cmu_spells_names_that_are_no_text(tmp_path: Path) -> None:
    source = bvh(tmp_path / "bvh", f"{LATIN_1}_01", f"{LATIN_1}/02_01")
    report = convert_cmu(source, tmp_path / "store")
    assert not report.refused
    recordings = MotionStore(tmp_path / "store").recordings
    assert {(r.name, r.subject) for r in recordings} == {
        (r"caf\udce9_01", r"caf\udce9"),
        ("02_01", "02"),
    }


def test_cmu_keeps_two_recordings_of_one_name(tmp_path: Path) -> None:
    source = bvh(tmp_path / "bvh", "0/01_01", "01_01", "b/01_01")
    longer = bvh_text(still(9))
    (source / "b" / "01_01.bvh").write_text(longer, encoding="utf-8")
    (source / "0" / "broken.bvh").write_text("")
    (source / "b" / "broken.bvh").write_text("")
    report = convert_cmu(source, tmp_path / "store")
    recordings = MotionStore(tmp_path / "store").recordings
    assert [(r.name, r.subject, r.source_frames) for r in recordings] == [
        ("01_01", "01", 8),
        ("b/01_01", "01", 9),
    ]
    assert "is a copy of" in report.refused.pop("0/01_01.bvh")
    assert set(report.refused) == {"0/broken.bvh", "b/broken.bvh"}


@odd
def test_3dpw_leaves_one_out(kind: str, tmp_path: Path) -> None:
    make, why = ODD[kind]
    folder = tmp_path / "sequenceFiles" / "test"
    folder.mkdir(parents=True)
    write(folder / f"{LATIN_1}.pkl", sequence(1))
    make(folder / "b_00.pkl")
    (report,) = convert_3dpw(tmp_path, tmp_path / "out", workers=1).values()
    (recording,) = MotionStore(tmp_path / "out" / "test").recordings
    assert (recording.name, recording.subject) == (r"caf\udce9/0", r"caf\udce9")
    assert list(report.refused) == ["b_00.pkl"]
    assert why in report.refused["b_00.pkl"].lower()


def test_3dpw_does_not_pass_over_a_split_that_leads_nowhere(tmp_path: Path) -> None:
    folder = tmp_path / "sequenceFiles"
    (folder / "test").mkdir(parents=True)
    write(folder / "test" / "a_00.pkl", sequence(1))
    dangling(folder / "train")
    with pytest.raises(UserError, match=r"train: cannot be listed \(No such file"):
        convert_3dpw(tmp_path, tmp_path / "out", workers=1)
    assert not (tmp_path / "out").exists()


@odd
def test_smpl_stops_before_it_writes(kind: str, tmp_path: Path) -> None:
    make, why = ODD[kind]
    source = tmp_path / "models"
    source.mkdir()
    write(source / "basicmodel_m.pkl", as_distributed(smpl_arrays()))
    make(source / "basicmodel_f.pkl")
    with pytest.raises(UserError, match=f"(?i)basicmodel_f.pkl: .*{why}"):
        convert_smpl(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_smpl_spells_the_name_of_its_source(tmp_path: Path) -> None:
    source = write(tmp_path / f"SMPL_MALE_{LATIN_1}.pkl", as_distributed(smpl_arrays()))
    (path,) = convert_smpl(source, tmp_path / "out").values()
    with np.load(path) as content:
        assert str(content["source"]) == r"SMPL_MALE_caf\udce9.pkl"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_closed_folder_is_reported(tmp_path: Path) -> None:
    source = bvh(tmp_path / "bvh", "01_01", "closed/02_01")
    (source / "closed").chmod(0)
    try:
        report = convert_cmu(source, tmp_path / "store")
    finally:
        (source / "closed").chmod(0o700)
    assert "cannot be listed" in report.refused["closed"]


def test_a_folder_that_cannot_be_listed_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = bvh(tmp_path / "bvh", "01_01", "closed/02_01")
    scandir = os.scandir

    def closed(path: str) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    report = convert_cmu(source, tmp_path / "store")
    assert list(report.read) == ["01_01.bvh"]
    assert report.refused == {"closed": "this folder cannot be listed (Permission denied)"}


def store(path: Path) -> None:
    MotionStore(path.parent)


def regressor_present(path: Path) -> None:
    (asset,) = (a for a in known_assets(path.parents[1]) if a.kind == "regressor")
    found = examine(asset)
    if found.status == "broken":
        raise UserError(found.details)


def convert_one_smpl(path: Path) -> None:
    # A folder is searched, so one is given that holds it.
    convert_smpl(path.parent if path.is_dir() else path, path.parent / "out")


READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "manifest": ("store/manifest.json", store),
    "shard": ("store/poses_00000.npy", store),
    "body": ("a.npz", read_body),
    "BVH": ("a.bvh", read_bvh),
    "pickle": ("a.pkl", read_legacy_pickle),
    "SMPL": ("SMPL_MALE.npz", convert_one_smpl),
    "regressor": ("J.npy", lambda path: convert_regressor(path, path.parent / "out")),
    "doctor's regressor": ("smpl/J_regressor_h36m.npy", regressor_present),
}


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize("reader", READERS)
def test_readers_refuse_what_is_no_regular_file(reader: str, kind: str, tmp_path: Path) -> None:
    name, read = READERS[reader]
    make, why = ODD[kind]
    motion = Motion("a", "a", clip()[:3], fps=30.0, source_frames=3)
    write_store(tmp_path / "store", [motion], source="test", licence="none")
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    make(path)
    with pytest.raises(UserError, match=f"{path.name}: .*{why}"):
        read(path)
    assert not (tmp_path / "out").exists()
    shutil.rmtree(tmp_path / "store")
