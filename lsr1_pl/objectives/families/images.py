"""Small grey images at random: phantoms, and crops of a photograph."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from lsr1_pl.ground.arrays import load_npz
from lsr1_pl.objectives.families.family import Split

_PHOTOGRAPH = Path(__file__).with_name("assets") / "camera.npz"
PARTS: dict[Split, tuple[int, int]] = {
    "train": (0, 160),
    "validation": (160, 208),
    "test": (208, 256),
}
"""The columns of the photograph that each part crops from."""
_SHAPES = 6


def random_images(count: int, side: int, part: Split, generator: torch.Generator) -> Tensor:
    """(count, side, side) images, white 1 and black 0: every second one a crop."""
    images = _phantoms(count, side, generator)
    images[1::2] = _crops(len(images[1::2]), side, part, generator)
    return images


def _phantoms(count: int, side: int, generator: torch.Generator) -> Tensor:
    """A ramp, and ellipses and rectangles that lie on it and on each other."""
    axis = (torch.arange(side) + 0.5) / side * 2 - 1
    down, across = torch.meshgrid(axis, axis, indexing="ij")

    def drawn(least: float, most: float) -> Tensor:
        return least + (most - least) * torch.rand(count, 1, 1, generator=generator)

    image = drawn(0.1, 0.9) + drawn(-0.2, 0.2) * down + drawn(-0.2, 0.2) * across
    for _ in range(_SHAPES):
        angle = drawn(0, math.pi)
        right, low = across - drawn(-0.9, 0.9), down - drawn(-0.9, 0.9)
        u = (angle.cos() * right + angle.sin() * low) / drawn(0.1, 0.7)
        v = (angle.cos() * low - angle.sin() * right) / drawn(0.1, 0.7)
        ellipse = drawn(0, 1) < 0.5
        inside = torch.where(ellipse, u.square() + v.square(), torch.maximum(u.abs(), v.abs())) < 1
        image = torch.where(inside & (drawn(0, 1) < 0.8), drawn(0, 1), image)
    return image.clamp(0, 1)


def _crops(count: int, side: int, part: Split, generator: torch.Generator) -> Tensor:
    """Squares of the photograph, turned by a quarter and mirrored at random."""
    pixels = _photograph()
    first, end = PARTS[part]
    tops = torch.randint(pixels.shape[0] - side + 1, (count,), generator=generator).tolist()
    lefts = torch.randint(first, end - side + 1, (count,), generator=generator).tolist()
    turns = torch.randint(8, (count,), generator=generator).tolist()
    crops = []
    for top, left, turn in zip(tops, lefts, turns, strict=True):
        crop = pixels[top : top + side, left : left + side].rot90(turn % 4)
        crops.append(crop.T if turn >= 4 else crop)
    return torch.stack(crops) if crops else torch.zeros(0, side, side)


@cache
def _photograph() -> Tensor:
    """(256, 256)."""
    return torch.from_numpy(load_npz(_PHOTOGRAPH)["pixels"]).float() / 255
