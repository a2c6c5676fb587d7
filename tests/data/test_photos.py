"""People in photos, with a stand-in for MediaPipe's model; and with it, where it is installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data import load_photo, read_detections
from lsr1_pl.data.detections import photos as room
from lsr1_pl.data.detections.photos import Image, people_in
from lsr1_pl.ground.errors import UserError

NOSE, NECK = COCO18.index("nose"), COCO18.index("neck")
SHOULDERS = [COCO18.index("left_shoulder"), COCO18.index("right_shoulder")]


def street(boxes: list[tuple[int, int, int, int]]) -> Image:
    """A grey picture, 100 high and 200 wide, with people as white boxes (left, top, w, h)."""
    image = np.full((100, 200, 3), 90, dtype=np.uint8)
    for left, top, width, height in boxes:
        image[top : top + height, left : left + width] = 255
    return image


def brightest(image: Image) -> np.ndarray | None:
    """Finds the leftmost white box; its landmarks lie in its corners and along its diagonal."""
    white = (image == 255).all(axis=2)
    if not white.any():
        return None
    left = int(white.any(axis=0).argmax())
    rows = np.flatnonzero(white[:, left])
    right = left
    while right + 1 < white.shape[1] and white[rows[0], right + 1]:
        right += 1
    share = np.linspace(0, 1, 33)
    u = left + share * (right - left)
    v = rows[0] + share * (rows[-1] - rows[0])
    return np.stack([u / image.shape[1], v / image.shape[0], np.ones(33)], axis=1)


def test_each_person_is_found_once() -> None:
    keypoints, confidence = people_in(
        street([(20, 10, 20, 60), (60, 20, 15, 50), (150, 5, 30, 90)]), brightest
    )
    assert keypoints.shape == (3, 18, 2)
    np.testing.assert_allclose(keypoints[:, NOSE], [[20, 10], [60, 20], [150, 5]])
    middle = keypoints[:, SHOULDERS].mean(axis=1)
    np.testing.assert_allclose(keypoints[:, NECK], middle)
    np.testing.assert_array_equal(confidence, 1)
    keypoints, confidence = people_in(street([]), brightest)
    assert keypoints.shape == (0, 18, 2)
    assert confidence.shape == (0, 18)


def test_what_is_hidden_or_beyond_the_edge_does_not_count() -> None:
    def guessing(image: Image) -> np.ndarray | None:
        marks = brightest(image)
        if marks is not None:
            marks[11, 2] = 0.3
            marks[13:, 1] += 1
        return marks

    _, confidence = people_in(street([(20, 10, 20, 60)]), guessing)
    seen = {name for name, value in zip(COCO18, confidence[0], strict=True) if value}
    # The left shoulder is doubtful, and with it the neck; what comes after the 12th is outside.
    assert seen == {"nose", "leye", "reye", "lear", "rear", "right_shoulder"}


def test_a_border_helps_where_nobody_is_found() -> None:
    def wary(image: Image) -> np.ndarray | None:
        return brightest(image) if image[0].max() == 0 else None

    keypoints, _ = people_in(street([(20, 10, 20, 60)]), wary)
    np.testing.assert_allclose(keypoints[0, NOSE], [20, 10])


def test_the_search_ends() -> None:
    keypoints, _ = people_in(street([]), lambda image: np.full((33, 3), 0.6))
    assert len(keypoints) == 1, "the same person twice"
    keypoints, _ = people_in(street([]), lambda image: np.full((33, 3), 0.1))
    assert len(keypoints) == 0, "nobody of whom a landmark is visible"
    many = street([(2 + 20 * k, 10, 12, 60) for k in range(room.MOST_PEOPLE + 1)])
    keypoints, _ = people_in(many, brightest)
    assert len(keypoints) == room.MOST_PEOPLE


def test_who_comes_and_goes_with_the_paint_is_not_there() -> None:
    def haunted(image: Image) -> np.ndarray | None:
        marks = brightest(image)
        grey = (image == 128).all(axis=2)
        if marks is None and grey.any():
            marks = np.full((33, 3), 0.9)
            marks[:, 0] = np.linspace(0.7, 0.9, 33)
        return marks

    keypoints, _ = people_in(street([(20, 10, 20, 60)]), haunted)
    assert len(keypoints) == 1


def test_photos_stand_upright(tmp_path: Path) -> None:
    picture = street([(20, 10, 20, 60)])
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it a quarter turn clockwise
    PIL.Image.fromarray(np.rot90(picture)).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(load_photo(tmp_path / "turned.png"), picture)
    PIL.Image.fromarray(picture).convert("L").save(tmp_path / "grey.png")
    np.testing.assert_array_equal(load_photo(tmp_path / "grey.png"), picture)


def test_what_is_no_photo_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cut.png"
    PIL.Image.fromarray(street([])).save(path)
    path.write_bytes(path.read_bytes()[:150])
    (tmp_path / "text.jpg").write_text("not a picture")
    for name in ("cut.png", "text.jpg"):
        with pytest.raises(UserError, match=rf"{name}: cannot be read as an image"):
            load_photo(tmp_path / name)
    with pytest.raises(UserError, match="no such file"):
        load_photo(tmp_path / "none.jpg")
    PIL.Image.fromarray(street([])).save(tmp_path / "large.png")
    monkeypatch.setattr(room, "_MOST_PIXELS", 19_999)
    with pytest.raises(UserError, match=r"large\.png: is 200 x 100 pixels"):
        load_photo(tmp_path / "large.png")
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 1_000)
    with pytest.raises(UserError, match=r"large\.png: .* make it smaller"):
        load_photo(tmp_path / "large.png")


def test_a_folder_of_photos_is_a_frame_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def stand_in() -> Iterator[room.FindPerson]:
        yield brightest

    monkeypatch.setattr("lsr1_pl.data.detections.reading.mediapipe_person", stand_in)
    for number, boxes in (
        (9, [(20, 10, 20, 60), (60, 20, 15, 50)]),
        (10, []),
        (11, [(5, 5, 9, 9)]),
    ):
        PIL.Image.fromarray(street(boxes)).save(tmp_path / f"p{number}.PNG")
    found = read_detections(tmp_path)
    assert found.frame == ["p9.PNG", "p9.PNG", "p11.PNG"]
    assert found.person.tolist() == [0, 1, 2]  # Nobody stays where they are: it is no sequence.
    assert not found.sequence
    assert found.moment.tolist() == [9, 9, 11]
    assert found.photos["p10.PNG"] == tmp_path / "p10.PNG"
    with pytest.raises(UserError, match=r"p10\.PNG: holds no person"):
        read_detections(tmp_path / "p10.PNG")
    # Detectors leave pictures beside their files.
    (tmp_path / "a.json").write_text('{"people": []}')
    with pytest.raises(UserError, match="holds no person"):
        read_detections(tmp_path)


def test_without_mediapipe_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    PIL.Image.fromarray(street([])).save(tmp_path / "a.png")
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(UserError, match=r"pip install 'lsr1_pl\[photo\]'"):
        read_detections(tmp_path / "a.png")
    monkeypatch.setitem(sys.modules, "mediapipe", sys)
    with pytest.raises(UserError, match=r"mediapipe==0\.10\.21"):
        read_detections(tmp_path / "a.png")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_mediapipe_finds_the_astronaut(tmp_path: Path) -> None:
    pytest.importorskip("mediapipe")
    data = pytest.importorskip("skimage.data")
    PIL.Image.fromarray(data.astronaut()).save(tmp_path / "astronaut.png")
    found = read_detections(tmp_path / "astronaut.png")
    assert found.keypoints.shape == (1, 18, 2)
    np.testing.assert_allclose(found.keypoints[0, NOSE], [223, 128], atol=10)
    seen = {name for name, value in zip(COCO18, found.confidence[0], strict=True) if value}
    assert {"nose", "neck", "left_shoulder", "right_shoulder"} <= seen
    assert not {"left_knee", "right_knee", "left_ankle", "right_ankle"} & seen
