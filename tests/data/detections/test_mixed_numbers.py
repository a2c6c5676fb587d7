"""People with different numbers of keypoints are said or refused, never read without a word."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from detected_people import flat, places, standing

from lsr1_pl.data import read_detections
from lsr1_pl.data.detections.joints.coco import COCO17
from lsr1_pl.data.detections.joints.openpose import BODY_25
from lsr1_pl.data.detections.several_views import SeveralViews, read_views
from lsr1_pl.ground.errors import UserError


def openpose(path: Path, *people: tuple[str, ...]) -> None:
    """A file of OpenPose with somebody of each of these joint sets."""
    entries = [{"pose_keypoints_2d": flat(places(names))} for names in people]
    path.write_text(json.dumps({"people": entries}))


def filled_up(path: Path, *people: tuple[str, ...], confidence: bool = True) -> Path:
    """An npz of rows of 25, in which whoever has fewer is filled up with zeros or NaN."""
    rows = np.full((len(people), 25, 3 if confidence else 2), np.nan if confidence else 0.0)
    for row, names in zip(rows, people, strict=True):
        row[: len(names), :2] = places(names)
        row[: len(names), 2:] = 0.9
    np.savez(path, keypoints=rows)
    return path


def test_frames_of_two_detectors_are_both_read_and_said(tmp_path: Path) -> None:
    for number, names in enumerate([BODY_25, BODY_25, COCO17, BODY_25]):
        openpose(tmp_path / f"f_{number}_keypoints.json", names)
    found = read_detections(tmp_path)
    for row in found.keypoints:
        np.testing.assert_array_equal(row[2:14], standing()[2:14])
    (note,) = found.notes
    assert "3 have 25, read as body25 (f_0, f_1, f_3)" in note
    assert "1 have 17, read as coco17 (f_2)" in note


def test_with_a_set_that_is_said_the_other_frames_are_named(tmp_path: Path) -> None:
    for number, names in enumerate([BODY_25, COCO17, BODY_25]):
        openpose(tmp_path / f"f_{number}_keypoints.json", names)
    with pytest.raises(UserError, match="frames f_1: 17 keypoints a person; body25 has 25"):
        read_detections(tmp_path, "body25")


def test_one_file_has_one_number(tmp_path: Path) -> None:
    entries = [
        {"image_id": image, "category_id": 1, "keypoints": flat(places(names))}
        for image, names in enumerate([COCO17, COCO17, BODY_25])
    ]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(entries))
    with pytest.raises(
        UserError, match=r"number of keypoints: 17 of 2 \(first in frame 0\), 25 of"
    ):
        read_detections(path)


def test_a_file_of_two_numbers_is_left_out_of_a_folder(tmp_path: Path) -> None:
    openpose(tmp_path / "f_0.json", BODY_25)
    openpose(tmp_path / "f_1.json", BODY_25, BODY_25[:18])
    found = read_detections(tmp_path)
    assert found.frame == ["f_0"]
    assert "f_1.json (people differ in their number of keypoints" in found.notes[0]


@pytest.mark.parametrize("confidence", [True, False])
def test_whoever_was_filled_up_is_refused(confidence: bool, tmp_path: Path) -> None:
    people = [BODY_25, COCO17, BODY_25]
    path = filled_up(tmp_path / "a.npz", *people, confidence=confidence)
    with pytest.raises(UserError, match=r"1 of 3 people .* body as coco17, .*\(a_000001\)"):
        read_detections(path)
    assert len(read_detections(path, "body25").frame) == 3


def test_one_of_many_who_seems_filled_up_is_noted(tmp_path: Path) -> None:
    found = read_detections(filled_up(tmp_path / "a.npz", COCO17, *[BODY_25] * 10))
    assert len(found.frame) == 11
    (note,) = found.notes
    assert "1 of 11 people have 25 keypoints" in note
    assert "(a_000000). They are read as body25; look at their fits" in note


def test_hidden_feet_and_ears_are_no_filling(tmp_path: Path) -> None:
    found = read_detections(filled_up(tmp_path / "a.npz", BODY_25, BODY_25[:17], BODY_25[:18]))
    assert not found.notes


def views(folder: Path, *people: tuple[str, ...], confidence: float = 0.9) -> Path:
    """An npz of these people, filled up to 25, each alike before two cameras."""
    with np.load(filled_up(folder / "rows.npz", *people), allow_pickle=False) as rows:
        keypoints = np.stack([rows["keypoints"]] * 2, axis=1)
    keypoints[..., 2] *= confidence / 0.9
    matrix = np.array([[1000.0, 0, 200], [0, 1000, 300], [0, 0, 1]])
    path = folder / "views.npz"
    np.savez(
        path,
        keypoints=keypoints,
        K=np.stack([matrix] * 2),
        R=np.stack([np.eye(3)] * 2),
        t=np.array([[0.0, 0, 5], [0.5, 0, 5]]),
    )
    return path


def read(path: Path) -> SeveralViews:
    return read_views(path, None)


def test_whoever_was_filled_up_in_views_is_refused(tmp_path: Path) -> None:
    path = views(tmp_path, BODY_25, COCO17, BODY_25)
    with pytest.raises(
        UserError,
        match=r"2 of 6 people .* body as coco17, .*\(views_000001 of camera 0, views_000001 of cam",
    ):
        read(path)
    assert len(read_views(path, None, "body25").frame) == 3


def test_one_of_many_who_seems_filled_up_in_views_is_noted(tmp_path: Path) -> None:
    (note,) = read(views(tmp_path, COCO17, *[BODY_25] * 10)).notes
    assert "They are read as body25; look at their fits" in note


def test_percentages_in_views_are_noted(tmp_path: Path) -> None:
    (note,) = read(views(tmp_path, BODY_25, confidence=90)).notes
    assert note.startswith("The confidences go up to 90")


@pytest.mark.parametrize("names", [(*BODY_25[:18], "a", "b", "c", "d"), BODY_25[::-1]])
def test_a_number_that_is_hardly_a_body_is_noted(names: tuple[str, ...], tmp_path: Path) -> None:
    openpose(tmp_path / "a.json", names)
    (note,) = read_detections(tmp_path / "a.json").notes
    assert "hardly a body in that order; if it is another, say it by --joints NAME" in note


def test_percentages_are_noted(tmp_path: Path) -> None:
    people = [{"pose_keypoints_2d": flat(standing(), 90.0)}]
    (tmp_path / "a.json").write_text(json.dumps({"people": people}))
    (note,) = read_detections(tmp_path / "a.json").notes
    assert note.startswith("The confidences go up to 90, and all above 1 count as sure.")


def test_a_folder_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(UserError, match=r"the folder cannot be read \(Permission denied\)"):
        read_detections(tmp_path)
