"""L-SR1's options beyond the paper: Adam's diagonal as B0, averaged gradients, what nets read."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from random_problems import quadratics, starts
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation
from lsr1_pl.objectives import Quadratic
from lsr1_pl.optim import LSR1, PSDSR1, Adam, Embedding, EncoderInputs, Reads, unroll
from lsr1_pl.optim.lsr1.reads import Seen


def seen(x: Tensor, evaluation: Evaluation, steps_taken: int, scale: Tensor) -> Seen:
    """What an encoder sees at ``x``, of an optimiser whose B0 has this factor."""
    state = LSR1(hidden_dim=4, buffer_size=1).init(x, evaluation)
    return Seen(replace(state, steps_taken=steps_taken), scale, evaluation.gradient)


def without_networks(optimizer: LSR1) -> LSR1:
    """v = 0 and alpha = gamma1."""
    for generator in (optimizer.vector_generator, optimizer.learning_rate_generator):
        torch.nn.init.zeros_(generator.output.weight)
        torch.nn.init.zeros_(generator.output.bias)
    return optimizer.double().eval()


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9])
def test_adam_s_diagonal_without_networks_is_adam(memory: float) -> None:
    optimizer = without_networks(
        LSR1(hidden_dim=4, gamma1=0.1, initial_curvature="rms", gradient_memory=memory)
    )
    problem, x = quadratics(5, 4), starts(5, 4)
    ours = unroll(optimizer, problem, x, 12).iterates
    theirs = unroll(Adam(0.1, beta1=memory, beta2=0.999, epsilon=1e-8), problem, x, 12).iterates
    torch.testing.assert_close(ours, theirs)


def test_averaged_gradients_alone_are_heavy_balls() -> None:
    optimizer = without_networks(LSR1(hidden_dim=4, gamma1=0.1, gradient_memory=0.8))
    problem, x = quadratics(3, 4), starts(3, 4)
    path = unroll(optimizer, problem, x, 5).iterates
    mean = torch.zeros_like(x)
    for k in range(5):
        torch.testing.assert_close(path[k], x)
        mean = 0.8 * mean + 0.2 * problem.evaluate(x).gradient
        x = x - 0.1 * mean / (1 - 0.8 ** (k + 1))


def test_the_diagonal_enters_b_and_its_vectors_are_in_its_units() -> None:
    torch.manual_seed(0)
    optimizer = LSR1(hidden_dim=4, buffer_size=2, initial_curvature="rms", vector_init_scale=1.0)
    optimizer = optimizer.double().eval()
    problem, x = quadratics(3, 4), starts(3, 4)
    state = optimizer.init(x, problem.evaluate(x))
    after = optimizer.step(state, problem)
    g = state.evaluation.gradient
    diagonal = 1 / (g.abs() + 1e-8)
    v = after.curvature.vectors[:, -1]
    dense = torch.diag_embed(diagonal) + v.unsqueeze(2) * v.unsqueeze(1)
    torch.testing.assert_close(after.curvature.dense(), dense)
    torch.testing.assert_close(after.direction, (dense @ g.unsqueeze(2)).squeeze(2))
    assert (torch.linalg.eigvalsh(after.curvature.dense()) > 0).all()


def test_steps_do_not_know_the_objective_s_scale() -> None:
    torch.manual_seed(1)
    options = {"inputs": ("x", "p", "d", "g", "q", "b0g", "b0m"), "input_normalization": "rms"}
    optimizer = LSR1(
        hidden_dim=4,
        gamma1=0.05,
        initial_curvature="rms",
        gradient_memory=0.5,
        vector_init_scale=1.0,
        embedding=2,
        variables=4,
        **options,  # type: ignore[arg-type]
    )
    optimizer = optimizer.double().eval()
    problem, x = quadratics(3, 4), starts(3, 4)
    scaled = Quadratic(1e3 * problem.H, 1e3 * problem.b)
    one, other = (unroll(optimizer, p, x, 6).iterates for p in (problem, scaled))
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_inputs_against_hand_computed_ones() -> None:
    reads = Reads(("g", "b0g"), "rms", problem_numbers=True, embedding=Embedding(3, 2))
    inputs = EncoderInputs(reads).double()
    assert inputs.width == 2 + 6 + 3
    g = torch.tensor([[3.0, 4.0]], dtype=torch.float64)
    x = torch.tensor([[1.0, 1.0]], dtype=torch.float64)
    evaluation = Evaluation(torch.tensor([5.0], dtype=torch.float64), g)
    found = inputs(seen(x, evaluation, 3, torch.tensor([[2.0]], dtype=torch.float64)))
    root = math.sqrt(12.5)
    numbers = [math.log(5) / 4, math.log(5 / 25) / 4, math.log(root) / 4, 0.0, 0.25, 0.5]
    assert inputs.embedding is not None
    for variable in range(2):
        value = float(g[0, variable])
        expected = [value / root, 2 * value, *numbers, *inputs.embedding[variable].tolist()]
        torch.testing.assert_close(
            found[0, variable], torch.tensor(expected, dtype=torch.float64), rtol=1e-6, atol=1e-6
        )


def test_an_objective_of_value_and_gradient_zero_gives_finite_inputs() -> None:
    inputs = EncoderInputs(Reads(("x",), "rms", problem_numbers=True))
    zero = torch.zeros(2, 3)
    at = seen(zero, Evaluation(torch.zeros(2), zero), 0, torch.ones(2, 1))
    assert torch.isfinite(inputs(at)).all()


def test_an_embedding_knows_how_many_variables_it_has() -> None:
    optimizer = LSR1(hidden_dim=4, embedding=2, variables=5).double().eval()
    problem, x = quadratics(3, 4), starts(3, 4)
    with pytest.raises(UserError, match="embeddings of 5 variables; the problem has 4"):
        unroll(optimizer, problem, x, 1)


def test_the_state_keeps_running_means() -> None:
    optimizer = without_networks(LSR1(hidden_dim=4, gradient_memory=0.5, initial_curvature="rms"))
    problem, x = quadratics(2, 3), starts(2, 3)
    state = optimizer.init(x, problem.evaluate(x))
    g = state.evaluation.gradient
    after = optimizer.step(state, problem)
    torch.testing.assert_close(after.gradient_memory, 0.5 * g)
    torch.testing.assert_close(after.base_memory, 0.001 * g.square())
    assert (state.gradient_memory == 0).all()
    assert (state.base_memory == 0).all()


def test_b0_of_the_first_secant_is_held() -> None:
    optimizer = without_networks(LSR1(hidden_dim=4, gamma1=0.5, initial_curvature="first"))
    problem, x = quadratics(3, 4), starts(3, 4)
    state = optimizer.init(x, problem.evaluate(x))
    scales = []
    for _ in range(4):
        state = optimizer.step(state, problem)
        scales.append(state.curvature.scale)
    first = optimizer.step(optimizer.init(x, problem.evaluate(x)), problem)
    p, q = first.previous_step, first.gradient_change
    expected = ((p * q).sum(dim=1) / q.square().sum(dim=1)).unsqueeze(1)
    torch.testing.assert_close(scales[0], torch.ones_like(expected))
    for scale in scales[1:]:
        torch.testing.assert_close(scale, expected)


def test_the_invariant_networks_know_no_unit() -> None:
    torch.manual_seed(0)
    optimizer = LSR1(
        hidden_dim=8,
        gamma1=1.0,
        gamma2=0.5,
        initial_curvature="first",
        inputs=["x", "p", "d", "g", "q", "r"],
        input_normalization="rms",
        secant_inputs=True,
        output_limit=3.0,
        vector_scale="secant",
    )
    optimizer = optimizer.double().eval()
    problem, x = quadratics(3, 6), starts(3, 6)
    # From the second step on: the first has no secant to take its unit from.
    state = optimizer.init(x, problem.evaluate(x))
    state = optimizer.step(state, problem)
    after = optimizer.step(state, problem).iterate
    for c in (1e-2, 1e2):
        taller = Quadratic(c * problem.H, c * problem.b)
        scaled = replace(
            state,
            evaluation=taller.evaluate(state.iterate),
            gradient_change=c * state.gradient_change,
            curvature=replace(
                state.curvature,
                scale=state.curvature.scale / c,
                vectors=state.curvature.vectors / c**0.5,
            ),
        )
        torch.testing.assert_close(
            optimizer.step(scaled, taller).iterate, after, rtol=1e-6, atol=1e-6
        )


def test_secant_inputs_by_hand() -> None:
    inputs = EncoderInputs(Reads(["p"], secant_numbers=True))
    p = torch.tensor([[3.0, 4.0]])
    q = torch.tensor([[4.0, 3.0]])
    r = torch.tensor([[0.5, 0.0]])
    # With B0 = 0 and one vector, B q = v (v . q) = p - r.
    v = (p - r) / ((p - r) * q).sum().sqrt()
    at = seen(p, Evaluation(torch.zeros(1), torch.zeros(1, 2)), 1, torch.zeros(1, 1))
    curvature = replace(at.state.curvature, scale=torch.zeros(1, 1)).push(v)
    state = replace(at.state, previous_step=p, gradient_change=q, curvature=curvature)
    read = inputs(at._replace(state=state))
    expected = torch.tensor([24 / 25, 4 / 5, 0.2 * math.log(0.1)])
    torch.testing.assert_close(read[0, 0, 1:], expected)
    torch.testing.assert_close(read[0, 1, 1:], expected)


def test_with_sr1_s_vector_and_silent_networks_it_is_psd_sr1() -> None:
    optimizer = without_networks(
        LSR1(hidden_dim=4, buffer_size=12, gamma1=1.0, vector="sr1", initial_curvature="identity")
    )
    problem, x = quadratics(3, 5), starts(3, 5)
    problem = Quadratic(problem.H / torch.linalg.matrix_norm(problem.H, keepdim=True), problem.b)
    ours = unroll(optimizer, problem, x, 6).iterates
    theirs = unroll(PSDSR1(buffer_size=12), problem, x, 6).iterates
    torch.testing.assert_close(ours, theirs)
