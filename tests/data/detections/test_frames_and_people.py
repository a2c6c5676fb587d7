"""Folders as they are found, time by the frames' numbers, and who is who."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from detected_people import flat, places, standing

from lsr1_pl.data import read_detections
from lsr1_pl.data.detections.frames import Frame
from lsr1_pl.data.detections.joints.coco import COCO17
from lsr1_pl.data.detections.timeline import timeline
from lsr1_pl.ground.errors import UserError


def frame(path: Path, *left: float, ids: list[Any] | None = None) -> None:
    """An OpenPose file with a person at each of these places."""
    people = [{"pose_keypoints_2d": flat(standing(u))} for u in left]
    for person, who in zip(people, ids or [], strict=False):
        person["person_id"] = who
    path.write_text(json.dumps({"people": people}))


def coco(path: Path, images: list[tuple[Any, float]], files: list[str] | None = None) -> Path:
    """An image's number, and where somebody is there."""
    entries = [{"image_id": k, "keypoints": flat(places(COCO17, u))} for k, u in images]
    content: Any = entries
    if files is not None:
        listed = [{"id": k, "file_name": f} for (k, _), f in zip(images, files, strict=True)]
        content = {"images": listed, "annotations": entries}
    path.write_text(json.dumps(content))
    return path


def test_gaps_in_names_are_gaps_in_time(tmp_path: Path) -> None:
    for number in (0, 1, 2, 30, 31):
        frame(tmp_path / f"clip_{number:012d}_keypoints.json", float(number))
    found = read_detections(tmp_path)
    assert found.moment.tolist() == [0, 1, 2, 30, 31]
    assert found.person.tolist() == [0] * 5
    assert found.sequence


def test_a_mixed_folder_is_read_and_what_is_left_out_is_listed(tmp_path: Path) -> None:
    frame(tmp_path / "f_0_keypoints.json", 0.0)
    frame(tmp_path / "f_1_keypoints.JSON", 1.0)
    (tmp_path / "f_2_keypoints.json").write_text('{"people": []}')
    (tmp_path / "f_3_keypoints.json").write_text("")
    (tmp_path / "f_4_keypoints.json").write_text('{"people": [{"pose_keypoints_2d": [1, 2]}]}')
    text = (tmp_path / "f_0_keypoints.json").read_text()
    (tmp_path / "f_5_keypoints.json").write_text("\ufeff" + text, encoding="utf-8")
    (tmp_path / "f_6_keypoints.json").mkdir()
    (tmp_path / "._f_1_keypoints.json").write_bytes(b"\0\1\2")
    (tmp_path / ".DS_Store").write_bytes(b"\0")
    (tmp_path / "config.json").write_text('{"model": "BODY_25"}')
    coco(tmp_path / "labels.json", [(1, 0.0)])
    (tmp_path / "notes.txt").write_text("mine")
    found = read_detections(tmp_path)
    assert found.frame == ["f_0", "f_1", "f_5"]
    assert found.moment.tolist() == [0, 1, 5]
    note, empty = found.notes
    assert empty == "1 frame holds nobody: f_2"
    assert note.startswith("5 files are left out: ")
    for name in ("f_3_", "f_4_", "f_6_", "config.json (holds no keypoints", "labels.json (is COCO"):
        assert name in note
    assert "._f" not in note


def test_a_folder_with_nothing_left_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model": "BODY_25"}')
    with pytest.raises(UserError, match=r"config\.json: holds no keypoints of a known format"):
        read_detections(tmp_path)


def test_smplify_xs_folders(tmp_path: Path) -> None:
    for folder in ("images", "keypoints"):
        (tmp_path / folder).mkdir()
    frame(tmp_path / "keypoints" / "walk_01_keypoints.json", 0.0)
    photo = tmp_path / "images" / "walk_01.jpg"
    PIL.Image.new("RGB", (640, 480)).save(photo)
    found = read_detections(tmp_path)
    assert found.frame == ["walk_01"]
    assert found.photos == {"walk_01": photo}


def test_names_of_frames_are_unique(tmp_path: Path) -> None:
    frame(tmp_path / "a.json", 0.0)
    frame(tmp_path / "a.JSON", 5.0)
    frame(tmp_path / "a_keypoints.json", 9.0)
    assert len(set(read_detections(tmp_path).frame)) == 3
    files = ["clipA/000000.jpg", "clipB/000000.jpg"]
    found = read_detections(coco(tmp_path / "b.json", [(1, 0.0), (2, 0.0)], files))
    assert found.frame == files
    assert found.person.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("names", "clips", "moments"),
    [
        (["f_9", "f_10"], [0, 0], [9, 10]),
        (["12.jpg", "7.jpg"], [0, 0], [12, 7]),
        (["f_7_cam3", "f_8_cam3"], [0, 0], [7, 8]),
        (["a/0001.jpg", "b/0001.jpg", "a/0002.jpg"], [0, 1, 0], [1, 1, 2]),
        (["s01_5", "s02_5", "s01_6"], [0, 1, 0], [5, 5, 6]),
        (["10000010000", "10000010003"], [0, 0], [10000010000, 10000010003]),
    ],
)
def test_the_number_that_changes_is_the_time(
    names: list[str], clips: list[int], moments: list[int]
) -> None:
    when = timeline([Frame([], name) for name in names])
    assert (when.clip, when.moment, when.numbered) == (clips, moments, True)


@pytest.mark.parametrize("names", [["dog", "man"], ["a_1", "a_01"], ["1" * 30, "2" * 30]])
def test_names_without_a_number_are_no_time(names: list[str]) -> None:
    when = timeline([Frame([], name) for name in names])
    assert (when.moment, when.numbered) == ([0, 1], False)


def test_time_is_in_order_whatever_the_files_order(tmp_path: Path) -> None:
    images: list[tuple[Any, float]] = [(7, 7.0), (3, 3.0), (12, 12.0)]
    found = read_detections(coco(tmp_path / "a.json", images))
    assert found.moment.tolist() == [3, 7, 12]
    assert found.keypoints[:, 0, 0].tolist() == [103, 107, 112]


@pytest.mark.parametrize(
    ("images", "files"),
    [
        ([(139, 0.0), (285, 3.0), (632, 1.0)], None),
        ([(1, 0.0), (2, 1.0)], ["dog.jpg", "man.jpg"]),
        ([(k, 400.0 * (k % 3)) for k in range(9)], None),
        ([(k, 400.0 * (k % 3)) for k in range(9)], [f"{k:06d}.jpg" for k in range(9)]),
    ],
)
def test_images_of_a_data_set_are_no_sequence(
    images: list[tuple[int, float]], files: list[str] | None, tmp_path: Path
) -> None:
    path = coco(tmp_path / "a.json", images, files)
    found = read_detections(path)
    assert not found.sequence
    assert found.person.tolist() == list(range(len(images)))
    found = read_detections(path, sequence=True)
    assert found.sequence
    assert found.person.tolist() == [0] * len(images)


def test_a_sequence_may_be_denied(tmp_path: Path) -> None:
    path = coco(tmp_path / "a.json", [(k, float(k)) for k in range(4)])
    assert read_detections(path).sequence
    assert read_detections(path, sequence=False).person.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("ids", "person", "known"),
    [
        ([[[7]], [[7.0]]], [7, 7], [True, True]),
        ([["7"], ["b"]], [0, 1], [True, True]),
        ([[-1], [-1]], [0, 0], [False, False]),
        ([[None], [4]], [5, 4], [False, True]),
        ([[10**8], [10**8]], [0, 0], [True, True]),
        ([[5, 5], [5, 6]], [0, 1, 0, 1], [False] * 4),
        ([[5, 6], [6, 5]], [5, 6, 6, 5], [True] * 4),
        ([[5, -1], [-1, 5]], [5, 7, 6, 5], [True, False, False, True]),
    ],
)
def test_identities_of_the_detector(
    ids: list[list[Any]], person: list[int], known: list[bool], tmp_path: Path
) -> None:
    for number, who in enumerate(ids):
        frame(tmp_path / f"f_{number}.json", *[300.0 * k for k in range(len(who))], ids=who)
    found = read_detections(tmp_path)
    assert found.person.tolist() == person
    assert found.identified.tolist() == known


def test_people_of_two_recordings_are_two_people(tmp_path: Path) -> None:
    files = [f"{clip}/{k:04d}.jpg" for clip in "ab" for k in range(3)]
    entries = [
        {"image_id": k, "keypoints": flat(places(COCO17, k % 3)), "track_id": 0} for k in range(6)
    ]
    images = [{"id": k, "file_name": file} for k, file in enumerate(files)]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"images": images, "annotations": entries}))
    found = read_detections(path)
    assert found.person.tolist() == [0, 0, 0, 1, 1, 1]
    assert found.moment.tolist() == [0, 1, 2] * 2
    np.testing.assert_array_equal(found.clip, [0, 0, 0, 1, 1, 1])
