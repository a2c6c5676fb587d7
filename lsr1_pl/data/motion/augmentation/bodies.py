"""Augmentation of the pose: the body that a person has, not how it is detected."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.body.skeleton import SMPL_JOINTS
from lsr1_pl.data.motion.augmentation.part import Augmentation, check_probabilities, chosen
from lsr1_pl.data.motion.sampler import MotionBatch
from lsr1_pl.ground.errors import UserError

_LEG = ("hip", "knee", "ankle", "foot")
_ARM = ("collar", "shoulder", "elbow", "wrist", "hand")


def _other_side(name: str) -> str:
    if name.startswith("left_"):
        return name.replace("left_", "right_")
    return name.replace("right_", "left_")


_MIRROR = tuple(SMPL_JOINTS.index(_other_side(name)) for name in SMPL_JOINTS)


def mirrored_pose(pose: Tensor) -> Tensor:
    """Poses (B, 72) in a mirror that exchanges left and right: x becomes -x.

    The rotation about an axis r becomes the one about ``(r_x, -r_y, -r_z)``, and each joint takes
    the one of its other side.
    """
    joints = pose.unflatten(1, (len(SMPL_JOINTS), 3))[:, list(_MIRROR)]
    return (joints * joints.new_tensor([1.0, -1.0, -1.0])).flatten(1)


@dataclass(frozen=True)
class Mirrored(Augmentation):
    """Exchanges left and right of the whole body, as a mirror does.

    Args:
        probability: of each person, in [0, 1].
    """

    probability: float = 0.5

    def __post_init__(self) -> None:
        check_probabilities(self, probability=self.probability)

    def __call__(self, batch: MotionBatch, generator: torch.Generator) -> MotionBatch:
        """Some of the people, mirrored."""
        who = chosen(len(batch.pose), self.probability, generator).unsqueeze(1)
        return batch._replace(pose=torch.where(who, mirrored_pose(batch.pose), batch.pose))


@dataclass(frozen=True)
class PartsOfOthers(Augmentation):
    """Gives limbs the rotations that they have in another person of the batch.

    Args:
        legs: probability that both legs come from one other person, in [0, 1].
        arm: of each arm, on its own, in [0, 1].
        leg: of each leg, on its own, in [0, 1].
    """

    legs: float = 0.3
    arm: float = 0.25
    leg: float = 0.1

    def __post_init__(self) -> None:
        check_probabilities(self, legs=self.legs, arm=self.arm, leg=self.leg)

    def __call__(self, batch: MotionBatch, generator: torch.Generator) -> MotionBatch:
        """Some of the people, with limbs of others; donors are people as they were given."""
        given = batch.pose.unflatten(1, (len(SMPL_JOINTS), 3))
        pose = given.clone()
        sides = ("left", "right")
        limbs = [
            (self.legs, [f"{side}_{part}" for side in sides for part in _LEG]),
            *((self.arm, [f"{side}_{part}" for part in _ARM]) for side in sides),
            *((self.leg, [f"{side}_{part}" for part in _LEG]) for side in sides),
        ]
        count = len(pose)
        for probability, names in limbs:
            joints = torch.tensor([SMPL_JOINTS.index(name) for name in names])
            who = chosen(count, probability, generator).nonzero()
            donors = torch.randint(count, (count,), generator=generator)[who]
            pose[who, joints] = given[donors, joints]
        return batch._replace(pose=pose.flatten(1))


@dataclass(frozen=True)
class AnyOrientation(Augmentation):
    """Turns whole bodies any way up: lying, upside down, before a rolled camera.

    Args:
        probability: of each person, in [0, 1].
    """

    probability: float = 0.15

    def __post_init__(self) -> None:
        check_probabilities(self, probability=self.probability)

    def __call__(self, batch: MotionBatch, generator: torch.Generator) -> MotionBatch:
        """Some of the people, each with a root drawn evenly from all rotations."""
        count = len(batch.pose)
        who = chosen(count, self.probability, generator).unsqueeze(1)
        root = random_rotations(count, generator).to(batch.pose.dtype)
        pose = batch.pose.clone()
        pose[:, :3] = torch.where(who, root, pose[:, :3])
        return batch._replace(pose=pose)


@dataclass(frozen=True)
class JointNoise(Augmentation):
    """Turns every joint but the root a little.

    Args:
        probability: of each person, in [0, 1].
        std: of each component of a joint's axis-angle, in radians, 0 or more.
    """

    probability: float = 0.3
    std: float = 0.12

    def __post_init__(self) -> None:
        check_probabilities(self, probability=self.probability)
        if not 0 <= self.std < math.inf:
            raise UserError(f"JointNoise std is {self.std}; it must be 0 or more")

    def __call__(self, batch: MotionBatch, generator: torch.Generator) -> MotionBatch:
        """Some of the people, each joint a little off."""
        who = chosen(len(batch.pose), self.probability, generator).unsqueeze(1)
        noise = self.std * torch.randn(batch.pose.shape, generator=generator)
        noise[:, :3] = 0
        return batch._replace(pose=batch.pose + torch.where(who, noise, 0.0))


def random_rotations(count: int, generator: torch.Generator) -> Tensor:
    """(count, 3) axis-angle in radians, spread evenly over all rotations."""
    # Normal vectors of four numbers point evenly to all unit quaternions.
    quaternion = torch.randn(count, 4, generator=generator, dtype=torch.float64)
    quaternion *= torch.where(quaternion[:, :1] < 0, -1.0, 1.0)
    vector = quaternion[:, 1:]
    length = vector.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return (2 * torch.atan2(length, quaternion[:, :1]) * vector / length).float()
