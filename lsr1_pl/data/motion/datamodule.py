"""Batches of people in motion, for meta-training and its evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader

from lsr1_pl.data.motion.augmentation import Augmentation, augmented
from lsr1_pl.data.motion.sampler import MotionBatch, MotionSampler
from lsr1_pl.data.motion.splits import Split, split_recordings
from lsr1_pl.data.motion.views import Viewing
from lsr1_pl.data.steps import fixed_loader, step_generator, step_loader
from lsr1_pl.optim.checks import check_counts

_TRAIN, _VALIDATION, _TEST = 0, 1, 2


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
        swap_probability: see :class:`lsr1_pl.data.Viewing`.
        depth_range: see :class:`lsr1_pl.data.Viewing`.
        augmentation: what varies the training people, one part after the other; None for people
            as they were recorded. It changes neither validation nor test.
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
        augmentation: Sequence[Augmentation] | None = None,
        seed: int = 0,
        evaluation_seed: int = 2026,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["augmentation"])
        check_counts(
            self,
            batch_size=batch_size,
            validation_count=validation_count,
            test_count=test_count,
        )
        self.batch_size = batch_size
        self.counts = {_VALIDATION: validation_count, _TEST: test_count}
        self.augmentation = tuple(augmentation or ())
        self.seed = seed
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
        """The training batch of this number, augmented: see :meth:`MotionSampler.batch`."""
        drawn = self._motion.batch(self._split_rows[_TRAIN], self.batch_size, number)
        return augmented(drawn, self.augmentation, self.seed, number)

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
