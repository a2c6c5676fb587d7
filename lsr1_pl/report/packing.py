"""Arrays as short text: base64 of small integers, which a page's script reads at once."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_STEPS = 8192
"""The steps of a grid over the side of a box; points may lie 3.5 sides away from its middle."""

FARTHEST = 32_000
MISSING = -32_768
"""The number of a point that is not finite."""


def base64_of(values: NDArray[Any], dtype: str) -> str:
    """The values in row-major order as ``dtype``, in base64."""
    return base64.b64encode(np.ascontiguousarray(values, dtype=dtype).tobytes()).decode("ascii")


def bits(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(n, J) flags -> (n,) with bit j set where flag j is; J at most 32."""
    packed: NDArray[np.int64] = (flags * (1 << np.arange(flags.shape[1]))).sum(axis=1)
    return packed


def around(points: Floats) -> Floats:
    """(n, J, 2) -> (n, 3): the middle u and v of each one's box, and the step of a grid over it.

    What is not finite does not count; the box is 1 wide at least.
    """
    known = np.isfinite(points).all(axis=2, keepdims=True)
    low = np.where(known, points, np.inf).min(axis=1)
    high = np.where(known, points, -np.inf).max(axis=1)
    some = np.any(known, axis=1)
    low, high = np.where(some, low, 0.0), np.where(some, high, 0.0)
    side = np.maximum((high - low).max(axis=1), 1.0)
    return np.column_stack([(low + high) / 2, side / _STEPS])


def fixed_point(points: Floats, grid: Floats) -> NDArray[np.int64]:
    """(n, J, 2) in steps of each one's grid of :func:`around`, in the range of int16.

    What is too far is moved to the edge; what is not finite is :data:`MISSING`.
    """
    known = np.isfinite(points).all(axis=2, keepdims=True)
    finite = np.where(known, points, 0.0)
    steps = (finite - grid[:, None, :2]) / grid[:, None, 2:]
    near = np.rint(steps.clip(-FARTHEST, FARTHEST))
    return np.where(known, near, MISSING).astype(np.int64)
