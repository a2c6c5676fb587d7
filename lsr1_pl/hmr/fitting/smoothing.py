"""Fits of a sequence, smoothed over time: each frame leans on its neighbours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lsr1_pl.body.rotations import axis_angle, rotation_matrix
from lsr1_pl.hmr.fitting.people import Fits
from lsr1_pl.hmr.fitting.prediction import FITTED

_UNSOUND = 0.05
"""Weight of a fit that diverged or saw too few keypoints, beside 1 of a whole one."""

_TRUNCATE = 4.0
"""How far the Gaussian reaches, in its widths."""


def smooth_fits(
    fits: Fits,
    person: NDArray[np.int64],
    moment: NDArray[np.int64],
    confidence: Tensor,
    width: float,
    joints_of: Callable[[Tensor, Tensor], Tensor],
) -> Fits:
    """The weighted mean over time of each person's rotations, place and camera; one shape.

    A fit's weight is Gaussian in its distance in time, times the share of its keypoints that were
    seen, so that a poor frame takes more from its neighbours than it gives. A mean rotation is the
    one nearest to the weighted mean of the matrices (the chordal mean on SO(3)). The betas become
    their weighted mean over all the person's frames. Errors by step and status stay those of the
    fits.

    Args:
        fits: of n people.
        person: (n,) whose they are.
        moment: (n,) frame numbers; a person may be missing in some.
        confidence: (n, 18) of the keypoints, in [0, 1]; 0 where not seen.
        width: standard deviation of the Gaussian in frames, > 0.
        joints_of: the body's forward.
    """
    prediction = fits.prediction
    sound = torch.where(prediction.status == FITTED, 1.0, _UNSOUND)
    weights = (sound * confidence.clamp(0, 1).mean(dim=1)).clamp_min(1e-6).double().numpy()
    turns = rotation_matrix(prediction.pose.reshape(len(prediction.pose), -1, 3)).double().numpy()
    betas = prediction.betas.clone()
    cameras = torch.cat([fits.intrinsics, fits.translation], dim=1).double().numpy()
    for number in np.unique(person):
        rows = np.flatnonzero(person == number)
        share = weights[rows]
        turns[rows] = _nearest_rotations(_filtered(turns[rows], moment[rows], share, width))
        cameras[rows] = _filtered(cameras[rows], moment[rows], share, width)
        part = torch.from_numpy(share / share.sum()).to(betas.dtype).unsqueeze(1)
        betas[rows] = (part * betas[rows]).sum(dim=0)
    like = prediction.pose
    pose = axis_angle(torch.from_numpy(turns)).flatten(1).to(like.dtype)
    with torch.no_grad():
        joints = joints_of(pose, betas)
    camera = torch.from_numpy(cameras).to(like.dtype)
    smoothed = prediction._replace(pose=pose, betas=betas, joints=joints)
    return Fits(smoothed, camera[:, :4], camera[:, 4:])


def _filtered(
    values: NDArray[np.float64],
    moment: NDArray[np.int64],
    weights: NDArray[np.float64],
    width: float,
) -> NDArray[np.float64]:
    """(T, ...) normalised convolution: frames that are missing have no weight."""
    from scipy.ndimage import gaussian_filter1d

    order = np.argsort(moment, kind="stable")
    # Frames out of each other's reach may stand closer, so that no gap takes memory.
    reach = int(_TRUNCATE * width + 0.5) + 1
    gaps = np.diff(moment[order], prepend=moment[order[:1]]).clip(max=reach)
    place = np.empty(len(moment), dtype=np.int64)
    place[order] = np.cumsum(gaps)
    length = int(place.max()) + 1
    flat = values.reshape(len(values), -1)
    weighted = np.zeros((length, flat.shape[1] + 1))
    weighted[place, :-1] = weights[:, None] * flat
    weighted[place, -1] = weights
    summed = gaussian_filter1d(weighted, width, axis=0, mode="constant", truncate=_TRUNCATE)[place]
    return (summed[:, :-1] / summed[:, -1:]).reshape(values.shape)


def _nearest_rotations(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    left, _, right = np.linalg.svd(matrices)
    left[..., :, 2] *= np.sign(np.linalg.det(left @ right))[..., None]
    nearest: NDArray[np.float64] = left @ right
    return nearest
