"""An optimiser's state where others keep it: in ``torch.optim``'s dictionaries, and in files."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim.protocol import OptimizerState, map_tensors


class StateHolder:
    """A state that Lightning may move to a device: it would write into a dataclass."""

    def __init__(self, state: OptimizerState) -> None:
        self.state = state

    def to(self, device: torch.device | str, **_: Any) -> StateHolder:
        """The same state on ``device``."""
        return StateHolder(map_tensors(lambda tensor: tensor.to(device), self.state))


def plain(value: Any) -> Any:
    """Nested dataclasses and tuples as nested dicts and lists of tensors and numbers."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return value


def restored(template: Any, saved: Any, like: Tensor) -> Any:
    """``saved``, of :func:`plain`, in the classes of ``template`` and the kind of ``like``.

    Raises:
        UserError: its names or shapes are not those of ``template``.
    """
    if is_dataclass(template) and not isinstance(template, type):
        names = [each.name for each in fields(template)]
        if not isinstance(saved, dict) or set(saved) != set(names):
            kept = ", ".join(saved) if isinstance(saved, dict) else type(saved).__name__
            raise UserError(
                f"the state holds {kept}; {type(template).__name__} has {', '.join(names)}. Load "
                "it into the optimiser that saved it"
            )
        return type(template)(
            **{name: restored(getattr(template, name), saved[name], like) for name in names}
        )
    if isinstance(template, tuple):
        if not isinstance(saved, (list, tuple)) or len(saved) != len(template):
            raise UserError("the state is of another optimiser than the one that loads it")
        parts = [restored(a, b, like) for a, b in zip(template, saved, strict=True)]
        return type(template)(*parts)
    if isinstance(saved, Tensor):
        if isinstance(template, Tensor) and template.shape != saved.shape:
            raise UserError(
                f"the state holds a tensor shaped {tuple(saved.shape)} where this optimiser has "
                f"{tuple(template.shape)}: it is of other parameters, or of another memory"
            )
        return saved.to(like) if saved.is_floating_point() else saved.to(like.device)
    return saved
