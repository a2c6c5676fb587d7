"""Some joints of a body, exact, without its mesh."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lsr1_pl.body.files import BodyData
from lsr1_pl.body.kinematics import (
    BlendShapes,
    KinematicChain,
    PoseRotations,
    check_inputs,
    rotate,
)
from lsr1_pl.body.skeleton import JOINTS45, PARENTS, SMPL_JOINTS
from lsr1_pl.ground.precision import in_full_precision


class JointSelection(nn.Module):
    """Joints of the tree and linear combinations of posed vertices, computing only what they need.

    A combination r of skinned vertices is a sum over bones of rotated *pieces*,

        sum_v R[r,v] x_v = sum_b G_b m[r,b] + s[r,b] t_b,
        m[r,b] = sum_v R[r,v] W[v,b] (v_v - j_b),   s[r,b] = sum_v R[r,v] W[v,b],

    with G_b, t_b a bone's world rotation and position, j_b its rest position and v_v the blended
    rest vertex. A piece m is affine in betas and pose blend shapes, so R and W are contracted
    once, here. A landmark is the combination of one vertex.

    Args:
        data: the body.
        tree_joints: numbers of SMPL joints, output first in this order.
        combinations: (n, V) rows R, output after them.
        order: the output's order over both together; as they come if None.
        dtype: of the buffers.
    """

    combine: Tensor
    piece_bones: Tensor
    turning: Tensor

    def __init__(
        self,
        data: BodyData,
        tree_joints: Sequence[int],
        combinations: NDArray[np.float64],
        *,
        order: Sequence[int] | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        support = np.flatnonzero(combinations.any(0))
        parts = np.einsum("rv,vb->rbv", combinations[:, support], data.weights[support])
        rows, skin = np.nonzero(parts.any(2))
        parts, bones = parts[rows, skin], skin.tolist()
        self.chain = KinematicChain(set(tree_joints), set(bones))

        joints, shares = self.chain.joints, parts.sum(1)
        rest = data.J_regressor @ data.v_template
        rest_shape = np.einsum("jv,vkn->jkn", data.J_regressor, data.shapedirs)
        parents = [PARENTS[joint] for joint in joints[1:]]
        self.offsets = BlendShapes(
            np.concatenate([rest[:1], rest[joints[1:]] - rest[parents]]),
            np.concatenate([rest_shape[:1], rest_shape[joints[1:]] - rest_shape[parents]]),
            None,
            dtype,
        )
        self.pieces = BlendShapes(
            parts @ data.v_template[support] - shares[:, None] * rest[bones],
            np.einsum("pv,vkn->pkn", parts, data.shapedirs[support])
            - shares[:, None, None] * rest_shape[bones],
            None
            if data.posedirs is None or rows.size == 0
            else np.einsum("pv,vkn->pkn", parts, data.posedirs[support]),
            dtype,
        )

        # The output mixes tree joints, bone positions and rotated pieces: one constant matrix.
        place = {joint: index for index, joint in enumerate(joints)}
        combine = np.zeros((len(tree_joints) + len(combinations), len(joints) + len(rows)))
        combine[range(len(tree_joints)), [place[joint] for joint in tree_joints]] = 1
        combine[len(tree_joints) + rows, len(joints) + np.arange(len(rows))] = 1
        combine[len(tree_joints) + rows, [place[bone] for bone in bones]] = shares
        combine = combine if order is None else combine[list(order)]
        self.register_buffer("combine", torch.tensor(combine, dtype=dtype), persistent=False)

        rotating, skinned = self.chain.rotating, self.chain.skinned
        # Pose blend shapes need every rotation, the chain only some.
        all_joints = self.pieces.pose is not None
        self.rotations = PoseRotations(range(len(SMPL_JOINTS)) if all_joints else rotating, dtype)
        piece_bones = torch.tensor([skinned.index(bone) for bone in bones], dtype=torch.long)
        self.register_buffer("piece_bones", piece_bones, persistent=False)
        turning = torch.tensor(rotating, dtype=torch.long)
        self.register_buffer("turning", turning, persistent=False)

    @classmethod
    def named(
        cls, data: BodyData, names: Sequence[str], *, dtype: torch.dtype = torch.float32
    ) -> JointSelection:
        """The joints and landmarks of these names of `skeleton.JOINTS45`, in this order.

        Raises:
            ValueError: a name is not one of `skeleton.JOINTS45`.
        """
        if unknown := sorted(set(names) - set(JOINTS45)):
            raise ValueError(f"no such joints: {unknown}; the names are {list(JOINTS45)}")
        indices = [JOINTS45.index(name) for name in names]
        tree = [index for index in indices if index < len(SMPL_JOINTS)]
        marks = [index - len(SMPL_JOINTS) for index in indices if index >= len(SMPL_JOINTS)]
        one_hot = np.zeros((len(marks), data.num_vertices))
        one_hot[range(len(marks)), data.landmark_vertex_ids[marks]] = 1
        computed = tree + [len(SMPL_JOINTS) + mark for mark in marks]
        order = [computed.index(index) for index in indices]
        return cls(data, tree, one_hot, order=order, dtype=dtype)

    @in_full_precision
    def forward(self, pose: Tensor, betas: Tensor) -> Tensor:
        """Positions in metres.

        Args:
            pose: (B, 72) axis-angle radians, root first.
            betas: (B, nb) shape coefficients.

        Returns:
            (B, n, 3) joints, in the body's frame without translation.

        Raises:
            ValueError: pose or betas are not of these shapes.
        """
        check_inputs(pose, betas, self.offsets.shape.shape[1])
        return self._placed(self.rotations(pose), betas)

    @in_full_precision
    def at_rotations(self, rotations: Tensor, betas: Tensor) -> Tensor:
        """Positions in metres, of poses that are given as matrices.

        Args:
            rotations: (B, 24, 3, 3) rotation matrices, root first, each in its parent's frame.
            betas: (B, nb) shape coefficients.

        Returns:
            (B, n, 3) joints, as `forward` gives them.
        """
        joints = list(self.rotations.joints)
        return self._placed(rotations[:, joints].permute(1, 2, 3, 0).contiguous(), betas)

    def _placed(self, rotations: Tensor, betas: Tensor) -> Tensor:
        """(n, 3, 3, B) rotations of the joints that matter, and betas, to (B, n, 3) metres."""
        turned = rotations
        if self.pieces.pose is not None:
            turned = rotations.index_select(0, self.turning)
        world, positions = self.chain(turned, self.offsets(betas))
        pieces = self.pieces(betas, rotations)
        rotated = rotate(world.index_select(0, self.piece_bones), pieces)
        known = torch.cat([positions, rotated])
        chosen = self.combine @ known.flatten(1)
        return chosen.view(len(chosen), 3, len(betas)).permute(2, 0, 1).contiguous()
