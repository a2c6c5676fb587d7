"""A user's residuals as half a sum of squares, with its Jacobians."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import AutogradObjective
from lsr1_pl.pretrained.functional.layout import Layout
from lsr1_pl.pretrained.functional.user_function import WiderValue, called


class HalfSumOfSquares(AutogradObjective):
    """``|r(x)|^2 / 2`` for residuals r of torch operations.

    Args:
        fn: gives the residuals: (B, ...) of a batch, else of any shape.
        args: what it gets after x.
        layout: what x is to it.

    Raises:
        UserError: ``fn`` is not to be called, or ``args`` is no tuple.
    """

    def __init__(self, fn: Callable[..., Any], args: Sequence[Any], layout: Layout) -> None:
        if not callable(fn):
            raise UserError(f"residuals is {type(fn).__name__}; expected a function of x")
        if not isinstance(args, (tuple, list)):
            raise UserError(f"args is {type(args).__name__}; expected a tuple, as (a, b) or (a,)")
        self._fn, self._args, self._layout = fn, args, layout

    def residuals(self, x: Tensor) -> Tensor:
        """(B, N) -> (B, M).

        Raises:
            UserError: they are not a tensor of B rows, or do not depend on x.
        """
        found = called(self._fn, self._layout.shaped(x), self._args)
        if not isinstance(found, Tensor):
            raise UserError(f"residuals gave {type(found).__name__}; expected a tensor of torch")
        rows = len(x) if self._layout.batched else 1
        if self._layout.batched and (found.ndim < 2 or len(found) != rows):
            raise UserError(
                f"residuals gave {tuple(found.shape)} for x of shape {tuple(x.shape)}; expected "
                f"({rows}, M): a row of residuals for each problem"
            )
        if found.numel() == 0:
            raise UserError("residuals gave none; expected one at least")
        if torch.is_grad_enabled() and x.requires_grad and not found.requires_grad:
            raise UserError(
                "the residuals do not depend on x through torch operations (are they detached, or "
                "computed with numpy?), so that they have no Jacobian"
            )
        wider = torch.promote_types(found.dtype, x.dtype)
        if wider != x.dtype:
            raise WiderValue(wider)
        return found.to(x.dtype).reshape(rows, -1)

    def value(self, x: Tensor) -> Tensor:
        """(B, N) -> (B,)."""
        return 0.5 * self.residuals(x).square().sum(dim=1)

    def linear(self, x: Tensor) -> Linearised:
        """The residuals with their derivatives at ``x`` (B, N)."""
        with torch.enable_grad():
            point = x.detach().requires_grad_()
            return Linearised(point, self.residuals(point))


class Linearised:
    """Residuals (B, M) at a point (B, N), and the graph from one to the other."""

    def __init__(self, point: Tensor, residuals: Tensor) -> None:
        self._point, self._residuals = point, residuals
        self._kept: tuple[Tensor, Tensor] | None = None

    def dense(self) -> Tensor:
        """(B, M, N) Jacobians: M gradients, or N tangents where these are fewer, all at once."""
        many, size = self._residuals.shape[1], self._point.shape[1]
        if many <= size:
            return _each(self._residuals, self._point, many).transpose(0, 1)
        # J^T u is linear in u, and its derivative along v is J v.
        u, backward = self._backward()
        return _each(backward, u, size).permute(1, 2, 0)

    def product(self, v: Tensor) -> Tensor:
        """``J^T J v`` (B, N)."""
        u, backward = self._backward()
        (tangent,) = torch.autograd.grad(backward, u, v, retain_graph=True)
        (image,) = torch.autograd.grad(self._residuals, self._point, tangent, retain_graph=True)
        return image

    def _backward(self) -> tuple[Tensor, Tensor]:
        """u (B, M), and J^T u as a function of it."""
        if self._kept is not None:
            return self._kept
        with torch.enable_grad():
            u = torch.zeros_like(self._residuals, requires_grad=True)
            (found,) = torch.autograd.grad(self._residuals, self._point, u, create_graph=True)
        self._kept = u, found
        return self._kept


def _each(output: Tensor, given: Tensor, count: int) -> Tensor:
    """(count, B, ...) the gradient of each column of ``output`` (B, count) by ``given``."""
    unit = torch.eye(count, dtype=output.dtype, device=output.device).unsqueeze(1)
    (found,) = torch.autograd.grad(
        output,
        given,
        unit.expand(count, *output.shape),
        is_grads_batched=True,
        retain_graph=True,
    )
    return found
