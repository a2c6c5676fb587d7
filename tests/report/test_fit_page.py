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

from lsr1_pl.body import load_body_model
from lsr1_pl.report import FittedPerson, write_fit_page
from lsr1_pl.report.bodies.photo import embedded_photo
from lsr1_pl.report.fit_page import BODY_COLOUR, FIT_COLOUR

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
GROUND = (40, 140, 60)


def page_of_two(folder: Path) -> Path:
    """A standing body twice: over a green photo, and over nothing."""
    body = load_body_model()
    vertices = body.vertices(torch.zeros(1, 72), torch.zeros(1, 10))[0].double().numpy()
    generator = np.random.default_rng(0)
    keypoints = generator.uniform(100, 500, size=(18, 2))
    seen = np.arange(18) < 12
    picture = np.full((600, 700, 3), GROUND, dtype=np.uint8)
    PIL.Image.fromarray(picture).save(folder / "photo.png")
    people = [
        FittedPerson(
            "one", "fitted", False, keypoints, seen, keypoints + 9, vertices, np.ones(4), photo
        )
        for photo in (folder / "photo.png", None)
    ]
    path = folder / "index.html"
    write_fit_page(path, "Bodies & <keypoints>", "two", people, body.faces.numpy())
    return path


def near(pixels: np.ndarray, colour: tuple[int, ...], tolerance: int) -> int:
    """How many pixels have the colour, but for a tolerance in each channel."""
    return int((np.abs(pixels.astype(int) - colour) <= tolerance).all(axis=2).sum())


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium or google-chrome")
def test_a_browser_without_network_shows_it(tmp_path: Path) -> None:
    page = page_of_two(tmp_path)
    picture = tmp_path / "page.png"
    done = subprocess.run(
        [
            str(CHROMIUM),
            *("--headless", "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader"),
            *("--enable-unsafe-swiftshader", "--host-resolver-rules=MAP * ~NOTFOUND"),
            *("--window-size=1280,1150", "--virtual-time-budget=5000"),
            *(f"--user-data-dir={tmp_path / 'profile'}", f"--screenshot={picture}", page.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert picture.exists(), done.stderr
    pixels = np.asarray(PIL.Image.open(picture).convert("RGB"))
    half = 660  # where the second person begins
    # The bodies stand in the middle column, lit: a shade of their colour.
    for part in (pixels[:half], pixels[half:]):
        middle = part[:, part.shape[1] // 3 : 2 * part.shape[1] // 3]
        shade = (middle[..., 2] > middle[..., 0].astype(int) + 15) & (middle[..., 0] > 60)
        assert shade.sum() > 4_000, f"no body of colour {BODY_COLOUR}"
        assert near(part, rgb(FIT_COLOUR), 30) > 500
    assert near(pixels[:half], GROUND, 12) > 30_000
    assert near(pixels[half:], GROUND, 12) == 0


def test_the_page_is_self_contained(tmp_path: Path) -> None:
    text = page_of_two(tmp_path).read_text(encoding="utf-8")
    assert "12 of 18 keypoints seen" in text
    assert "Bodies &amp; &lt;keypoints&gt;" in text
    assert text.count("jpeg;base64,") == 1
    assert not re.search(r'<(?:script|link|img)[^>]+(?:src|href)="(?!data:)', text)


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
