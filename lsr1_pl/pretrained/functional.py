"""Minimise a torch function: one call, any shape of variables, a trained optimiser by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten

from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import AutogradObjective
from lsr1_pl.optim import BatchedOptimizer
from lsr1_pl.optim.minimize import Status, minimize_batch
from lsr1_pl.pretrained.loading import load_pretrained

DEFAULT = "lsr1_general"


@dataclass(frozen=True)
class Result:
    """Where a minimisation ended; shaped as its start."""

    x: Any
    """The best point, of the structure and shapes of ``x0``."""
    value: Tensor
    """(B,) for a batch, else (): the objective there, never above the start's."""
    status: Status | list[Status]
    """``converged``, ``stalled`` or ``stopped``; of each problem of a batch."""
    steps: Tensor
    """(B,) or (): steps taken."""
    evaluations: Tensor
    """(B,) or (): gradients and Hessian-vector products."""
    values: Tensor
    """(K + 1, B) or (K + 1,): the best value so far, by step."""
    trajectory: Any
    """The points by step, K + 1 first, of the structure of ``x0``; None unless asked for."""


def minimize(
    fn: Callable[[Any], Tensor],
    x0: Any,
    optimizer: str | Path | BatchedOptimizer = DEFAULT,
    steps: int = 100,
    tol: float = 1e-8,
    *,
    trajectory: bool = False,
) -> Result:
    """Minimise ``fn`` from ``x0``, safeguarded: no value is above the start's.

    Args:
        fn: of torch operations; it gets what ``x0`` is. For ``x0`` (B, N) it returns (B,) values,
            row b's from row b alone; for a vector (N,), or any nest of dicts, lists and tuples of
            tensors, one number.
        x0: floating point tensors, of one dtype and device; left as they are.
        optimizer: a shipped name, the path of a checkpoint, or any optimiser of the project, in
            eval mode and of the dtype of ``x0`` if it has networks.
        steps: at most.
        tol: a problem has converged when its gradient's largest entry has fallen by this factor.
        trajectory: whether to keep every point.

    Raises:
        UserError: ``x0`` is not of floating point tensors; ``fn`` gives another shape, does not
            depend on x, or is not finite at a start, nor its gradient; no such optimiser.
    """
    layout = _Layout(x0)
    solver = optimizer
    if isinstance(solver, (str, Path)):
        solver = load_pretrained(solver).to(layout.flat)
    found = minimize_batch(
        solver, _Function(fn, layout), layout.flat, steps, tol, keep_iterates=trajectory
    )
    single = not layout.batched
    return Result(
        x=layout.shaped(found.x),
        value=found.value[0] if single else found.value,
        status=found.status[0] if single else found.status,
        steps=found.steps[0] if single else found.steps,
        evaluations=found.evaluations[0] if single else found.evaluations,
        values=found.values[:, 0] if single else found.values,
        trajectory=None if found.iterates is None else layout.shaped_path(found.iterates),
    )


class _Layout:
    """How (B, N) rows stand for what a user minimises over."""

    def __init__(self, x0: Any) -> None:
        leaves, self._spec = tree_flatten(x0)
        if not leaves:
            raise UserError("x0 holds no tensor; give at least one")
        for leaf in leaves:
            if not isinstance(leaf, Tensor) or not leaf.is_floating_point():
                kind = leaf.dtype if isinstance(leaf, Tensor) else type(leaf).__name__
                raise UserError(f"x0 holds {kind}; expected tensors of floating point numbers")
            if leaf.numel() == 0:
                raise UserError(f"x0 holds a tensor shaped {tuple(leaf.shape)}, which is empty")
        if len({(leaf.dtype, leaf.device) for leaf in leaves}) > 1:
            raise UserError("x0 mixes dtypes or devices; give tensors of one")
        self.batched = leaves[0] is x0 and x0.ndim == 2
        if leaves[0] is x0 and x0.ndim > 2:
            raise UserError(
                f"x0 is shaped {tuple(x0.shape)}; expected (B, N) for B problems or (N,) for one; "
                "wrap a tensor of another shape in a list"
            )
        self._shapes = [leaf.shape for leaf in leaves]
        rows = [leaf.detach().clone() for leaf in leaves]
        self.flat = rows[0] if self.batched else torch.cat([r.reshape(-1) for r in rows])[None]

    def shaped(self, x: Tensor) -> Any:
        """(B, N) -> the user's structure."""
        return x if self.batched else self._unflatten(x[0], ())

    def shaped_path(self, x: Tensor) -> Any:
        """(K + 1, B, N) -> the user's structure, K + 1 first."""
        return x if self.batched else self._unflatten(x[:, 0], (len(x),))

    def _unflatten(self, x: Tensor, lead: tuple[int, ...]) -> Any:
        parts = x.split([shape.numel() for shape in self._shapes], dim=-1)
        shaped = [p.reshape(*lead, *s) for p, s in zip(parts, self._shapes, strict=True)]
        return tree_unflatten(shaped, self._spec)


class _Function(AutogradObjective):
    """A user's function on rows."""

    def __init__(self, fn: Callable[[Any], Tensor], layout: _Layout) -> None:
        self._fn = fn
        self._layout = layout

    def value(self, x: Tensor) -> Tensor:
        value = self._fn(self._layout.shaped(x))
        expected = (len(x),) if self._layout.batched else ()
        if not isinstance(value, Tensor) or value.shape != expected:
            got = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise UserError(
                f"the function gave {got} for x of shape {tuple(x.shape)}; expected a tensor of "
                f"shape {expected}: one value a problem"
            )
        if torch.is_grad_enabled() and x.requires_grad and not value.requires_grad:
            raise UserError(
                "the function's value does not depend on x through torch operations (is it "
                "detached, or computed with numpy?), so that it has no gradient"
            )
        return value.reshape(len(x))
