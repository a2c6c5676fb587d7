"""The inner loop never asks the device for a number: on a GPU that would wait for it.

A tensor on the meta device has no values, so that whatever reads one (``.item()``, ``bool``, a
Python branch) raises.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lsr1_pl.body import PinholeCamera, load_body_model
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.hmr import Observation, ReprojectionObjective
from lsr1_pl.objectives import DiagonalQuadratic, Rosenbrock
from lsr1_pl.optim import (
    LBFGS,
    LSR1,
    PSDSR1,
    AdaHessian,
    Adam,
    BatchedOptimizer,
    GradientDescent,
    InMetric,
    Metric,
    Nesterov,
    unroll,
)

OPTIMIZERS: dict[str, BatchedOptimizer] = {
    "l-sr1": LSR1(hidden_dim=4),
    "l-sr1, as hmr_open": LSR1(
        hidden_dim=4,
        initial_curvature="rms",
        gradient_memory=0.5,
        inputs=("x", "p", "d", "g", "q", "b0g", "b0m"),
        input_normalization="rms",
        problem_inputs=True,
        output_limit=3.0,
    ),
    "l-sr1, scale-free": LSR1(
        hidden_dim=4, inputs=("r",), secant_inputs=True, vector_scale="secant"
    ),
    "l-sr1, recomputed": LSR1(hidden_dim=4, recompute=True, dropout=0.5),
    "adam": Adam(0.1),
    "adahessian": AdaHessian(0.1),
    "gradient descent": GradientDescent(0.1),
    "nesterov": Nesterov(0.1),
    "l-bfgs": LBFGS(4),
    "psd-sr1": PSDSR1(),
}


def on_meta(optimizer: BatchedOptimizer) -> BatchedOptimizer:
    return optimizer.to("meta") if isinstance(optimizer, torch.nn.Module) else optimizer


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_no_optimizer_reads_a_value_in_training(name: str) -> None:
    optimizer = on_meta(OPTIMIZERS[name])
    x0 = torch.empty(3, 6, device="meta", requires_grad=True)
    for objective in (Rosenbrock(), DiagonalQuadratic(10.0)):
        path = unroll(optimizer, objective, x0, 3, divergence_limit=10.0, clip_sample_gradient=1.0)
        path.values.sum().backward()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_nor_in_evaluation(name: str) -> None:
    optimizer = on_meta(OPTIMIZERS[name])
    if isinstance(optimizer, torch.nn.Module):
        optimizer.eval()
    with torch.no_grad():
        unroll(optimizer, Rosenbrock(), torch.empty(3, 6, device="meta"), 3)


def test_nor_does_a_fit_of_people() -> None:
    body = load_body_model("open").to("meta")
    observation = Observation(
        torch.empty(2, 18, 2, device="meta"), torch.empty(2, 18, device="meta")
    )
    objective = ReprojectionObjective(body.select(COCO18), observation, PinholeCamera())
    eye = torch.empty(82, 82, device="meta")
    optimizer = InMetric(LSR1(hidden_dim=4).to("meta"), Metric(eye, eye))
    x0 = torch.empty(2, 82, device="meta", requires_grad=True)
    unroll(optimizer, objective, x0, 2, second_order=False).values.sum().backward()


def test_a_read_would_be_noticed() -> None:
    class Reading(GradientDescent):
        def step(self, state: Tensor, objective: object) -> Tensor:
            assert float(state.evaluation.value[0]) < float("inf")
            return super().step(state, objective)

    with pytest.raises(RuntimeError, match="meta"):
        unroll(Reading(0.1), Rosenbrock(), torch.empty(3, 6, device="meta"), 1)
