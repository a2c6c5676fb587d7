"""The torch.optim face: one problem, whose variables are the parameters of a module."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation
from lsr1_pl.optim.minimize import guarded
from lsr1_pl.optim.pairs import PairLSR1
from lsr1_pl.optim.protocol import BatchedOptimizer, advance


class LSR1Optimizer(torch.optim.Optimizer):
    """Any optimiser of the project on the parameters of a module, all of them one problem.

    ``step`` needs a closure that clears the gradients, computes the loss, calls ``backward`` and
    returns the loss, as :class:`torch.optim.LBFGS` does; a step may call it several times. The
    loss must be a function of the parameters alone (the whole batch, no dropout). Steps are
    safeguarded: the loss never rises.

    Args:
        params: of one dtype and device.
        optimizer: :class:`lsr1_pl.optim.PairLSR1` without learned corrections if None; else for
            example ``load_pretrained("lsr1_general")``.

    Raises:
        UserError: parameters are integers, or of several dtypes or devices.
    """

    def __init__(self, params: Iterable[Tensor], optimizer: BatchedOptimizer | None = None) -> None:
        super().__init__(params, {})
        if len(self.param_groups) != 1:
            raise UserError("LSR1Optimizer takes one group of parameters: they are one problem")
        self._params: list[Tensor] = self.param_groups[0]["params"]
        kinds = {(p.dtype, p.device) for p in self._params}
        if len(kinds) != 1 or not self._params[0].is_floating_point():
            raise UserError(
                f"LSR1Optimizer got parameters of {sorted(str(kind) for kind in kinds)}; all must "
                "be floating point, of one dtype and device"
            )
        self._solver = guarded(PairLSR1().eval() if optimizer is None else optimizer)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Tensor:  # type: ignore[override]
        """One step; the loss before it.

        Raises:
            UserError: no closure; a loss that is not one finite number; parameters that it does
                not reach.
        """
        if closure is None:
            raise UserError(
                "LSR1Optimizer.step needs a closure that computes the loss and calls backward"
            )
        objective = _ClosureObjective(self._params, closure)
        memory = self.state[self._params[0]]
        x = objective.point()
        if "solver" not in memory or not torch.equal(memory["solver"].iterate, x):
            evaluation = objective.evaluate(x)
            if not bool(evaluation.value.isfinite()):
                raise UserError(f"the loss is {float(evaluation.value)} at the start; not finite")
            memory["solver"] = self._solver.init(x, evaluation)
        before = memory["solver"]
        memory["solver"] = advance(self._solver, before, objective)
        objective.move_to(memory["solver"].iterate)
        return before.evaluation.value[0]

    def state_dict(self) -> dict[str, Any]:
        """Torch's, with the solver's state as plain tensors."""
        saved = super().state_dict()
        saved["state"] = {
            key: {"solver": _plain(value["solver"])} for key, value in saved["state"].items()
        }
        return saved

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The inverse of :meth:`state_dict`, for the same parameters and solver."""
        x = _ClosureObjective(self._params, _no_closure).point()
        template = self._solver.init(x, Evaluation(x.new_zeros(1), torch.zeros_like(x)))
        states = {
            key: {"solver": _restored(template, value["solver"], x)}
            for key, value in state_dict["state"].items()
        }
        super().load_state_dict({**state_dict, "state": {}})
        if states:
            self.state[self._params[0]] = states[0]


class _ClosureObjective:
    """A closure over parameters as a batched objective of one problem."""

    def __init__(self, params: list[Tensor], closure: Callable[[], Any]) -> None:
        self._params = params
        self._closure = torch.enable_grad()(closure)

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
        return self.evaluate(x).value

    def evaluate(self, x: Tensor, *, second_order: bool = True) -> Evaluation:
        self.move_to(x)
        loss = self._closure()
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            raise UserError("the closure of LSR1Optimizer.step must return the loss, one number")
        if all(p.grad is None for p in self._params):
            raise UserError("no parameter has a gradient; the closure must call loss.backward()")
        gradient = torch.cat(
            [
                (torch.zeros_like(p) if p.grad is None else p.grad.detach()).reshape(-1)
                for p in self._params
            ]
        )
        return Evaluation(loss.detach().reshape(1).to(gradient.dtype), gradient.unsqueeze(0))

    def hessian_vector_product(self, x: Tensor, v: Tensor) -> Tensor:
        # A closure ends in backward(): what is left is the difference of two gradients.
        length = v.norm()
        if not bool(length > 0):
            return torch.zeros_like(v)
        h = torch.finfo(x.dtype).eps ** (1 / 3) * (1 + x.norm()) / length
        ahead = self.evaluate(x + h * v).gradient
        behind = self.evaluate(x - h * v).gradient
        self.move_to(x)
        return (ahead - behind) / (2 * h)


def _no_closure() -> None:
    raise AssertionError("no loss is needed to read the parameters")


def _plain(value: Any) -> Any:
    """Nested dataclasses and tuples as nested dicts and lists of tensors and numbers."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value


def _restored(template: Any, saved: Any, like: Tensor) -> Any:
    """``saved`` in the classes of ``template``."""
    if is_dataclass(template) and not isinstance(template, type):
        names = [each.name for each in fields(template)]
        return type(template)(
            **{name: _restored(getattr(template, name), saved[name], like) for name in names}
        )
    if isinstance(template, tuple):
        parts = [_restored(a, b, like) for a, b in zip(template, saved, strict=True)]
        return type(template)(*parts)
    if isinstance(saved, Tensor):
        return saved.to(like) if saved.is_floating_point() else saved.to(like.device)
    return saved
