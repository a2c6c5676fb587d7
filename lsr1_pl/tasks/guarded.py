"""What every training task shares: the meta-optimiser and the guard of its steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor

from lsr1_pl.ground.errors import UserError


class GuardedTask(LightningModule):
    """Base of the tasks: a meta-optimiser whose steps that are not finite are skipped.

    A meta-gradient that is not finite is dropped: that step leaves the parameters as they were
    and is counted in ``optim/skipped_steps``. Clipping is the Trainer's ``gradient_clip_val``.

    Args:
        meta_optimizer: makes the meta-optimiser from the parameters.
        lr_scheduler: makes its learning-rate schedule, stepped once an iteration.
    """

    skipped_steps: Tensor

    def __init__(
        self, meta_optimizer: OptimizerCallable, lr_scheduler: LRSchedulerCallable | None
    ) -> None:
        super().__init__()
        self.meta_optimizer = meta_optimizer
        self.lr_scheduler = lr_scheduler
        self.register_buffer("skipped_steps", torch.zeros((), dtype=torch.long))

    def on_after_backward(self) -> None:
        """Drop a meta-gradient that is not finite, and log its norm otherwise."""
        gradients = [p.grad for p in self.parameters() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if torch.isfinite(norm):
            self.log("optim/gradient_norm", norm)
        else:
            self.skipped_steps += 1
            for parameter in self.parameters():
                parameter.grad = None
        self.log("optim/skipped_steps", self.skipped_steps.float())

    def configure_gradient_clipping(
        self,
        optimizer: Any,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Lightning's, which refuses fused meta-optimisers in any mixed precision; where gradients
        are not scaled, as in bfloat16, these clip like all others."""
        scaled = getattr(self.trainer.precision_plugin, "scaler", None) is not None
        if scaled or gradient_clip_algorithm not in (None, "norm"):
            self.clip_gradients(
                optimizer,
                gradient_clip_val=gradient_clip_val,
                gradient_clip_algorithm=gradient_clip_algorithm,
            )
        elif gradient_clip_val:
            torch.nn.utils.clip_grad_norm_(self.parameters(), gradient_clip_val)

    def configure_optimizers(self) -> Any:
        """The meta-optimiser, and its schedule by iteration.

        Raises:
            UserError: one of them refuses its arguments.
        """
        optimizer = _made("meta_optimizer", self.meta_optimizer, self.parameters())
        if self.lr_scheduler is None:
            return optimizer
        scheduler = _made("lr_scheduler", self.lr_scheduler, optimizer)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }


def _made(key: str, make: Callable[[Any], Any], of: Any) -> Any:
    try:
        return make(of)
    except (ValueError, TypeError) as error:
        place = f"model.init_args.{key}"
        raise UserError(f"{place}: {error}; mend {place}.init_args") from None
