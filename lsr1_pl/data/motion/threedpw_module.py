"""Motion to train on, 3DPW to validate and test on: the paper's data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from lsr1_pl.data.motion.manifest import MANIFEST
from lsr1_pl.data.motion.sampler import MotionBatch, MotionSampler
from lsr1_pl.data.motion.shards import sha256
from lsr1_pl.data.motion.store import MotionStore
from lsr1_pl.data.motion.views import Viewing
from lsr1_pl.data.steps import fixed_loader, step_loader
from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim.checks import check_counts

GENDERS = ("neutral", "male", "female")
_SEEN = ("keypoints", "valid")


class DetectionBatch(NamedTuple):
    """B people as a detector saw them, and the truth about them, in the camera's frame."""

    keypoints: Tensor
    """(B, 18, 2) in pixels."""
    visibility: Tensor
    """(B, 18) of 0 and 1."""
    pose: Tensor
    """(B, 72)."""
    betas: Tensor
    """(B, 10)."""
    gender: Tensor
    """(B,) numbers of ``GENDERS``."""
    joints: Tensor | None
    """(B, 24, 3) in metres, as the data set stores them; None where the store holds none."""
    valid: Tensor
    """(B,) 0 where the data set calls the camera's pose wrong."""
    recording: Tensor
    """(B,) numbers that tell recordings apart; frames of one come in order."""
    frame: Tensor
    """(B,) numbers of the frames; the next frame of a recording has the next number."""


class ThreeDPWDataModule(LightningDataModule):
    """Training batches of motion stores with random views; 3DPW's detections to evaluate on.

    Args:
        stores: motion stores to train on, whole (``open`` is the embedded one).
        threedpw: the folder that ``lsr1 data convert 3dpw`` wrote.
        fraction: of the training recordings, chosen by ``seed`` (Table 2: 0.001 to 1).
        batch_size: people in a training batch.
        evaluation_batch_size: frames at once in validation and test.
        validation_stride: every how many frames of each recording validate (10 in LGD).
        test_stride: every how many frames of a recording test.
        least_confidence: from which on a detection counts as visible (0.01 in LGD).
        visible_probability: of each keypoint in training (0.8 in LGD).
        betas_std: of random shapes, for stores that hold none.
        seed: of the training batches and of the fraction.
    """

    def __init__(
        self,
        stores: Sequence[str] = ("data/amass",),
        threedpw: str = "data/3dpw",
        fraction: float = 1.0,
        batch_size: int = 512,
        evaluation_batch_size: int = 256,
        validation_stride: int = 10,
        test_stride: int = 1,
        least_confidence: float = 0.01,
        visible_probability: float = 0.8,
        betas_std: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        check_counts(
            self,
            batch_size=batch_size,
            evaluation_batch_size=evaluation_batch_size,
            validation_stride=validation_stride,
            test_stride=test_stride,
        )
        self.batch_size = batch_size
        self.evaluation_batch_size = evaluation_batch_size
        self.strides = {"validation": validation_stride, "test": test_stride}
        self.least_confidence = least_confidence
        # Opened here, so that a broken or missing store is refused before a run folder is made.
        self._motion = MotionSampler(stores, Viewing(visible_probability, betas_std), seed)
        every = range(len(self._motion.recordings))
        self._rows = self._motion.rows_of(self._motion.fraction_of(every, fraction))
        self._folder = Path(threedpw)
        self._evaluated = {split: _open(self._folder / split) for split in self.strides}

    def train_batch(self, number: int) -> MotionBatch:
        """The training batch of this number: see :meth:`MotionSampler.batch`."""
        return self._motion.batch(self._rows, self.batch_size, number)

    def train_dataloader(self) -> DataLoader[MotionBatch]:
        """Endless; continues at the trainer's step."""
        return step_loader(self.train_batch, self.trainer)

    def val_dataloader(self) -> DataLoader[DetectionBatch]:
        """3DPW's validation set."""
        return self._loader("validation")

    def test_dataloader(self) -> DataLoader[DetectionBatch]:
        """3DPW's test set."""
        return self._loader("test")

    def person_names(self, stage: Literal["val", "test"]) -> list[str]:
        """Whom a stage shows, in its order."""
        return self._frames("test" if stage == "test" else "validation").names()

    def fingerprints(self) -> dict[str, str]:
        """SHA-256 of the manifest of each store and of 3DPW's two splits."""
        splits = {f"3dpw/{split}": store.path for split, store in self._evaluated.items()}
        found = {name: sha256(path / MANIFEST) for name, path in splits.items()}
        return self._motion.fingerprints() | found

    def _loader(self, split: str) -> DataLoader[DetectionBatch]:
        return fixed_loader(self._frames(split))

    def _frames(self, split: str) -> _Frames:
        return _Frames(
            self._evaluated[split],
            self.strides[split],
            self.evaluation_batch_size,
            self.least_confidence,
        )


class _Frames:
    """A store's frames in order, in batches."""

    def __init__(self, store: MotionStore, stride: int, size: int, least: float) -> None:
        self._store = store
        self._least = least
        chosen = [np.arange(r.first_row, r.first_row + r.rows, stride) for r in store.recordings]
        rows = np.concatenate(chosen)
        number = np.repeat(np.arange(len(chosen)), [len(part) for part in chosen])
        cuts = range(size, len(rows), size)
        self._batches = list(zip(np.split(rows, cuts), np.split(number, cuts), strict=True))

    def names(self) -> list[str]:
        """Recording and frame of each, in order."""
        recordings = self._store.recordings
        return [
            f"{recordings[i].name}, frame {row - recordings[i].first_row}"
            for rows, number in self._batches
            for row, i in zip(rows.tolist(), number.tolist(), strict=True)
        ]

    def __iter__(self) -> Iterator[DetectionBatch]:
        return (self._batch(rows, number) for rows, number in self._batches)

    def _batch(self, rows: NDArray[np.int64], number: NDArray[np.int64]) -> DetectionBatch:
        keypoints = self._seen("keypoints", rows).reshape(-1, 18, 3)
        visible = keypoints[:, :, 2] >= self._least
        genders = [GENDERS.index(self._store.recordings[i].gender or "neutral") for i in number]
        return DetectionBatch(
            keypoints=torch.where(visible.unsqueeze(2), keypoints[:, :, :2], 0.0),
            visibility=visible.float(),
            pose=torch.from_numpy(self._store.poses(rows)),
            betas=torch.from_numpy(self._store.betas(rows)),
            gender=torch.tensor(genders),
            joints=self._joints(rows),
            valid=self._seen("valid", rows)[:, 0],
            recording=torch.from_numpy(number),
            frame=torch.from_numpy(rows),
        )

    def _joints(self, rows: NDArray[np.int64]) -> Tensor | None:
        if "joints" not in self._store.manifest.shards:
            return None
        return self._seen("joints", rows).reshape(-1, 24, 3)

    def _seen(self, name: str, rows: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(self._store.seen(name, rows))


def _open(folder: Path) -> MotionStore:
    store = MotionStore(folder)
    missing = [name for name in (*_SEEN, "betas") if name not in store.manifest.shards]
    if missing:
        raise UserError(
            f"{folder}: holds no {', '.join(missing)}; expected what lsr1 data convert 3dpw writes"
        )
    return store
