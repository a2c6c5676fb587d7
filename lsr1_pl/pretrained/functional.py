"""Minimise a torch function: one call, any shape of variables, a trained optimiser by name."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lsr1_pl import optim
from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim import BatchedOptimizer, OptimizerState, PairLSR1
from lsr1_pl.optim.bounds import Box
from lsr1_pl.optim.minimize import Minimum, Status, Watch, minimize_batch
from lsr1_pl.optim.pairs import memory_for
from lsr1_pl.optim.stopping import StoppingTest, Tolerance
from lsr1_pl.pretrained.layout import Layout
from lsr1_pl.pretrained.loading import find_checkpoint, load_pretrained, shipped_folder
from lsr1_pl.pretrained.user_function import WiderValue, objective_of

DEFAULT = "lsr1_general"
MOST_STEPS = 5000
"""The steps of a minimisation that sets no limit."""


@dataclass(frozen=True)
class Result:
    """Where a minimisation ended; shaped as its start. SciPy's names stand beside ours."""

    x: Any
    """The best point, of the structure and shapes of ``x0``."""
    value: Tensor
    """(B,) for a batch, else (): the objective there, never above the start's."""
    gradient_norm: Tensor
    """(B,) or (): the gradient's largest entry there, by size; of the variables that no bound
    holds."""
    status: Status | list[Status]
    """``converged``, ``stalled`` or ``stopped``; of each problem of a batch."""
    reason: str | list[str]
    """Why it ended, in words; of each problem of a batch."""
    steps: Tensor
    """(B,) or (): steps taken."""
    evaluations: Tensor
    """(B,) or (): gradients and Hessian-vector products."""
    values: Tensor
    """(K + 1, B) or (K + 1,): the best value so far, by step."""
    trajectory: Any
    """The points by step, K + 1 first, of the structure of ``x0``; None unless asked for."""

    @property
    def success(self) -> bool | Tensor:
        """Whether it has converged; (B,) bool for a batch."""
        if isinstance(self.status, list):
            ended = [each is Status.CONVERGED for each in self.status]
            return torch.tensor(ended, device=self.value.device)
        return self.status is Status.CONVERGED

    @property
    def fun(self) -> Tensor:
        """``value``."""
        return self.value

    @property
    def nit(self) -> Tensor:
        """``steps``."""
        return self.steps

    @property
    def nfev(self) -> Tensor:
        """``evaluations``."""
        return self.evaluations

    @property
    def message(self) -> str | list[str]:
        """``reason``."""
        return self.reason


@dataclass(frozen=True)
class Intermediate:
    """What a callback sees after a step."""

    x: Any
    """The point, of the structure and shapes of ``x0``."""
    value: Tensor
    """(B,) for a batch, else (): the objective there."""
    steps: int
    """Steps so far."""


def minimize(
    fn: Callable[..., Any],
    x0: Any,
    optimizer: str | Path | BatchedOptimizer | type[BatchedOptimizer] = DEFAULT,
    steps: int | None = None,
    tol: float | StoppingTest | None = None,
    *,
    args: Sequence[Any] = (),
    jac: Callable[..., Any] | bool | None = None,
    bounds: tuple[Any, Any] | None = None,
    callback: Callable[[Intermediate], Any] | None = None,
    seconds: float | None = None,
    trajectory: bool = False,
) -> Result:
    """Minimise ``fn`` from ``x0``, safeguarded: no value is above the start's.

    Args:
        fn: of torch operations; it gets what ``x0`` is, as tensors. For ``x0`` (B, N) it returns
            (B,) values, row b's from row b alone; for a vector (N,), or any nest of dicts, lists
            and tuples of tensors, one number.
        x0: floating point tensors or NumPy arrays of one device; left as they are, and answered
            in kind. The widest precision among them and of ``fn``'s value is that of the result.
        optimizer: a shipped name, the path of a checkpoint, or any optimiser of the project: by
            its class, its class's name, or itself, in eval mode and of the dtype of ``x0`` if it
            has networks. A :class:`lsr1_pl.optim.PairLSR1` by name remembers as many pairs as
            :func:`lsr1_pl.optim.pairs.memory_for` says.
        steps: at most; 5000 if None.
        tol: how well the minimum must be known: the ``relative`` of
            :class:`lsr1_pl.optim.Tolerance`, 1e-8 if None, or a stopping test of your own.
        args: given to ``fn`` and ``jac`` after x.
        jac: the gradient, as a function of the same arguments, or True if ``fn`` gives (value,
            gradient). Both then get what ``x0`` is, NumPy arrays too. None: automatic
            differentiation.
        bounds: (lower, upper): each None, a number, or shaped as ``x0``, with infinity where there
            is none. The function is never evaluated outside; a start outside is moved to the
            nearest point within. A :class:`lsr1_pl.optim.PairLSR1` alone, the default, keeps them.
        callback: called after each step; it ends the run where it returns True or raises
            StopIteration.
        seconds: the run ends after the step in which so much time has passed.
        trajectory: whether to keep every point.

    Raises:
        UserError: ``x0`` is not of floating point tensors; ``fn`` gives another shape, does not
            depend on x, or is not finite at a start, nor its gradient; no such optimiser.
    """
    most = MOST_STEPS if steps is None else steps
    stopping = tol if isinstance(tol, StoppingTest) else Tolerance(*_number("tol", tol))
    if isinstance(most, bool) or not isinstance(most, int):
        raise UserError(f"steps is {most!r}; it must be a whole number, or None")
    limit = _number("seconds", seconds)
    # Inside inference mode nothing could be differentiated.
    with torch.inference_mode(False):
        layout = Layout(x0)

        def run(start: Tensor) -> Minimum:
            box = None if bounds is None else _box(bounds, layout)
            return minimize_batch(
                solver_of(optimizer, start),
                objective_of(fn, jac, args, layout, None if box is None else box.inside),
                start,
                most,
                stopping,
                box=box,
                watch=_watch(layout, callback, limit[0] if limit else None),
                keep_iterates=trajectory,
            )

        try:
            found = run(layout.flat)
        except WiderValue as wider:
            layout.flat = layout.flat.to(wider.dtype)
            found = run(layout.flat)
    return _result(found, layout, None if bounds is None else _box(bounds, layout))


def solver_of(
    optimizer: str | Path | BatchedOptimizer | type[BatchedOptimizer], start: Tensor
) -> BatchedOptimizer:
    """The optimiser that ``optimizer`` means, for starts like ``start`` (B, N).

    Raises:
        UserError: there is none of that name; the class needs arguments; it is no optimiser of the
            project; or its networks are of another dtype.
    """
    made: Any = optimizer
    if isinstance(optimizer, (str, Path)):
        named = {name.lower(): getattr(optim, name) for name in optim.__all__}
        kind = named.get(str(optimizer).lower())
        if not _is_optimizer(kind):
            loaded = _loaded(find_checkpoint(optimizer).resolve(), start)
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
        if isinstance(made, nn.Module):
            made = made.to(start).eval()
    if not isinstance(made, BatchedOptimizer):
        raise UserError(
            f"optimizer is {optimizer!r}; expected a shipped name, the path of a checkpoint, or an "
            "optimiser of lsr1_pl.optim"
        )
    weight = next(made.parameters(), None) if isinstance(made, nn.Module) else None
    if weight is not None and weight.dtype != start.dtype and not isinstance(made, PairLSR1):
        raise UserError(
            f"the networks of {type(made).__name__} are of {weight.dtype} and x of "
            f"{start.dtype}; give optimizer.to({start.dtype})"
        )
    return made


def _loaded(path: Path, like: Tensor) -> nn.Module:
    """The trained optimiser, for rows like these; what is shipped is read once."""
    if path.parent != shipped_folder().resolve():
        return load_pretrained(path).to(like)
    return _shipped(path.name, like.dtype, like.device)


@lru_cache(maxsize=8)
def _shipped(name: str, dtype: torch.dtype, device: torch.device) -> nn.Module:
    return load_pretrained(shipped_folder() / name).to(device=device, dtype=dtype)


def _is_optimizer(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BatchedOptimizer)


def _box(bounds: Any, layout: Layout) -> Box:
    if not isinstance(bounds, (tuple, list)) or len(bounds) != 2:
        raise UserError("bounds are (lower, upper); SciPy's pairs a variable are zip(*pairs)")
    lower = layout.bound(bounds[0], "lower", -torch.inf)
    return Box(lower, layout.bound(bounds[1], "upper", torch.inf))


def _number(name: str, value: Any) -> tuple[float, ...]:
    """The number, or nothing for None."""
    if value is None:
        return ()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise UserError(f"{name} is {value!r}; it must be a number of 0 or more, or None")
    return (float(value),)


def _watch(
    layout: Layout, callback: Callable[[Intermediate], Any] | None, seconds: float | None
) -> Watch | None:
    if callback is None and seconds is None:
        return None
    begun = time.monotonic()

    def watch(state: OptimizerState, steps: int) -> str | None:
        if callback is not None:
            x = layout.handed_back(layout.shaped(state.iterate.clone()))
            value = state.evaluation.value
            try:
                if callback(Intermediate(x, value if layout.batched else value[0], steps)) is True:
                    return "the callback stopped it"
            except StopIteration:
                return "the callback stopped it"
        if seconds is not None and time.monotonic() - begun >= seconds:
            return f"the {seconds:g} seconds were used up"
        return None

    return watch


def _result(found: Minimum, layout: Layout, box: Box | None) -> Result:
    def own(batch: Any) -> Any:
        return batch if layout.batched else batch[0]

    path = None
    if found.iterates is not None:
        path = layout.handed_back(layout.shaped_path(found.iterates))
    value, gradient = found.evaluation
    if box is not None:
        gradient = box.projected(found.x, gradient)
    return Result(
        x=layout.handed_back(layout.shaped(found.x)),
        value=own(value),
        gradient_norm=own(gradient.abs().amax(dim=1)),
        status=own(found.status),
        reason=own(found.reason),
        steps=own(found.steps),
        evaluations=own(found.evaluations),
        values=found.values if layout.batched else found.values[:, 0],
        trajectory=path,
    )
