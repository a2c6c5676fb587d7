"""Augmentation of what is seen: the errors that detectors make, and how cameras stand."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data.motion.augmentation.part import Augmentation, check_probabilities, chosen
from lsr1_pl.data.motion.sampler import MotionBatch
from lsr1_pl.ground.errors import UserError

_SIDES = ("left", "right")
_LIMBS = {"arm": ("shoulder", "elbow", "wrist"), "leg": ("hip", "knee", "ankle")}
_FACE = (("reye", "leye"), ("rear", "lear"))
_LEAST_VISIBLE = 6
_NEAREST = 1.5


def _pairs(limb: str) -> list[tuple[int, int]]:
    return [(COCO18.index(f"left_{p}"), COCO18.index(f"right_{p}")) for p in _LIMBS[limb]]


_BODY_PAIRS = [*_pairs("arm"), *_pairs("leg")] + [
    (COCO18.index(a), COCO18.index(b)) for a, b in _FACE
]


@dataclass(frozen=True)
class DetectionNoise(Augmentation):
    """Adds normal errors to the detected keypoints.

    Args:
        probability: of each person, in [0, 1].
        std: least and largest standard deviation in u and in v, as a share of the larger side of
            the keypoints' box; drawn evenly, person by person.
    """

    probability: float = 0.7
    std: tuple[float, float] = (0.0, 0.02)

    def __post_init__(self) -> None:
        check_probabilities(self, probability=self.probability)
        low, high = self.std
        if not 0 <= low <= high < math.inf:
            raise UserError(
                f"DetectionNoise std is {[low, high]}; expected [least, largest], 0 or more"
            )

    def __call__(self, batch: MotionBatch, generator: torch.Generator) -> MotionBatch:
        """Some of the people, detected less exactly."""
        count = len(batch.pose)
        low, high = self.std
        std = low + (high - low) * torch.rand(count, generator=generator)
        std *= chosen(count, self.probability, generator)
        errors = torch.randn(batch.noise.shape, generator=generator)
        return batch._replace(noise=batch.noise + std[:, None, None] * errors)


@dataclass(frozen=True)
class UncertainKeypoints(Augmentation):
    """Gives keypoints confidences below 1, and the larger errors that such confidences tell of.

    Each chosen person has a typical confidence, drawn evenly from [``least``, 1], and each of
    their visible keypoints one between that and 1. Its error grows by a normal one of ``spread``
    times what is missing to 1.

    Args:
        probability: of each person, in [0, 1].
        least: the lowest confidence, in (0, 1].
        spread: standard deviation of the error at confidence 0, in sides of the keypoints' box.
    """

    probability: float = 0.3
    least: float = 0.2
    spread: float = 0.05

    def __post_init__(self) -> None:
        check_probabilities(self, probability=self.probability, least=self.least)
        if not self.least > 0:
            raise UserError("UncertainKeypoints least is 0, which is not seen; it must be above 0")
        if not 0 <= self.spread < math.inf:
            raise UserError(f"UncertainKeypoints spread is {self.spread}; it must be 0 or more")

    def __call__(self, batch: MotionBatch, generator: torch.Generator) -> MotionBatch:
        """Some of the people, detected with doubts."""
        shape = batch.visibility.shape
        doubt = (1 - self.least) * torch.rand(len(batch.pose), 1, generator=generator)
        doubt = doubt * torch.rand(shape, generator=generator)
        doubt *= chosen(len(batch.pose), self.probability, generator).unsqueeze(1)
        errors = torch.randn(batch.noise.shape, generator=generator)
        return batch._replace(
            visibility=batch.visibility * (1 - doubt),
            noise=batch.noise + self.spread * doubt.unsqueeze(2) * errors,
        )


@dataclass(frozen=True)
class SwappedSides(Augmentation):
    """Exchanges left and right of detected keypoints, with all the confidence that they have.

    Args:
        whole: probability that the whole body is exchanged, in [0, 1].
        limb: of the arms, and of the legs, on their own, in [0, 1].
    """

    whole: float = 0.02
    limb: float = 0.02

    def __post_init__(self) -> None:
        check_probabilities(self, whole=self.whole, limb=self.limb)

    def __call__(self, batch: MotionBatch, generator: torch.Generator) -> MotionBatch:
        """Some of the people, detected with sides exchanged."""
        shown = batch.shown
        for probability, pairs in (
            (self.whole, _BODY_PAIRS),
            (self.limb, _pairs("arm")),
            (self.limb, _pairs("leg")),
        ):
            order = torch.arange(len(COCO18))
            for left, right in pairs:
                order[left], order[right] = right, left
            who = chosen(len(shown), probability, generator).unsqueeze(1)
            shown = torch.where(who, shown[:, order], shown)
        return batch._replace(shown=shown)


@dataclass(frozen=True)
class DroppedLimbs(Augmentation):
    """Hides limbs from some joint on, as the edge of an image or another body does.

    A person of whom fewer than six keypoints would remain stays as they were.

    Args:
        probability: of each of the four limbs, in [0, 1].
        legs: probability that both legs go at once, from the same joint on, in [0, 1].
    """

    probability: float = 0.05
    legs: float = 0.05

    def __post_init__(self) -> None:
        check_probabilities(self, probability=self.probability, legs=self.legs)

    def __call__(self, batch: MotionBatch, generator: torch.Generator) -> MotionBatch:
        """Some of the people, with limbs unseen."""
        count = len(batch.visibility)
        kept = torch.ones_like(batch.visibility)
        limbs = [(self.probability, limb, (side,)) for limb in _LIMBS for side in _SIDES]
        for probability, limb, sides in [*limbs, (self.legs, "leg", _SIDES)]:
            who = chosen(count, probability, generator)
            first = torch.randint(len(_LIMBS[limb]), (count,), generator=generator)
            for place, part in enumerate(_LIMBS[limb]):
                gone = who & (place >= first)
                for side in sides:
                    kept[gone, COCO18.index(f"{side}_{part}")] = 0
        visibility = batch.visibility * kept
        enough = ((visibility > 0).sum(dim=1) >= _LEAST_VISIBLE).unsqueeze(1)
        return batch._replace(visibility=torch.where(enough, visibility, batch.visibility))


@dataclass(frozen=True)
class NearCameras(Augmentation):
    """Moves cameras nearer or farther; a fit always assumes 6 m.

    Args:
        probability: of each person, in [0, 1].
        depth: nearest and farthest distance in metres, at least 1.5; its inverse is drawn evenly,
            as perspective goes with it.
    """

    probability: float = 0.3
    depth: tuple[float, float] = (2.0, 12.0)

    def __post_init__(self) -> None:
        check_probabilities(self, probability=self.probability)
        low, high = self.depth
        if not _NEAREST <= low <= high < math.inf:
            raise UserError(
                f"NearCameras depth is {[low, high]}; expected [nearest, farthest] in metres, the "
                f"nearest at least {_NEAREST}: a body must lie before the camera"
            )

    def __call__(self, batch: MotionBatch, generator: torch.Generator) -> MotionBatch:
        """Some of the people, before cameras at other distances."""
        near, far = self.depth
        who = chosen(len(batch.depth), self.probability, generator)
        share: Tensor = torch.rand(len(batch.depth), generator=generator)
        drawn = 1 / (1 / far + share * (1 / near - 1 / far))
        return batch._replace(depth=torch.where(who, drawn.to(batch.depth.dtype), batch.depth))
