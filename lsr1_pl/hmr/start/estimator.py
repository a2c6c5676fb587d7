"""What a network must offer for fits to begin at its estimates."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor, nn

from lsr1_pl.hmr.observation import Observation


class Estimator(nn.Module):
    """A network from what is observed of people to their bodies."""

    @abstractmethod
    def estimate(self, observation: Observation) -> Tensor:
        """B observed people -> x0 (B, 72 + num_betas): pose in radians, then betas."""
