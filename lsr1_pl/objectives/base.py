"""Objectives that get their gradient from autograd."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.precision import in_full_precision
from lsr1_pl.ground.types import Evaluation


class AutogradObjective(ABC):
    """A batched function with its gradient by automatic differentiation: override ``value``."""

    @abstractmethod
    def value(self, x: Tensor) -> Tensor:
        """(B, N) -> (B,); row b of ``x`` alone may enter value b."""

    @in_full_precision
    def evaluate(self, x: Tensor, *, second_order: bool = True) -> Evaluation:
        """Value (B,) and gradient (B, N) at ``x``; works under ``no_grad`` too.

        In grad mode the value stays differentiable in ``x``, and so does the gradient unless
        ``second_order`` is off.
        """
        grad_mode = torch.is_grad_enabled()
        with torch.enable_grad():
            point = x if grad_mode and x.requires_grad else x.detach().requires_grad_()
            value = self.value(point)
            if value.shape != (x.shape[0],):
                raise UserError(
                    f"{type(self).__name__}.value gave shape {tuple(value.shape)} for x of shape "
                    f"{tuple(x.shape)}; expected one value a problem, ({x.shape[0]},)"
                )
            (gradient,) = torch.autograd.grad(
                value.sum(), point, create_graph=grad_mode and second_order, retain_graph=grad_mode
            )
        return Evaluation(value if grad_mode else value.detach(), gradient)

    @in_full_precision
    def hessian_vector_product(self, x: Tensor, v: Tensor) -> Tensor:
        """``H(x) v`` (B, N), by differentiating ``g(x) . v``; detached."""
        with torch.enable_grad():
            point = x.detach().requires_grad_()
            slope = (self.evaluate(point).gradient * v.detach()).sum()
            if not slope.requires_grad:
                return torch.zeros_like(x)
            (product,) = torch.autograd.grad(slope, point, materialize_grads=True)
        return product


class FunctionObjective(AutogradObjective):
    """Any torch function of ``x`` (B, N) that returns (B,) values, as an objective."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        self._function = function

    def value(self, x: Tensor) -> Tensor:
        """(B, N) -> (B,)."""
        return self._function(x)
