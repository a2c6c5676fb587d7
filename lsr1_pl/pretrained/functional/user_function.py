"""A user's function as a batched objective: by automatic differentiation, or with its own jac."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.objectives import AutogradObjective
from lsr1_pl.optim.differences import product_by_differences
from lsr1_pl.pretrained.functional.layout import Layout


class WiderValue(Exception):  # noqa: N818 - no error: the caller starts again in that precision
    """The function computes in a wider precision than x has."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__(dtype)
        self.dtype = dtype


def objective_of(
    fn: Callable[..., Any],
    jac: Callable[..., Any] | bool | None,
    args: Sequence[Any],
    layout: Layout,
    inside: Callable[[Tensor], Tensor] | None = None,
) -> Objective:
    """``fn`` on rows: of torch operations, or with its gradient by ``jac``.

    Differences of gradients are taken at the points that ``inside`` makes of theirs.

    Raises:
        UserError: ``fn`` or ``jac`` is not to be called, or ``args`` is no tuple.
    """
    if not callable(fn):
        raise UserError(f"fn is {type(fn).__name__}; expected a function of x")
    if not isinstance(args, (tuple, list)):
        raise UserError(f"args is {type(args).__name__}; expected a tuple, as (a, b) or (a,)")
    if jac is None or jac is False:
        return _Differentiated(fn, args, layout)
    if jac is not True and not callable(jac):
        raise UserError(
            f"jac is {jac!r}; expected a function that gives the gradient, True if fn gives "
            "(value, gradient), or None for automatic differentiation: there are no differences"
        )
    return _WithGradient(fn, jac, args, layout, inside)


def called(fn: Callable[..., Any], x: Any, args: Sequence[Any], otherwise: str = "") -> Any:
    """``fn(x, *args)`` for tensors x.

    Args:
        fn: of the user.
        x: tensors, or a nest of them.
        args: given to ``fn`` after x.
        otherwise: what can be done but to write ``fn`` anew, for the message.

    Raises:
        UserError: it fails, and would not if x were of NumPy.
    """
    try:
        return fn(x, *args)
    except (RuntimeError, TypeError, AttributeError) as error:
        if "Can't call numpy()" not in str(error) and not _takes_numpy(fn, x, args):
            raise
        raise UserError(
            "the function works with NumPy, but without jac it gets torch tensors, whatever x0 is: "
            f"write it with torch's operations{otherwise} ({error})"
        ) from error


def _takes_numpy(fn: Callable[..., Any], x: Any, args: Sequence[Any]) -> bool:
    arrays = tree_map(lambda leaf: leaf.detach().cpu().numpy().copy(), x)
    try:
        fn(arrays, *args)
    except Exception:  # Whatever it is, the first error says more.
        return False
    return True


class _Differentiated(AutogradObjective):
    """A function of torch operations."""

    def __init__(self, fn: Callable[..., Any], args: Sequence[Any], layout: Layout) -> None:
        self._fn = fn
        self._args = args
        self._layout = layout

    def value(self, x: Tensor) -> Tensor:
        value = called(self._fn, self._layout.shaped(x), self._args, ", or give jac")
        if not isinstance(value, Tensor):
            raise UserError(
                f"the function gave {type(value).__name__} for x of shape {tuple(x.shape)}; "
                f"expected {_expected(self._layout, len(x))}. A function of NumPy needs jac"
            )
        value = _values(value, self._layout, x)
        if torch.is_grad_enabled() and x.requires_grad and not value.requires_grad:
            raise UserError(
                "the function's value does not depend on x through torch operations (is it "
                "detached, or computed with numpy?), so that it has no gradient; give jac if you "
                "have the gradient"
            )
        wider = torch.promote_types(value.dtype, x.dtype)
        if wider != x.dtype:
            raise WiderValue(wider)
        return value.to(x.dtype)


class _WithGradient:
    """A function whose gradient the user computes; it gets what ``x0`` is."""

    def __init__(
        self,
        fn: Callable[..., Any],
        jac: Any,
        args: Sequence[Any],
        layout: Layout,
        inside: Callable[[Tensor], Tensor] | None,
    ) -> None:
        self._inside = inside
        self._fn = fn
        self._jac = jac
        self._args = args
        self._layout = layout

    def value(self, x: Tensor) -> Tensor:
        return self.evaluate(x).value

    def evaluate(self, x: Tensor, *, second_order: bool = True) -> Evaluation:
        given = self._layout.handed_back(self._layout.shaped(x.detach()))
        found = self._fn(given, *self._args)
        if self._jac is True:
            if not isinstance(found, (tuple, list)) or len(found) != 2:
                raise UserError(
                    "with jac=True the function must give (value, gradient), and it gave "
                    f"{type(found).__name__}; give the gradient's function as jac, or leave jac "
                    "out to have torch differentiate"
                )
            value, gradient = found
        else:
            value, gradient = found, self._jac(given, *self._args)
        try:
            value = torch.as_tensor(np.asarray(value) if np.isscalar(value) else value)
        except (TypeError, ValueError, RuntimeError):
            raise UserError(
                f"the function gave {type(value).__name__}; expected "
                f"{_expected(self._layout, len(x))}"
            ) from None
        value = _values(value.detach(), self._layout, x).to(x)
        return Evaluation(value, self._layout.rows_of(gradient))

    def hessian_vector_product(self, x: Tensor, v: Tensor) -> Tensor:
        return product_by_differences(self.evaluate, x, v, self._inside)


def _values(value: Tensor, layout: Layout, x: Tensor) -> Tensor:
    """(B,) what the function gave for x (B, N)."""
    fits = value.shape == (len(x),) if layout.batched else value.numel() == 1
    if not fits:
        hint = ""
        if layout.batched and value.numel() == 1:
            hint = "; if x0 is one problem whose variables are a matrix, give [x0]"
        raise UserError(
            f"the function gave {tuple(value.shape)} for x of shape {tuple(x.shape)}; expected "
            f"{_expected(layout, len(x))}{hint}"
        )
    return value.reshape(len(x))


def _expected(layout: Layout, problems: int) -> str:
    shape = (problems,) if layout.batched else ()
    return f"a tensor of shape {shape}: one value a problem"
