"""The fitting problem: objective, initial estimate, outer loss."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lsr1_pl.body import BodyModel, PinholeCamera, load_body_model
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.hmr import (
    BodyState,
    InitialEstimate,
    LossWeights,
    Observation,
    ReprojectionObjective,
    join_variables,
    observe,
    outer_loss,
    split_variables,
    trajectory_loss,
)
from lsr1_pl.hmr.losses import aligned_distance
from lsr1_pl.metrics import pa_mpjpe


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body_model("open", dtype=torch.float64)


def people(count: int) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    pose = 0.3 * torch.randn(count, 72, generator=generator, dtype=torch.float64)
    return join_variables(pose, torch.randn(count, 10, generator=generator, dtype=torch.float64))


def objective_of(body: BodyModel, truth: Tensor, visibility: Tensor) -> ReprojectionObjective:
    joints_of, camera = body.select(COCO18), PinholeCamera()
    observation = observe(joints_of(*split_variables(truth)), visibility, camera)
    return ReprojectionObjective(joints_of, observation, camera)


def test_objective_vanishes_at_the_truth_and_only_there(body: BodyModel) -> None:
    truth = people(3)
    objective = objective_of(body, truth, torch.ones(3, 18, dtype=torch.float64))
    assert objective.value(truth).abs().max() < 1e-12
    assert (objective.value(truth + 0.05) > 1e-4).all()


def test_objective_gradient_against_finite_differences(body: BodyModel) -> None:
    truth = people(2)
    objective = objective_of(body, truth, torch.ones(2, 18, dtype=torch.float64))
    x = truth + 0.1
    gradient = objective.evaluate(x).gradient
    assert gradient.shape == (2, 82)
    for variable in (0, 3, 40, 75):
        shift = torch.zeros_like(x)
        shift[:, variable] = 1e-6
        numeric = (objective.value(x + shift) - objective.value(x - shift)) / 2e-6
        torch.testing.assert_close(gradient[:, variable], numeric, rtol=1e-4, atol=1e-8)


def test_invisible_keypoints_do_not_count(body: BodyModel) -> None:
    truth = people(1)
    visibility = torch.ones(1, 18, dtype=torch.float64)
    visibility[0, COCO18.index("left_wrist")] = 0
    camera, joints_of = PinholeCamera(), body.select(COCO18)
    joints = joints_of(*split_variables(truth))
    moved = joints.clone()
    moved[0, COCO18.index("left_wrist")] += 0.5
    x = truth + 0.1
    values = [
        ReprojectionObjective(joints_of, observe(j, visibility, camera), camera).value(x)
        for j in (joints, moved)
    ]
    torch.testing.assert_close(values[0], values[1])


def test_objective_is_finite_for_nobody_visible(body: BodyModel) -> None:
    for visible in (0, 1):
        visibility = torch.zeros(1, 18, dtype=torch.float64)
        visibility[0, :visible] = 1
        evaluation = objective_of(body, people(1), visibility).evaluate(people(1) + 0.1)
        assert evaluation.value.item() == 0
        assert torch.isfinite(evaluation.gradient).all()


def test_scale_36_is_the_sum_of_eq_12(body: BodyModel) -> None:
    truth, x = people(2), people(2) + 0.1
    camera, joints_of = PinholeCamera(), body.select(COCO18)
    visibility = torch.ones(2, 18, dtype=torch.float64)
    observation = observe(joints_of(*split_variables(truth)), visibility, camera)
    summed = ReprojectionObjective(joints_of, observation, camera, scale=36.0).value(x)
    predicted = observe(joints_of(*split_variables(x)), visibility, camera)
    expected = (predicted.keypoints - observation.keypoints).abs().sum(dim=(1, 2))
    torch.testing.assert_close(summed, expected)


def test_initial_estimate_has_lgds_parameters() -> None:
    assert sum(p.numel() for p in InitialEstimate().parameters()) == 8_577_116
    x0 = InitialEstimate(num_betas=4, width=16).eval()(torch.rand(3, 18, 2))
    assert x0.shape == (3, 76)


def test_outer_loss_weighs_wrists_eight_times_a_nose() -> None:
    def state(moved: str | None) -> BodyState:
        joints = torch.zeros(1, 18, 3)
        if moved is not None:
            joints[0, COCO18.index(moved), 0] = 1.0
        return BodyState(torch.zeros(1, 18, 2), joints, torch.zeros(1, 72), torch.zeros(1, 10))

    weights = LossWeights(keypoints=0.0, joints=1.0, pose=0.0, betas=0.0)
    costs = {name: outer_loss(state(name), state(None), weights).item() for name in COCO18}
    for name, factor in (("right_wrist", 8), ("left_knee", 4), ("left_hip", 2), ("neck", 1)):
        assert costs[name] == pytest.approx(factor * costs["nose"])
    assert costs["nose"] == pytest.approx(1 / 54)


def test_outer_loss_adds_lgds_terms() -> None:
    zero = BodyState(
        torch.zeros(1, 18, 2), torch.zeros(1, 18, 3), torch.zeros(1, 72), torch.zeros(1, 10)
    )
    one = BodyState(*(torch.ones_like(t) for t in zero))
    mean_joint_weight = (4 * 8 + 4 * 4 + 4 * 2 + 6) / 18
    expected = 2 * 0.3 * mean_joint_weight + 1 + 1
    assert outer_loss(one, zero, LossWeights()).item() == pytest.approx(expected, rel=1e-6)


def test_the_aligned_distance_is_pa_mpjpe_of_the_evaluated_keypoints(body: BodyModel) -> None:
    joints_of = body.select(COCO18)
    joints, true = (joints_of(*split_variables(0.3 * people(4) + turn)) for turn in (0.0, 0.2))
    joints = joints.detach().requires_grad_()
    distance = aligned_distance(joints, true)
    expected = pa_mpjpe(joints.detach()[:, :14], true[:, :14]) / 1000
    torch.testing.assert_close(distance, expected)
    (slope,) = torch.autograd.grad(distance.sum(), joints)
    assert slope.isfinite().all()
    assert not slope[:, 14:].any()
    assert slope[:, :14].any()
    # A step down the slope brings the bodies nearer.
    assert (aligned_distance(joints - 1e-3 * slope, true) < distance).all()


def test_the_aligned_distance_joins_the_outer_loss(body: BodyModel) -> None:
    joints_of, truth = body.select(COCO18), people(2)
    joints = joints_of(*split_variables(truth))
    state = BodyState(joints[..., :2], joints, *split_variables(truth))
    other = state._replace(joints=joints.flip(0))
    alone = outer_loss(other, state, LossWeights())
    both = outer_loss(other, state, LossWeights(aligned=15.0))
    torch.testing.assert_close(both - alone, 15 * aligned_distance(other.joints, joints))


def test_joints_of_the_state_before_teach_the_start_alone(body: BodyModel) -> None:
    truth, camera, joints_of = people(2), PinholeCamera(), body.select(COCO18)
    visibility = torch.ones(2, 18, dtype=torch.float64)
    joints = joints_of(*split_variables(truth))
    seen = observe(joints, visibility, camera)
    target = BodyState(seen.keypoints, joints, *split_variables(truth))
    states = (truth + 0.1 * torch.arange(1, 4).view(3, 1, 1)).requires_grad_()

    def losses(weights: LossWeights) -> Tensor:
        return trajectory_loss(states, target, visibility, joints_of, camera, weights)

    joints_alone = LossWeights(0.3, 0.3, 0.0, 0.0)
    lagged, own = losses(joints_alone._replace(joints_of_before=True)), losses(joints_alone)
    torch.testing.assert_close(lagged[0], own[0])
    torch.testing.assert_close(lagged[1:], own[:-1])
    (gradient,) = torch.autograd.grad(lagged.sum(), states)
    assert bool(gradient[0].any())
    assert not bool(gradient[1:].any())
    (whole,) = torch.autograd.grad(losses(LossWeights(joints_of_before=True)).sum(), states)
    assert bool(whole[1:].any())


def test_variables_split_as_they_join() -> None:
    x = people(2)
    pose, betas = split_variables(x)
    assert (pose.shape, betas.shape) == ((2, 72), (2, 10))
    torch.testing.assert_close(join_variables(pose, betas), x)


def test_observation_holds_half_for_the_invisible(body: BodyModel) -> None:
    joints = body.select(COCO18)(*split_variables(people(1)))
    visibility = torch.ones(1, 18, dtype=torch.float64)
    visibility[0, 4] = 0
    observation = observe(joints, visibility, PinholeCamera())
    assert isinstance(observation, Observation)
    assert (observation.keypoints[0, 4] == 0.5).all()
    assert observation.keypoints.min() >= 0
    assert observation.keypoints.max() <= 1
