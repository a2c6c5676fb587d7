"""Minimise a torch function: one call, any shape of variables, a trained optimiser by name."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import lru_cache
from inspect import isabstract
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lsr1_pl import optim
from lsr1_pl.ground.choices import did_you_mean
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Objective
from lsr1_pl.optim import LSR1, BatchedOptimizer, FamilyOptimizer, PairLSR1
from lsr1_pl.optim.bounds import Box
from lsr1_pl.optim.pairs import memory_for
from lsr1_pl.optim.stopping import StoppingTest
from lsr1_pl.pretrained.functional.layout import Layout
from lsr1_pl.pretrained.functional.outcome import Intermediate, Result
from lsr1_pl.pretrained.functional.running import Settings, run_to_the_end
from lsr1_pl.pretrained.functional.scipys_words import in_our_words, instead_of_method
from lsr1_pl.pretrained.functional.user_function import objective_of
from lsr1_pl.pretrained.loading import find_checkpoint, load_pretrained, shipped_folder

DEFAULT = "lsr1_general"


@in_our_words
def minimize(
    fn: Callable[..., Any],
    x0: Any,
    optimizer: str | Path | BatchedOptimizer | type[BatchedOptimizer] = DEFAULT,
    steps: int | None = None,
    tol: float | StoppingTest | None = None,
    *,
    features: Any = None,
    args: Sequence[Any] = (),
    jac: Callable[..., Any] | bool | None = None,
    bounds: Any = None,
    callback: Callable[[Intermediate], Any] | None = None,
    seconds: float | None = None,
    trajectory: bool = False,
    differentiable: bool = False,
) -> Result:
    """Minimise ``fn`` from ``x0``, safeguarded: no value is above the start's.

    Args:
        fn: of torch operations; it gets what ``x0`` is, as tensors. For ``x0`` (B, N) it returns
            (B,) values, row b's from row b alone; for a vector (N,), or any nest of dicts, lists
            and tuples of tensors, one number.
        x0: floating point tensors or NumPy arrays of one device; left as they are, and answered
            in kind. The widest precision among them and of ``fn``'s value is that of the result.
        optimizer: a shipped name, the path of a checkpoint, or any optimiser of the project: by
            its class, its class's name, or itself, in eval mode. Networks of another precision than
            that of the result are copied into it. A :class:`lsr1_pl.optim.PairLSR1` by name or
            class remembers as many pairs as :func:`lsr1_pl.optim.pairs.memory_for` says;
            ``"PairLSR1"`` is the default's skeleton, which has learned nothing.
        steps: at most; 5000 if None.
        tol: how well the minimum must be known: the ``relative`` of
            :class:`lsr1_pl.optim.Tolerance`, 1e-8 if None, or a stopping test of your own.
        features: numbers that tell the problems apart, (B, F), or (F,) for one problem: for a
            :class:`lsr1_pl.optim.FamilyOptimizer` that was trained with some.
        args: given to ``fn`` and ``jac`` after x.
        jac: the gradient, as a function of the same arguments, or True if ``fn`` gives (value,
            gradient). Both then get what ``x0`` is, NumPy arrays too. None: automatic
            differentiation.
        bounds: (lower, upper): each None, a number, or shaped as ``x0``, with infinity where there
            is none; or SciPy's ``Bounds``. The function is never evaluated outside; a start outside
            is moved to the nearest point within. A :class:`lsr1_pl.optim.PairLSR1` alone, the
            default, keeps them.
        callback: called after each step with an :class:`lsr1_pl.pretrained.Intermediate`; it ends
            the run where it returns True or raises StopIteration.
        seconds: the run ends after the step in which so much time has passed.
        trajectory: whether to keep every point.
        differentiable: whether the result's x has a gradient by whatever ``fn`` depends on: that of
            the minimiser (implicit differentiation), by Hessian-vector products and conjugate
            gradients. It has no second derivative, and value no gradient. Variables at a bound
            stay there.

    Raises:
        UserError: ``x0`` is not of floating point tensors; ``fn`` gives another shape, does not
            depend on x, or is not finite at a start, nor its gradient; no such optimiser; with
            ``differentiable``, a problem has not converged or x0 is not of torch.
    """
    if differentiable and jac:
        raise UserError("differentiable needs a function of torch operations, without jac")

    def parts(layout: Layout, box: Box | None) -> tuple[BatchedOptimizer, Objective]:
        inside = None if box is None else box.inside
        solver = _knowing(solver_of(optimizer, layout.flat), features, layout.flat)
        return solver, objective_of(fn, jac, args, layout, inside)

    settings = Settings(steps, tol, bounds, callback, seconds, trajectory, differentiable)
    return run_to_the_end(x0, parts, settings)


def _knowing(solver: BatchedOptimizer, features: Any, start: Tensor) -> BatchedOptimizer:
    """The optimiser, told the features of these problems."""
    if not isinstance(solver, FamilyOptimizer):
        if features is not None:
            raise UserError(
                f"features were given, and {type(solver).__name__} reads none; leave them out, or "
                "take an optimiser that was trained on a family"
            )
        return solver
    if features is None:
        return solver.knowing(None)
    try:
        rows = torch.as_tensor(features).to(start)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(
            f"features are no numbers ({error}); expected (B, {solver.features})"
        ) from None
    return solver.knowing(rows.unsqueeze(0) if rows.ndim == 1 else rows)


def solver_of(
    optimizer: str | Path | BatchedOptimizer | type[BatchedOptimizer], start: Tensor
) -> BatchedOptimizer:
    """The optimiser that ``optimizer`` means, for starts like ``start`` (B, N).

    Raises:
        UserError: there is none of that name; the class needs arguments; or it is no optimiser of
            the project.
    """
    made: Any = optimizer
    if isinstance(optimizer, (str, Path)):
        named = {name.lower(): getattr(optim, name) for name in optim.__all__}
        kind = named.get(str(optimizer).lower())
        if not _is_optimizer(kind):
            loaded = _loaded(_checkpoint(optimizer).resolve(), start)
            if isinstance(loaded, PairLSR1):
                return loaded.with_buffer_size(memory_for(start.shape[1]))
            return loaded
        made = kind
    if _is_optimizer(made):
        name = made.__name__
        try:
            made = made()
        except TypeError as error:
            raise UserError(
                f"optimizer is the class {name}, which cannot be made without arguments ({error}); "
                f"give one that is made, as {name}(...)"
            ) from None
        if isinstance(made, PairLSR1):
            made = made.with_buffer_size(memory_for(start.shape[1]))
        if isinstance(made, nn.Module):
            made = made.to(start).eval()
    if not isinstance(made, BatchedOptimizer):
        raise UserError(
            f"optimizer is {optimizer!r}; expected a shipped name, the path of a checkpoint, or an "
            f"optimiser of lsr1_pl.optim{_hint(optimizer)}"
        )
    weight = next(made.parameters(), None) if isinstance(made, nn.Module) else None
    if weight is not None and weight.dtype != start.dtype and not isinstance(made, PairLSR1):
        # The caller's own stays as it is.
        own: Any = copy.deepcopy(made)
        made = own.to(start.dtype)
    return made


def _loaded(path: Path, like: Tensor) -> LSR1 | PairLSR1:
    """The trained optimiser, for rows like these; what is shipped is read once."""
    if path.parent != shipped_folder().resolve():
        return load_pretrained(path).to(like)
    return _shipped(path.name, like.dtype, like.device)


@lru_cache(maxsize=8)
def _shipped(name: str, dtype: torch.dtype, device: torch.device) -> LSR1 | PairLSR1:
    return load_pretrained(shipped_folder() / name).to(device=device, dtype=dtype)


def _hint(optimizer: Any) -> str:
    """What somebody may have meant who gave what is no optimiser."""
    if isinstance(optimizer, (tuple, list)):
        return ". SciPy's third argument is args=(...) here"
    name = getattr(optimizer, "__name__", type(optimizer).__name__)
    return f'. Ours of that name is optimizer="{name}"' if name in optim.__all__ else ""


def _checkpoint(name_or_path: str | Path) -> Path:
    if instead := instead_of_method(name_or_path):
        raise UserError(f"optimizer is {str(name_or_path)!r}, a method of SciPy; {instead}")
    try:
        return find_checkpoint(name_or_path)
    except UserError as error:
        kinds = {name: getattr(optim, name) for name in optim.__all__}
        classes = [k for k, v in kinds.items() if _is_optimizer(v) and not isabstract(v)]
        raise UserError(
            f"optimizer {error}. Classes of lsr1_pl.optim serve by name, too: {', '.join(classes)}"
            f"{did_you_mean(name_or_path, classes)}"
        ) from None


def _is_optimizer(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BatchedOptimizer)
