"""A step's activations made again in the backward pass instead of being kept until then."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TypeVar

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lsr1_pl.optim.protocol import OptimizerState

_State = TypeVar("_State", bound=OptimizerState)


def recomputed(propose: Callable[[_State], _State], state: _State, networks: nn.Module) -> _State:
    """``propose(state)``, of whose graph only ``state`` is kept.

    The backward pass runs ``propose`` again, with the random numbers of the first time; what that
    does to the buffers of ``networks`` (BatchNorm's statistics) is undone, so that each step counts
    once.
    """

    def run(_: Tensor) -> _State:
        return propose(state)

    # The iterate is an argument for its device alone: random numbers are kept for those.
    following: _State = checkpoint(
        run,
        state.iterate,
        use_reentrant=False,
        context_fn=lambda: (nullcontext(), _Untouched(networks)),
    )
    return following


class _Untouched:
    """A context that leaves a module's buffers as it found them; entered any number of times."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._found: list[Tensor] = []

    def __enter__(self) -> None:
        self._found = [buffer.clone() for buffer in self._module.buffers()]

    def __exit__(self, *raised: object) -> None:
        for buffer, found in zip(self._module.buffers(), self._found, strict=True):
            buffer.data.copy_(found)  # To autograd, as if nothing had happened.
        self._found = []
