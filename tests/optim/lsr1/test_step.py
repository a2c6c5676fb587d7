"""L-SR1 against the text of the paper."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from random_problems import one_of, quadratics, starts
from torch import Tensor

from lsr1_pl import LSR1
from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import Quadratic
from lsr1_pl.optim import SecantPenalty, unroll


def drawn(count: int, size: int, dtype: torch.dtype = torch.float32) -> tuple[Quadratic, Tensor]:
    """Problems as the paper draws them, and where to start."""
    problem = quadratics(count, size, unit_norm=True, dtype=dtype)
    return problem, starts(count, size, dtype=dtype)


def small(seed: int = 0, **options: Any) -> LSR1:
    """A small optimiser whose BatchNorm has seen data, so that no part is a fixed point."""
    torch.manual_seed(seed)
    optimizer = LSR1(hidden_dim=8, **{"buffer_size": 3, "vector_init_scale": 1.0, **options})
    optimizer.train()
    with torch.no_grad():
        unroll(optimizer, *drawn(32, 3), 2)
    return optimizer.eval()


def test_parameter_count_of_tables_5_and_6() -> None:
    assert sum(p.numel() for p in LSR1(hidden_dim=128).parameters()) == 252_555


def test_has_the_papers_three_modules() -> None:
    names = {name.split(".")[0] for name, _ in LSR1(hidden_dim=4).named_parameters()}
    assert names == {"encoder", "vector_generator", "learning_rate_generator"}


def reference_run(optimizer: LSR1, problem: Quadratic, x: Tensor, steps: int) -> list[Tensor]:
    """Algorithm 1 written line by line, with B as a dense matrix."""
    g = (problem.H @ x.unsqueeze(2)).squeeze(2) + problem.b
    p, q, d = x, g, g
    buffer: list[Tensor] = []
    iterates = [x]
    for _ in range(steps):
        rows = torch.stack([x, p, d, g, q], dim=2).reshape(-1, 5)
        latent = optimizer.encoder(rows)
        v = optimizer.vector_generator(latent).reshape(x.shape)
        rate = optimizer.learning_rate_generator(latent).reshape(x.shape)
        alpha = optimizer.rate.gamma1 * torch.exp(optimizer.rate.gamma2 * rate)
        if len(buffer) == optimizer.buffer_size:
            buffer.pop(0)
        buffer.append(v)
        B = torch.eye(x.shape[1]) + sum(u.unsqueeze(2) * u.unsqueeze(1) for u in buffer)
        d = (B @ g.unsqueeze(2)).squeeze(2)
        following = x - alpha * d
        g_following = (problem.H @ following.unsqueeze(2)).squeeze(2) + problem.b
        p, q = following - x, g_following - g
        x, g = following, g_following
        iterates.append(x)
    return iterates


def test_follows_algorithm_1() -> None:
    optimizer = small(gamma2=0.1)
    problem, x0 = drawn(4, 3)
    with torch.no_grad():
        trajectory = unroll(optimizer, problem, x0, 6)
        expected = torch.stack(reference_run(optimizer, problem, x0, 6))
    torch.testing.assert_close(trajectory.iterates, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(trajectory.values[-1], problem.value(trajectory.iterates[-1]))


@pytest.mark.parametrize("pair", ["previous", "current"])
def test_secant_residual_is_of_the_configured_pair(pair: Any) -> None:
    optimizer, penalty = small(), SecantPenalty(pair=pair)
    problem, x0 = drawn(4, 3)
    with torch.no_grad():
        states = [optimizer.init(x0, problem.evaluate(x0))]
        for _ in range(3):
            states.append(optimizer.step(states[-1], problem))
    for k in (2, 3):
        pair_state = states[k] if pair == "current" else states[k - 1]
        p, q = pair_state.previous_step, pair_state.gradient_change
        B = states[k].curvature.dense()
        expected = (p - (B @ q.unsqueeze(2)).squeeze(2)).square().sum(dim=1)
        torch.testing.assert_close(penalty.residual(states[k - 1], states[k]), expected)
    # The first state's p and q are placeholders: with the previous pair they cost nothing.
    first = penalty.residual(states[0], states[1])
    assert first is not None
    assert (first == 0).all() == (pair == "previous")


@pytest.mark.parametrize(("detach", "attached"), [(True, False), (False, True)])
def test_detached_secant_pair_sends_no_gradient_to_the_step(detach: bool, attached: bool) -> None:
    optimizer, penalty = small(), SecantPenalty(pair="current", detached=detach)
    trajectory = unroll(optimizer, *drawn(4, 3), 1, penalty=penalty)
    assert trajectory.secant_residuals is not None
    # After one step only p and q depend on the learning rates; B does not.
    (gradient,) = torch.autograd.grad(
        trajectory.secant_residuals.sum(),
        optimizer.learning_rate_generator.output.weight,
        allow_unused=True,
    )
    assert (gradient is not None and bool(gradient.any())) == attached


def test_weights_trained_at_one_size_serve_any_other() -> None:
    optimizer = small(vector_init_scale=0.01)
    for size in (2, 1000):
        problem, x0 = drawn(2, size)
        with torch.no_grad():
            trajectory = unroll(optimizer, problem, x0, 4)
        assert trajectory.iterates.shape == (5, 2, size)
        assert (trajectory.values[-1] < trajectory.values[0]).all()


def test_a_problem_does_not_depend_on_its_neighbours_in_eval_mode() -> None:
    optimizer = small().double()
    problem, x0 = drawn(6, 3, torch.float64)
    with torch.no_grad():
        together = unroll(optimizer, problem, x0, 5).iterates
        for i in range(6):
            single = unroll(optimizer, one_of(problem, i), x0[i : i + 1], 5).iterates
            torch.testing.assert_close(single[:, 0], together[:, i], rtol=1e-12, atol=1e-12)


def test_untrained_is_close_to_gradient_descent() -> None:
    torch.manual_seed(0)
    optimizer = LSR1(hidden_dim=16, gamma1=0.4, vector_init_scale=0.0).eval()
    problem, x0 = drawn(4, 3)
    with torch.no_grad():
        x1 = unroll(optimizer, problem, x0, 1).iterates[1]
    torch.testing.assert_close(x1, x0 - 0.4 * problem.evaluate(x0).gradient, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("second_order", [True, False])
def test_meta_gradient_equals_finite_differences(second_order: bool) -> None:
    """In float64, through four steps, values and secant penalty, in eval mode."""
    optimizer = small(gamma2=0.1).double()
    penalty = SecantPenalty(pair="current", detached=False)
    problem, x0 = drawn(3, 3, torch.float64)

    def loss(with_gradient_path: bool) -> Tensor:
        trajectory = unroll(
            optimizer, problem, x0, 4, second_order=with_gradient_path, penalty=penalty
        )
        assert trajectory.secant_residuals is not None
        return trajectory.values[1:].mean() + trajectory.secant_residuals.mean()

    loss(second_order).backward()
    weight = optimizer.encoder.output.weight
    assert weight.grad is not None
    numeric = torch.empty(5, dtype=torch.float64)
    with torch.no_grad():
        for i in range(5):
            weight[i, i] += 1e-6
            above = loss(True)
            weight[i, i] -= 2e-6
            below = loss(True)
            weight[i, i] += 1e-6
            numeric[i] = (above - below) / 2e-6
    analytic = weight.grad.diagonal()[:5]
    if second_order:
        torch.testing.assert_close(analytic, numeric, rtol=1e-5, atol=1e-8)
    else:
        assert (analytic - numeric).abs().max() > 1e-3 * numeric.abs().max()


def test_rms_inputs_see_no_scale() -> None:
    """Scaling x, g and so all inputs by a constant leaves v and alpha as they were."""
    optimizer = small(input_normalization="rms")
    problem, x0 = drawn(4, 3)
    scaled = Quadratic(problem.H, 100 * problem.b)
    with torch.no_grad():
        small_step = unroll(optimizer, problem, x0, 3).iterates
        large_step = unroll(optimizer, scaled, 100 * x0, 3).iterates
    torch.testing.assert_close(large_step, 100 * small_step, rtol=1e-4, atol=1e-3)


def test_scaled_initial_curvature_is_the_barzilai_borwein_ratio() -> None:
    optimizer = small(initial_curvature="scaled")
    problem, x0 = drawn(4, 3)
    with torch.no_grad():
        first = optimizer.step(optimizer.init(x0, problem.evaluate(x0)), problem)
        second = optimizer.step(first, problem)
    p, q = first.previous_step, first.gradient_change
    expected = ((p * q).sum(1) / (q * q).sum(1)).clamp(1e-4, 1e4)
    torch.testing.assert_close(second.curvature.scale.squeeze(1), expected)
    assert (first.curvature.scale == 1).all()


def test_without_initial_curvature_the_direction_lies_in_the_span_of_the_vectors() -> None:
    optimizer = small(initial_curvature="none", buffer_size=1)
    problem, x0 = drawn(4, 3)
    with torch.no_grad():
        state = optimizer.step(optimizer.init(x0, problem.evaluate(x0)), problem)
    v = state.curvature.vectors[:, -1]
    cosine = torch.cosine_similarity(state.direction, v, dim=1).abs()
    torch.testing.assert_close(cosine, torch.ones(4))


def test_buffer_size_can_change_after_training_and_shares_the_networks() -> None:
    optimizer = small()
    larger = optimizer.with_buffer_size(5)
    assert larger.encoder is optimizer.encoder
    assert (optimizer.buffer_size, larger.buffer_size) == (3, 5)


def test_step_leaves_the_given_state_as_it_was() -> None:
    optimizer = small()
    problem, x0 = drawn(4, 3)
    with torch.no_grad():
        state = optimizer.init(x0, problem.evaluate(x0))
        before = copy.deepcopy(state)
        optimizer.step(state, problem)
    torch.testing.assert_close(state.iterate, before.iterate)
    torch.testing.assert_close(state.curvature.vectors, before.curvature.vectors)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"inputs": ("x", "y")}, "inputs"),
        ({"inputs": ()}, "inputs"),
        ({"inputs": ("x", "x")}, "inputs"),
        ({"buffer_size": 0}, "buffer_size"),
        ({"hidden_dim": 0}, "Networks width"),
        ({"gamma1": 0.0}, "gamma1"),
        ({"dropout": 1.0}, "dropout"),
        ({"norm_momentum": 0.0}, "norm_momentum"),
        ({"gradient_memory": 1.0}, "RunningMean memory"),
        ({"embedding": 2}, "Embedding size is 2 with variables None"),
        ({"embedding": -1}, "Embedding size is -1"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(UserError, match=named):
        LSR1(**options)


def test_relative_secant_residual_knows_no_scale() -> None:
    optimizer = small()
    one, other = (
        unroll(optimizer, *drawn(4, 3), 4, penalty=SecantPenalty(norm=norm))
        for norm in ("sum", "relative")
    )
    torch.testing.assert_close(one.iterates, other.iterates)
    assert one.secant_residuals is not None
    assert other.secant_residuals is not None
    assert (other.secant_residuals[0] == 0).all()
    # Step k's residual is of the pair of the step before.
    p_square = one.iterates.diff(dim=0)[:-1].square().sum(dim=2)
    torch.testing.assert_close(other.secant_residuals[1:], one.secant_residuals[1:] / p_square)


def test_limits_bound_vectors_and_rates() -> None:
    optimizer = small(gamma1=0.5, gamma2=10.0, vector_init_scale=100.0)
    problem, x = drawn(8, 3)
    state = optimizer.init(x, problem.evaluate(x))
    free = optimizer.step(state, problem)
    optimizer.vector = replace(optimizer.vector, limit=2.0)
    optimizer.rate = replace(optimizer.rate, limit=2.0)
    bounded = optimizer.step(state, problem)
    vector, was = bounded.curvature.vectors[:, -1], free.curvature.vectors[:, -1]
    assert was.abs().max() > 2 >= vector.abs().max()
    torch.testing.assert_close(vector, 2 * torch.tanh(was / 2))
    rate = -bounded.previous_step / bounded.direction
    assert 0.49 * math.exp(-2) <= rate.min() <= rate.max() <= 0.51 * math.exp(2)
    with pytest.raises(UserError, match="limit"):
        small(output_limit=0.0)


def test_norm_momentum_reaches_every_norm() -> None:
    norms = [m for m in small(norm_momentum=0.03).modules() if isinstance(m, torch.nn.BatchNorm1d)]
    # One and two in each of two blocks, in each of three networks.
    assert len(norms) == 15
    assert {norm.momentum for norm in norms} == {0.03}
