"""How a step runs, which changes no result: compiled, with activations made again, folded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from lsr1_pl.ground.choices import choices_checked
from lsr1_pl.optim.lsr1.folded import FoldedNetworks
from lsr1_pl.optim.lsr1.networks import ElementwiseMLP
from lsr1_pl.optim.lsr1.recompute import recomputed
from lsr1_pl.optim.protocol import OptimizerState

CompileMode = Literal["reduce-overhead", "max-autotune"]
"""Modes of ``torch.compile`` beside its default: on a GPU both replay a step as CUDA graphs, and
``max-autotune`` also times several kernels for every product."""

_State = TypeVar("_State", bound=OptimizerState)


@choices_checked
@dataclass(frozen=True)
class Runner:
    """How steps with gradients run; the objective is never part of it.

    Args:
        compiled: whether they go through ``torch.compile``, and in which of its modes.
        recompute: whether they keep their state alone, and make activations again for gradients.
    """

    compiled: bool | CompileMode = False
    recompute: bool = False

    def compile(self, propose: Callable[..., Any]) -> Callable[..., Any]:
        """The function through ``torch.compile``, or as it is."""
        if self.compiled is False:
            return propose
        return torch.compile(propose, mode=None if self.compiled is True else self.compiled)

    def run(
        self, propose: Callable[[nn.Module, _State], _State], networks: nn.Module, state: _State
    ) -> _State:
        """``propose(networks, state)``, with its activations made again if that is wanted."""
        if not self.recompute:
            return propose(networks, state)
        return recomputed(partial(propose, networks), state, networks)


class Generators:
    """What the vector and the rate generators give, by the quickest way that serves."""

    def __init__(self) -> None:
        self._folded: FoldedNetworks | None = None

    def forget(self) -> None:
        """Fold anew at the next step."""
        self._folded = None

    def __call__(
        self,
        encoder: ElementwiseMLP,
        generators: Sequence[ElementwiseMLP],
        rows: Tensor,
    ) -> Sequence[Tensor]:
        """The generators' outputs of R rows, (R, 1) each.

        In evaluation without gradients, layers are folded together; anew after a change in place.
        """
        if encoder.training or torch.is_grad_enabled():
            latent = encoder(rows)
            return [generator(latent) for generator in generators]
        if self._folded is None or not self._folded.still_hold():
            self._folded = FoldedNetworks(encoder, generators)
        return self._folded(rows)
