"""A closure over parameters, as torch.optim knows it, as a batched objective of one problem."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation
from lsr1_pl.optim.differences import product_by_differences


class ClosureObjective:
    """The loss that ``closure`` gives for the values that stand in ``params``."""

    def __init__(self, params: list[Tensor], closure: Callable[[], Any]) -> None:
        self._params = params
        self._closure = torch.enable_grad()(closure)
        self.calls = 0
        """How often the closure was called."""

    def point(self) -> Tensor:
        """(1, N) the parameters."""
        return torch.cat([p.detach().reshape(-1) for p in self._params]).unsqueeze(0).clone()

    def move_to(self, x: Tensor) -> None:
        """Write ``x`` (1, N) into the parameters."""
        parts = x[0].split([p.numel() for p in self._params])
        with torch.no_grad():
            for parameter, part in zip(self._params, parts, strict=True):
                parameter.copy_(part.view_as(parameter))

    def value(self, x: Tensor) -> Tensor:
        """(1,) the loss at ``x`` (1, N)."""
        return self.evaluate(x).value

    def evaluate(self, x: Tensor, *, second_order: bool = True) -> Evaluation:
        """The loss and its gradient at ``x`` (1, N), which stays in the parameters.

        Raises:
            UserError: the closure gives no number, or leaves no gradient.
        """
        self.move_to(x)
        self.calls += 1
        loss = self._closure()
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            raise UserError("the closure of LSR1Optimizer.step must return the loss, one number")
        if all(p.grad is None for p in self._params):
            raise UserError(
                "no parameter has a gradient; the closure must call loss.backward(), of a loss of "
                "the very parameters that the optimiser holds (copy a model and its optimiser in "
                "one copy.deepcopy)"
            )
        gradient = torch.cat([_gradient_of(p) for p in self._params])
        return Evaluation(loss.detach().reshape(1).to(gradient.dtype), gradient.unsqueeze(0))

    def hessian_vector_product(self, x: Tensor, v: Tensor) -> Tensor:
        """``H(x) v`` (1, N): a closure ends in backward(), so by the difference of gradients."""
        product = product_by_differences(self.evaluate, x, v)
        self.move_to(x)
        return product


def _gradient_of(parameter: Tensor) -> Tensor:
    """(N,) zeros where the loss does not reach it; the sparse ones of embeddings are filled up."""
    gradient = parameter.grad
    if gradient is None:
        return torch.zeros_like(parameter).reshape(-1)
    gradient = gradient.detach()
    return (gradient if gradient.layout == torch.strided else gradient.to_dense()).reshape(-1)
