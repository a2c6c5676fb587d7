"""AMASS.npz, 3DPW_valid.npz and 3DPW_test.npz of LGD's preprocessing, good files and bad ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amass_files import clip, npz, smplh
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from legacy_pickles import write
from lgd_npz import amass, threedpw, write_npz
from scipy.spatial.transform import Rotation
from threedpw_files import sequence

from lsr1_pl.cli import main
from lsr1_pl.data import MotionStore, ThreeDPWDataModule
from lsr1_pl.data.sources import lgd_amass
from lsr1_pl.data.sources.lgd_amass import convert_lgd_amass
from lsr1_pl.data.sources.lgd_threedpw import convert_lgd_3dpw
from lsr1_pl.data.sources.threedpw import convert_3dpw
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr.evaluation.protocols import named_protocols
from lsr1_pl.hmr.evaluation.threedpw import ThreeDPWEvaluation

WALK, KICK = len(clip("walk")), len(clip("kick"))


def sequences() -> dict[str, dict[str, Any]]:
    """Two of 3DPW's: one person alone, then two."""
    return {"street_00": sequence(1), "walking_00": sequence(2)}


def test_amass_is_its_rows_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = amass()
    source = write_npz(tmp_path / "AMASS.npz", content)
    assert main(["data", "convert", "amass", str(source), str(tmp_path / "amass")]) == 0
    rows = WALK + KICK + 7
    assert f"3 recordings, {rows} frames" in capsys.readouterr().out
    store = MotionStore(tmp_path / "amass")
    store.verify()
    every = np.arange(rows)
    np.testing.assert_array_equal(store.poses(every), content["smpl_pose"])
    np.testing.assert_array_equal(store.betas(every), content["smpl_shape"])
    found = [(r.name, r.subject, r.rows, r.fps, r.gender) for r in store.recordings]
    assert found == [
        ("person_0000/row_00000000", "person_0000", WALK, None, None),
        (f"person_0001/row_{WALK:08d}", "person_0001", KICK, None, None),
        (f"person_0000/row_{WALK + KICK:08d}", "person_0000", 7, None, None),
    ]


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_pieces_do_not_change_the_rows(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lgd_amass, "ROWS_PER_SHARD", size)
    content = amass()
    convert_lgd_amass(write_npz(tmp_path / "AMASS.npz", content), tmp_path / "amass")
    store = MotionStore(tmp_path / "amass")
    every = np.arange(len(content["smpl_pose"]))
    assert len(store) == len(every)
    np.testing.assert_array_equal(store.poses(every), content["smpl_pose"])
    assert {r.subject for r in store.recordings} == {"person_0000", "person_0001"}


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.999])
def test_a_fraction_is_the_first_rows(fraction: float, tmp_path: Path) -> None:
    """As in the authors' code, whose permutation is never used: ``int(rows * fraction)`` rows."""
    content = amass()
    source = write_npz(tmp_path / "AMASS.npz", content)
    target = str(tmp_path / "part")
    command = ["data", "convert", "amass", str(source), target, "--fraction", str(fraction)]
    assert main(command) == 0
    store = MotionStore(target)
    count = int(len(content["smpl_pose"]) * fraction)
    assert len(store) == count
    np.testing.assert_array_equal(store.poses(np.arange(count)), content["smpl_pose"][:count])
    assert f"the first {count} of {WALK + KICK + 7} rows" in store.manifest.source


def test_compressed_and_big_endian_files_are_read_alike(tmp_path: Path) -> None:
    content = amass()
    np.savez_compressed(
        tmp_path / "AMASS.npz", **{key: value.astype(">f8") for key, value in content.items()}
    )
    convert_lgd_amass(tmp_path / "AMASS.npz", tmp_path / "amass")
    store = MotionStore(tmp_path / "amass")
    np.testing.assert_array_equal(store.poses(np.arange(len(store))), content["smpl_pose"])


def nan_in(key: str, row: int) -> dict[str, Any]:
    array = amass()[key]
    array[row, 3] = np.nan
    return {key: array}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"smpl_pose": None}, "'smpl_pose' is missing"),
        ({"smpl_shape": None}, "'smpl_shape' is missing; found smpl_pose"),
        ({"smpl_pose": np.zeros((5, 66), np.float32)}, r"shaped \(5, 66\); expected \(rows, 72\)"),
        ({"smpl_pose": np.zeros((0, 72), np.float32)}, r"shaped \(0, 72\)"),
        ({"smpl_pose": np.float32(3)}, r"shaped \(\)"),
        ({"smpl_shape": np.zeros((5, 10), np.float32)}, "'smpl_shape' has 5 rows, key 'smpl_pose'"),
        ({"smpl_shape": np.zeros((WALK + KICK + 7, 10), int)}, "expected floating-point numbers"),
        ({"smpl_shape": np.array([None] * 10)}, "Python objects; they are never unpickled"),
        ({"smpl_pose": np.asfortranarray(amass()["smpl_pose"])}, "Fortran's order"),
        (
            nan_in("smpl_pose", 11),
            r"'smpl_pose' holds a value that is not finite in row 11 \(1 such",
        ),
        (nan_in("smpl_shape", 2), "'smpl_shape' holds a value that is not finite in row 2"),
        ({"smpl_shape": np.full((WALK + KICK + 7, 10), 1e300)}, "not finite in row 0"),
        ({"poses2d": np.zeros((5, 18, 3), np.float32)}, "lsr1 data convert 3dpw"),
    ],
)
def test_bad_amass_is_named_and_nothing_is_written(
    changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    source = write_npz(tmp_path / "AMASS.npz", amass(**changes))
    with pytest.raises(UserError, match=words) as raised:
        convert_lgd_amass(source, tmp_path / "amass")
    assert str(raised.value).startswith(f"{source}: ")
    assert [path.name for path in tmp_path.iterdir()] == ["AMASS.npz"]


def test_other_files_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = tmp_path / "a_poses.npz"
    recording.write_bytes(npz(smplh(clip())))
    text = tmp_path / "notes.txt"
    text.write_text("no archive", encoding="utf-8")
    source = write_npz(tmp_path / "AMASS.npz", amass())
    (tmp_path / "empty").mkdir()
    for kind, path, options, words in (
        ("amass", recording, [], "is one recording of AMASS"),
        ("amass", text, [], "not an npz file of LGD's preprocessing"),
        ("3dpw", text, [], "not an npz file of LGD's preprocessing"),
        ("3dpw", source, [], "lsr1 data convert amass"),
        ("amass", source, ["--fraction", "0"], "must lie in (0, 1]"),
        ("amass", source, ["--fraction", "nan"], "must lie in (0, 1]"),
        ("amass", source, ["--fraction", "1e-9"], "that is none"),
        ("amass", tmp_path / "empty", ["--fraction", "0.5"], "--data.init_args.fraction"),
    ):
        assert main(["data", "convert", kind, str(path), str(tmp_path / "out"), *options]) == 2
        assert words in " ".join(capsys.readouterr().err.split()), words
        assert not (tmp_path / "out").exists()


def test_3dpw_is_what_its_own_files_give(tmp_path: Path) -> None:
    """The frames with a valid camera pose of the same sequences, converted both ways."""
    for name, content in sequences().items():
        (tmp_path / "raw" / "test").mkdir(parents=True, exist_ok=True)
        write(tmp_path / "raw" / "test" / f"{name}.pkl", content)
    convert_3dpw(tmp_path / "raw", tmp_path / "ours")
    source = write_npz(tmp_path / "3DPW_test.npz", threedpw(sequences()))
    assert main(["data", "convert", "3dpw", str(source), str(tmp_path / "lgd")]) == 0
    ours, lgd = (MotionStore(tmp_path / folder / "test") for folder in ("ours", "lgd"))
    lgd.verify()
    every = np.arange(len(ours))
    rows = every[ours.seen("valid", every)[:, 0] > 0]
    assert len(lgd) == len(rows) == 3 * (WALK - 2)
    here = np.arange(len(lgd))
    roots = [
        Rotation.from_rotvec(store.poses(index)[:, :3])
        for store, index in ((ours, rows), (lgd, here))
    ]
    assert (roots[0] * roots[1].inv()).magnitude().max() < 1e-5
    np.testing.assert_array_equal(ours.poses(rows)[:, 3:], lgd.poses(here)[:, 3:])
    np.testing.assert_array_equal(ours.betas(rows), lgd.betas(here))
    seen = [store.seen("keypoints", index) for store, index in ((ours, rows), (lgd, here))]
    # Ours takes no notice of the detection of frame 4 that lies far outside the image.
    differ = seen[0] != seen[1]
    assert differ.sum() == 3
    assert differ[:, 3 * 7 + 2].sum() == 3
    assert (lgd.seen("valid", here) == 1).all()
    genders = {r.name: r.gender for r in lgd.recordings}
    # Frames 5 and 6 have no valid camera pose.
    assert genders == {
        "street_00/0": "male",
        "street_00/0/7": "male",
        "walking_00/0": "male",
        "walking_00/0/7": "male",
        "walking_00/1": "female",
        "walking_00/1/7": "female",
    }
    assert [r.rows for r in lgd.recordings] == [5, WALK - 7] * 3
    assert {r.subject for r in lgd.recordings} == {"street_00", "walking_00"}


def test_two_people_of_one_shape_are_told_by_their_frames(tmp_path: Path) -> None:
    content = sequence(2, genders=["m", "m"])
    content["betas"][1] = content["betas"][0]
    source = write_npz(tmp_path / "3DPW_valid.npz", threedpw({"walking_00": content}))
    (split,) = convert_lgd_3dpw(source, tmp_path / "3dpw")
    assert split == "validation"
    names = [r.name for r in MotionStore(tmp_path / "3dpw" / split).recordings]
    assert names == ["walking_00/0", "walking_00/0/7", "walking_00/1", "walking_00/1/7"]


def changed(key: str, row: int, value: Any) -> dict[str, Any]:
    array = threedpw(sequences())[key]
    array[row] = value
    return {key: array}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"poses2d": None}, "'poses2d' is missing"),
        ({"imgnames": None}, "'imgnames' is missing"),
        ({"genders": None}, "'genders' is missing"),
        ({"poses2d": np.zeros((9, 3, 18), np.float32)}, r"expected \(rows, 18, 3\)"),
        ({"genders": np.array(["m"])}, "'genders' has 1 rows"),
        ({"genders": np.zeros(3 * (WALK - 2))}, "'genders' holds float64; expected text"),
        ({"imgnames": np.array(["a"] * 3 * (WALK - 2), object)}, "never unpickled"),
        (changed("genders", 4, "x"), "'genders' is 'x' in row 4; expected m or f"),
        (changed("imgnames", 3, "image.jpg"), "'imgnames' is 'image.jpg' in row 3"),
        (changed("poses2d", 2, np.nan), "'poses2d' holds a value that is not finite in row 2"),
        (changed("smpl_pose", 1, np.inf), "'smpl_pose' holds a value that is not finite in row 1"),
    ],
)
def test_bad_3dpw_is_named_and_nothing_is_written(
    changes: dict[str, Any], words: str, tmp_path: Path
) -> None:
    source = write_npz(tmp_path / "3DPW_test.npz", threedpw(sequences(), **changes))
    with pytest.raises(UserError, match=words) as raised:
        convert_lgd_3dpw(source, tmp_path / "3dpw")
    assert str(raised.value).startswith(f"{source}: ")
    assert not list(tmp_path.glob("3dpw/*"))


def test_the_name_says_the_split(tmp_path: Path) -> None:
    source = write_npz(tmp_path / "people.npz", threedpw(sequences()))
    with pytest.raises(UserError, match=r"call it 3DPW_valid\.npz or 3DPW_test\.npz"):
        convert_lgd_3dpw(source, tmp_path / "3dpw")


def test_a_split_that_is_there_is_refused_and_kept(tmp_path: Path) -> None:
    source = write_npz(tmp_path / "3DPW_test.npz", threedpw(sequences()))
    convert_lgd_3dpw(source, tmp_path / "3dpw")
    with pytest.raises(UserError, match="not an empty folder"):
        convert_lgd_3dpw(source, tmp_path / "3dpw")
    MotionStore(tmp_path / "3dpw" / "test").verify()


def test_a_data_module_reads_both_and_stored_joints_are_refused(tmp_path: Path) -> None:
    convert_lgd_amass(write_npz(tmp_path / "AMASS.npz", amass()), tmp_path / "amass")
    for name in ("3DPW_valid.npz", "3DPW_test.npz"):
        convert_lgd_3dpw(write_npz(tmp_path / name, threedpw(sequences())), tmp_path / "3dpw")
    data = ThreeDPWDataModule([str(tmp_path / "amass")], str(tmp_path / "3dpw"), batch_size=9)
    assert data.train_batch(0).pose.shape == (9, 72)
    (batch,) = data.test_dataloader()
    assert batch.joints is None
    assert len(batch.pose) == 3 * (WALK - 2)
    # A gap between frames is a gap between recordings, so that nothing is differenced across it.
    assert batch.recording.unique().tolist() == list(range(6))
    (protocol,) = named_protocols(["lgd24"])
    with pytest.raises(UserError, match=r"lgd24 compares with the joints.*lgd14"):
        ThreeDPWEvaluation._true(None, protocol, batch)  # type: ignore[arg-type]


WHOLE = npz(amass(smpl_pose=amass()["smpl_pose"][:3], smpl_shape=amass()["smpl_shape"][:3]))
FRAMES = npz({key: value[:4] for key, value in threedpw(sequences()).items()})


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.sampled_from(["AMASS.npz", "3DPW_test.npz"]),
    st.floats(0, 1),
    st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=4),
)
def test_damaged_files_are_read_or_named(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    kept: float,
    changes: list[tuple[float, int]],
) -> None:
    raw = bytearray(WHOLE if name == "AMASS.npz" else FRAMES)
    for where, byte in changes:
        raw[int(where * len(raw))] = byte
    source = tmp_path_factory.mktemp("damaged") / name
    source.write_bytes(bytes(raw[: round(kept * len(raw))] if len(changes) % 2 else raw))
    convert = convert_lgd_amass if name == "AMASS.npz" else convert_lgd_3dpw
    message = name
    # Anything but a UserError fails the test.
    try:
        convert(source, source.with_name("out"))
    except UserError as error:
        message = str(error)
    assert name in message


def test_a_cut_file_is_named(tmp_path: Path) -> None:
    source = tmp_path / "AMASS.npz"
    for kept in range(0, len(WHOLE), 97):
        source.write_bytes(WHOLE[:kept])
        with pytest.raises(UserError, match=r"AMASS\.npz: "):
            convert_lgd_amass(source, tmp_path / "amass")


def test_a_byte_that_changed_in_the_rows_is_noticed(tmp_path: Path) -> None:
    """The archive keeps a checksum of each array; it is compared when the last row was read."""
    raw = bytearray(WHOLE)
    raw[len(raw) // 3] ^= 1
    source = tmp_path / "AMASS.npz"
    source.write_bytes(bytes(raw))
    with pytest.raises(UserError, match=r"damaged .*CRC"):
        convert_lgd_amass(source, tmp_path / "amass")
    assert not (tmp_path / "amass").exists()
