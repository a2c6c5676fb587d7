"""The page of fits: its photo, and what a browser without a network shows of it."""

from __future__ import annotations

import base64
import io
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from shown_page import page_array, page_data

from lsr1_pl.body import load_body_model
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.report import (
    ErrorUnit,
    FitPage,
    FittedPeople,
    FrameList,
    Picture,
    Status,
    write_fit_page,
)
from lsr1_pl.report.bodies.photo import embedded_photo
from lsr1_pl.report.fit_page import BODY_COLOUR, LEFT_COLOUR, RIGHT_COLOUR
from lsr1_pl.report.packing import MISSING, around, fixed_point

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
GROUND = (40, 140, 60)
POOR_COLOUR = "#d97706"


def page_of_two(folder: Path, name: str = "one") -> Path:
    """Two people in each of two frames, the first over a green photo; two fits are marked."""
    body = load_body_model()
    vertices = body.vertices(torch.zeros(1, 72), torch.zeros(1, 10))[0].double().numpy()
    joints = body.select(COCO18)(torch.zeros(1, 72), torch.zeros(1, 10))[0].double().numpy()
    keypoints = np.stack([250 * joints[:, :2] * [1, -1] + [200 + 200 * k, 300] for k in (0, 1)])
    both = np.concatenate([keypoints, keypoints])
    seen = np.tile(np.arange(18) < 12, (4, 1))
    picture = np.full((600, 700, 3), GROUND, dtype=np.uint8)
    PIL.Image.fromarray(picture).save(folder / "photo.png")
    people = FittedPeople(
        np.array([0, 0, 1, 1]),
        np.array([3, 5, 3, 5]),
        np.array([0, 1, 0, 0]),
        np.array([False, False, True, False]),
        seen,
        np.tile(joints, (4, 1, 1)),
        np.array([0.01, 0.2, 0.01, np.nan]),
        np.ones((4, 100)) / np.arange(1, 101),
        {0: vertices},
    )
    frames = FrameList(
        [name, "two"],
        np.array([4, 6]),
        np.array([0, 0]),
    )
    view, photos = np.array([[0.0, 0, 600, 600]] * 2), {0: folder / "photo.png"}
    given = np.where(seen[:, :, None], both, np.nan)
    image = Picture("the camera", view, given, both + 9, photos)
    path = folder / "index.html"
    statuses = (Status("fitted", "#2f9e57"), Status("poor", POOR_COLOUR))
    faces = body.faces.numpy()
    title = "Bodies & <keypoints>"
    write_fit_page(path, FitPage(title, "two", statuses, frames, people, [image], faces, fps=10.0))
    return path


def page_in_space(folder: Path) -> Path:
    """Somebody 2 m aside who was fitted to 17 joints, one of them missing, and in a camera."""
    body, away = load_body_model(), np.array([2.0, 0.5, 0.0])
    vertices = body.vertices(torch.zeros(1, 72), torch.zeros(1, 10))[0].double().numpy() + away
    joints = body.select(COCO18)(torch.zeros(1, 72), torch.zeros(1, 10)).double().numpy() + away
    given = joints[:, :17].copy()
    given[:, 3] = np.nan
    one, flat = np.array([0]), 1000 * joints[..., :2] * [1, -1]
    people = FittedPeople(
        *(one, one, one, one > 0, np.ones((1, 18), np.bool_), joints, np.array([12.0])),
        np.zeros((1, 0)),
        {0: vertices},
        given,
    )
    view = np.array([[1000.0, -1600, 3000, 400]])
    pictures = [
        Picture("space from the front", view, 1000 * given[..., :2] * [1, -1], flat),
        Picture("camera left", view, flat, flat),
    ]
    write_fit_page(
        folder / "index.html",
        FitPage(
            *("In space", "one", (Status("fitted", "#2f9e57"),), FrameList(["f"], one, one)),
            *(people, pictures, body.faces.numpy()),
            points="joints",
            unit=ErrorUnit("mm", 0),
        ),
    )
    return folder / "index.html"


def near(pixels: np.ndarray, colour: tuple[int, ...], tolerance: int) -> int:
    """How many pixels have the colour, but for a tolerance in each channel."""
    return int((np.abs(pixels.astype(int) - colour) <= tolerance).all(axis=2).sum())


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def browser(page: Path, folder: Path, *words: str) -> str:
    """What a browser without a network says of the page."""
    done = subprocess.run(
        [
            str(CHROMIUM),
            *("--headless", "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader"),
            *("--enable-unsafe-swiftshader", "--host-resolver-rules=MAP * ~NOTFOUND"),
            *("--window-size=1280,1150", "--virtual-time-budget=5000"),
            *(f"--user-data-dir={folder / 'profile'}", *words, page.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium or google-chrome")
def test_a_browser_without_network_shows_it(tmp_path: Path) -> None:
    page = page_of_two(tmp_path)
    picture = tmp_path / "page.png"
    said = browser(page, tmp_path, f"--screenshot={picture}")
    assert picture.exists(), said
    pixels = np.asarray(PIL.Image.open(picture).convert("RGB"))
    left, right = pixels[:, : pixels.shape[1] // 2], pixels[:, pixels.shape[1] // 2 :]
    # The body stands in the right half, lit: a shade of its colour.
    shade = (right[..., 2] > right[..., 0].astype(int) + 15) & (right[..., 0] > 60)
    assert shade.sum() > 4_000, f"no body of colour {BODY_COLOUR}"
    for colour in (RIGHT_COLOUR, LEFT_COLOUR):
        assert near(left, rgb(colour), 30) > 300
        assert near(right, rgb(colour), 30) > 300
    assert near(left, GROUND, 12) > 30_000
    # The box around the second person, whose fit is poor.
    assert near(left, rgb(POOR_COLOUR), 30) > 500


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium or google-chrome")
def test_names_are_text_in_a_browser(tmp_path: Path) -> None:
    page = page_of_two(tmp_path, "</script><img src=x onerror=\"document.title='broken'\">")
    said = browser(page, tmp_path, "--dump-dom")
    assert "<title>Bodies &amp; &lt;keypoints&gt;</title>" in said
    assert "Frame &lt;/script&gt;&lt;img src=x" in said
    assert "person 3: fitted; 12 of 18 keypoints seen; error of the fit 0.0100" in said
    assert ">5: 2 frames, 1 marked</option>" in said


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium or google-chrome")
def test_people_in_space_in_a_browser(tmp_path: Path) -> None:
    said = browser(page_in_space(tmp_path), tmp_path, "--dump-dom")
    assert "person 0: fitted; 16 of 17 joints seen; error of the fit 12 mm." in said
    assert '<option value="1">camera left</option>' in said


def test_joints_in_space_are_packed_from_the_hips(tmp_path: Path) -> None:
    page_in_space(tmp_path)
    data = page_data(tmp_path)
    assert (data["unit"], data["points"]) == (["mm", 0], "joints")
    assert [picture["count"] for picture in data["pictures"]] == [17, 18]
    rows = data["rows"]
    given = page_array(rows["given"], "<i2").reshape(1, rows["givenCount"], 3)
    assert (given[0, 3] == MISSING).all()
    joints = page_array(rows["joints"], "<i2").reshape(1, 18, 3)
    np.testing.assert_allclose(given[0, 4:], joints[0, 4:17], atol=1)
    mesh = page_array(data["meshes"][0]["points"], "<i2").reshape(-1, 3)
    # Head and feet, in the same axes as the joints.
    assert mesh[:, 1].max() > joints[0, :, 1].max() > 400
    assert mesh[:, 1].min() < joints[0, :, 1].min() < -700


def test_the_page_holds_what_it_was_given(tmp_path: Path) -> None:
    page = page_of_two(tmp_path, "</script><b>\u202e")
    text = page.read_text(encoding="utf-8")
    assert "Bodies &amp; &lt;keypoints&gt;" in text
    assert text.count("jpeg;base64,") == 1
    assert text.count("</script>") == 2
    assert not re.search(r"""<(?:script|link|img)[^>]+(?:src|href)=["'](?!data:)""", text)
    assert len(text) < 800_000
    data = page_data(tmp_path)
    assert data["frames"]["names"] == ["</script><b>\\u202e", "two"]
    assert page_array(data["frames"]["wait"], "<f4").tolist() == [2, 1]
    assert page_array(data["frames"]["first"], "<u4").tolist() == [0, 2, 4]
    assert data["persons"] == [3, 5]
    rows = data["rows"]
    assert page_array(rows["person"], "<u4").tolist() == [0, 1, 0, 1]
    assert page_array(rows["status"], "u1").tolist() == [0, 1, 0, 0]
    assert page_array(rows["exchanged"], "u1").tolist() == [0, 0, 1, 0]
    assert page_array(rows["seen"], "<u4").tolist() == [2**12 - 1] * 4
    steps = page_array(rows["stepError"], "<f4").reshape(4, -1)
    assert (rows["steps"][0], rows["steps"][-1], steps.shape[1]) == (0, 99, 64)
    (picture,) = data["pictures"]
    grid = page_array(picture["grid"], "<f4").reshape(4, 3)
    moved = page_array(picture["projected"], "<i2").reshape(4, 18, 2)[:, :12]
    here = page_array(picture["keypoints"], "<i2").reshape(4, 18, 2)
    assert (here[:, 12:] == MISSING).all()
    np.testing.assert_allclose((moved - here[:, :12]) * grid[:, None, 2:], 9, atol=0.1)


def test_what_is_far_or_unknown_stays_in_range() -> None:
    points = np.array([[[0.0, 0], [100, 50], [np.nan, 3], [1e15, -1e15]]])
    grid = around(points[:, :3])
    steps = fixed_point(points, grid)[0]
    assert steps[2].tolist() == [MISSING] * 2
    assert steps[3].tolist() == [32_000, -32_000]
    np.testing.assert_allclose(grid[0, :2] + grid[0, 2] * steps[:2], points[0, :2], atol=0.01)
    assert around(np.full((1, 2, 2), np.nan)).tolist() == [[0, 0, 1 / 8192]]


def test_a_photo_is_cut_to_the_box_and_scaled(tmp_path: Path) -> None:
    picture = np.zeros((400, 3000, 3), dtype=np.uint8)
    picture[:, 1500:] = 250
    path = tmp_path / "wide.png"
    PIL.Image.fromarray(picture).save(path)

    def shown(*box: float) -> np.ndarray:
        head, data = embedded_photo(path, box).split(",")
        assert head == "data:image/jpeg;base64"
        return np.asarray(PIL.Image.open(io.BytesIO(base64.b64decode(data))).convert("L"))

    part = shown(1400, 100, 1600, 300)
    assert part.shape == (200, 200)
    assert part[:, :90].max() < 20
    assert part[:, 110:].min() > 230
    whole = shown(0, -1300, 3000, 1700)
    assert whole.shape == (840, 840)
    assert whole[:300].min() > 240
    assert whole[420, 100] < 20
    assert shown(-900, -900, -700, -700).min() > 240
