from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsr1_pl.data.motion.store import Motion, MotionStore, write_store
from lsr1_pl.ground.errors import UserError

LENGTHS = (5, 1, 7, 4)


def motion(name: str, rows: int, **kwargs: object) -> Motion:
    rng = np.random.default_rng(rows)
    defaults = {
        "name": name,
        "subject": name[:2],
        "poses": rng.normal(size=(rows, 72)),
        "fps": 30.0,
        "source_frames": 4 * rows,
    }
    return Motion(**(defaults | kwargs))  # type: ignore[arg-type]


def motions() -> list[Motion]:
    return [motion(f"{index:02d}_01", rows) for index, rows in enumerate(LENGTHS)]


def write(
    dst: Path, content: list[Motion] | Iterator[Motion], rows_per_shard: int = 6
) -> MotionStore:
    return write_store(
        dst, content, source="made up", licence="none", rows_per_shard=rows_per_shard
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> MotionStore:
    return write(tmp_path_factory.mktemp("stores") / "store", motions())


@settings(deadline=None)
@given(rows=st.lists(st.integers(0, sum(LENGTHS) - 1), max_size=40))
def test_rows_come_in_the_order_asked_for(store: MotionStore, rows: list[int]) -> None:
    every = np.concatenate([m.poses for m in motions()]).astype(np.float32)
    np.testing.assert_array_equal(store.poses(np.array(rows, dtype=np.int64)), every[rows])


def test_manifest_says_what_was_written(store: MotionStore) -> None:
    assert len(store) == sum(LENGTHS)
    assert [r.name for r in store.recordings] == ["00_01", "01_01", "02_01", "03_01"]
    assert [r.first_row for r in store.recordings] == [0, 5, 6, 13]
    assert [r.source_frames for r in store.recordings] == [20, 4, 28, 16]
    assert [shard.rows for shard in store.manifest.shards["poses"]] == [6, 6, 5]
    assert store.manifest.source == "made up"
    store.verify()


@pytest.mark.parametrize("rows_per_shard", [1, 4, 17, 100])
def test_shard_size_does_not_change_the_rows(tmp_path: Path, rows_per_shard: int) -> None:
    content = [
        motion("a", 9, betas=np.full((9, 10), 2.0), trans=np.arange(27.0).reshape(9, 3)),
        motion("b", 8, betas=np.full((8, 10), 3.0), trans=np.zeros((8, 3))),
    ]
    store = write(tmp_path / "store", content, rows_per_shard)
    rows = np.array([16, 0, 8, 9, 3])
    assert store.has_betas
    assert store.has_trans
    np.testing.assert_array_equal(store.betas(rows)[:, 0], [3, 2, 2, 3, 2])
    np.testing.assert_array_equal(store.trans(rows)[1:3], [[0, 1, 2], [24, 25, 26]])


def test_a_frame_rate_may_be_unknown(tmp_path: Path) -> None:
    store = write(tmp_path / "store", [motion("a", 3, fps=None), motion("b", 3)])
    assert [recording.fps for recording in store.recordings] == [None, motion("b", 3).fps]


def test_rows_outside_are_refused(store: MotionStore) -> None:
    for bad in ([-1], [sum(LENGTHS)]):
        with pytest.raises(IndexError, match="outside"):
            store.poses(np.array(bad))
    with pytest.raises(IndexError, match="integer"):
        store.poses(np.array([0.5]))


def test_a_pickled_store_maps_its_files_again(store: MotionStore) -> None:
    message = pickle.dumps(store)
    assert len(message) < 500
    np.testing.assert_array_equal(
        pickle.loads(message).poses(np.arange(17)), store.poses(np.arange(17))
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "no recordings"),
        ([motion("a", 3), motion("a", 4)], "'a' comes twice"),
        ([motion("a", 3), motion("b", 3, fps=0.0)], "'b' has 0.0 frames a second"),
        ([motion("a", 3), motion("b", 3, trans=np.zeros((3, 3)))], "same ones"),
        ([motion("a", 3, poses=np.zeros((3, 66)))], r"poses is shaped \(3, 66\)"),
        ([motion("a", 3, poses=np.zeros((0, 72)))], r"poses is shaped \(0, 72\)"),
        ([motion("a", 3, trans=np.zeros((2, 3)))], "trans is shaped"),
        ([motion("a", 3, trans=np.diag([0.0, np.nan, 0.0]))], "not finite in frame 1"),
        ([motion("a\udcff", 3)], r"recording 'a\\udcff': .*UTF-8"),
        ([motion("a", 3, subject="\udcff")], r"subject '\\udcff': .*UTF-8"),
        ([motion("a", 3, poses=np.full((3, 72), 1e300))], "not finite in frame 0"),
    ],
)
def test_bad_motions_leave_nothing_behind(
    tmp_path: Path, content: list[Motion], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        write(tmp_path / "store", content, rows_per_shard=2)
    assert list(tmp_path.iterdir()) == []


def test_a_failing_source_leaves_nothing_behind(tmp_path: Path) -> None:
    def source() -> Iterator[Motion]:
        yield motion("a", 7)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "store", source(), rows_per_shard=2)
    assert list(tmp_path.iterdir()) == []


def test_an_occupied_destination_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(UserError, match="not an empty folder"):
        write(tmp_path, motions())
    with pytest.raises(UserError, match="not an empty folder"):
        write(tmp_path / "note.txt", motions())
    assert (tmp_path / "note.txt").read_text() == "mine"


def test_an_empty_destination_is_used(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert len(write(tmp_path / "empty", motions())) == sum(LENGTHS)


RECORDING = {
    "name": "a",
    "subject": "a",
    "first_row": 0,
    "rows": 17,
    "fps": 30.0,
    "source_frames": 17,
}


def broken(tmp_path: Path, **changes: object) -> Path:
    """A store whose manifest has the given keys replaced (None: removed)."""
    folder = tmp_path / "broken"
    write(folder, motions())
    manifest = json.loads((folder / "manifest.json").read_text()) | changes
    manifest = {key: value for key, value in manifest.items() if value is not None}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, "format"),
        ({"version": 99}, "version"),
        ({"source": None}, "'source' is missing"),
        ({"recordings": [RECORDING | {"fps": -1}]}, r"'recordings\[0\].fps' is -1"),
        ({"recordings": [{k: RECORDING[k] for k in RECORDING if k != "fps"}]}, "fps' is missing"),
        ({"recordings": [RECORDING | {"gender": 3}]}, r"'recordings\[0\].gender' is int"),
        ({"recordings": [RECORDING | {"fps": 10**400}]}, r"'recordings\[0\].fps' is 1000"),
        ({"recordings": [RECORDING | {"rows": 10**400}]}, r"'recordings\[0\].rows' is 1000"),
        (
            {"recordings": [RECORDING | {"source_frames": 10**400}]},
            r"source_frames' is 1000+\.\.\. \(401 characters\)",
        ),
        ({"recordings": [RECORDING | {"first_row": 10**400}]}, "first_row 1000"),
        ({"rows": 10**400}, "'rows' is 1000"),
        ({"version": 10**400}, "version"),
        ({"recordings": [RECORDING | {"name": "a\ud800"}]}, r"'recordings\[0\].name' .*UTF-8"),
        ({"rows": 3}, "'rows' gives 3 rows, the recordings 17"),
        ({"recordings": 5}, "'recordings' is int; expected list"),
        ({"recordings": [{"name": "a"}]}, r"'recordings\[0\].subject' is missing"),
        ({"recordings": ["a"]}, r"recordings\[0\]. must be a JSON object"),
        ({"shards": {}}, "'shards.poses' is missing"),
        ({"shards": {"poses": [], "meshes": []}}, "unknown array 'meshes'"),
        (
            {"shards": {"poses": [{"file": "../x.npy", "rows": 17, "sha256": ""}]}},
            "plain file name",
        ),
    ],
)
def test_a_wrong_manifest_is_explained(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    folder = broken(tmp_path, **changes)
    with pytest.raises(UserError, match=message) as caught:
        MotionStore(folder)
    assert str(folder / "manifest.json") in str(caught.value)


def test_overlapping_or_repeated_recordings_are_refused(tmp_path: Path) -> None:
    folder = broken(tmp_path)
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["recordings"][1]["first_row"] = 4
    path.write_text(json.dumps(manifest))
    with pytest.raises(UserError, match="'01_01' has first_row 4; expected 5"):
        MotionStore(folder)
    manifest["recordings"][1] |= {"first_row": 5, "name": "00_01"}
    path.write_text(json.dumps(manifest))
    with pytest.raises(UserError, match="listed twice"):
        MotionStore(folder)


def test_missing_or_malformed_manifest(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no motion store"):
        MotionStore(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(UserError, match="malformed JSON"):
        MotionStore(tmp_path)
    (tmp_path / "manifest.json").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="malformed JSON"):
        MotionStore(tmp_path)


def test_damaged_shards_are_explained(tmp_path: Path) -> None:
    folder = broken(tmp_path)
    shard = folder / "poses_00001.npy"
    whole = shard.read_bytes()

    def expect(message: str) -> None:
        with pytest.raises(UserError, match=message) as caught:
            MotionStore(folder)
        assert str(shard) in str(caught.value)

    shard.unlink()
    expect("no such file; the manifest lists it")
    shard.write_bytes(whole[:-8])
    expect("not a readable")
    shard.write_bytes(b"")
    expect("not a readable")
    np.save(shard, np.zeros((6, 72)))
    expect(r"holds float64 shaped \(6, 72\)")
    np.save(shard, np.zeros((5, 72), np.float32))
    expect(r"expects float32 or float16 shaped \(6, 72\)")
    np.save(shard, np.array([{}], dtype=object), allow_pickle=True)
    expect("not a readable")
    shard.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(UserError, match="SHA-256"):
        MotionStore(folder).verify()
