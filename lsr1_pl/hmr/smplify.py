"""SMPLify (Bogo et al., ECCV 2016), person by person in one batch, with autograd."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from lsr1_pl.body.calibrated import project_calibrated
from lsr1_pl.body.rotations import axis_angle, rotation_matrix
from lsr1_pl.body.skeleton import COCO18, SMPL_JOINTS
from lsr1_pl.body.translation import least_squares_translation
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr.observation import Observation
from lsr1_pl.hmr.people_optimizer import FittedStates, WholeFit
from lsr1_pl.hmr.pose_prior import PosePrior
from lsr1_pl.hmr.reprojection import JointsOf
from lsr1_pl.hmr.variables import join_variables, split_variables

_CROP = 224 / 1.2
"""Pixels of the larger side of a person's box: a crop of 224 with a fifth of margin, for which the
weights below were chosen (SPIN's SMPLify)."""

_TORSO = ("right_shoulder", "left_shoulder", "right_hip", "left_hip")
_DEPTH_WEIGHT = 100.0
_DEPTHS = (0.5, 50.0)
"""Metres from the camera between which the fit of its translation starts."""
_NEAREST = 0.1
"""Metres from the camera's plane, at the least, that a joint is projected from."""
_ANGLE_PER_POSE_WEIGHT = 3.17

_BENDS = {"left_elbow": (1, 1), "right_elbow": (1, -1), "left_knee": (0, -1), "right_knee": (0, -1)}
"""Joint -> its axis-angle component that bends it, and the sign that over-extends it."""


class Stage(NamedTuple):
    """Factors of the priors' roots: the energy takes their squares."""

    pose: float
    betas: float


STAGES = (Stage(404.0, 100.0), Stage(404.0, 50.0), Stage(57.4, 10.0), Stage(4.78, 5.0))
"""Bogo et al.'s four stages: the priors give way to the keypoints."""


@dataclass(frozen=True)
class SMPLifyFit(FittedStates):
    """The states of B people at the start, after the camera stage and after each body stage."""

    energy: Tensor
    """(B,) of the last stage, at its end."""


class SMPLify(WholeFit):
    """Camera stage on the torso, then four stages of keypoints against priors.

    Keypoints cost ``sum w rho(residual)`` with Geman and McClure's ``rho(r) = sigma^2 r^2 /
    (sigma^2 + r^2)`` in pixels of a 224-pixel crop; the pose pays the mixture prior, knees and
    elbows an exponential one where they bend the wrong way, the betas their square. The camera's
    translation starts at the least-squares one and is fitted with the root on shoulders and hips.
    Both facings are tried, root and root turned by half about the body's axis, and the fit of lower
    energy is kept. Each stage runs Adam, as SPIN's SMPLify does, instead of Bogo's dogleg.

    Args:
        joints_of: the body's forward.
        prior: of the body pose.
        camera_steps: Adam steps of the camera stage.
        stage_steps: Adam steps of each of the four stages.
        learning_rate: Adam's.
        sigma: of Geman and McClure, in pixels.
        both_facings: whether the turned root is tried too.
    """

    def __init__(
        self,
        joints_of: JointsOf,
        prior: PosePrior,
        camera_steps: int = 100,
        stage_steps: int = 50,
        learning_rate: float = 0.01,
        sigma: float = 100.0,
        both_facings: bool = True,
    ) -> None:
        self.joints_of = joints_of
        self.prior = prior
        self.camera_steps = camera_steps
        self.stage_steps = stage_steps
        self.learning_rate = learning_rate
        self.sigma = sigma
        self.both_facings = both_facings

    def fit_whole(self, observation: Observation, x0: Tensor) -> SMPLifyFit:
        """Fit B people, whose focal length is observed, from ``x0`` (B, 72 + num_betas).

        Raises:
            UserError: the focal length is not known.
        """
        if observation.focal is None:
            raise UserError("SMPLify needs the focal length, which this observation lacks")
        return self.fit(observation, observation.focal, x0)

    def fit(self, observation: Observation, focal: Tensor, x0: Tensor) -> SMPLifyFit:
        """Fit B people from ``x0`` (B, 72 + num_betas).

        Args:
            observation: normalised keypoints.
            focal: (B,) focal length, in sides of the person's box; above 0.
            x0: start.
        """
        fits = [self._fit(observation, focal, x0)]
        if not self.both_facings:
            return fits[0]
        pose, betas = split_variables(x0)
        turned = torch.cat([turn_about_vertical(pose[:, :3]), pose[:, 3:]], dim=1)
        fits.append(self._fit(observation, focal, join_variables(turned, betas)))
        better = fits[1].energy < fits[0].energy
        iterates = torch.where(better.view(1, -1, 1), fits[1].iterates, fits[0].iterates)
        # The start is one and the same, whichever facing it took.
        iterates = torch.cat([x0.unsqueeze(0), iterates[1:]])
        counts = [0, *(2 * n for n in fits[0].evaluations[1:])]
        return SMPLifyFit(iterates, counts, torch.minimum(fits[0].energy, fits[1].energy))

    def _fit(self, observation: Observation, focal: Tensor, x0: Tensor) -> SMPLifyFit:
        points = (observation.keypoints - 0.5) * _CROP
        weights = observation.visibility
        pixels = (focal * _CROP).unsqueeze(1)
        camera = torch.cat([pixels, pixels, torch.zeros_like(pixels).expand(-1, 2)], dim=1)
        x = x0.detach()
        with torch.no_grad():
            joints = self.joints_of(*split_variables(x))
            start = least_squares_translation(joints, points, weights, camera)[0].to(x.dtype)
            start[:, 2].clamp_(*_DEPTHS)
        torso = weights * torch.tensor([name in _TORSO for name in COCO18], device=x.device)
        root, rest = x[:, :3], x[:, 3:]

        def camera_energy(root: Tensor, translation: Tensor) -> Tensor:
            joints = self.joints_of(*split_variables(torch.cat([root, rest], dim=1)))
            shift = _DEPTH_WEIGHT * (translation[:, 2] - start[:, 2])
            return self._keypoints(joints, translation, points, torso, camera) + shift.square()

        root, translation = self._minimise(camera_energy, [root, start], self.camera_steps)
        x = torch.cat([root, rest], dim=1)
        iterates, evaluations = [x0, x], [0, self.camera_steps]
        energy = x.new_zeros(len(x))
        for stage in STAGES:

            def body_energy(x: Tensor, stage: Stage = stage) -> Tensor:
                joints = self.joints_of(*split_variables(x))
                seen = self._keypoints(joints, translation, points, weights, camera)
                return seen + self._priors(x, stage)

            (x,) = self._minimise(body_energy, [x], self.stage_steps)
            iterates.append(x)
            evaluations.append(evaluations[-1] + self.stage_steps)
            with torch.no_grad():
                energy = body_energy(x)
        return SMPLifyFit(torch.stack(iterates), evaluations, energy)

    def _minimise(
        self, energy: Callable[..., Tensor], variables: list[Tensor], steps: int
    ) -> list[Tensor]:
        free = [v.detach().clone().requires_grad_() for v in variables]
        adam = torch.optim.Adam(free, lr=self.learning_rate)
        with torch.enable_grad():
            for _ in range(steps):
                adam.zero_grad()
                energy(*free).sum().backward()
                adam.step()
        return [v.detach() for v in free]

    def _keypoints(
        self, joints: Tensor, translation: Tensor, points: Tensor, weights: Tensor, camera: Tensor
    ) -> Tensor:
        image = project_calibrated(joints, translation, camera, _NEAREST)
        square = (image - points).square().sum(dim=2)
        return (weights * self.sigma**2 * square / (self.sigma**2 + square)).sum(dim=1)

    def _priors(self, x: Tensor, stage: Stage) -> Tensor:
        pose, betas = split_variables(x)
        angle = _ANGLE_PER_POSE_WEIGHT * stage.pose
        return (
            stage.pose**2 * self.prior(pose[:, 3:])
            + angle**2 * angle_prior(pose)
            + stage.betas**2 * betas.square().sum(dim=1)
        )


def angle_prior(pose: Tensor) -> Tensor:
    """(B, 72) -> (B,): squared exponentials of the knees' and elbows' bends the wrong way."""
    bends = torch.stack(
        [
            sign * pose[:, 3 * SMPL_JOINTS.index(joint) + axis]
            for joint, (axis, sign) in _BENDS.items()
        ],
        dim=1,
    )
    return torch.exp(2 * bends).sum(dim=1)


def turn_about_vertical(root: Tensor) -> Tensor:
    """(B, 3) root rotations -> those of bodies that face the other way, about their own axis."""
    half = torch.tensor([[0.0, torch.pi, 0.0]], dtype=root.dtype, device=root.device)
    return axis_angle(rotation_matrix(root) @ rotation_matrix(half))
