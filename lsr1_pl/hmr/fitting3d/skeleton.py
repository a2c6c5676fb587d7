"""A named set of points on a body, and which joints of the tree they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from lsr1_pl.body import BodyModel
from lsr1_pl.body.skeleton import SMPL_JOINTS
from lsr1_pl.hmr.fitting3d.points import BodyPoints, Mixture
from lsr1_pl.hmr.variables import POSE_SIZE

_TORSO = (
    *("pelvis", "left_hip", "right_hip", "spine1", "spine2", "spine3"),
    *("neck", "left_collar", "right_collar", "left_shoulder", "right_shoulder"),
)
_BONES = (
    *(("left_hip", "left_knee"), ("left_knee", "left_ankle")),
    *(("right_hip", "right_knee"), ("right_knee", "right_ankle")),
    *(("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist")),
    *(("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist")),
)
_WIDTHS = (("left_shoulder", "right_shoulder"), ("left_hip", "left_shoulder"),
           ("right_hip", "right_shoulder"))  # fmt: skip
_MAINLY = 0.7


@dataclass(frozen=True)
class PointSkeleton:
    """The points that somebody's joints in space are, on one body.

    Args:
        body: that is fitted.
        mixtures: of each of the P points.
    """

    body: BodyModel
    mixtures: Sequence[Mixture]

    @cached_property
    def points_of(self) -> BodyPoints:
        """Pose and betas -> the P points."""
        return BodyPoints(self.body, self.mixtures)

    @cached_property
    def rows(self) -> dict[str, int]:
        """Joint of the tree -> the point that is it, or mainly it."""
        found: dict[str, int] = {}
        for row, mixture in enumerate(self.mixtures):
            joint, share = max(mixture.items(), key=lambda pair: pair[1])
            if share >= _MAINLY and joint in SMPL_JOINTS:
                found.setdefault(joint, row)
        return found

    @cached_property
    def torso(self) -> list[int]:
        """The points that move with the torso."""
        return [row for row, each in enumerate(self.mixtures) if set(each) <= set(_TORSO)]

    def posed(self, pose: Tensor) -> Tensor:
        """(P, 3) metres, of the mean shape in one pose (72,)."""
        points: Tensor = self.points_of(pose[None], pose.new_zeros(1, self.body.num_betas))[0]
        return points

    def length_ratio(self, joints: Tensor, weights: Tensor) -> Tensor:
        """(B,) how long somebody's limbs are, in those of the mean shape; NaN of no whole limb.

        The median over the bones that are there, or over the torso's sides where no bone is.

        Args:
            joints: (B, P, 3) in any unit.
            weights: (B, P), 0 is missing.
        """
        rest = self.posed(torch.zeros(POSE_SIZE)).to(joints.dtype)
        found = [self._ratios(pairs, rest, joints, weights) for pairs in (_BONES, _WIDTHS)]
        limbs, torso = (each.nanmedian(dim=1).values for each in found)
        return torch.where(limbs.isfinite(), limbs, torso)

    def _ratios(
        self, pairs: Sequence[tuple[str, str]], rest: Tensor, joints: Tensor, weights: Tensor
    ) -> Tensor:
        """(B, at least 1); NaN where an end is missing."""
        rows = self.rows
        known = [(rows[a], rows[b]) for a, b in pairs if a in rows and b in rows]
        if not known:
            return torch.full_like(joints[:, :1, 0], torch.nan)
        a, b = torch.tensor(known).T
        ratio = (joints[:, a] - joints[:, b]).norm(dim=2) / (rest[a] - rest[b]).norm(dim=1)
        whole = (weights[:, a] > 0) & (weights[:, b] > 0)
        return torch.where(whole, ratio, torch.nan)
