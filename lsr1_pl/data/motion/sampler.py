"""People in motion, drawn from stores: who, seen from where, and how detected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data.motion.manifest import MANIFEST
from lsr1_pl.data.motion.open_motion import open_motion_path
from lsr1_pl.data.motion.shards import sha256
from lsr1_pl.data.motion.store import MotionStore
from lsr1_pl.data.motion.views import (
    Viewing,
    random_betas,
    random_depths,
    random_noise,
    random_swaps,
    random_views,
    random_visibility,
)
from lsr1_pl.data.steps import step_generator, training_generator
from lsr1_pl.ground.errors import UserError

_FRACTION, _ORDER = 3, 4
"""Streams of random numbers; 0 to 2 are those of the sets."""
_BETAS = 10


class MotionBatch(NamedTuple):
    """B people, each seen from a side of its own."""

    pose: Tensor
    """(B, 72) axis-angle in radians, the view applied to the root."""
    betas: Tensor
    """(B, 10)."""
    visibility: Tensor
    """(B, 18) in [0, 1], in the order of the 18 keypoints: how sure a detector is; 0 is not seen,
    and 1 where no augmentation says otherwise."""
    rows: Tensor
    """(B,) row numbers, counted over all stores."""
    noise: Tensor
    """(B, 18, 2) errors of the detected keypoints, in sides of their box."""
    shown: Tensor
    """(B, 18) the keypoint that each detection shows: its own number unless swapped."""
    depth: Tensor
    """(B,) distance of the true camera, in metres."""


class MotionSampler:
    """Frames of several stores as one, with random views, visibility and shapes.

    Args:
        stores: motion stores; ``open`` is the one that comes with the package.
        viewing: how the people are seen and detected.
        seed: of the training batches.

    Raises:
        UserError: a store is missing or broken, or there is none.
    """

    def __init__(self, stores: Sequence[str], viewing: Viewing, seed: int) -> None:
        if not stores:
            raise UserError("stores is empty; name a motion store, or open")
        self.viewing = viewing
        self.seed = seed
        self._kept_order: tuple[tuple[int, int], NDArray[np.int64]] | None = None
        self._names = list(stores)
        self._stores = [MotionStore(open_motion_path() if s == "open" else s) for s in stores]
        self._starts = np.cumsum([0, *(len(store) for store in self._stores)])
        self.recordings = [r for store in self._stores for r in store.recordings]
        self._first_rows = [
            int(start) + r.first_row
            for start, store in zip(self._starts, self._stores, strict=False)
            for r in store.recordings
        ]

    def rows_of(self, recordings: Sequence[int]) -> NDArray[np.int64]:
        """The rows of the recordings of these numbers, over all stores."""
        return np.concatenate(
            [
                np.arange(self._first_rows[i], self._first_rows[i] + self.recordings[i].rows)
                for i in recordings
            ]
        )

    def names_of(self, rows: NDArray[np.int64]) -> list[str]:
        """Recording and frame of each row, for people to read."""
        owners = np.searchsorted(self._first_rows, rows, side="right") - 1
        return [
            f"{self.recordings[i].name}, frame {row - self._first_rows[i]}"
            for i, row in zip(owners.tolist(), rows.tolist(), strict=True)
        ]

    def fingerprints(self) -> dict[str, str]:
        """SHA-256 of the manifest of each store, by the name that it was given."""
        return {
            name: sha256(store.path / MANIFEST)
            for name, store in zip(self._names, self._stores, strict=True)
        }

    def fraction_of(self, recordings: Sequence[int], fraction: float) -> list[int]:
        """A share of these recordings, at least one, chosen by ``seed``.

        Raises:
            UserError: the share does not lie in (0, 1].
        """
        if not 0 < fraction <= 1:
            raise UserError(f"fraction is {fraction}; it must lie in (0, 1]")
        count = len(recordings)
        kept = max(1, round(fraction * count))
        order = torch.randperm(count, generator=step_generator(self.seed, _FRACTION))
        return sorted(recordings[i] for i in order[:kept].tolist())

    def batch(self, rows: NDArray[np.int64], size: int, number: int) -> MotionBatch:
        """Batch ``number`` of ``size`` of ``rows``: a function of ``seed`` and ``number`` alone.

        The batches run through the rows in one random order after another, so that every row
        comes once before one comes again, however many processes share the batches.
        """
        first = number * size
        places = np.arange(first, first + size)
        chosen = np.empty(size, np.int64)
        for epoch in np.unique(places // len(rows)):
            here = places // len(rows) == epoch
            chosen[here] = self._order(len(rows), int(epoch))[places[here] % len(rows)]
        return self.draw(rows[chosen], training_generator(self.seed, number))

    def _order(self, count: int, epoch: int) -> NDArray[np.int64]:
        """The random order of one pass through the rows; the last one used is kept."""
        key = (count, epoch)
        if self._kept_order is None or self._kept_order[0] != key:
            seeds = np.random.SeedSequence((self.seed, _ORDER, epoch))
            self._kept_order = (key, np.random.default_rng(seeds).permutation(count))
        return self._kept_order[1]

    def draw(self, rows: NDArray[np.int64], generator: torch.Generator) -> MotionBatch:
        """These rows, each seen from a side of its own."""
        pose, betas = self._read(rows)
        seen = random_views(torch.from_numpy(pose), generator)
        count, viewing = len(rows), self.viewing
        visibility = random_visibility(count, len(COCO18), viewing.visible_probability, generator)
        shapes = random_betas(count, _BETAS, viewing.betas_std, generator)
        stored = torch.from_numpy(betas)
        return MotionBatch(
            pose=seen,
            betas=torch.where(torch.isnan(stored), shapes, stored),
            visibility=visibility,
            rows=torch.from_numpy(rows),
            noise=random_noise(count, viewing.keypoint_noise, generator),
            shown=random_swaps(count, viewing.swap_probability, generator),
            depth=random_depths(count, viewing.depth_range, generator),
        )

    def _read(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Poses, and betas that are NaN where a store holds none."""
        pose = np.empty((len(rows), 72), np.float32)
        betas = np.full((len(rows), _BETAS), np.nan, np.float32)
        owner = np.searchsorted(self._starts, rows, side="right") - 1
        for index in np.unique(owner):
            here = owner == index
            local = rows[here] - self._starts[index]
            pose[here] = self._stores[index].poses(local)
            if self._stores[index].has_betas:
                betas[here] = self._stores[index].betas(local)
        return pose, betas
