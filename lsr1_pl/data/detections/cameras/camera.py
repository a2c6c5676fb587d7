"""A calibrated camera: its intrinsics and the distortion of its lens, in OpenCV's model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.ground.errors import UserError

Floats = NDArray[np.float64]
Intrinsics = tuple[float, float, float, float]
"""fx, fy, cx, cy in pixels."""

COEFFICIENTS = 8
"""k1, k2, p1, p2, k3, k4, k5, k6 of the rational model; fewer mean that the rest is 0."""
_STEPS = 30
_SAME_PIXEL = 1e-6


class Camera(NamedTuple):
    """A camera that images were taken with."""

    intrinsics: Intrinsics
    """fx, fy, cx, cy in pixels."""
    distortion: tuple[float, ...] = ()
    """k1, k2, p1, p2, k3, k4, k5, k6 of OpenCV; empty without any."""

    def distorted(self, pixels: Floats) -> Floats:
        """(..., 2) pixels of the same camera without distortion -> where the image shows them."""
        if not self.distortion:
            return pixels
        return self._pixels(_distort(self._slopes(pixels), self.distortion)[0])

    def undistorted(self, pixels: Floats) -> Floats:
        """(..., 2) pixels of the image -> those of the same camera without distortion.

        Newton's method inverts the distortion. NaN where no point is shown there.
        """
        if not self.distortion:
            return pixels
        wanted = self._slopes(pixels)
        slopes = wanted.copy()
        with np.errstate(all="ignore"):
            for _ in range(_STEPS):
                image, jacobian = _distort(slopes, self.distortion)
                slopes = slopes - _solved(jacobian, image - wanted)
            image, jacobian = _distort(slopes, self.distortion)
            off = np.abs(image - wanted).max(axis=-1)
            # Beyond the turning point of the polynomial the image folds over: that is no lens.
            upright = (_determinant(jacobian) > 0) & (jacobian.trace(axis1=-2, axis2=-1) > 0)
            sound = (off < _SAME_PIXEL) & upright
            return np.where(sound[..., None], self._pixels(slopes), np.nan)

    def _slopes(self, pixels: Floats) -> Floats:
        fx, fy, cx, cy = self.intrinsics
        return (pixels - [cx, cy]) / [fx, fy]

    def _pixels(self, slopes: Floats) -> Floats:
        fx, fy, cx, cy = self.intrinsics
        return slopes * [fx, fy] + [cx, cy]


def check_intrinsics(values: Sequence[Any], where: str) -> Intrinsics:
    """The four numbers fx, fy, cx, cy, checked.

    Raises:
        UserError: one is no finite number, or a focal length is not above 0.
    """
    try:
        fx, fy, cx, cy = (float(value) for value in values)
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"{where} is {values}; expected fx, fy, cx, cy in pixels") from None
    if not all(map(math.isfinite, (fx, fy, cx, cy))) or fx <= 0 or fy <= 0:
        raise UserError(
            f"{where} is fx {fx}, fy {fy}, cx {cx}, cy {cy}; expected finite pixels, fx and fy "
            "above 0"
        )
    return fx, fy, cx, cy


def check_distortion(values: Sequence[float], where: str) -> tuple[float, ...]:
    """The coefficients, checked; empty if all are 0.

    Raises:
        UserError: they are not finite, or of a model with more than k1 to k6, p1 and p2.
    """
    if not all(math.isfinite(value) for value in values):
        raise UserError(f"{where} is {list(values)}; expected finite numbers")
    if any(values[COEFFICIENTS:]):
        raise UserError(
            f"{where} has {len(values)} numbers; expected k1, k2, p1, p2, k3, k4, k5, k6 at most: "
            "undistort the keypoints first"
        )
    return tuple(values[:COEFFICIENTS]) if any(values) else ()


def _distort(slopes: Floats, coefficients: Sequence[float]) -> tuple[Floats, Floats]:
    """OpenCV's model at (..., 2) x/z and y/z: the image (..., 2), its Jacobian (..., 2, 2)."""
    k1, k2, p1, p2, k3, k4, k5, k6 = [*coefficients, *[0.0] * COEFFICIENTS][:COEFFICIENTS]
    x, y = slopes[..., 0], slopes[..., 1]
    r = x * x + y * y
    above, below = 1 + r * (k1 + r * (k2 + r * k3)), 1 + r * (k4 + r * (k5 + r * k6))
    scale = above / below
    by_r = (k1 + r * (2 * k2 + 3 * r * k3) - scale * (k4 + r * (2 * k5 + 3 * r * k6))) / below
    u = x * scale + 2 * p1 * x * y + p2 * (r + 2 * x * x)
    v = y * scale + p1 * (r + 2 * y * y) + 2 * p2 * x * y
    mixed = 2 * x * y * by_r + 2 * p1 * x + 2 * p2 * y
    jacobian = np.stack(
        [
            np.stack([scale + 2 * x * x * by_r + 2 * p1 * y + 6 * p2 * x, mixed], axis=-1),
            np.stack([mixed, scale + 2 * y * y * by_r + 6 * p1 * y + 2 * p2 * x], axis=-1),
        ],
        axis=-2,
    )
    return np.stack([u, v], axis=-1), jacobian


def _determinant(jacobian: Floats) -> Floats:
    (a, b), (c, d) = np.moveaxis(jacobian, (-2, -1), (0, 1))
    determinant: Floats = a * d - b * c
    return determinant


def _solved(jacobian: Floats, right: Floats) -> Floats:
    (a, b), (c, d) = np.moveaxis(jacobian, (-2, -1), (0, 1))
    u, v = right[..., 0], right[..., 1]
    return np.stack([d * u - b * v, a * v - c * u], axis=-1) / _determinant(jacobian)[..., None]
