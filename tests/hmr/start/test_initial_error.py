"""The metric of the initial estimate's error, and what fits in it."""

from __future__ import annotations

import torch

from lsr1_pl.body import PinholeCamera, load_body_model
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.hmr import InErrorMetric, InitialError, Observation, ProjectedBody
from lsr1_pl.objectives import Rosenbrock
from lsr1_pl.optim import LSR1, GradientDescent, unroll


def test_averages_the_first_batches_evenly_and_then_forgets() -> None:
    error = InitialError(2, momentum=0.5)
    first, second = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 4.0], [0.0, 0.0]])
    error.update(first)
    torch.testing.assert_close(error.second_moment, torch.diag(torch.tensor([4.0, 0.0])))
    error.update(second)
    torch.testing.assert_close(error.second_moment, torch.diag(torch.tensor([2.0, 4.0])))
    error.update(torch.zeros(1, 2))
    torch.testing.assert_close(error.second_moment, torch.diag(torch.tensor([1.0, 2.0])))


def test_a_batch_that_is_not_finite_is_left_out() -> None:
    error = InitialError(3)
    error.update(torch.ones(4, 3))
    before = error.second_moment.clone()
    error.update(torch.full((4, 3), torch.nan))
    assert torch.equal(error.second_moment, before)
    assert int(error.batches) == 1


def test_before_any_batch_the_coordinates_are_xs_own() -> None:
    metric = InitialError(3).metric()
    torch.testing.assert_close(metric.root, torch.eye(3))


def test_survives_a_checkpoint() -> None:
    error, other = InitialError(3), InitialError(3)
    error.update(torch.randn(20, 3))
    other.load_state_dict(error.state_dict())
    assert torch.equal(other.metric().root, error.metric().root)


def test_optimizer_steps_in_the_metric() -> None:
    error = InitialError(4)
    error.update(torch.randn(50, 4) * torch.tensor([0.1, 1.0, 1.0, 2.0]))
    x, seen = torch.randn(3, 4), Observation(torch.rand(3, 18, 2), torch.ones(3, 18))
    body = ProjectedBody(load_body_model("open").select(COCO18), PinholeCamera())
    solver = InErrorMetric(GradientDescent(1e-3)).observing(seen, body, error.metric())
    path = unroll(solver, Rosenbrock(), x, 1)
    gradient = Rosenbrock().evaluate(x).gradient
    expected = x - 1e-3 * gradient @ error.second_moment
    torch.testing.assert_close(path.iterates[1], expected, rtol=1e-3, atol=1e-4)


def test_networks_of_the_optimizer_are_its_own() -> None:
    learned = LSR1(hidden_dim=8)
    assert set(InErrorMetric(learned).parameters()) == set(learned.parameters())
