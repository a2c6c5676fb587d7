"""Shape coefficients and the joint regressor, fitted to a population of T-posed meshes."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls
from scipy.spatial import cKDTree

from lsr1_pl.body.skeleton import SMPL_JOINTS
from open_body.makehuman import Floats, Ints
from open_body.mesh import Carrier
from open_body.skeleton import mirrored_joint

_NEAR = 150
_FITTED_BODIES = 100
_SPREAD = 1e-3  # Metres: fits joints to millimetres, and still shares the weight among vertices.


def principal_shapes(meshes: Floats, triangles: Ints, count: int) -> tuple[Floats, Floats]:
    """Principal components of (N, V, 3) meshes by area: (V, 3) mean, (V, 3, count) components.

    A component is what one standard deviation of the population changes, so that a beta drawn
    from N(0, 1) is a likely body. Signs: a positive beta makes the body larger.
    """
    people, vertices, _ = meshes.shape
    mean = meshes.mean(axis=0)
    root_area = np.sqrt(_vertex_areas(mean, triangles))
    weighted = ((meshes - mean) * root_area[:, None]).reshape(people, -1)
    _, scale, axes = np.linalg.svd(weighted, full_matrices=False)
    components = (axes[:count] * scale[:count, None] / np.sqrt(people - 1)).reshape(-1, vertices, 3)
    components = components / root_area[:, None]
    growth = np.einsum("kvc,vc->k", components * root_area[:, None] ** 2, mean)
    return mean, (components * np.sign(growth)[:, None, None]).transpose(1, 2, 0)


def area_rms(offsets: Floats, mean: Floats, triangles: Ints) -> Floats:
    """Root mean square length over the surface of (V, 3, nb) offsets: (nb,)."""
    areas = _vertex_areas(mean, triangles)
    squared = (offsets**2).sum(axis=1)
    result: Floats = np.sqrt((areas[:, None] * squared).sum(axis=0) / areas.sum())
    return result


def _vertex_areas(vertices: Floats, triangles: Ints) -> Floats:
    corners = vertices[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(normals, axis=1) / 6
    return np.bincount(triangles.ravel(), np.repeat(areas, 3), minlength=len(vertices)) + 1e-12


def joint_regressor(meshes: Floats, joints: Floats, weights: Floats, carrier: Carrier) -> Floats:
    """(24, V) non-negative rows that sum to one and give (N, 24, 3) joints from (N, V, 3) meshes.

    Args:
        meshes: T-posed.
        joints: of these meshes.
        weights: (V, 24) skinning weights: a joint is regressed from where it moves the skin.
        carrier: names each vertex's counterpart, so that the regressor is symmetric.
    """
    regressor = np.zeros((len(SMPL_JOINTS), meshes.shape[1]))
    mean, tree = joints.mean(axis=0), cKDTree(meshes.mean(axis=0))
    for j, joint in enumerate(SMPL_JOINTS):
        if joint.startswith("right_"):
            continue
        _, near = tree.query(mean[j], k=_NEAR)
        edge = np.argsort(-weights[:, j] * (1 - weights[:, j]), kind="stable")[:_NEAR]
        support = np.unique(np.concatenate([near, edge]))
        if not joint.startswith("left_"):
            support = np.unique(np.concatenate([support, carrier.mirrored[support]]))
        row = _nonnegative_fit(meshes[:_FITTED_BODIES, support], joints[:_FITTED_BODIES, j])
        regressor[j, support] = row
        if joint.startswith("left_"):
            other = SMPL_JOINTS.index(mirrored_joint(joint))
            regressor[other, carrier.mirrored[support]] = row
        else:
            regressor[j] = (regressor[j] + regressor[j, carrier.mirrored]) / 2
    return regressor


def _nonnegative_fit(vertices: Floats, targets: Floats) -> Floats:
    """Weights (S,) from (N, S, 3) vertices to (N, 3) targets."""
    count = vertices.shape[1]
    heavy = 100.0  # The sum of weights is to be one, before anything else.
    matrix = np.concatenate(
        [
            vertices.transpose(0, 2, 1).reshape(-1, count),
            np.full((1, count), heavy),
            _SPREAD * np.sqrt(len(vertices)) * np.eye(count),
        ]
    )
    wanted = np.concatenate([targets.ravel(), [heavy], np.zeros(count)])
    row, _ = nnls(matrix, wanted, maxiter=100 * count)
    row[row < 1e-4] = 0
    scaled: Floats = row / row.sum()
    return scaled
