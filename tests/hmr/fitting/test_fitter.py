"""The one way to fit people: any start, any optimiser, gradients counted, a status that is true."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from lsr1_pl.data import KeypointBatch, MotionDataModule
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr import (
    EvaluationPlan,
    Fitter,
    FittingProblem,
    GivenStart,
    InErrorMetric,
    InitialError,
    NetworkEstimate,
    Observation,
    PosePrior,
    SMPLify,
    observe_detections,
)
from lsr1_pl.hmr.evaluation import observe_known
from lsr1_pl.hmr.problem import EQ12
from lsr1_pl.optim import LBFGS, LSR1, Adam, unroll
from lsr1_pl.tasks import HMRTask, Unroll


@pytest.fixture(scope="module")
def task() -> HMRTask:
    torch.manual_seed(0)
    optimizer = LSR1(hidden_dim=8, buffer_size=2, gamma1=0.1, input_normalization="rms")
    return HMRTask(
        optimizer,
        start=NetworkEstimate(16),
        unroll=Unroll(3, False, None),
        evaluate=EvaluationPlan(3),
    ).eval()


@pytest.fixture(scope="module")
def seen(task: HMRTask) -> Observation:
    data = MotionDataModule(validation_recordings=["walk"], test_recordings=["kick"], batch_size=4)
    return observe_known(data.train_batch(0), task.fitter.body).observation


def adam(task: HMRTask) -> Fitter:
    return replace(task.fitter, problem=EQ12, optimizer=Adam(0.01))


def test_a_fit_is_the_unroll_from_its_start(task: HMRTask, seen: Observation) -> None:
    fitter = task.fitter
    fit = fitter.fit(seen, 3)
    with torch.no_grad():
        x0 = task.initial_estimate(seen.keypoints)
        objective = fitter.objective(seen, x0)
        path = unroll(task.optimizer, objective, x0, 3)  # type: ignore[arg-type]
    assert torch.equal(fit.iterates, path.iterates)
    assert torch.equal(fit.values, path.values)
    torch.testing.assert_close(fit.reprojection[2], objective.reprojection(path.iterates[2]))


def test_predict_step_is_the_same_fit_and_other_steps_leave_the_task(
    task: HMRTask, seen: Observation
) -> None:
    batch = KeypointBatch(100 * seen.keypoints, seen.visibility)
    again = observe_detections(batch.keypoints, batch.visibility)
    longer = task.fitter.fit(again, 5).best()
    with torch.no_grad():
        predicted = task.predict_step(batch, 0)
    assert longer.error_by_step.shape == (4, 6)
    assert torch.equal(predicted.pose, task.fitter.fit(again, 3).best().pose)
    assert predicted.error_by_step.shape == (4, 4)


def test_gradients_are_those_that_a_state_needed(task: HMRTask, seen: Observation) -> None:
    fitter, x0 = adam(task), torch.zeros(4, 82)
    assert fitter.fit(seen, 2).evaluations[:, 0].tolist() == [0, 1, 2]
    dear = replace(fitter, start=GivenStart(x0, gradients=5))
    assert dear.fit(seen, 2).evaluations[:, 0].tolist() == [5, 6, 7]
    search = LBFGS(history_size=2, line_search="strong_wolfe")
    fit = replace(fitter, optimizer=search, searches=True).fit(seen, 1)
    alone = replace(fitter, optimizer=search).fit(seen, 1)
    assert (fit.evaluations - alone.evaluations).tolist() == [[0] * 4, [1] * 4]


def test_the_metric_and_the_prior_are_those_of_the_initial_error(
    task: HMRTask, seen: Observation
) -> None:
    error = InitialError(82)
    error.second_moment.copy_(0.01 * torch.eye(82))
    plain = replace(adam(task), initial_error=error)
    within = replace(plain, optimizer=InErrorMetric(Adam(0.01)))
    held = replace(within, problem=FittingProblem(1.0, prior_weight=100.0))

    def moved(fitter: Fitter, steps: int) -> float:
        fit = fitter.fit(seen, steps)
        return float((fit.iterates[-1] - fit.iterates[0]).norm())

    # A first step of Adam is as long as the error's standard deviation, a tenth, makes it.
    assert moved(within, 1) == pytest.approx(0.1 * moved(plain, 1), rel=1e-3)
    assert moved(held, 5) < 0.5 * moved(within, 5)


def test_the_best_state_is_never_above_the_start(task: HMRTask, seen: Observation) -> None:
    fit = replace(adam(task), optimizer=Adam(3.0)).fit(seen, 4)
    assert bool((fit.values[-1] > fit.values[0]).any())
    best = fit.best()
    found = torch.cat([best.pose, best.betas], dim=1)
    value = adam(task).objective(seen, found).value(found)
    assert bool((value <= fit.values[0] + 1e-6).all())
    # Untrained networks: whatever they reach is far from the keypoints.
    assert set(best.status.tolist()) <= {0, 3}


class _Lost(Adam):
    """Adam whose every step ends nowhere."""

    def step(self, state, objective):  # type: ignore[no-untyped-def]
        after = super().step(state, objective)
        return replace(
            after, evaluation=after.evaluation._replace(value=torch.full((4,), torch.nan))
        )


def test_who_diverged_is_flagged_and_stays_at_the_start(task: HMRTask, seen: Observation) -> None:
    fit = replace(adam(task), optimizer=_Lost(0.1)).fit(seen, 2)
    best = fit.best()
    assert best.status.tolist() == [1] * 4
    assert torch.equal(best.pose, fit.iterates[0][:, :72])


def test_a_method_that_fits_as_a_whole_goes_the_same_way(task: HMRTask, seen: Observation) -> None:
    generator = torch.Generator().manual_seed(0)
    prior = PosePrior.fit(torch.randn(40, 72, generator=generator).numpy(), components=2)
    body = task.fitter.body
    smplify = SMPLify(body.joints_of, prior, 3, 2, both_facings=False)
    fitter = replace(adam(task), optimizer=smplify)
    fit = fitter.fit(seen, 99)
    focal, x0 = seen.focal, fitter.start(seen).detach()
    assert isinstance(focal, Tensor)
    assert torch.equal(fit.iterates, smplify.fit(seen, focal, x0).iterates)
    assert fit.evaluations[:, 0].tolist() == [0, 3, 5, 7, 9, 11]
    torch.testing.assert_close(fit.values, fit.reprojection)
    with pytest.raises(UserError, match="SMPLify needs the focal length"):
        fitter.fit(seen._replace(focal=None), 1)
    with pytest.raises(TypeError, match="SMPLify has no batched step"):
        fitter.batched(seen)


def test_a_problem_refuses_what_it_cannot_mean() -> None:
    with pytest.raises(UserError, match="residual is 'rsm'; choose from 'absolute', 'rms'"):
        FittingProblem(residual="rsm")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="prior_weight is -1"):
        FittingProblem(prior_weight=-1.0)
