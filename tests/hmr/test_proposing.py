"""Optimisers whose steps a network proposes that knows the person."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from quick_trainer import trainer
from torch import Tensor

from lsr1_pl.body import PinholeCamera, load_body_model
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data import MotionDataModule
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr import (
    AimedSteps,
    DenseNetwork,
    EstimatePrior,
    FittingProblem,
    Observation,
    ProjectedBody,
    ProposedSteps,
    ProposingNetwork,
    ProposingOptimizer,
    observe,
)
from lsr1_pl.hmr.problem import EQ12
from lsr1_pl.hmr.proposing import Situation
from lsr1_pl.optim import (
    Adam,
    BatchedOptimizer,
    GaussNewton,
    GradientDescent,
    InMetric,
    Metric,
    Trajectory,
    unroll,
)
from lsr1_pl.tasks import HMRTask

BODY = ProjectedBody(load_body_model("open").select(COCO18), PinholeCamera())


def metric() -> Metric:
    generator = torch.Generator().manual_seed(1)
    errors = 0.2 * torch.randn(200, 82, generator=generator)
    return Metric.of_covariance(errors.T @ errors / 200)


def people(count: int) -> tuple[Tensor, Observation]:
    """Starts, and what is seen of other bodies."""
    generator = torch.Generator().manual_seed(2)
    truth, x0 = 0.2 * torch.randn(2, count, 82, generator=generator)
    visibility = torch.ones(count, 18)
    visibility[:, 3] = 0
    return x0, observe(BODY.joints_of(truth[:, :72], truth[:, 72:]), visibility, BODY.camera)


def fitted(optimizer: ProposingOptimizer, steps: int = 2) -> Trajectory:
    x0, seen = people(3)
    with torch.no_grad():
        solver = optimizer.observing(seen, BODY, metric())
        return unroll(solver, EQ12.objective(BODY, seen), x0, steps)


class Recorder(ProposingNetwork):
    """Proposes a fixed step, and keeps what it was told."""

    def __init__(self, step: Tensor) -> None:
        super().__init__()
        self.step, self.told = step, list[Situation]()

    def forward(self, situation: Situation) -> Tensor:
        self.told.append(situation)
        return self.step


def silent() -> DenseNetwork:
    network = DenseNetwork(width=8)
    torch.nn.init.zeros_(network.output.weight)
    torch.nn.init.zeros_(network.output.bias)
    return network


@pytest.mark.parametrize("guide", [Adam(0.1, beta1=0.5), GradientDescent(0.5)])
def test_with_a_silent_network_the_steps_are_the_guide_s(guide: BatchedOptimizer) -> None:
    x0, seen = people(3)
    with torch.no_grad():
        alone = unroll(InMetric(guide, metric()), EQ12.objective(BODY, seen), x0, 5)
    proposed = fitted(ProposedSteps(silent(), guide), steps=5)
    torch.testing.assert_close(proposed.iterates, alone.iterates, atol=1e-5, rtol=1e-4)


def test_gauss_newton_guides_as_b0() -> None:
    x0, seen = people(3)
    problem = FittingProblem(1.0, "rms")
    prior = EstimatePrior(x0, metric(), 3e-4)
    objective = problem.objective(BODY, seen, prior)
    with torch.no_grad():
        alone = unroll(InMetric(GaussNewton(), metric()), objective, x0, 3)
        solver = AimedSteps(silent(), GaussNewton()).observing(seen, BODY, metric())
        guided = unroll(solver, objective, x0, 3)
        steps = ProposedSteps(silent(), GaussNewton()).observing(seen, BODY, metric())
        proposed = unroll(steps, objective, x0, 3)
    for path in (guided, proposed):
        torch.testing.assert_close(path.iterates, alone.iterates, atol=1e-5, rtol=1e-4)
        assert path.evaluations.diff(dim=0).unique().tolist() == [37]
    assert (objective.value(guided.iterates[-1]) < objective.value(x0)).all()


def test_what_the_network_corrects_of_gauss_newton_is_one_vector() -> None:
    x0, seen = people(3)
    objective = FittingProblem(1.0, "rms").objective(BODY, seen, EstimatePrior(x0, metric(), 3e-4))
    solver = AimedSteps(Longer(), GaussNewton()).observing(seen, BODY, metric())
    with torch.no_grad():
        state = solver.step(solver.init(x0, objective.evaluate(x0)), objective)
        alone = unroll(InMetric(GaussNewton(), metric()), objective, x0, 1).iterates[1]
    torch.testing.assert_close(state.iterate - x0, 1.5 * (alone - x0), atol=1e-5, rtol=1e-4)
    curvature = state.inner.inner.curvature
    assert curvature.scale.shape == (3, 82, 82)
    assert curvature.vectors[:, -1].any(dim=1).all()
    assert not curvature.vectors[:, :-1].any()


class Longer(ProposingNetwork):
    """Adds half of the guide's step."""

    def forward(self, situation: Situation) -> Tensor:
        return 0.5 * situation.suggested


def test_the_guide_goes_on_from_where_the_step_ended() -> None:
    step = 0.1 * torch.ones(3, 82)
    network = Recorder(step)
    path = fitted(ProposedSteps(network, GradientDescent(0.5)))
    _, seen = people(3)
    gradients = [EQ12.objective(BODY, seen).evaluate(x).gradient for x in path.iterates[:2]]
    for told, gradient in zip(network.told, gradients, strict=True):
        expected = -0.5 * metric().gradient_in_y(gradient)
        torch.testing.assert_close(told.suggested, expected, atol=1e-6, rtol=1e-4)


def test_a_network_is_told_where_the_fit_stands() -> None:
    step = 0.1 * torch.ones(3, 82)
    network = Recorder(step)
    path = fitted(ProposedSteps(network))
    assert len(network.told) == 2
    _, seen = people(3)
    first, second = network.told
    assert not first.y.any()
    torch.testing.assert_close(second.y, first.suggested + step, atol=1e-5, rtol=1e-4)
    x = path.iterates[1]
    joints = BODY.joints_of(x[:, :72], x[:, 72:])
    torch.testing.assert_close(second.joints, joints - joints.mean(dim=1, keepdim=True))
    shown = observe(joints, seen.visibility, BODY.camera).keypoints
    difference = (shown - seen.keypoints) * seen.visibility.unsqueeze(2)
    torch.testing.assert_close(second.differences, difference)
    assert not second.differences[:, 3].any()
    torch.testing.assert_close(second.slope.square().mean(dim=1), torch.ones(3))
    gradient = metric().gradient_in_y(EQ12.objective(BODY, seen).evaluate(x).gradient)
    torch.testing.assert_close(second.slope * second.steepness.exp(), gradient)
    assert not second.remembered.any()


def test_aimed_vectors_take_a_descending_proposal_as_it_is() -> None:
    proposed = fitted(ProposedSteps(small()), steps=1).iterates
    aimed = fitted(AimedSteps(small()), steps=1).iterates
    torch.testing.assert_close(aimed, proposed, atol=1e-5, rtol=1e-5)


def test_a_proposal_that_ascends_is_not_taken() -> None:
    path = fitted(AimedSteps(Contrary()), steps=1).iterates
    assert torch.equal(path[1], path[0])
    told = fitted(ProposedSteps(Contrary()), steps=1).iterates
    assert not torch.equal(told[1], told[0])


class Contrary(ProposingNetwork):
    """Turns the guide's step around."""

    def forward(self, situation: Situation) -> Tensor:
        return -2 * situation.suggested


def small() -> DenseNetwork:
    torch.manual_seed(0)
    return DenseNetwork(width=8, blocks=1)


@pytest.mark.parametrize("optimizer", [AimedSteps(small()), ProposedSteps(small())])
def test_a_person_does_not_depend_on_the_others(optimizer: ProposingOptimizer) -> None:
    together = fitted(optimizer, steps=4).iterates
    x0, seen = people(3)
    one = Observation(seen.keypoints[1:2], seen.visibility[1:2])
    with torch.no_grad():
        solver = optimizer.observing(one, BODY, metric())
        alone = unroll(solver, EQ12.objective(BODY, one), x0[1:2], 4).iterates
    torch.testing.assert_close(alone, together[:, 1:2], atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("optimizer", [AimedSteps, ProposedSteps])
def test_trains_in_the_task(optimizer: type[Any]) -> None:
    options: dict[str, Any] = {"initial_width": 16, "steps": 2, "evaluation_steps": 3}
    model = HMRTask(optimizer(small()), secant_weight=0.1, objective_scale=1.0, **options)
    data = MotionDataModule(
        batch_size=8,
        validation_recordings=["walk"],
        test_recordings=["kick"],
        validation_count=6,
        test_count=6,
    )
    before = [p.detach().clone() for p in model.optimizer.parameters()]
    fit = trainer(max_steps=2, val_check_interval=2, check_val_every_n_epoch=None)
    fit.fit(model, data)
    after = list(model.optimizer.parameters())
    assert all(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
    fit.test(model, data, verbose=False)
    label = "L-SR1" if optimizer is AimedSteps else "proposed steps"
    assert set(model.curves["PA-MPJPE (mm)"]) == {label}


def test_the_secant_penalty_reaches_aimed_vectors_and_no_others() -> None:
    path = fitted(AimedSteps(small()))
    assert path.secant_residuals is not None
    assert path.secant_residuals[1].min() > 0
    assert fitted(ProposedSteps(small())).secant_residuals is None


def test_refuses_numbers_out_of_range() -> None:
    for make in (
        lambda: DenseNetwork(width=0),
        lambda: DenseNetwork(blocks=0),
        lambda: AimedSteps(small(), buffer_size=0),
        lambda: AimedSteps(small(), least_cosine=1.5),
    ):
        with pytest.raises(UserError, match="must"):
            make()
