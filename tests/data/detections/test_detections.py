"""Detectors' files: each format by hand, and what is wrong with the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from detected_people import standing
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data import keypoint_batches, read_detections
from lsr1_pl.data.detections.joints.coco import COCO17 as COCO17_IN_WORDS
from lsr1_pl.data.detections.people import visible
from lsr1_pl.ground.errors import UserError

BODY25 = (
    *("nose", "neck", "right_shoulder", "right_elbow", "right_wrist"),
    *("left_shoulder", "left_elbow", "left_wrist", "middle of the hips"),
    *("right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
    *("reye", "leye", "rear", "lear", "LBigToe", "LSmallToe", "LHeel"),
    *("RBigToe", "RSmallToe", "RHeel"),
)
EARS_AND_EYES = {"left_eye": "leye", "right_eye": "reye", "left_ear": "lear", "right_ear": "rear"}
COCO17 = tuple(EARS_AND_EYES.get(name, name) for name in COCO17_IN_WORDS)


def numbered(names: tuple[str, ...], shift: float = 0.0) -> list[float]:
    """u = a number of the name, v = u + 1000, confidence 0.5."""
    flat: list[float] = []
    for name in names:
        u = float(sum(map(ord, name)))
        flat += [u + shift, u + 1000, 0.5]
    return flat


def expected(names: tuple[str, ...], shift: float = 0.0) -> np.ndarray:
    return np.array(numbered(names, shift)).reshape(-1, 3)


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def person(flat: list[float]) -> dict[str, Any]:
    return {"person_id": [-1], "pose_keypoints_2d": flat}


@pytest.mark.parametrize("names", [COCO18, BODY25])
def test_openpose(names: tuple[str, ...], tmp_path: Path) -> None:
    people = [person(numbered(names)), person(numbered(names, 7.0))]
    found = read_detections(write(tmp_path / "a_000_keypoints.json", {"people": people}))
    assert found.frame == ["a_000", "a_000"]
    assert found.person.tolist() == [0, 1]
    for row, shift in enumerate((0.0, 7.0)):
        wanted = expected(COCO18, shift)
        np.testing.assert_array_equal(found.keypoints[row], wanted[:, :2])
        np.testing.assert_array_equal(found.confidence[row], wanted[:, 2])


def test_a_folder_of_frames_in_natural_order(tmp_path: Path) -> None:
    for frame in (10, 9, 2):
        people = [] if frame == 9 else [person(numbered(COCO18, float(frame)))]
        write(tmp_path / f"walk_{frame}_keypoints.json", {"people": people})
    found = read_detections(tmp_path)
    assert found.frame == ["walk_2", "walk_10"]
    assert found.moment.tolist() == [2, 10]
    assert found.keypoints[:, 0, 0].tolist() == [expected(COCO18, s)[0, 0] for s in (2.0, 10.0)]


@pytest.mark.parametrize("annotations", [True, False])
def test_coco_has_a_neck_between_the_shoulders(annotations: bool, tmp_path: Path) -> None:
    entries: list[dict[str, Any]] = [
        {"image_id": 3, "category_id": 1, "keypoints": numbered(COCO17), "score": 0.9},
        {"image_id": 3, "category_id": 1, "keypoints": [0] * 51},
        {"image_id": 5, "category_id": 1, "keypoints": numbered(COCO17, 2.0)},
    ]
    entries[0]["keypoints"][3 * COCO17.index("left_shoulder") + 2] = 0.25
    content: Any = entries
    if annotations:
        content = {"images": [{"id": 3, "file_name": "in/a.jpg"}], "annotations": entries}
    found = read_detections(write(tmp_path / "coco.json", content))
    assert found.frame == ["a" if annotations else "3", "5"]
    left, right = (expected((name,))[0] for name in ("left_shoulder", "right_shoulder"))
    neck = COCO18.index("neck")
    np.testing.assert_allclose(found.keypoints[0, neck], (left[:2] + right[:2]) / 2)
    assert found.confidence[0, neck] == 0.25
    knee = COCO18.index("left_knee")
    np.testing.assert_array_equal(found.keypoints[0, knee], expected(("left_knee",))[0, :2])


def test_npz_and_what_counts_as_visible(tmp_path: Path) -> None:
    keypoints = 9 * np.arange(108.0).reshape(3, 18, 2)
    keypoints[1, 7, 0] = np.nan
    confidence = np.ones((3, 18))
    confidence[2, :4] = 0.2
    np.savez(tmp_path / "people.npz", keypoints=keypoints, confidence=confidence)
    found = read_detections(tmp_path / "people.npz")
    assert len(set(found.frame)) == 3
    first, second = keypoint_batches(found, least_confidence=0.3, batch_size=2)
    assert first.visibility.sum().item() == 35
    assert bool(first.keypoints.isfinite().all())
    assert second.visibility.sum().item() == 14
    np.savez(tmp_path / "plain.npz", keypoints=keypoints[:1])
    (batch,) = keypoint_batches(read_detections(tmp_path / "plain.npz"))
    assert batch.visibility.sum().item() == 18


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"people": [person([1.0] * 53)]},
            r"people\[0\].pose_keypoints_2d' is 53 entries; expected a multiple of 3",
        ),
        ({"people": [person([1.0] * 53 + ["a"])]}, "is 54 entries; expected numbers"),  # type: ignore[list-item]
        ({"people": [{}]}, "is NoneType; expected numbers"),
        ({"people": [person([1.0, 2.0, 0.5] * 20)]}, "20 keypoints a person, without names"),
        ({"people": {}}, "'people' is no list"),
        ({"people": []}, "holds no person"),
        ({"annotations": 3}, "'annotations' is no list"),
        ([{"image_id": 1, "keypoints": []}, {"keypoints": []}], "no key 'image_id'"),
        ([{"image_id": 1, "keypoints": [1] * 50}], "expected a multiple of 3"),
        ([], "holds no person"),
        ({"something": 1}, "no keypoints of a known format"),
        (3, "no keypoints of a known format"),
    ],
)
def test_a_malformed_json_is_named(content: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_detections(write(tmp_path / "bad.json", content))
    assert "bad.json" in str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"confidence": np.ones((5, 18))}, r"'keypoints' is missing; expected \(n, J, 2\)"),
        ({"keypoints": np.ones((5, 18))}, r"shape \(5, 18\)"),
        ({"keypoints": np.ones((5, 18, 4))}, r"shape \(5, 18, 4\)"),
        ({"keypoints": np.ones((0, 18, 2))}, r"shape \(0, 18, 2\)"),
        ({"keypoints": np.full((5, 18, 2), "a")}, "expected numbers"),
        ({"keypoints": np.ones((5, 18, 2)), "confidence": np.ones((4, 18))}, r"shape \(4, 18\)"),
    ],
)
def test_a_malformed_npz_is_named(
    arrays: dict[str, np.ndarray], message: str, tmp_path: Path
) -> None:
    np.savez(tmp_path / "people.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=message) as caught:
        read_detections(tmp_path / "people.npz")
    assert "people.npz" in str(caught.value)


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    for name in ("absent.json", "absent.npz"):
        with pytest.raises(UserError, match="no such file"):
            read_detections(tmp_path / name)
    for name in ("text.json", "text.npz"):
        (tmp_path / name).write_text("hello")
        with pytest.raises(UserError, match="cannot be read"):
            read_detections(tmp_path / name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"holds no \.json"):
        read_detections(tmp_path / "empty")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "people",
                    "annotations",
                    "images",
                    "pose_keypoints_2d",
                    "keypoints",
                    "id",
                    "image_id",
                    "file_name",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(_VALUES)
@example([{"keypoints": True, "image_id": 1}])
def test_any_json_is_read_or_refused(tmp_path: Path, content: Any) -> None:
    path = write(tmp_path / "fuzz.json", content)
    try:
        assert len(read_detections(path).keypoints) > 0
    except UserError as error:
        message = str(error)
    else:
        return
    assert "fuzz.json" in message


def test_people_in_shares_among_people_in_pixels_do_not_count(tmp_path: Path) -> None:
    keypoints = np.stack([standing(), standing() / 500, standing(9.0)])
    np.savez(tmp_path / "people.npz", keypoints=keypoints)
    found = read_detections(tmp_path / "people.npz")
    assert visible(found).all(axis=1).tolist() == [True, False, True]
    assert not visible(found)[1].any()
    (note,) = found.notes
    assert note.startswith("1 of 3 people are of under 3 pixels")
