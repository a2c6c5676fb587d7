"""How the initial estimate errs: the covariance of its error, measured while it trains."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lsr1_pl.body.rotations import nearest_turn
from lsr1_pl.ground.precision import in_full_precision
from lsr1_pl.hmr.reprojection import EstimatePrior
from lsr1_pl.hmr.variables import join_variables, split_variables
from lsr1_pl.optim import Metric
from lsr1_pl.optim.metric import CovarianceMetric


@torch.no_grad()
def estimate_error(true: Tensor, estimate: Tensor) -> Tensor:
    """``true - estimate``, of (B, N) fitted variables.

    A rotation has several vectors, turns apart: the true one is the nearest to the estimate's, so
    that two roots near a half turn, on either side of it, are a small error apart.
    """
    pose, betas = split_variables(true)
    joints = split_variables(estimate)[0].unflatten(1, (-1, 3))
    near = nearest_turn(pose.unflatten(1, (-1, 3)), joints).flatten(1)
    return join_variables(near, betas) - estimate


class InitialError(nn.Module):
    """Running second moment of ``x_true - x_init``, over training batches.

    Args:
        size: N, the number of variables.
        momentum: of a new batch; the first ``1 / momentum`` batches are averaged evenly.
    """

    second_moment: Tensor
    batches: Tensor

    def __init__(self, size: int, momentum: float = 0.005) -> None:
        super().__init__()
        self.momentum = momentum
        self._metric = CovarianceMetric()
        self.register_buffer("second_moment", torch.eye(size))
        self.register_buffer("batches", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    @in_full_precision
    def update(self, error: Tensor) -> None:
        """Count one batch's errors (B, N); a batch that is not finite is left out."""
        moment = error.T @ error / len(error)
        # Nothing here is asked on the host, which would wait for a GPU.
        sound = moment.isfinite().all()
        self.batches += sound
        share = self.batches.double().reciprocal().clamp_min(self.momentum).to(moment)
        following = self.second_moment.lerp(moment, share)
        self.second_moment.copy_(torch.where(sound, following, self.second_moment))

    def doubt(self, batches: int) -> None:
        """Let what was measured weigh as this many batches at most, so that new ones replace it."""
        self.batches.clamp_(max=batches)

    def metric(self) -> Metric:
        """Coordinates in which the error has unit second moment; x's own before any batch."""
        return self._metric(self.second_moment, self.second_moment)

    def prior(self, x0: Tensor, weight: float) -> EstimatePrior | None:
        """Around initial estimates ``x0`` (B, N), constants to any gradient; None of weight 0."""
        return EstimatePrior(x0.detach(), self.metric(), weight) if weight else None
