"""Where fitted people are in one space: before one camera, and over the ground."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lsr1_pl.body import BodyModel
from lsr1_pl.body.calibrated import camera_points, project_calibrated
from lsr1_pl.hmr.fitting import Fits
from lsr1_pl.hmr.fitting.prediction import TOO_FEW_KEYPOINTS
from lsr1_pl.hmr.world.ground import above_ground, over_time
from lsr1_pl.hmr.world.motion import Floats, Motion

_REACH = 0.3
"""Seconds before and after a frame within which the ground is sought."""
_PART = 64


@dataclass(frozen=True)
class PeopleOverGround:
    """n fits as motions in one space a recording: x right, y up, z towards the camera, metres.

    Where the camera is not known, one camera stands for a whole recording: its focal length is the
    median of those of the fits, so that half of them are nearer than the fits assume, and its
    centre is the middle of where people are in the image. It is taken to be level and to stand
    still. The origin is on the ground, about beneath the first trusted fit of the recording.

    Args:
        fits: of n people.
        body: that was fitted.
        person: (n,) whose they are.
        clip: (n,) of which recording.
        moment: (n,) frame numbers.
        fps: frames a second.
        camera: fx, fy, cx, cy in pixels, if it is known.
        depth_width: seconds, 0 or more; over this Gaussian width the distance from the camera is
            smoothed, whatever else is. A single view tells it worst.
    """

    fits: Fits
    body: BodyModel
    person: NDArray[np.int64]
    clip: NDArray[np.int64]
    moment: NDArray[np.int64]
    fps: float
    camera: Sequence[float] | None = None
    depth_width: float = 0.2

    @property
    def trusted(self) -> NDArray[np.bool_]:
        """(n,) whether a fit saw enough keypoints to tell where the body is."""
        trusted: NDArray[np.bool_] = (self.fits.prediction.status != TOO_FEW_KEYPOINTS).numpy()
        return trusted

    def motion(self, number: int) -> Motion:
        """The motion of one person who has a trusted fit, of the mean of their betas.

        A frame that saw too few keypoints is a gap.
        """
        rows = np.flatnonzero((self.person == number) & self.trusted)
        moment, first = np.unique(self.moment[rows], return_index=True)
        rows = rows[first]
        prediction = self.fits.prediction
        pose, betas = prediction.pose[rows], prediction.betas[rows]
        shape = betas.mean(dim=0, keepdim=True)
        sizes = _size(self.body, betas), _size(self.body, shape)
        # As the image of a larger body, seen from as much farther, is the same.
        larger = (sizes[1] / sizes[0]).numpy()[:, None]
        clip = np.flatnonzero((self.clip == self.clip[rows[0]]) & self.trusted)
        camera = self._camera_of(clip)
        root = self._seen_from(camera, rows) * larger
        depth = over_time(root[:, 2], moment, self.depth_width * self.fps)
        root *= (depth / root[:, 2])[:, None]
        begin = self._seen_from(camera, clip[np.argsort(self.moment[clip], kind="stable")[:1]])
        root = (root - begin * [1, 0, 1]) * [1, -1, -1]
        lowest = lowest_vertices(self.body, pose, shape)
        height = above_ground(root[:, 1] + lowest, moment, _REACH * self.fps)
        root[:, 1] = height - lowest
        return Motion(moment, pose.double().numpy(), root, shape[0].double().numpy())

    def _camera_of(self, rows: NDArray[np.int64]) -> Floats:
        """(4,) fx, fy, cx, cy of the one camera of a recording."""
        if self.camera is not None:
            return np.asarray(self.camera, dtype=float)
        pixels = self._pelvis(rows)[1]
        focal = np.median(self.fits.intrinsics[rows, 0].double().numpy())
        centre = (pixels.min(axis=0) + pixels.max(axis=0)) / 2
        return np.array([focal, focal, *centre])

    def _pelvis(self, rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Depth (m,) in metres and pixels (m, 2) of the pelvis, before each fit's own camera."""
        translation = self.fits.translation[rows].double()
        intrinsics = self.fits.intrinsics[rows].double()
        with torch.no_grad():
            pelvis = self.body.rest_joints(self.fits.prediction.betas[rows])[:, :1].double()
        pixels = project_calibrated(pelvis, translation, intrinsics)[:, 0]
        return camera_points(pelvis, translation)[:, 0, 2].numpy(), pixels.numpy()

    def _seen_from(self, camera: Floats, rows: NDArray[np.int64]) -> Floats:
        """(m, 3) the pelvis in the axes of one camera, where it has the same image and size."""
        depth, pixels = self._pelvis(rows)
        depth = depth * camera[0] / self.fits.intrinsics[rows, 0].double().numpy()
        aside = (pixels - camera[2:]) / camera[:2] * depth[:, None]
        return np.concatenate([aside, depth[:, None]], axis=1)


@torch.no_grad()
def _size(body: BodyModel, betas: Tensor) -> Tensor:
    """(B,) the length of all bones together."""
    joints = body.rest_joints(betas)
    bones = joints[:, 1:] - joints.index_select(1, body.parents)
    return bones.norm(dim=2).sum(dim=1).double()


@torch.no_grad()
def lowest_vertices(body: BodyModel, pose: Tensor, shape: Tensor) -> Floats:
    """(T,) metres from the pelvis up to the mesh's lowest vertex: below 0.

    Args:
        body: whose mesh it is.
        pose: (T, 72) axis-angle in radians, y up.
        shape: (1, num_betas).
    """
    pelvis = body.rest_joints(shape)[0, 0, 1]
    parts = [
        body.vertices(part, shape.expand(len(part), -1))[..., 1].amin(dim=1)
        for part in pose.split(_PART)
    ]
    lowest: Floats = (torch.cat(parts) - pelvis).double().numpy()
    return lowest
