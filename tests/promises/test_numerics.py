"""Precisions, threads, deterministic mode and anomaly detection over a whole unroll."""

from __future__ import annotations

import copy

import pytest
import torch
from random_problems import quadratics, starts
from torch import Tensor

from lsr1_pl.ground.types import Objective
from lsr1_pl.objectives import FunctionObjective
from lsr1_pl.optim import LSR1, BatchedOptimizer, PairLSR1, Safeguarded, unroll

BATCH, SIZE, STEPS = 16, 6, 8


def learned() -> LSR1:
    torch.manual_seed(0)
    return LSR1(hidden_dim=16, buffer_size=4, gamma1=0.01, gamma2=0.1).double().eval()


OPTIMIZERS: dict[str, BatchedOptimizer] = {
    "l-sr1": learned(),
    "guarded l-sr1": Safeguarded(learned()),
    "pair l-sr1": PairLSR1(4).double(),
}


def in_precision(optimizer: BatchedOptimizer, dtype: torch.dtype) -> BatchedOptimizer:
    other = copy.deepcopy(optimizer)
    module = other.optimizer if isinstance(other, Safeguarded) else other
    assert isinstance(module, torch.nn.Module)
    module.to(dtype)
    return other


def problem(name: str, dtype: torch.dtype, count: int = BATCH) -> tuple[Objective, Tensor]:
    x0 = starts(count, SIZE, dtype=dtype)
    if name == "quadratic":
        return quadratics(count, SIZE, dtype=dtype), x0
    return FunctionObjective(lambda x: torch.cosh(x).sum(dim=1)), x0


def relative(ours: Tensor, reference: Tensor) -> Tensor:
    """(B,) the largest error of an iterate, over the largest entry of its problem's reference."""
    scale = reference.abs().amax(dim=(0, 2), keepdim=True)
    return ((ours.double() - reference) / scale).abs().amax(dim=(0, 2))


@pytest.mark.parametrize("function", ["quadratic", "cosh"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_single_precision_follows_double(name: str, function: str) -> None:
    paths = {}
    for dtype in (torch.float64, torch.float32):
        objective, x0 = problem(function, dtype, 128)
        with torch.no_grad():
            paths[dtype] = unroll(in_precision(OPTIMIZERS[name], dtype), objective, x0, STEPS)
    errors = relative(paths[torch.float32].iterates, paths[torch.float64].iterates)
    # A few quadratics have pairs so nearly dependent that whoever combines them rounds more.
    assert 0 < errors.median() < 5e-6
    assert errors.quantile(0.95) < 1e-4
    assert errors.max() < 2e-3


def test_bfloat16_networks_stay_near() -> None:
    objective, x0 = problem("quadratic", torch.float32)
    optimizer = in_precision(OPTIMIZERS["guarded l-sr1"], torch.float32)
    with torch.no_grad():
        single = unroll(optimizer, objective, x0, STEPS)
        with torch.autocast("cpu", torch.bfloat16):
            half = unroll(optimizer, objective, x0, STEPS)
    assert half.iterates.dtype == torch.float32
    assert bool(half.iterates.isfinite().all())
    assert 1e-6 < relative(half.iterates, single.iterates.double()).max() < 5e-3


def meta_gradient() -> tuple[Tensor, Tensor]:
    """(end values, meta-gradient) of a training unroll."""
    optimizer = learned().train()
    objective, x0 = problem("quadratic", torch.float64)
    torch.manual_seed(1)
    path = unroll(optimizer, objective, x0, STEPS)
    loss = path.values.mean()
    gradients = torch.autograd.grad(loss, list(optimizer.parameters()), allow_unused=True)
    return path.values[-1].detach(), torch.cat([g.flatten() for g in gradients if g is not None])


def test_one_thread_and_two_give_the_same() -> None:
    one = meta_gradient()
    torch.set_num_threads(2)
    try:
        two = meta_gradient()
    finally:
        torch.set_num_threads(1)
    torch.testing.assert_close(two[0], one[0], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(two[1], one[1], rtol=1e-8, atol=1e-10)


def test_deterministic_mode_and_anomaly_detection_are_quiet() -> None:
    plain = meta_gradient()
    torch.use_deterministic_algorithms(True)
    try:
        first, second = meta_gradient(), meta_gradient()
        with torch.autograd.set_detect_anomaly(True):
            watched = meta_gradient()
    finally:
        torch.use_deterministic_algorithms(False)
    for ours, theirs, again, other in zip(first, second, watched, plain, strict=True):
        assert torch.equal(ours, theirs)
        assert torch.equal(ours, again)
        torch.testing.assert_close(ours, other)
