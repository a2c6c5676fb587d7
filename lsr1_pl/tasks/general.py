"""Meta-training of one optimiser for all functions: better than its own skeleton."""

from __future__ import annotations

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import nn

from lsr1_pl.optim import BatchedOptimizer, SecantPenalty
from lsr1_pl.tasks.by_evaluations import ByEvaluations
from lsr1_pl.tasks.evaluation import FunctionEvaluation
from lsr1_pl.tasks.former import takes_former_keywords
from lsr1_pl.tasks.function import FunctionTask
from lsr1_pl.tasks.meta_losses import LogRatioToSkeleton, MetaLoss
from lsr1_pl.tasks.strategies import PersistentStrategies
from lsr1_pl.tasks.unrolling import Unroll


@takes_former_keywords(
    *("optimizer", "steps", "floor", "meta_optimizer", "lr_scheduler", "second_order"),
    *("clip_sample_gradient", "test_steps", "baselines"),
)
class GeneralTask(FunctionTask):
    """:class:`FunctionTask` of an optimiser that is to beat its own skeleton on every family.

    Args:
        optimizer: what to train, such as :class:`lsr1_pl.optim.PairLSR1`.
        unroll: see :class:`FunctionTask`; the steps vary, unless told else.
        loss: what a training unroll costs.
        meta_optimizer: makes the meta-optimiser from the parameters.
        lr_scheduler: makes its learning-rate schedule, stepped once an iteration.
        evaluate: what validation and test run.
        penalty: the secant penalty, for an optimiser whose B is learned.
        strategies: see :class:`FunctionTask`.
    """

    def __init__(
        self,
        optimizer: nn.Module | BatchedOptimizer,
        unroll: Unroll = Unroll(  # noqa: B008
            clip_sample_gradient=10.0, divergence_limit=None, vary_steps=True
        ),
        loss: MetaLoss = LogRatioToSkeleton(),  # noqa: B008
        meta_optimizer: OptimizerCallable = lambda p: torch.optim.AdamW(p, lr=5e-3),
        lr_scheduler: LRSchedulerCallable | None = None,
        evaluate: FunctionEvaluation = ByEvaluations(),  # noqa: B008
        penalty: SecantPenalty = SecantPenalty(0.0),
        strategies: PersistentStrategies | None = None,
    ) -> None:
        super().__init__(
            *(optimizer, unroll, penalty, meta_optimizer, lr_scheduler, loss, evaluate, strategies)
        )
