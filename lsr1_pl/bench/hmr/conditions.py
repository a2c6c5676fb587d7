"""The people whom the human mesh recovery study fits, and how their keypoints are spoilt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import torch

from lsr1_pl.bench.hmr.people import people_of
from lsr1_pl.data import MotionBatch, MotionDataModule
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr import PosePrior
from lsr1_pl.hmr.evaluation import KnownPeople
from lsr1_pl.tasks import HMRTask, load_data

_CLEAN: Mapping[str, object] = {
    "visible_probability": 0.8,
    "keypoint_noise": (0.0, 0.0),
    "swap_probability": 0.0,
    "depth_range": (6.0, 6.0),
}
CONDITIONS: Mapping[str, Mapping[str, object]] = {
    "clean": {},
    "noise 1 %": {"keypoint_noise": (0.01, 0.01)},
    "noise 2 %": {"keypoint_noise": (0.02, 0.02)},
    "swapped limbs": {"swap_probability": 0.1},
    "near camera": {"depth_range": (2.0, 4.0)},
    "all visible": {"visible_probability": 1.0},
}
"""What differs from clean keypoints, of which a fifth is hidden."""

_PRIOR_BATCHES = 16


@dataclass(frozen=True)
class Drawn:
    """How many people, and the seed of their views, shapes and detections."""

    validation: int
    test: int
    seed: int = 2026


def people_under(
    task: HMRTask, checkpoint: str, drawn: Drawn, condition: str
) -> dict[str, list[KnownPeople]]:
    """Split -> people of the checkpoint's data under a condition, as the task sees them."""
    data = motion_data(
        checkpoint,
        validation_count=drawn.validation,
        test_count=drawn.test,
        evaluation_seed=drawn.seed,
        **CONDITIONS[condition],
    )
    loaders = {"validation": data.val_dataloader(), "test": data.test_dataloader()}
    return {
        split: people_of(task, [cast(MotionBatch, batch) for batch in loader])
        for split, loader in loaders.items()
    }


def training_people(task: HMRTask, checkpoint: str, batches: int) -> Iterator[KnownPeople]:
    """Batches of the checkpoint's training people, clean keypoints, as the task sees them."""
    data = motion_data(checkpoint)
    for number in range(batches):
        yield from people_of(task, [data.train_batch(number)])


def motion_prior(checkpoint: str) -> PosePrior:
    """The mixture of SMPLify, fitted on the checkpoint's training motion."""
    data = motion_data(checkpoint)
    poses = torch.cat([data.train_batch(number).pose for number in range(_PRIOR_BATCHES)])
    return PosePrior.fit(poses.numpy())


def motion_data(checkpoint: str, **changes: object) -> MotionDataModule:
    """The checkpoint's data, all its recordings, 256 people a batch; clean but for ``changes``.

    Raises:
        UserError: it was trained on something else than motion.
    """
    _check_motion(checkpoint, load_data(checkpoint))
    whole: dict[str, object] = {"batch_size": 256, "fraction": 1.0, **_CLEAN}
    return _check_motion(checkpoint, load_data(checkpoint, **{**whole, **changes}))


def _check_motion(checkpoint: str, data: object) -> MotionDataModule:
    if not isinstance(data, MotionDataModule):
        raise UserError(
            f"{checkpoint}: was trained on {type(data).__name__}; this study is of "
            "MotionDataModule, whose people are known"
        )
    return data
