"""Batches of people in motion, for meta-training and its evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data.manifest import MANIFEST
from lsr1_pl.data.open_motion import open_motion_path
from lsr1_pl.data.shards import sha256
from lsr1_pl.data.splits import Split, split_recordings
from lsr1_pl.data.steps import fixed_loader, step_generator, step_loader, training_generator
from lsr1_pl.data.store import MotionStore
from lsr1_pl.data.views import (
    Viewing,
    random_betas,
    random_depths,
    random_noise,
    random_swaps,
    random_views,
    random_visibility,
)
from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim.checks import check_counts

_TRAIN, _VALIDATION, _TEST, _FRACTION, _ORDER = 0, 1, 2, 3, 4
_BETAS = 10


class MotionBatch(NamedTuple):
    """B people, each seen from a side of its own."""

    pose: Tensor
    """(B, 72) axis-angle in radians, the view applied to the root."""
    betas: Tensor
    """(B, 10)."""
    visibility: Tensor
    """(B, 18) of 0 and 1, in the order of the 18 keypoints."""
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


class MotionDataModule(LightningDataModule):
    """Poses from motion stores, with random views, visibility and shapes.

    A training batch depends on (``seed``, training step) alone, so that a resumed run sees what
    an uninterrupted one would. Validation and test are fixed sets, drawn evenly over their frames
    with ``evaluation_seed``. Recordings are split whole.

    Args:
        stores: motion stores that are read as one; ``open`` is the one that comes with the
            package (the clips of DeepMimic).
        fraction: share of the training recordings to train on, in (0, 1]; at least one is kept.
        batch_size: people in a batch.
        validation_subjects: whose recordings validate.
        validation_recordings: names or wildcards of recordings that validate.
        test_subjects: whose recordings test.
        test_recordings: names or wildcards of recordings that test.
        validation_count: people in the validation set.
        test_count: people in the test set.
        visible_probability: of each keypoint (0.8 in LGD).
        betas_std: of random shapes, for stores that hold none.
        keypoint_noise: see :class:`lsr1_pl.data.Viewing`.
        swap_probability: see there.
        depth_range: see there.
        seed: of the training batches.
        evaluation_seed: of the fixed sets.
    """

    def __init__(
        self,
        stores: Sequence[str] = ("open",),
        fraction: float = 1.0,
        batch_size: int = 64,
        validation_subjects: Sequence[str] = (),
        validation_recordings: Sequence[str] = (),
        test_subjects: Sequence[str] = (),
        test_recordings: Sequence[str] = (),
        validation_count: int = 256,
        test_count: int = 512,
        visible_probability: float = 0.8,
        betas_std: float = 1.0,
        keypoint_noise: tuple[float, float] = (0.0, 0.0),
        swap_probability: float = 0.0,
        depth_range: tuple[float, float] = (6.0, 6.0),
        seed: int = 0,
        evaluation_seed: int = 2026,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        check_counts(
            self,
            batch_size=batch_size,
            validation_count=validation_count,
            test_count=test_count,
        )
        self.batch_size = batch_size
        self.counts = {_VALIDATION: validation_count, _TEST: test_count}
        self.evaluation_seed = evaluation_seed
        # Opened here, so that a broken store is refused before a run folder is made.
        viewing = Viewing(
            visible_probability, betas_std, keypoint_noise, swap_probability, depth_range
        )
        self._motion = MotionSampler(stores, viewing, seed)
        parts = split_recordings(
            self._motion.recordings,
            Split(validation_subjects, validation_recordings),
            Split(test_subjects, test_recordings),
        )
        train, *evaluated = parts
        kept = [self._motion.fraction_of(train, fraction), *evaluated]
        self._split_rows = [self._motion.rows_of(part) for part in kept]
        self._names = [[self._motion.recordings[i].name for i in part] for part in kept]

    def train_batch(self, number: int) -> MotionBatch:
        """The training batch of this number: see :meth:`MotionSampler.batch`."""
        return self._motion.batch(self._split_rows[_TRAIN], self.batch_size, number)

    def train_dataloader(self) -> DataLoader[MotionBatch]:
        """Endless; continues at the trainer's step."""
        return step_loader(self.train_batch, self.trainer)

    def val_dataloader(self) -> DataLoader[MotionBatch]:
        """The fixed validation set."""
        return self._fixed(_VALIDATION)

    def test_dataloader(self) -> DataLoader[MotionBatch]:
        """The fixed test set."""
        return self._fixed(_TEST)

    def person_names(self, stage: Literal["val", "test"]) -> list[str]:
        """Whom the fixed set of a stage shows, in its order."""
        return self._motion.names_of(self._fixed_rows(_TEST if stage == "test" else _VALIDATION))

    def recordings(self) -> dict[str, list[str]]:
        """Names of the recordings that train, validate and test."""
        return dict(zip(("train", "validation", "test"), self._names, strict=True))

    def fingerprints(self) -> dict[str, str]:
        """SHA-256 of each store's manifest."""
        return self._motion.fingerprints()

    def _fixed_rows(self, split: int) -> NDArray[np.int64]:
        rows = self._split_rows[split]
        chosen = np.linspace(0, len(rows) - 1, self.counts[split]).round().astype(np.int64)
        return rows[chosen]

    def _fixed(self, split: int) -> DataLoader[MotionBatch]:
        rows = self._fixed_rows(split)
        whole = self._motion.draw(rows, step_generator(self.evaluation_seed, split))
        batches = [
            MotionBatch(*parts)
            for parts in zip(*(t.split(self.batch_size) for t in whole), strict=True)
        ]
        return fixed_loader(batches)
