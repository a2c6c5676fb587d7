"""Inverse kinematics of a seven-joint arm: joint angles that take the hand to a pose."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lsr1_pl.ground.constants import constant
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.precision import in_full_precision
from lsr1_pl.objectives.base import AutogradObjective
from lsr1_pl.objectives.families.family import ProblemFamily, Problems

JOINTS = 7
_QUARTER = math.pi / 2
_LINKS = (
    (0.0, 0.333, 0.0),
    (0.0, 0.0, -_QUARTER),
    (0.0, 0.316, _QUARTER),
    (0.0825, 0.0, _QUARTER),
    (-0.0825, 0.384, -_QUARTER),
    (0.0, 0.0, _QUARTER),
    (0.088, 0.0, _QUARTER),
)
"""a in metres, d in metres and alpha in radians of each joint, in Craig's (modified) convention, as
the maker of the Franka Emika Panda publishes them in the documentation of its control interface."""
_FLANGE = 0.107
"""Metres from the last joint to the flange, along its axis; from the same page."""
_LOWER = (-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973)
_UPPER = (2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973)
"""The joints' limits in radians, from the same page."""
_READY = (0.0, -math.pi / 4, 0.0, -3 * math.pi / 4, 0.0, math.pi / 2, math.pi / 4)
"""The pose that the maker's examples begin with."""
_POSITION, _ORIENTATION = 0.02, 0.1
"""Errors that cost one half: metres, and radians."""
_LIMIT = 0.1
"""Radians beyond a limit that cost one half."""
_REACH = 0.5
"""Metres: targets divided by it are of order one."""


def _parts_of_links() -> Tensor:
    """(3, 8, 4, 4) C, D and E: link i is ``C_i + D_i cos q_i + E_i sin q_i``, the flange the last.

    In Craig's convention a link turns by alpha about x and moves by a along it, then turns by q
    about z and moves by d along that.
    """
    parts = torch.zeros(3, JOINTS + 1, 4, 4, dtype=torch.float64)
    for joint, (a, d, alpha) in enumerate(_LINKS):
        before = torch.eye(4, dtype=torch.float64)
        before[1:3, 1:3] = torch.tensor(
            [[math.cos(alpha), -math.sin(alpha)], [math.sin(alpha), math.cos(alpha)]]
        )
        before[0, 3] = a
        still, cosine, sine = torch.zeros(3, 4, 4, dtype=torch.float64)
        still[2, 2] = still[3, 3] = 1
        still[2, 3] = d
        cosine[0, 0] = cosine[1, 1] = 1
        sine[0, 1], sine[1, 0] = -1, 1
        parts[:, joint] = before @ torch.stack([still, cosine, sine])
    parts[0, JOINTS] = torch.eye(4)
    parts[0, JOINTS, 2, 3] = _FLANGE
    return parts


_PARTS = _parts_of_links()


def hand_pose(angles: Tensor) -> tuple[Tensor, Tensor]:
    """Where the flange is at joint angles (B, 7) in radians.

    Returns:
        its position (B, 3) in metres and its orientation, a rotation matrix (B, 3, 3); both in
        the frame of the base.
    """
    still, cosine, sine = _PARTS.to(angles)
    turned = torch.nn.functional.pad(angles, (0, 1))[:, :, None, None]
    links = still + cosine * turned.cos() + sine * turned.sin()
    while links.shape[1] > 1:
        links = links[:, ::2] @ links[:, 1::2]
    pose = links[:, 0]
    return pose[:, :3, 3], pose[:, :3, :3]


class ArmPose(AutogradObjective):
    """Damped least squares of a hand's pose, with joint limits as a smooth penalty.

    ``f(q) = (|p(q) - p*|^2 / 0.02^2 + |R(q) - R*|^2 / (2 x 0.1^2) + |beyond limits|^2 / 0.1^2 +
    damping |q - q_ready|^2) / 2``: q in radians, p in metres, and R rotation matrices, whose
    squared distance is twice the squared angle between them while that is small.

    Args:
        position: (B, 3) p*.
        orientation: (B, 3, 3) R*.
        damping: >= 0.
    """

    def __init__(self, position: Tensor, orientation: Tensor, damping: float = 1e-2) -> None:
        self.position = position
        self.orientation = orientation
        self.damping = damping

    @in_full_precision
    def value(self, x: Tensor) -> Tensor:
        """(B, 7) joint angles -> (B,)."""
        position, orientation = hand_pose(x)
        lower, upper, ready = (constant(each, x) for each in (_LOWER, _UPPER, _READY))
        beyond = (x - upper).relu() + (lower - x).relu()
        parts = (
            (position - self.position).square().sum(dim=1) / _POSITION**2,
            (orientation - self.orientation).square().sum(dim=(1, 2)) / (2 * _ORIENTATION**2),
            beyond.square().sum(dim=1) / _LIMIT**2,
            self.damping * (x - ready).square().sum(dim=1),
        )
        return 0.5 * torch.stack(parts).sum(dim=0)


class ArmFamily(ProblemFamily):
    """Hands of a Franka Emika Panda to random poses around its ready pose, whence they begin.

    Targets are the poses of random angles: those of the ready pose, each turned to either side by
    at most a share of half its range, and held within its limits. The features are the target: its
    position over 0.5 metres, and its rotation matrix.

    Args:
        share: how far targets' angles lie from the ready pose; above 0 and at most 1.
        damping: of the way from the ready pose; 0 or more.

    Raises:
        UserError: a number is out of its range.
    """

    variables = JOINTS
    features = 12

    def __init__(self, share: float = 0.7, damping: float = 1e-2) -> None:
        if not 0 < share <= 1:
            raise UserError(f"ArmFamily share is {share}; it must be above 0 and at most 1")
        if not damping >= 0:
            raise UserError(f"ArmFamily damping is {damping}; it must be 0 or more")
        self.share = share
        self.damping = damping

    def sample(self, count: int, generator: torch.Generator) -> Problems:
        """``count`` targets."""
        lower, upper, ready = (torch.tensor(each) for each in (_LOWER, _UPPER, _READY))
        turned = 2 * torch.rand(count, JOINTS, generator=generator) - 1
        angles = ready + 0.5 * self.share * (upper - lower) * turned
        position, orientation = hand_pose(angles.clamp(lower, upper))
        return Problems(
            x0=ready.repeat(count, 1),
            objective=ArmPose(position, orientation, self.damping),
            features=torch.cat([position / _REACH, orientation.flatten(1)], dim=1),
            family="arm",
        )
