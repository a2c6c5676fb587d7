"""SMPLify and its priors against scipy, hand-computed cases, and bodies that it should find."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from lsr1_pl.body import PinholeCamera, load_body_model
from lsr1_pl.body.skeleton import COCO18, SMPL_JOINTS
from lsr1_pl.data import MotionDataModule
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr import PosePrior, SMPLify, observe, split_variables
from lsr1_pl.hmr.smplify import angle_prior, turn_about_vertical
from lsr1_pl.metrics import pa_mpjpe


def motion(count: int) -> torch.Tensor:
    data = MotionDataModule(
        validation_recordings=["kick"], test_recordings=["walk"], batch_size=count
    )
    return data.train_batch(0).pose


@pytest.fixture(scope="module")
def prior() -> PosePrior:
    return PosePrior.fit(motion(400).numpy(), components=3)


def test_the_prior_is_the_nearest_gaussians_log_density(prior: PosePrior) -> None:
    poses = motion(5)[:, 3:]
    scale = 0.5 * torch.logdet(prior.precisions.double())
    weights = torch.softmax(prior.log_weights.double() - scale, dim=0)
    assert weights.sum().item() == pytest.approx(1.0)
    densities = np.stack(
        [
            np.log(weight) + multivariate_normal(mean, covariance).logpdf(poses.numpy())
            for weight, mean, covariance in zip(
                weights.numpy(),
                prior.means.numpy(),
                torch.linalg.inv(prior.precisions.double()).numpy(),
                strict=True,
            )
        ],
        axis=1,
    )
    difference = prior(poses).numpy() + densities.max(axis=1)
    np.testing.assert_allclose(difference, difference[0], atol=2e-2)


def test_the_prior_is_least_at_a_mean_and_never_negative(prior: PosePrior) -> None:
    best = prior.log_weights.argmax()
    assert prior(prior.means[best : best + 1]).item() == pytest.approx(0.0, abs=1e-4)
    assert (prior(motion(50)[:, 3:]) >= 0).all()


def test_a_prior_needs_poses() -> None:
    with pytest.raises(UserError, match=r"got poses shaped \(3, 72\); expected \(at least 8, 72\)"):
        PosePrior.fit(np.zeros((3, 72)))


def test_over_extended_limbs_cost_and_bent_ones_do_not() -> None:
    rest = angle_prior(torch.zeros(1, 72)).item()
    assert rest == pytest.approx(4.0)
    for joint, axis, bent in (
        ("left_elbow", 1, -1.0),
        ("right_elbow", 1, 1.0),
        ("left_knee", 0, 1.0),
        ("right_knee", 0, 1.0),
    ):
        pose = torch.zeros(1, 72)
        pose[0, 3 * SMPL_JOINTS.index(joint) + axis] = bent
        assert angle_prior(pose).item() < rest
        assert angle_prior(-pose).item() == pytest.approx(3.0 + np.exp(2.0), rel=1e-5)


def test_turning_twice_is_no_turn() -> None:
    root = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(turn_about_vertical(turn_about_vertical(root)), root)


def test_it_finds_bodies_from_behind_and_counts_its_gradients(prior: PosePrior) -> None:
    body = load_body_model("open")
    joints_of = body.select(COCO18)
    pose = motion(12)
    betas = torch.zeros(12, 10)
    true = joints_of(pose, betas)
    observation = observe(true, torch.ones(12, 18), PinholeCamera())
    pixels = PinholeCamera().project(true)
    sides = (pixels.amax(1) - pixels.amin(1)).amax(1)
    start = torch.zeros(12, 82)
    start[:, 3:72] = prior.mean_pose()
    fit = SMPLify(joints_of, prior, 40, 25).fit(observation, 256.0 / sides, start)
    assert fit.iterates.shape == (6, 12, 82)
    assert fit.evaluations == [0, 80, 130, 180, 230, 280]
    assert torch.equal(fit.iterates[0], start)
    assert torch.isfinite(fit.iterates).all()
    errors = [pa_mpjpe(joints_of(*split_variables(x)), true).mean() for x in fit.iterates]
    assert errors[-1] < 0.9 * errors[0]
    one_way = SMPLify(joints_of, prior, 40, 25, both_facings=False)
    assert (fit.energy <= one_way.fit(observation, 256.0 / sides, start).energy + 1e-3).all()
