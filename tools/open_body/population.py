"""A population of adults: random settings of MakeHuman's controls, and the shapes they give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from open_body.makehuman import (
    AGES,
    CUPS,
    FIRMNESSES,
    GENDERS,
    HEIGHTS,
    MUSCLES,
    ORIGINS,
    PROPORTIONS,
    WEIGHTS,
    Floats,
    Source,
)

_MODIFIER_SPREAD = 0.5


@dataclass(frozen=True)
class Population:
    """N people; nb bones, Vb vertices of the base mesh."""

    vertices: Floats
    """(N, Vb, 3) metres."""
    heads: Floats
    """(N, nb, 3) bones' heads."""
    tails: Floats
    """(N, nb, 3)"""


def sample(source: Source, count: int, seed: int) -> Population:
    """Draw ``count`` adults of 18 to 90 years.

    Half are women and half men, with a few between; every other control is drawn independently.
    """
    random = np.random.default_rng(seed)
    weights = _macro_weights(random, count)
    vertices = np.repeat(source.vertices[None], count, axis=0)
    for names, offsets in source.macro.items():
        moved = np.flatnonzero(offsets.any(axis=1))
        factor = np.prod([weights[name] for name in names], axis=0)
        vertices[:, moved] += factor[:, None, None] * offsets[moved]
    for decrease, increase in source.modifiers.values():
        setting = np.clip(random.normal(0, _MODIFIER_SPREAD, count), -1, 1)
        for offsets, factor in ((decrease, -setting), (increase, setting)):
            moved = np.flatnonzero(offsets.any(axis=1))
            vertices[:, moved] += np.maximum(factor, 0)[:, None, None] * offsets[moved]
    heads = np.stack([vertices[:, ends].mean(axis=1) for ends in source.heads], axis=1)
    tails = np.stack([vertices[:, ends].mean(axis=1) for ends in source.tails], axis=1)
    return Population(vertices, heads, tails)


def _macro_weights(random: np.random.Generator, count: int) -> dict[str, Floats]:
    """Weights of each named extreme: each control's sum to one."""
    controls = {
        GENDERS: random.beta(0.3, 0.3, count),
        AGES: random.beta(1.0, 1.6, count),
        MUSCLES: random.normal(0.5, 0.17, count),
        WEIGHTS: random.normal(0.52, 0.17, count),
        HEIGHTS: random.normal(0.38, 0.06, count),
        PROPORTIONS: random.normal(0.55, 0.2, count),
        CUPS: random.normal(0.5, 0.2, count),
        FIRMNESSES: random.normal(0.5, 0.2, count),
    }
    weights = {}
    for names, setting in controls.items():
        place = np.clip(setting, 0, 1) * (len(names) - 1)
        for index, name in enumerate(names):
            weights[name] = np.clip(1 - np.abs(place - index), 0, 1)
    return weights | dict(zip(ORIGINS, random.dirichlet([1.0, 1.0, 1.0], count).T, strict=True))
