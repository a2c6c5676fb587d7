"""A symmetric, lighter mesh: simplify the left half, then mirror it."""

from __future__ import annotations

from dataclasses import dataclass

import fast_simplification
import numpy as np
import trimesh
from numpy.typing import NDArray

from open_body.makehuman import Floats, Ints, Source
from open_body.skeleton import MIRROR

Bools = NDArray[np.bool_]

_ON_SEAM = 1e-6


@dataclass(frozen=True)
class Carrier:
    """A mesh whose V vertices are mixes of a source's vertices; its right mirrors its left."""

    sources: Ints
    """(V, 3) vertex numbers of the source, all of its left half."""
    mix: Floats
    """(V, 3) rows sum to one."""
    right: Bools
    """(V,) vertices that are mirrored."""
    seam: Bools
    """(V,) vertices in the middle plane."""
    mirrored: Ints
    """(V,) each vertex's counterpart."""
    triangles: Ints
    """(F, 3)"""

    def points(self, vertices: Floats) -> Floats:
        """(N, Vb, 3) places of the source's vertices -> (N, V, 3)."""
        result: Floats = np.einsum("vk,nvkc->nvc", self.mix, vertices[:, self.sources])
        result[:, self.right] = result[:, self.right] @ MIRROR
        result[:, self.seam, 0] = 0
        return result

    def weights(self, values: Floats, mirrored_columns: list[int]) -> Floats:
        """(Vb, C) skinning weights of the source's vertices -> (V, C)."""
        result: Floats = np.einsum("vk,vkc->vc", self.mix, values[self.sources])
        result[self.right] = result[self.right][:, mirrored_columns]
        result[self.seam] = (result[self.seam] + result[self.seam][:, mirrored_columns]) / 2
        return result


def left_triangles(source: Source) -> Ints:
    """(F, 3) triangles of the body and its eye on x >= 0."""
    quads = np.concatenate([source.groups["body"], source.groups["helper-l-eye"]])
    quads = quads[(source.vertices[:, 0] > -_ON_SEAM)[quads].all(axis=1)]
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def seam_vertices(source: Source) -> Bools:
    """(Vb,) which of the source's vertices lie in the middle plane."""
    seam: Bools = np.abs(source.vertices[:, 0]) < _ON_SEAM
    return seam


def simplified(vertices: Floats, triangles: Ints, seam: Bools, count: int) -> Carrier:
    """Simplify the left half to about ``count / 2`` vertices and join it with its mirror image.

    Args:
        vertices: (Vb, 3) of the mean body.
        triangles: (F, 3) of the left half.
        seam: (Vb,) vertices in the middle plane.
        count: vertices wanted in the whole mesh.
    """
    used, local = np.unique(triangles, return_inverse=True)
    local = local.reshape(-1, 3)
    points, faces = fast_simplification.simplify(
        vertices[used].astype(np.float32), local.astype(np.int32), target_count=count
    )
    half = trimesh.Trimesh(vertices[used], local, process=False)
    closest, _, found = trimesh.proximity.closest_point(half, points)
    mix = trimesh.triangles.points_to_barycentric(half.triangles[found], closest).clip(0, 1)
    mix /= mix.sum(axis=1, keepdims=True)
    sources = used[local[found]]
    # Only the border of the half mesh lies in the plane, and simplification keeps it there.
    on_seam = np.abs(points[:, 0]) < 1e-5
    seam_numbers = used[seam[used]]
    for vertex in np.flatnonzero(on_seam):
        nearest = np.argsort(np.linalg.norm(vertices[seam_numbers] - points[vertex], axis=1))[:2]
        sources[vertex] = seam_numbers[[nearest[0], nearest[0], nearest[1]]]
        mix[vertex] = _between(vertices[sources[vertex]], points[vertex])
    return _joined(sources, mix, on_seam, faces.astype(np.int64))


def _between(corners: Floats, point: Floats) -> Floats:
    along = corners[2] - corners[0]
    share = np.clip((point - corners[0]) @ along / (along @ along), 0, 1)
    return np.array([1 - share, 0, share])


def _joined(sources: Ints, mix: Floats, on_seam: Bools, faces: Ints) -> Carrier:
    half = len(sources)
    copied = np.flatnonzero(~on_seam)
    other = np.arange(half)
    other[copied] = half + np.arange(len(copied))
    mirrored = np.concatenate([other, copied])
    both = np.concatenate([np.arange(half), copied])
    return Carrier(
        sources=sources[both],
        mix=mix[both],
        right=np.arange(len(both)) >= half,
        seam=np.concatenate([on_seam, np.zeros(len(copied), dtype=bool)]),
        mirrored=mirrored,
        # A mirror turns triangles inside out; the reversed order turns them back.
        triangles=np.concatenate([faces, other[faces][:, ::-1]]),
    )


def smoothed(weights: Floats, triangles: Ints, rounds: int) -> Floats:
    """Average (V, C) weights with the mean over neighbours, ``rounds`` times."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)
    count = np.bincount(edges[:, 0], minlength=len(weights))[:, None]
    for _ in range(rounds):
        around = np.zeros_like(weights)
        np.add.at(around, edges[:, 0], weights[edges[:, 1]])
        weights = (weights + around / np.maximum(count, 1)) / 2
    return weights
