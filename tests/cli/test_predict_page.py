"""The page of lsr1 predict: which frames, photos and bodies of a long input it holds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from detected_people import flat, standing
from shown_page import page_array, page_data

from lsr1_pl.cli import main
from lsr1_pl.cli.predict import page


def recording(folder: Path, frames: int, photos: int = 0) -> Path:
    """Two people a frame, as SMPLify-X's folder; every third number is missing."""
    (folder / "keypoints").mkdir(parents=True)
    (folder / "images").mkdir()
    for place in range(frames):
        name = f"f_{place + place // 2:04d}"
        people = [
            {"person_id": [who], "pose_keypoints_2d": flat(standing(300.0 * who + place, 50.0))}
            for who in (4, 7)
        ]
        path = folder / "keypoints" / f"{name}_keypoints.json"
        path.write_text(json.dumps({"people": people}), encoding="utf-8")
        if place < photos:
            PIL.Image.new("RGB", (64, 48), (10, 200, 30)).save(folder / "images" / f"{name}.jpg")
    return folder


def predict(source: Path, out: Path) -> None:
    words = ["predict", str(source), "--once", "--steps", "1", "--glb", "none", "--out", str(out)]
    assert main(words) == 0


def test_all_people_of_all_frames_are_in_the_player(tmp_path: Path) -> None:
    predict(recording(tmp_path / "in", 6, photos=2), tmp_path)
    data = page_data(tmp_path)
    assert [name[:6] for name in data["frames"]["names"]] == [
        *("f_0000", "f_0001", "f_0003", "f_0004", "f_0006", "f_0007")
    ]
    assert page_array(data["frames"]["wait"], "<f4").tolist() == [1, 2, 1, 2, 1, 1]
    assert page_array(data["frames"]["first"], "<u4").tolist() == list(range(0, 13, 2))
    assert data["persons"] == [4, 7]
    (picture,) = data["pictures"]
    assert sorted(picture["photos"]) == ["0", "1"]
    assert data["sequence"] is True
    views = page_array(picture["view"], "<f4").reshape(6, 4)
    # The picture stands still while people walk through it.
    assert (views == views[0]).all()
    with np.load(tmp_path / "predictions.npz", allow_pickle=False) as fits:
        errors = fits["error"]
    np.testing.assert_allclose(page_array(data["rows"]["error"], "<f4"), errors)


def test_a_long_input_is_thinned_and_the_page_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "MOST_FITS", 10)
    monkeypatch.setattr(page, "MOST_PHOTOS", 2)
    monkeypatch.setattr(page, "MOST_MESHES", 3)
    predict(recording(tmp_path / "in", 20, photos=20), tmp_path)
    data, text = page_data(tmp_path), (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "40 fits of 2 people in 20 frames: " in text
    assert "Shown are 10 of the fits" in text
    assert "Photos of 2 frames are in the page, spread evenly, of 5." in text
    names = data["frames"]["names"]
    assert len(names) == 5
    assert (names[0][:6], names[-1][:6]) == ("f_0000", "f_0028")
    assert page_array(data["frames"]["first"], "<u4").tolist() == [0, 2, 4, 6, 8, 10]
    assert sorted(map(int, data["pictures"][0]["photos"])) == [0, 4]
    assert len(data["meshes"]) == 3


def test_ten_thousand_fits_are_a_small_page() -> None:
    assert page.MOST_FITS * 500 + page.MOST_PHOTOS * 100_000 + page.MOST_MESHES * 60_000 < 50e6
