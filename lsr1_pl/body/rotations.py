"""Rotations as axis-angle vectors (radians) and as matrices, smooth where they must be.

Every function here has right first and second derivatives at angle 0 and near angle pi: a learned
optimiser differentiates an objective's gradient, and its bodies start at the zero pose.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import normalize

# Below this squared angle a five-term series is exact to double precision, and above it the closed
# forms lose no more than two digits in their first derivative.
_SMALL = 1e-2


def rotation_matrix(axis_angle: Tensor) -> Tensor:
    """Rodrigues' formula, R = cos(t) I + sin(t)/t [r]x + (1 - cos(t))/t^2 r r^T with t = |r|.

    Args:
        axis_angle: (..., 3) radians, any length.

    Returns:
        (..., 3, 3) rotation matrices.
    """
    columns = axis_angle.reshape(1, -1, 3).mT
    turns = generators(axis_angle.dtype).to(axis_angle.device, non_blocking=True)
    matrices = rodrigues(columns, turns)
    return matrices.permute(0, 3, 1, 2).reshape(*axis_angle.shape, 3)


def generators(dtype: torch.dtype) -> Tensor:
    """(9, 3): takes a vector r to the entries of [r]x, row by row."""
    result = torch.zeros(9, 3, dtype=dtype)
    result[[7, 2, 3], [0, 1, 2]] = 1
    result[[5, 6, 1], [0, 1, 2]] = -1
    return result


def rodrigues(vectors: Tensor, generators: Tensor) -> Tensor:
    """`rotation_matrix` for callers that keep many vectors in the last dimension.

    Args:
        vectors: (n, 3, B) axis-angle radians.
        generators: `generators`, of the same dtype and device.

    Returns:
        (n, 3, 3, B).
    """
    square = (vectors * vectors).sum(1)[:, None, None]
    sine, versine = _sine_and_versine(square)
    outer = vectors[:, :, None] * vectors[:, None]
    cross = (generators @ vectors).unflatten(1, (3, 3))
    identity = torch.eye(3, dtype=vectors.dtype, device=vectors.device).unsqueeze(-1)
    return (1 - versine * square) * identity + sine * cross + versine * outer


def axis_angle(matrix: Tensor) -> Tensor:
    """The axis-angle vectors of rotation matrices, the inverse of `rotation_matrix`.

    The largest quaternion component chooses which of four equal formulas is used (Shepperd 1978),
    so no derivative is singular; at angle pi exactly either of the two axes may come back.

    Args:
        matrix: (..., 3, 3) rotation matrices.

    Returns:
        (..., 3) radians, of length at most pi.
    """
    quaternion = _unit_quaternion(matrix)
    real, vector = quaternion[..., 0], quaternion[..., 1:]
    square = (vector * vector).sum(-1)
    small = square < _SMALL
    safe = torch.where(small, torch.ones_like(square), square)
    length = safe.sqrt()
    closed = 2 * torch.atan2(length, real) / length
    # 2 asin(n) / n, n^2 = square: equal to the closed form on unit quaternions.
    series = _polynomial(square, (2, 1 / 3, 3 / 20, 5 / 56, 35 / 576, 63 / 1408, 231 / 6656))
    return torch.where(small, series, closed)[..., None] * vector


def rotation_from_6d(columns: Tensor) -> Tensor:
    """Two vectors made the first two columns of a rotation matrix, by Gram and Schmidt.

    A representation without jumps (Zhou, Barnes, Lu, Yang, Li, CVPR 2019): neighbouring rotations
    have neighbouring vectors, which three numbers cannot give.

    Args:
        columns: (..., 6) the first vector, then the second; neither zero, and not parallel.

    Returns:
        (..., 3, 3) rotation matrices.
    """
    first = normalize(columns[..., :3], dim=-1)
    rest = columns[..., 3:]
    second = normalize(rest - (first * rest).sum(-1, keepdim=True) * first, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=-1)


def nearest_turn(axis_angle: Tensor, to: Tensor) -> Tensor:
    """The same rotations, by the vectors that are nearest to other ones.

    A rotation of t about an axis is also one of t - 2 pi: near a half turn, two vectors that are
    far apart stand for neighbouring rotations.

    Args:
        axis_angle: (..., 3) radians.
        to: (..., 3) radians.

    Returns:
        (..., 3) radians, ``axis_angle`` plus a whole number of turns about its own axis.
    """
    angle = axis_angle.norm(dim=-1, keepdim=True)
    sound = angle > 0
    axis = axis_angle / torch.where(sound, angle, torch.ones_like(angle))
    turns = torch.round(((to * axis).sum(-1, keepdim=True) - angle) / (2 * math.pi))
    return torch.where(turns != 0, axis_angle + 2 * math.pi * turns * axis, axis_angle)


def halfway(first: Tensor, second: Tensor) -> Tensor:
    """The mean of two rotations: the one halfway along the shortest turn between them.

    Args:
        first: (..., 3, 3) rotation matrices.
        second: (..., 3, 3); where it is half a turn from ``first``, either way round is taken.

    Returns:
        (..., 3, 3) rotation matrices.
    """
    return first @ rotation_matrix(0.5 * axis_angle(first.mT @ second))


def compose(first: Tensor, second: Tensor) -> Tensor:
    """Axis-angle of R(first) R(second): ``second`` is applied first.

    Args:
        first: (..., 3) radians.
        second: (..., 3) radians, broadcastable with ``first``.

    Returns:
        (..., 3) radians, of length at most pi.
    """
    return axis_angle(rotation_matrix(first) @ rotation_matrix(second))


def wrap(axis_angle: Tensor) -> Tensor:
    """The same rotations with angles of at most pi.

    Args:
        axis_angle: (..., 3) radians, any length.

    Returns:
        (..., 3) radians; vectors no longer than pi come back as they are.
    """
    square = (axis_angle * axis_angle).sum(-1, keepdim=True)
    long = square > math.pi**2
    angle = torch.where(long, square, torch.ones_like(square)).sqrt()
    turns = torch.round(angle / (2 * math.pi))
    return torch.where(long, 1 - 2 * math.pi * turns / angle, torch.ones_like(angle)) * axis_angle


def _sine_and_versine(square: Tensor) -> tuple[Tensor, Tensor]:
    """sin(t)/t and (1 - cos(t))/t^2 as functions of t^2."""
    small = square < _SMALL
    # The closed branch never sees a small angle, so its derivatives stay finite when masked.
    safe = torch.where(small, torch.ones_like(square), square)
    angle = safe.sqrt()
    sine = torch.where(
        small,
        _polynomial(square, (1, -1 / 6, 1 / 120, -1 / 5040, 1 / 362880)),
        angle.sin() / angle,
    )
    versine = torch.where(
        small,
        _polynomial(square, (1 / 2, -1 / 24, 1 / 720, -1 / 40320, 1 / 3628800)),
        (1 - angle.cos()) / safe,
    )
    return sine, versine


def _polynomial(x: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    result = torch.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        result = result * x + coefficient
    return result


def _unit_quaternion(matrix: Tensor) -> Tensor:
    """(..., 4) unit quaternions, real part first and not negative."""
    (a, b, c), (d, e, f), (g, h, i) = (row.unbind(-1) for row in matrix.unbind(-2))
    # Row k of the symmetric matrix 4 q q^T is the quaternion times four times its component k.
    rows = torch.stack(
        [
            *(1 + a + e + i, h - f, c - g, d - b),
            *(h - f, 1 + a - e - i, b + d, c + g),
            *(c - g, b + d, 1 - a + e - i, f + h),
            *(d - b, c + g, f + h, 1 - a - e + i),
        ],
        dim=-1,
    ).unflatten(-1, (4, 4))
    largest = rows.diagonal(dim1=-2, dim2=-1).argmax(-1)
    index = largest[..., None, None].expand(*largest.shape, 1, 4)
    row = rows.gather(-2, index).squeeze(-2)
    quaternion = row / row.norm(dim=-1, keepdim=True)
    return torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)
