"""Which keypoint is which: by name, by a set that is said, by how many there are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from detected_people import flat, places, standing

from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data import JOINT_SETS, read_detections
from lsr1_pl.data.detections.joints.names import joint_of
from lsr1_pl.data.detections.joints.order import in_order_of_18
from lsr1_pl.ground.errors import UserError

LIMBS = [row for row, name in enumerate(COCO18) if "_" in name]
HEAD = [row for row in range(18) if row not in LIMBS and COCO18[row] != "neck"]


def set_names(name: str) -> list[str]:
    joints = JOINT_SETS[name]
    return [*joints.names, *(f"more{k}" for k in range(joints.count - len(joints.names)))]


def write_coco(path: Path, names: list[str], named: bool, rows: list[int] | None = None) -> Path:
    order = list(range(len(names))) if rows is None else rows
    entry = {"image_id": 1, "category_id": 3, "keypoints": flat(places(names)[order])}
    category = {"id": 3, "keypoints": [names[row] for row in order] if named else []}
    path.write_text(json.dumps({"categories": [category], "annotations": [entry]}))
    return path


@pytest.mark.parametrize("name", JOINT_SETS)
def test_every_set_finds_the_limbs(name: str) -> None:
    points = places(set_names(name))
    marks = np.append(points, np.ones((len(points), 1)), axis=1)[None]
    (found,) = in_order_of_18(marks, JOINT_SETS[name], "here")
    np.testing.assert_array_equal(found[LIMBS, :2], standing()[LIMBS])
    seen = found[:, 2] > 0
    assert seen[LIMBS].all()
    np.testing.assert_array_equal(found[seen, :2], standing()[seen])


@pytest.mark.parametrize("name", JOINT_SETS)
def test_names_in_the_file_win_in_any_order(name: str, tmp_path: Path) -> None:
    names = set_names(name)
    shuffled = np.random.default_rng(3).permutation(len(names)).tolist()
    found = read_detections(write_coco(tmp_path / "a.json", names, True, shuffled))
    np.testing.assert_array_equal(found.keypoints[0, LIMBS], standing()[LIMBS])
    for row in HEAD:
        known = COCO18[row] in JOINT_SETS[name].rows
        assert found.confidence[0, row] == (0.9 if known else 0)


@pytest.mark.parametrize(
    "name",
    [name for name in JOINT_SETS if name not in ("h36m17", "posetrack17")],
)
def test_a_bare_count_is_read_by_the_bones(name: str, tmp_path: Path) -> None:
    found = read_detections(write_coco(tmp_path / "a.json", set_names(name), False))
    np.testing.assert_array_equal(found.keypoints[0, LIMBS], standing()[LIMBS])


def test_a_set_that_is_not_the_usual_one_is_said(tmp_path: Path) -> None:
    found = read_detections(write_coco(tmp_path / "a.json", set_names("body25b"), False))
    assert "are read as body25b" in found.notes[0]
    assert not read_detections(write_coco(tmp_path / "a.json", set_names("body25"), False)).notes


def test_17_that_are_no_coco_are_refused_unless_they_are_named(tmp_path: Path) -> None:
    path = write_coco(tmp_path / "a.json", set_names("h36m17"), False)
    with pytest.raises(UserError, match=r"no body as coco17.*--joints h36m17"):
        read_detections(path)
    found = read_detections(path, joints="h36m17")
    np.testing.assert_array_equal(found.keypoints[0, LIMBS], standing()[LIMBS])
    assert not found.confidence[0, HEAD].any()


def test_a_set_that_nothing_tells_is_asked_for(tmp_path: Path) -> None:
    names = set_names("aic14")
    entry = {"image_id": 1, "keypoints": flat(places(names))}
    entry["keypoints"][2::3] = [0.9] * 4 + [0.0] * 10
    path = tmp_path / "a.json"
    path.write_text(json.dumps([entry]))
    with pytest.raises(UserError, match="may be crowdpose14, lsp14, aic14; say which by --joints"):
        read_detections(path)
    assert read_detections(path, joints="aic14").confidence[0].sum() > 0


@pytest.mark.parametrize(
    ("names", "lacking"),
    [
        ([f"face_{k}" for k in range(20)], "left_shoulder, right_shoulder, left_hip, right_hip"),
        ([n for n in COCO18 if "hip" not in n], "left_hip, right_hip"),
        (["left_shoulder", "right_shoulder", "left_hip", "right_hip"], "right_elbow"),
        (["shoulder1", "shoulder2", "hip1", "hip2", *COCO18[:2]], "left_shoulder"),
    ],
)
def test_a_set_that_lacks_too_much_is_refused_by_name(
    names: list[str], lacking: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=f"the joint set lacks .*{lacking}"):
        read_detections(write_coco(tmp_path / "a.json", names, True))


def test_names_must_be_as_many_as_keypoints(tmp_path: Path) -> None:
    content = {
        "categories": [{"id": 1, "keypoints": list(COCO18)}],
        "annotations": [{"image_id": 1, "category_id": 1, "keypoints": flat(standing()[:17])}],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="is of 17 keypoints; expected 18"):
        read_detections(tmp_path / "a.json")
    with pytest.raises(UserError, match="18 keypoints a person; coco17 has 17"):
        read_detections(write_coco(tmp_path / "b.json", list(COCO18), False), joints="coco17")
    with pytest.raises(UserError, match="did you mean 'coco17'"):
        read_detections(tmp_path / "b.json", joints="coco_17")


@pytest.mark.parametrize(
    ("name", "joint"),
    [
        *((name, "left_shoulder") for name in ("LShoulder", "left shoulder", "L_Sho", "lshoulder")),
        *((name, "left_shoulder") for name in ("ShoulderLeft", "leftShoulder", "l-shoulder")),
        *((name, "right_ankle") for name in ("RAnkle", "right_ankle", "Rank", "RIGHT ANKLE")),
        *((name, "rear") for name in ("rear", "REar", "right_ear", "RightEar")),
        *((name, "leye") for name in ("leye", "LEye", "l_eye")),
        ("Nose", "nose"),
        ("left_hip (joint)", "left_hip"),
        *(
            (name, None)
            for name in ("left_eye_inner", "root (pelvis)", "Neck/Nose", "LBigToe", "head_top")
        ),
        *((name, None) for name in ("left_foot_index", "ear", "shoulder1", "left", "", "?")),
    ],
)
def test_spellings(name: str, joint: str | None) -> None:
    assert joint_of(name) == joint
