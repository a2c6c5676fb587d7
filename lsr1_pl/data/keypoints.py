"""2D keypoints of people to be fitted."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.errors import DAMAGED_ARRAYS, UserError


class KeypointBatch(NamedTuple):
    """B people as a detector saw them, in OpenPose's order of 18."""

    keypoints: Tensor
    """(B, 18, 2) in pixels, u to the right and v down."""
    visibility: Tensor
    """(B, 18) of 0 and 1."""


class KeypointsDataModule(LightningDataModule):
    """Keypoints from an npz, for ``lsr1 predict``.

    Args:
        path: of the npz: ``keypoints`` (n, 18, 2) in pixels and, if there, ``confidence`` (n, 18).
        least_confidence: from which on a keypoint counts as visible (0.01 in LGD); one that is not
            finite never does.
        batch_size: people fitted at once.
    """

    def __init__(self, path: str, least_confidence: float = 0.01, batch_size: int = 256) -> None:
        super().__init__()
        self.save_hyperparameters()
        if batch_size < 1:
            raise UserError(f"KeypointsDataModule batch_size is {batch_size}; must be at least 1")
        self.batch_size = batch_size
        self._people = _read(Path(path), least_confidence)

    def predict_dataloader(self) -> DataLoader[KeypointBatch]:
        """All people, in the file's order."""
        parts = zip(*(t.split(self.batch_size) for t in self._people), strict=True)
        return DataLoader([KeypointBatch(*p) for p in parts], batch_size=None)  # type: ignore[arg-type]


def _read(path: Path, least_confidence: float) -> KeypointBatch:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected an npz with keypoints") from None
    except DAMAGED_ARRAYS as error:
        raise UserError(f"{path}: cannot be read as an npz of plain arrays ({error})") from None
    count = len(COCO18)
    keypoints = _array(path, arrays, "keypoints", (count, 2))
    visible: NDArray[np.bool_] = np.asarray(np.isfinite(keypoints).all(axis=2))
    if "confidence" in arrays:
        confidence = _array(path, arrays, "confidence", (count,))
        if len(confidence) != len(keypoints):
            raise UserError(
                f"{path}: key 'confidence' is of {len(confidence)} people, 'keypoints' of "
                f"{len(keypoints)}; expected the same people in both"
            )
        visible = visible & (confidence >= least_confidence)
    seen = np.where(visible[:, :, None], keypoints, 0.0)
    return KeypointBatch(torch.from_numpy(seen).float(), torch.from_numpy(visible).float())


def _array(
    path: Path, arrays: dict[str, NDArray[np.generic]], key: str, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    wanted = f"(n, {', '.join(map(str, shape))})"
    if key not in arrays:
        raise UserError(f"{path}: key '{key}' is missing; expected {wanted}")
    array = arrays[key]
    if array.shape[1:] != shape or not len(array) or array.dtype.kind not in "fiu":
        raise UserError(
            f"{path}: key '{key}' is {array.dtype} of shape {array.shape}; expected numbers "
            f"{wanted}, in OpenPose's order of 18: {', '.join(COCO18)}"
        )
    return array.astype(np.float64)
