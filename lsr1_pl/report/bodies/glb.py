"""A fitted body as a GLB file: a mesh, its skeleton, and the motion of a sequence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lsr1_pl.body import BodyModel
from lsr1_pl.body.skeleton import PARENTS, SMPL_JOINTS
from lsr1_pl.ground.files import written

_INFLUENCES = 4
"""Bones that move a vertex, at most: what every viewer supports."""
_MARGIN = 1.0
"""Metres of ground around the body."""


def write_glb(
    path: Path,
    body: BodyModel,
    pose: Tensor,
    betas: Tensor,
    times: NDArray[np.float64] | None = None,
    root: NDArray[np.float64] | None = None,
) -> None:
    """One person's skinned mesh, animated over the frames of ``pose``; written whole or not at all.

    The four largest skinning weights of each vertex, normalised; pose-dependent corrections of
    the mesh are left out, as glTF has no such thing (a centimetre at bent elbows and knees).

    Args:
        path: of the ``.glb``.
        body: the body.
        pose: (T, 72) axis-angle in radians; one row is a still.
        betas: (num_betas,) one shape for the whole sequence.
        times: (T,) seconds of the frames, increasing; without it 30 a second.
        root: (T, 3) where the pelvis is, metres, y up: the body moves over a ground at y = 0,
            which is in the file too; without it the body stays in place.
    """
    import pygltflib as gltf

    blob = _Blob()
    rest, bones = _rest(body, betas)
    joints, weights = _influences(body)
    faces = body.faces.cpu().numpy().astype(np.uint32)
    file = gltf.GLTF2(asset=gltf.Asset(version="2.0", generator="lsr1_pl"))
    mesh = gltf.Primitive(
        attributes=gltf.Attributes(
            POSITION=blob.add(rest, gltf.FLOAT, "VEC3", bounds=True),
            NORMAL=blob.add(_normals(rest, faces), gltf.FLOAT, "VEC3"),
            JOINTS_0=blob.add(joints, gltf.UNSIGNED_SHORT, "VEC4"),
            WEIGHTS_0=blob.add(weights, gltf.FLOAT, "VEC4"),
        ),
        indices=blob.add(faces.reshape(-1), gltf.UNSIGNED_INT, "SCALAR"),
        material=0,
    )
    file.materials = [_material([0.65, 0.74, 0.86, 1.0])]
    file.meshes = [gltf.Mesh(name="body", primitives=[mesh])]
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(bones), 1, 1))
    inverse[:, 3, :3] = -bones  # glTF stores matrices by column
    file.skins = [
        gltf.Skin(
            joints=list(range(len(bones))),
            inverseBindMatrices=blob.add(inverse.reshape(-1, 16), gltf.FLOAT, "MAT4"),
            skeleton=0,
        )
    ]
    rotations = _quaternions(pose)
    for number, name in enumerate(SMPL_JOINTS):
        parent = PARENTS[number]
        offset = bones[number] - (bones[parent] if parent >= 0 else 0)
        children = [child for child, above in enumerate(PARENTS) if above == number]
        file.nodes.append(
            gltf.Node(
                name=name,
                children=children or None,
                translation=(offset if parent >= 0 or root is None else root[0]).tolist(),
                rotation=rotations[0, number].tolist(),
            )
        )
    file.nodes.append(gltf.Node(name="person", mesh=0, skin=0))
    nodes = [0, len(bones)]
    if root is not None:
        file.materials.append(_material([0.82, 0.82, 0.8, 1.0]))
        file.meshes.append(gltf.Mesh(name="ground", primitives=[_ground(root, blob)]))
        file.nodes.append(gltf.Node(name="ground", mesh=1))
        nodes.append(len(bones) + 1)
    file.scenes = [gltf.Scene(nodes=nodes)]
    file.scene = 0
    if len(pose) > 1:
        clock = np.arange(len(pose)) / 30.0 if times is None else times
        file.animations = [_animation(rotations, root, clock, blob)]
    blob.into(file)
    with written(path) as partial:
        partial.write_bytes(b"".join(file.save_to_bytes()))


class _Blob:
    """The binary chunk of a GLB, and what lies where in it."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._views: list[object] = []
        self._accessors: list[object] = []

    def add(
        self, array: NDArray[np.generic], component: int, kind: str, bounds: bool = False
    ) -> int:
        """Append an array; its accessor's number."""
        import pygltflib as gltf

        self._bytes += bytes(-len(self._bytes) % 4)
        data = np.ascontiguousarray(array).tobytes()
        self._views.append(
            gltf.BufferView(buffer=0, byteOffset=len(self._bytes), byteLength=len(data))
        )
        self._bytes += data
        accessor = gltf.Accessor(
            bufferView=len(self._views) - 1, componentType=component, count=len(array), type=kind
        )
        if bounds:
            rows = array.reshape(len(array), -1)
            accessor.min, accessor.max = rows.min(axis=0).tolist(), rows.max(axis=0).tolist()
        self._accessors.append(accessor)
        return len(self._accessors) - 1

    def into(self, file: object) -> None:
        """Hand all over to the file."""
        import pygltflib as gltf

        assert isinstance(file, gltf.GLTF2)
        self._bytes += bytes(-len(self._bytes) % 4)
        file.bufferViews, file.accessors = self._views, self._accessors
        file.buffers = [gltf.Buffer(byteLength=len(self._bytes))]
        file.set_binary_blob(bytes(self._bytes))


def _rest(body: BodyModel, betas: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(V, 3) vertices and (24, 3) joints of the zero pose."""
    shape = betas.unsqueeze(0)
    with torch.no_grad():
        vertices = body.vertices(torch.zeros(1, 72, dtype=shape.dtype), shape)[0]
        joints = body.rest_joints(shape)[0]
    return vertices.float().numpy(), joints.float().numpy()


def _influences(body: BodyModel) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    """(V, 4) the bones that move each vertex most, and their weights."""
    weights, joints = body.weights.float().topk(_INFLUENCES, dim=1)
    weights = weights / weights.sum(dim=1, keepdim=True)
    joints = torch.where(weights > 0, joints, torch.zeros_like(joints))
    return joints.numpy().astype(np.uint16), weights.numpy()


def _normals(vertices: NDArray[np.float32], faces: NDArray[np.uint32]) -> NDArray[np.float32]:
    """(V, 3) unit normals, of the faces around weighted by their areas."""
    corners = vertices[faces]
    by_face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    summed = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(summed, faces[:, corner], by_face)
    lengths = np.linalg.norm(summed, axis=1, keepdims=True)
    up = np.broadcast_to(np.array([0, 1, 0], dtype=np.float32), summed.shape)
    return np.where(lengths > 0, summed / np.maximum(lengths, 1e-20), up).astype(np.float32)


def _quaternions(pose: Tensor) -> NDArray[np.float32]:
    """(T, 72) -> (T, 24, 4), x y z w, without jumps of sign from frame to frame."""
    from scipy.spatial.transform import Rotation

    vectors = pose.double().numpy().reshape(-1, 3)
    turned = Rotation.from_rotvec(vectors).as_quat().reshape(len(pose), -1, 4)
    for frame in range(1, len(turned)):
        flipped = (turned[frame] * turned[frame - 1]).sum(axis=1) < 0
        turned[frame, flipped] *= -1
    return turned.astype(np.float32)


def _material(colour: list[float]) -> object:
    import pygltflib as gltf

    return gltf.Material(
        pbrMetallicRoughness=gltf.PbrMetallicRoughness(
            baseColorFactor=colour, metallicFactor=0.0, roughnessFactor=0.8
        ),
        doubleSided=True,
    )


def _ground(root: NDArray[np.float64], blob: _Blob) -> object:
    """A rectangle at y = 0, a margin wider than the way of the body."""
    import pygltflib as gltf

    low, high = root.min(axis=0) - _MARGIN, root.max(axis=0) + _MARGIN
    corners = [[x, 0.0, z] for x in (low[0], high[0]) for z in (low[2], high[2])]
    up = np.tile(np.array([0, 1, 0], dtype=np.float32), (4, 1))
    return gltf.Primitive(
        attributes=gltf.Attributes(
            POSITION=blob.add(np.array(corners, dtype=np.float32), gltf.FLOAT, "VEC3", bounds=True),
            NORMAL=blob.add(up, gltf.FLOAT, "VEC3"),
        ),
        indices=blob.add(np.array([0, 1, 2, 2, 1, 3], np.uint32), gltf.UNSIGNED_INT, "SCALAR"),
        material=1,
    )


def _animation(
    rotations: NDArray[np.float32],
    root: NDArray[np.float64] | None,
    times: NDArray[np.float64],
    blob: _Blob,
) -> object:
    import pygltflib as gltf

    clock = blob.add(times.astype(np.float32), gltf.FLOAT, "SCALAR", bounds=True)
    animation = gltf.Animation(name="motion")
    moves = [(number, "rotation", rotations[:, number]) for number in range(rotations.shape[1])]
    if root is not None:
        moves.append((0, "translation", root.astype(np.float32)))
    for sampler, (node, path, values) in enumerate(moves):
        output = blob.add(values, gltf.FLOAT, f"VEC{values.shape[1]}")
        animation.samplers.append(gltf.AnimationSampler(input=clock, output=output))
        target = gltf.AnimationChannelTarget(node=node, path=path)
        animation.channels.append(gltf.AnimationChannel(sampler=sampler, target=target))
    return animation
