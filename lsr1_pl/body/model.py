"""The body: a shape and a pose to joints or to a mesh."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lsr1_pl.body.files import OPEN_BODY, BodyData, read_body
from lsr1_pl.body.kinematics import (
    BlendShapes,
    KinematicChain,
    PoseRotations,
    check_inputs,
    rotate,
)
from lsr1_pl.body.selection import JointSelection
from lsr1_pl.body.skeleton import JOINTS45, LANDMARKS, PARENTS
from lsr1_pl.ground.precision import in_full_precision

if TYPE_CHECKING:
    import smplx

# smplx cuts bodies of fewer coefficients than this to ten, and prints a warning.
_SMPLX_BETAS = 300

_SKINNED = 32_768
"""Vertices, of all bodies together, that are skinned at a time on a CPU: their blended bones, 12
numbers each, fit a core's cache."""


def load_body_model(
    source: str | Path = "open",
    *,
    num_betas: int = 10,
    dtype: torch.dtype = torch.float32,
) -> BodyModel:
    """Load a body.

    Args:
        source: "open" for the body that comes with this package, or the path of an SMPL-format
            npz (keys: `files.read_body`).
        num_betas: shape coefficients to keep, from 1 to what the file has.
        dtype: of the computation.

    Raises:
        UserError: the file is missing or malformed.
    """
    path = OPEN_BODY if source == "open" else Path(source)
    return BodyModel(read_body(path, num_betas=num_betas), dtype=dtype)


class BodyModel(nn.Module):
    """An SMPL body (Loper et al. 2015), equal to smplx's to rounding.

    y is up, the body faces +z and its left is +x, in metres; there is no translation, so the pelvis
    stands where smplx puts it. Poses are (B, 72) axis-angle radians, root first; betas are
    (B, num_betas). Everything is differentiable twice and a body never depends on its neighbours
    in the batch. There are no parameters, and no checkpoint carries the buffers.

    Args:
        data: the arrays.
        dtype: of the buffers and thus of the computation.
    """

    faces: Tensor
    """(F, 3) vertex numbers."""
    weights: Tensor
    parents: Tensor

    def __init__(self, data: BodyData, *, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self._data = data
        self.num_betas = data.num_betas
        self.num_vertices = data.num_vertices
        self._joints45 = JointSelection.named(data, JOINTS45, dtype=dtype)

        every_joint = set(range(len(PARENTS)))
        self._chain = KinematicChain(every_joint, every_joint)
        self._rotations = PoseRotations(range(len(PARENTS)), dtype)
        self._rest_joints = BlendShapes(
            data.J_regressor @ data.v_template,
            np.einsum("jv,vkn->jkn", data.J_regressor, data.shapedirs),
            None,
            dtype,
        )
        self._rest_vertices = BlendShapes(data.v_template, data.shapedirs, data.posedirs, dtype)
        for name, buffer in (
            ("faces", torch.tensor(data.faces)),
            ("weights", torch.tensor(data.weights, dtype=dtype)),
            ("parents", torch.tensor(PARENTS[1:])),
        ):
            self.register_buffer(name, buffer, persistent=False)

    @property
    def landmark_vertices(self) -> Tensor:
        """(21,) vertex numbers of `skeleton.LANDMARKS`."""
        return torch.from_numpy(self._data.landmark_vertex_ids)

    @in_full_precision
    def rest_joints(self, betas: Tensor) -> Tensor:
        """(B, num_betas) -> (B, 24, 3) joints of the zero pose, metres."""
        joints: Tensor = self._rest_joints(betas)
        return joints.permute(2, 0, 1).contiguous()

    def joints(self, pose: Tensor, betas: Tensor) -> Tensor:
        """(B, 72), (B, num_betas) -> (B, 45, 3) metres, in the order of `skeleton.JOINTS45`.

        Exact, and without the mesh.

        Raises:
            ValueError: pose or betas are not of these shapes.
        """
        joints: Tensor = self._joints45(pose, betas)
        return joints

    @in_full_precision
    def vertices(self, pose: Tensor, betas: Tensor) -> Tensor:
        """(B, 72), (B, num_betas) -> (B, V, 3) metres.

        Needs some 12 V numbers of memory for each body, with gradients 25 V: cut long sequences
        into batches.

        Raises:
            ValueError: pose or betas are not of these shapes.
        """
        check_inputs(pose, betas, self.num_betas)
        rotations = self._rotations(pose)
        rest = self._rest_joints(betas)
        offsets = torch.cat([rest[:1], rest[1:] - rest.index_select(0, self.parents)])
        # SMPL numbers its joints level by level, so the whole chain's order is SMPL's.
        world, positions = self._chain(rotations, offsets)
        # Skinning moves rest vertices: take each bone's own rest position out of its translation.
        translations = positions - rotate(world, rest)
        bones = torch.cat([world, translations[:, :, None]], dim=2)
        vertices = self._rest_vertices(betas, rotations)
        size = self.num_vertices
        if pose.device.type == "cpu":
            size = max(1, _SKINNED // max(1, len(pose)))
        parts = zip(self.weights.split(size), vertices.split(size), strict=True)
        posed = torch.cat([_skinned(weights, bones, part) for weights, part in parts])
        # As a matrix: torch transposes those by blocks.
        return posed.flatten(0, 1).t().contiguous().view(len(pose), self.num_vertices, 3)

    def select(self, names: Sequence[str]) -> JointSelection:
        """A module (pose, betas) -> (B, len(names), 3) that computes just these joints.

        Args:
            names: of `skeleton.JOINTS45`, for example `skeleton.COCO18`.

        Raises:
            ValueError: a name is not one of them.
        """
        selection = JointSelection.named(self._data, names, dtype=self.weights.dtype)
        return selection.to(self.weights.device)

    def regressed(self, regressor: Tensor | NDArray[np.floating]) -> JointSelection:
        """A module (pose, betas) -> (B, R, 3) equal to ``regressor @ vertices``, without the mesh.

        Args:
            regressor: (R, V), for example the 17 joints of ``J_regressor_h36m``.

        Raises:
            ValueError: the regressor is not of this body's number of vertices.
        """
        rows = np.asarray(torch.as_tensor(regressor).detach().cpu(), dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.num_vertices:
            raise ValueError(
                f"the regressor has shape {rows.shape}, expected (R, {self.num_vertices})"
            )
        selection = JointSelection(self._data, [], rows, dtype=self.weights.dtype)
        return selection.to(self.weights.device)

    def to_smplx(self) -> smplx.SMPL:
        """The same body as an `smplx.SMPL` of this dtype and device, its parameters frozen."""
        import smplx
        from smplx.utils import Struct

        data = self._data
        extra = max(0, _SMPLX_BETAS - data.num_betas)
        posedirs = data.posedirs
        struct = Struct(
            v_template=data.v_template,
            shapedirs=np.pad(data.shapedirs, ((0, 0), (0, 0), (0, extra))),
            posedirs=np.zeros((data.num_vertices, 3, 207)) if posedirs is None else posedirs,
            J_regressor=data.J_regressor,
            weights=data.weights,
            kintree_table=np.array([PARENTS, range(len(PARENTS))]),
            f=data.faces,
        )
        body = smplx.SMPL(
            model_path="",
            data_struct=struct,
            num_betas=data.num_betas,
            vertex_ids=dict(zip(LANDMARKS, data.landmark_vertex_ids.tolist(), strict=True)),
            dtype=self.weights.dtype,
        )
        return body.requires_grad_(False).to(self.weights.device)


def _skinned(weights: Tensor, bones: Tensor, vertices: Tensor) -> Tensor:
    """(n, 24) of (24, 3, 4, B) move (n, 3, B) rest vertices -> (n, 3, B)."""
    skin = (weights @ bones.flatten(1)).view(len(weights), *bones.shape[1:])
    return rotate(skin[:, :, :3], vertices) + skin[:, :, 3]
