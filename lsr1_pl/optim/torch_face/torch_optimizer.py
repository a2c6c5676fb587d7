"""The torch.optim face: one problem, whose variables are the parameters of a module."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation
from lsr1_pl.optim.minimize import guarded
from lsr1_pl.optim.pairs import PairLSR1, memory_for
from lsr1_pl.optim.protocol import BatchedOptimizer, OptimizerState, advance
from lsr1_pl.optim.torch_face.closure import ClosureObjective
from lsr1_pl.optim.torch_face.plain_state import StateHolder, plain, restored

_PATIENCE = 3
_NO_CLOSURE = (
    "LSR1Optimizer.step needs a closure that clears the gradients, computes the loss, calls "
    "backward and returns the loss. torch.amp.GradScaler, and so Lightning's precision 16-mixed, "
    "gives none: train in 32-true or bf16-mixed"
)
_CHANGES = (
    "the closure of LSR1Optimizer gave another loss at the same parameters (mini-batches, dropout "
    "or other random numbers?). Its steps are made for one loss: give the whole batch, or the same "
    "random numbers at each call. From now on each step evaluates its start again"
)


class LSR1Optimizer(torch.optim.Optimizer):
    """Any optimiser of the project on the parameters of a module, all of them one problem.

    ``step`` needs a closure that clears the gradients, computes the loss, calls ``backward`` and
    returns the loss, as :class:`torch.optim.LBFGS` does; a step calls it at least once, and may
    several times. In Lightning both automatic and manual optimisation serve. The loss should be a
    function of the parameters alone (the whole batch, no dropout); if it is not, a warning says so
    once. Steps are safeguarded: the loss never rises. After three steps in a row that found no
    lower loss, a step only looks whether the loss has changed.

    Args:
        params: of one dtype and device, in one group or several.
        optimizer: :class:`lsr1_pl.optim.PairLSR1` without learned corrections if None; else for
            example ``load_pretrained("lsr1_general")``.
        lr: a factor on the first trial of each step, for torch's schedulers; 1 is right without
            them. With 0 a step does not move. All groups must have the same.

    Raises:
        UserError: parameters are integers, or of several dtypes or devices; ``optimizer`` is none
            of the project's; ``lr`` is negative.
    """

    def __init__(
        self,
        params: Iterable[Any],
        optimizer: BatchedOptimizer | None = None,
        lr: float = 1.0,
    ) -> None:
        if optimizer is not None and not isinstance(optimizer, BatchedOptimizer):
            raise UserError(
                f"LSR1Optimizer got the optimizer {optimizer!r}; expected one of lsr1_pl.optim, or "
                'a trained one: load_pretrained("lsr1_general")'
            )
        super().__init__(params, {"lr": lr})
        size = sum(p.numel() for p in self._params)
        self._solver = guarded(
            PairLSR1(memory_for(size)).eval() if optimizer is None else optimizer
        )
        self._compared = self._changes = False
        self._factor()

    @property
    def _params(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Torch's; the next step begins anew, with the parameters of all groups.

        Raises:
            UserError: with it, parameters are integers, or of several dtypes or devices.
        """
        super().add_param_group(param_group)
        kinds = {(p.dtype, p.device) for p in self._params}
        if len(kinds) != 1 or not self._params[0].is_floating_point():
            self.param_groups.pop()
            raise UserError(
                f"LSR1Optimizer got parameters of {sorted(str(kind) for kind in kinds)}; all must "
                "be floating point, of one dtype and device"
            )

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Tensor:  # type: ignore[override]
        """One step; the loss before it. If the closure raises, the parameters stay as they were.

        Raises:
            UserError: no closure; a loss that is not one finite number, or has a gradient that is
                not; parameters that it does not reach.
        """
        if closure is None:
            raise UserError(_NO_CLOSURE)
        factor = self._factor()
        memory = self.state[self._params[0]]
        objective = ClosureObjective(self._params, closure)
        x = objective.point()
        try:
            before = self._here(memory, objective, x)
            after = before
            if factor > 0 and memory["idle"] < _PATIENCE:
                solver = self._solver if factor == 1 else self._solver.at_rate(factor)
                after = advance(solver, before, objective)
            if objective.calls == 0:
                objective.evaluate(x)
        except BaseException:
            objective.move_to(x)
            raise
        objective.move_to(after.iterate)
        fell = bool(after.evaluation.value < before.evaluation.value)
        memory["solver"] = StateHolder(after)
        memory["idle"] = 0 if fell or factor == 0 else memory["idle"] + 1
        return before.evaluation.value[0]

    def _here(
        self, memory: dict[str, Any], objective: ClosureObjective, x: Tensor
    ) -> OptimizerState:
        """The state at ``x``, with the loss evaluated again where it may be another one."""
        held: OptimizerState | None = memory["solver"].state if "solver" in memory else None
        if held is None or not torch.equal(held.iterate, x):
            memory["idle"] = 0
            evaluation = _finite(objective.evaluate(x))
            fresh: OptimizerState = self._solver.init(x, evaluation)
            return fresh
        if self._compared and not self._changes and memory["idle"] < _PATIENCE:
            return held
        self._compared = True
        evaluation = _finite(objective.evaluate(x))
        if _same(evaluation, held.evaluation):
            return held
        if not self._changes:
            warnings.warn(_CHANGES, stacklevel=4)
        self._changes, memory["idle"] = True, 0
        here: OptimizerState = self._solver.reevaluated(held, evaluation)
        return here

    def _factor(self) -> float:
        rates = {float(group["lr"]) for group in self.param_groups}
        if len(rates) > 1:
            raise UserError(
                f"the groups of LSR1Optimizer have the lr {sorted(rates)}; all parameters are one "
                "problem, so that they must have the same"
            )
        rate = rates.pop()
        if not rate >= 0:
            raise UserError(f"LSR1Optimizer lr is {rate}; it must be 0 or more")
        return rate

    def state_dict(self) -> dict[str, Any]:
        """Torch's, with the solver's state as plain tensors."""
        saved = super().state_dict()
        saved["state"] = {
            key: {"solver": plain(value["solver"].state), "idle": value["idle"]}
            for key, value in saved["state"].items()
            if "solver" in value
        }
        return saved

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The inverse of :meth:`state_dict`, for the same parameters and solver.

        Raises:
            UserError: it is of another optimiser, of other parameters, or of another memory.
        """
        x = ClosureObjective(self._params, _no_closure).point()
        template = self._solver.init(x, Evaluation(x.new_zeros(1), torch.zeros_like(x)))
        states = {}
        for key, value in state_dict["state"].items():
            if not isinstance(value, dict) or "solver" not in value:
                raise UserError("the state_dict is of another optimiser than LSR1Optimizer")
            held = StateHolder(restored(template, value["solver"], x))
            states[key] = {"solver": held, "idle": int(value.get("idle", 0))}
        super().load_state_dict({**state_dict, "state": {}})
        for group in self.param_groups:
            group.setdefault("lr", 1.0)
        if states:
            self.state[self._params[0]] = states[0]

    def __getstate__(self) -> dict[str, Any]:
        own = ("_solver", "_compared", "_changes")
        return {**super().__getstate__(), **{name: getattr(self, name) for name in own}}


def _finite(evaluation: Evaluation) -> Evaluation:
    value, gradient = evaluation
    if not bool(value.isfinite()):
        raise UserError(f"the loss is {float(value)} at the start; not finite")
    if not bool(gradient.isfinite().all()):
        raise UserError("the loss has a gradient that is not finite at the start")
    return evaluation


def _same(one: Evaluation, other: Evaluation) -> bool:
    """Up to what parallel sums may differ by."""
    close = torch.finfo(one.value.dtype).eps ** 0.5
    size = other.gradient.norm() + torch.finfo(one.value.dtype).tiny
    apart = (one.gradient - other.gradient).norm() > close * size
    return bool((one.value - other.value).abs() <= close * other.value.abs()) and not bool(apart)


def _no_closure() -> None:
    raise AssertionError("no loss is needed to read the parameters")
