"""Forward kinematics over a part of the tree, and the blend shapes of what hangs on it.

Inside this room the batch is the last dimension: each elementwise operation then runs over
contiguous memory, and each linear map is one matrix product.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lsr1_pl.body.rotations import generators, rodrigues
from lsr1_pl.body.skeleton import PARENTS, with_ancestors


def check_inputs(pose: Tensor, betas: Tensor, num_betas: int) -> None:
    """Raise ValueError unless pose is (B, 72) and betas (B, num_betas)."""
    width = 3 * len(PARENTS)
    if pose.ndim != 2 or pose.shape[1] != width or betas.shape != (len(pose), num_betas):
        raise ValueError(
            f"pose has shape {tuple(pose.shape)} and betas {tuple(betas.shape)},"
            f" expected (B, {width}) and (B, {num_betas})"
        )


class PoseRotations(nn.Module):
    """(B, 72) pose -> (n, 3, 3, B) rotations of the given joints.

    Args:
        joints: n numbers of SMPL joints.
        dtype: of the pose.
    """

    columns: Tensor
    generators: Tensor

    def __init__(self, joints: Sequence[int], dtype: torch.dtype) -> None:
        super().__init__()
        self.joints = tuple(joints)
        """The n joints, in the order of the rotations."""
        columns = torch.tensor([3 * joint + axis for joint in joints for axis in range(3)])
        self.register_buffer("columns", columns.long(), persistent=False)
        self.register_buffer("generators", generators(dtype), persistent=False)

    def forward(self, pose: Tensor) -> Tensor:
        """Each in its parent's frame."""
        vectors = pose.index_select(1, self.columns).t().contiguous()
        return rodrigues(vectors.view(len(vectors) // 3, 3, len(pose)), self.generators)


def rotate(rotations: Tensor, points: Tensor) -> Tensor:
    """(n, 3, 3, B) rotations of (n, 3, B) points -> (n, 3, B)."""
    return (rotations * points[:, None]).sum(2)


class KinematicChain(nn.Module):
    """World rotations and positions of just the joints that somebody asks for.

    Joints are taken level by level, so that each level is one operation. A joint without needed
    children and without needed skin is positioned but never rotated.

    Args:
        positioned: joints whose positions are wanted.
        skinned: joints whose world rotations are wanted.
    """

    def __init__(self, positioned: set[int], skinned: set[int]) -> None:
        super().__init__()
        joints = with_ancestors(positioned | skinned)
        rotating = skinned | {PARENTS[joint] for joint in joints if joint > 0}
        depth = {-1: -1}
        for joint in joints:
            depth[joint] = depth[PARENTS[joint]] + 1
        # Rotating joints first, so that one index finds a parent among positions and rotations.
        joints.sort(key=lambda joint: (depth[joint], joint not in rotating))
        levels = [list(level) for _, level in groupby(joints, key=depth.__getitem__)]
        self.joints = joints
        """Positioned joints, in the order in which `forward` takes and returns them."""
        self.rotating = [joint for joint in joints if joint in rotating]
        """Rotating joints, in the order in which `forward` takes them."""
        bearing = [not skinned.isdisjoint(level) for level in levels]
        self.skinned = [
            joint
            for level, bears in zip(levels, bearing, strict=True)
            for joint in level
            if bears and joint in rotating
        ]
        """Joints whose world rotations `forward` returns: those of every level that bears skin."""
        self._bearing = bearing
        self._sizes = [len(level) for level in levels]
        self._rotating_sizes = [len(rotating.intersection(level)) for level in levels]
        for number in range(1, len(levels)):
            parents = [levels[number - 1].index(PARENTS[joint]) for joint in levels[number]]
            self.register_buffer(f"_parents{number}", torch.tensor(parents), persistent=False)

    def forward(self, rotations: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
        """Compose the rotations down the tree.

        Args:
            rotations: (R, 3, 3, B) of the `rotating` joints, each in its parent's frame.
            offsets: (J, 3, B) of the `joints` from their parents at rest; the root's from 0.

        Returns:
            (S, 3, 3, B) world rotations of the `skinned` joints, (J, 3, B) world positions.
        """
        local_rotations = rotations.split(self._rotating_sizes)
        local_offsets = offsets.split(self._sizes)
        # As in smplx, the root turns about its own rest position.
        world, positions = [local_rotations[0]], [local_offsets[0]]
        for number in range(1, len(self._sizes)):
            parents = self.get_buffer(f"_parents{number}")
            frames = world[-1].index_select(0, parents)
            origins = positions[-1].index_select(0, parents)
            positions.append(rotate(frames, local_offsets[number]) + origins)
            if turning := self._rotating_sizes[number]:
                left, right = frames[:turning, :, :, None], local_rotations[number][:, None]
                world.append((left * right).sum(2))
        bearing = [level for level, bears in zip(world, self._bearing, strict=False) if bears]
        return torch.cat(bearing or [rotations[:0]]), torch.cat(positions)


class BlendShapes(nn.Module):
    """n points that are affine in the betas and in the entries of the 24 rotations.

    Args:
        template: (n, 3) metres.
        shape: (n, 3, nb) metres per beta.
        pose: (n, 3, 207) metres per entry of the 23 body rotations minus identity, or None.
        dtype: of the buffers.
    """

    template: Tensor
    shape: Tensor
    pose: Tensor | None

    def __init__(
        self,
        template: NDArray[np.float64],
        shape: NDArray[np.float64],
        pose: NDArray[np.float64] | None,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        rows = template.size
        constant, root_and_body = template.reshape(rows, 1), None
        if pose is not None:
            body = pose.reshape(rows, pose.shape[2])
            constant = constant - (body @ np.tile(np.eye(3).ravel(), 23))[:, None]
            # The root's rotation moves no blend shape.
            root_and_body = torch.tensor(np.pad(body, ((0, 0), (9, 0))), dtype=dtype)
        self.register_buffer("template", torch.tensor(constant, dtype=dtype), persistent=False)
        basis = torch.tensor(shape.reshape(rows, shape.shape[2]), dtype=dtype)
        self.register_buffer("shape", basis, persistent=False)
        self.register_buffer("pose", root_and_body, persistent=False)

    def forward(self, betas: Tensor, rotations: Tensor | None = None) -> Tensor:
        """(B, nb) betas and, where the pose matters, (24, 3, 3, B) rotations -> (n, 3, B)."""
        points = torch.addmm(self.template, self.shape, betas.t())
        if self.pose is not None and rotations is not None:
            points = torch.addmm(points, self.pose, rotations.flatten(0, 2))
        return points.view(len(points) // 3, 3, len(betas))
