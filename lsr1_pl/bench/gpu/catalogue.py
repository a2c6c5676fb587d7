"""Every optimiser of the protocol, and the training steps, by what a table calls them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import torch
from torch import Tensor, nn

from lsr1_pl.bench.cost.speed_cases import hmr_text_task
from lsr1_pl.bench.published import published_parts
from lsr1_pl.hmr import Blockwise, EvaluationPlan
from lsr1_pl.optim import (
    BFGS,
    LBFGS,
    LSR1,
    PSDSR1,
    SR1,
    AdaHessian,
    Adam,
    AimedLSR1,
    BatchedOptimizer,
    CoordinatewiseLSTM,
    FamilyOptimizer,
    FeatureAimedLSR1,
    GradientDescent,
    InMetric,
    LearnedBFGS,
    Metric,
    MomentumMLP,
    Nesterov,
    Networks,
    Newton,
    PairLSR1,
    PolyakDescent,
    RankOneTransformer,
    Safeguarded,
    Standing,
)
from lsr1_pl.tasks import HMRTask, Unroll, load_task


def _scaled_gradient(standing: Standing) -> Tensor:
    return -0.5 * standing.state.evaluation.gradient


def _in_metric(like: Tensor) -> BatchedOptimizer:
    covariance = torch.diag(torch.linspace(0.5, 1.5, like.shape[1], dtype=torch.float64))
    metric = Metric.of_covariance(covariance)
    return InMetric(Adam(0.1), Metric(metric.root.to(like), metric.inverse.to(like)))


def _text() -> LSR1:
    return LSR1(networks=Networks(128))


def _authors() -> LSR1:
    return LSR1(**published_parts(buffer_size=8))


_ALIKE: Mapping[str, Callable[[], BatchedOptimizer]] = {
    "L-SR1, text": _text,
    "L-SR1, authors' code": _authors,
    "L-SR1 of pairs": PairLSR1,
    "L-SR1, aimed": lambda: AimedLSR1(_scaled_gradient),
    "gradient descent": lambda: GradientDescent(0.4),
    "Nesterov": Nesterov,
    "Polyak": PolyakDescent,
    "Adam": lambda: Adam(0.1),
    "AdaHessian": AdaHessian,
    "Newton": Newton,
    "BFGS, Armijo": BFGS,
    "SR1": SR1,
    "PSD-SR1": PSDSR1,
    "L-BFGS": lambda: LBFGS(8, learning_rate=0.1),
    "L-BFGS, Armijo": lambda: LBFGS(8, "armijo"),
    "L-BFGS, strong Wolfe": lambda: LBFGS(8, "strong_wolfe"),
    "Adam, safeguarded": lambda: Safeguarded(Adam(0.1)),
    "LSTM": CoordinatewiseLSTM,
    "MLP": MomentumMLP,
    "learned BFGS": LearnedBFGS,
    "rank-one transformer": RankOneTransformer,
}

OPTIMIZERS: Mapping[str, Callable[[Tensor], BatchedOptimizer]] = {
    **{
        name: lambda like, make=make: placed(make(), like)  # type: ignore[misc]
        for name, make in _ALIKE.items()
    },
    "Adam, in a metric": _in_metric,
    "of a family": lambda like: placed(FamilyOptimizer(like.shape[1]), like),
    "L-SR1, aimed by features": lambda like: placed(FeatureAimedLSR1(like.shape[1]), like),
}
"""Name -> an untrained optimiser of the precision and on the device of the points it is for."""


def placed(optimizer: BatchedOptimizer, like: Tensor) -> BatchedOptimizer:
    """The optimiser, its networks (if any) in evaluation, as precise as ``like``, and beside it."""
    return optimizer.to(like).eval() if isinstance(optimizer, nn.Module) else optimizer


def authors_hmr_task() -> HMRTask:
    """With ``hmr_official.yaml``'s optimisers, untrained, on the open body."""
    torch.manual_seed(0)
    pose, betas = (LSR1(**published_parts(gamma1=0.1)) for _ in range(2))
    return HMRTask(
        Blockwise(pose, betas, pose_counts_twice=True),
        unroll=Unroll(8, second_order=False, clip_sample_gradient=None, detach_iterates=True),
    )


def _shipped(name: str) -> HMRTask:
    task = load_task(name)
    assert isinstance(task, HMRTask)
    return task


def _toy_task() -> HMRTask:
    return HMRTask(
        LSR1(networks=Networks(4)),
        unroll=Unroll(2, second_order=False, clip_sample_gradient=None),
        evaluate=EvaluationPlan(steps=2),
    )


TEXT, AUTHORS = "L-SR1, text", "L-SR1, authors' code"
OPEN, LIFTED, LGD = "L-SR1, hmr_open", "L-SR1, hmr_open_lifted", "LGD, lgd_open"

_HMR_TASKS: Mapping[str, Callable[[], HMRTask]] = {
    TEXT: hmr_text_task,
    AUTHORS: authors_hmr_task,
    OPEN: partial(_shipped, "hmr_open"),
    LIFTED: partial(_shipped, "hmr_open_lifted"),
    LGD: partial(_shipped, "lgd_open"),
}


def hmr_tasks(fast: bool, names: Iterable[str] = _HMR_TASKS) -> dict[str, Callable[[], HMRTask]]:
    """Tasks of mesh recovery: those of the paper untrained, the shipped ones trained.

    If ``fast``, a toy stands in for the first of them, and the others are left out.
    """
    chosen = list(names)
    return {chosen[0]: _toy_task} if fast else {name: _HMR_TASKS[name] for name in chosen}
