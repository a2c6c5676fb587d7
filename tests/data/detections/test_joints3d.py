"""Joints in space from files: which array, which set, who is missing, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lsr1_pl.body.skeleton import COCO18, JOINTS45
from lsr1_pl.data.detections.joints3d.reading import read_joints3d
from lsr1_pl.data.detections.joints3d.sets import POINT_SETS, named_points
from lsr1_pl.data.detections.kinds import input_kind
from lsr1_pl.data.detections.reading import read_detections
from lsr1_pl.ground.errors import UserError

RANDOM = np.random.default_rng(0).normal(size=(5, 24, 3))


def test_every_set_finds_the_limbs_and_mixes_known_joints() -> None:
    limbs = [name for name in COCO18 if name.startswith(("left_", "right_"))]
    for each in POINT_SETS.values():
        assert set(limbs) <= set(each.rows), each.name
        for point in each.points:
            assert point.weight > 0
            assert set(point.mixture) <= set(JOINTS45)
            assert sum(point.mixture.values()) == pytest.approx(1)


def test_sides_are_the_names_own() -> None:
    for each in POINT_SETS.values():
        for name, point in zip(each.names, each.points, strict=True):
            sides = {
                "left" in name.lower(),
                *(j.startswith(("left", "l", "L")) for j in point.mixture),
            }
            if "left" in name.lower() or "right" in name.lower():
                assert len(sides) == 1, (each.name, name)


def test_the_name_of_the_array_says_that_it_is_in_space(tmp_path: Path) -> None:
    path = tmp_path / "j.npz"
    np.savez(path, joints3d=RANDOM)
    assert input_kind(path, None, cameras=False) == "joints3d"
    read = read_joints3d(path)
    assert read.points.name == "smpl24"
    assert np.array_equal(read.joints, RANDOM)
    assert read.frame == [f"j_{k:06d}" for k in range(5)]
    np.savez(path, keypoints=np.abs(RANDOM))
    assert input_kind(path, None, cameras=False) == "keypoints"
    assert input_kind(path, 3, cameras=False) == "joints3d"
    np.savez(path, keypoints=np.zeros((2, 4, 17, 3)))
    assert input_kind(path, None, cameras=False) == "views"


def test_a_file_with_both_must_be_told(tmp_path: Path) -> None:
    path = tmp_path / "j.npz"
    np.savez(path, joints3d=RANDOM, keypoints=np.ones((5, 17, 3)))
    with pytest.raises(
        UserError, match=r"j.npz: has keypoints .* --dimensions 2 or --dimensions 3"
    ):
        input_kind(path, None, cameras=False)
    assert input_kind(path, 2, cameras=False) == "keypoints"


@pytest.mark.parametrize(
    "offset", [(0.0, 0.0, 0.0), (3.0, 4.0, 5.0)], ids=["near 0", "all above 0"]
)
def test_metres_are_never_read_as_keypoints(offset: tuple[float, ...], tmp_path: Path) -> None:
    people = np.random.default_rng(0).uniform(-0.8, 0.8, size=(5, 22, 3)) + offset
    np.save(tmp_path / "j.npy", people)
    with pytest.raises(UserError, match="--dimensions 3"):
        read_detections(tmp_path / "j.npy", "smpl22")


def test_missing_joints(tmp_path: Path) -> None:
    joints = RANDOM.copy()
    joints[0, 3] = np.nan
    joints[1, 4:6] = 0
    joints[2, 0] = 0
    confidence = np.ones((5, 24))
    confidence[3, 7] = 0
    confidence[4, 8] = 0.2
    np.savez(tmp_path / "j.npz", joints3d=joints, confidence=confidence)
    read = read_joints3d(tmp_path / "j.npz", least_confidence=0.3)
    gone = {tuple(x) for x in np.argwhere(read.confidence == 0).tolist()}
    assert gone == {(0, 3), (1, 4), (1, 5), (3, 7), (4, 8)}
    assert np.isfinite(read.joints).all()


def test_a_fourth_number_is_the_confidence(tmp_path: Path) -> None:
    np.save(tmp_path / "j.npy", np.concatenate([RANDOM, np.full((5, 24, 1), 0.5)], axis=2))
    assert (read_joints3d(tmp_path / "j.npy").confidence == 0.5).all()


def test_names_in_any_order(tmp_path: Path) -> None:
    names = ["RWrist", "LWrist", "RElbow", "LElbow", "RShoulder", "LShoulder", "RHip", "LHip"]
    names += ["RKnee", "LKnee", "RFoot", "LFoot", "Tail"]
    found = named_points(names, "f")
    assert found.rows["left_hip"] == 7
    assert found.rows["left_ankle"] == 11
    assert found.points[12].weight == 0
    with pytest.raises(UserError, match="f: the joints' names lack left_hip"):
        named_points(names[:7], "f")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"joints3d": RANDOM[:, :17]}, "17 joints .* may be h36m17, coco17"),
        ({"joints3d": RANDOM[:, :19]}, "19 joints .* known are smpl24"),
        ({"joints3d": RANDOM[:, :, :2]}, r"shape \(5, 24, 2\); expected numbers \(n, J, 3\)"),
        ({"joints3d": np.full((2, 24, 3), np.nan)}, "no joint that is there"),
        ({"joints3d": np.zeros((2, 24, 3))}, "no joint that is there"),
        ({"joints3d": RANDOM, "confidence": np.ones((5, 3))}, "'confidence' is float64 of shape"),
        ({"joints3d": RANDOM, "moment": np.zeros(5, int)}, "several people in one frame"),
        (
            {"joints3d": RANDOM, "moment": np.zeros(5, int), "person": np.zeros(5, int)},
            "somebody twice",
        ),
        ({"joints3d": RANDOM, "joints_3d": RANDOM}, "has the keys joints3d, joints_3d"),
        ({"other": RANDOM}, "has no key 'joints3d'"),
    ],
)
def test_what_is_refused(arrays: dict[str, np.ndarray], words: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "j.npz", **arrays)
    with pytest.raises(UserError, match=rf"j\.npz: .*{words}"):
        read_joints3d(tmp_path / "j.npz")


def test_another_set_than_the_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "j.npz", joints3d=RANDOM)
    with pytest.raises(UserError, match="has 24 joints a person; coco17 has 17"):
        read_joints3d(tmp_path / "j.npz", "coco17")
    with pytest.raises(UserError, match="--joints"):
        read_joints3d(tmp_path / "j.npz", "coco71")
