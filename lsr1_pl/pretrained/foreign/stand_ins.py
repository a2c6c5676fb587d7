"""Inert classes in place of those that another program's checkpoint names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch


class StandIn:
    """Takes whatever arguments and state a pickle gives it, and does nothing."""

    def __new__(cls, *_: object, **__: object) -> StandIn:
        """An object without content."""
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        """Forget the arguments."""

    def __setstate__(self, _: object) -> None:
        """Forget the state."""


@contextmanager
def stand_ins(path: Path) -> Iterator[None]:
    """While ``path`` is read with weights only: a stand-in for every name that is not allowed.

    Lightning keeps the state of callbacks and hyperparameters beside the weights, and these name
    classes of programs that are not here. None of what a file names is imported, so that nothing
    of it can run. A tensor that is built through a stand-in is no tensor afterwards.
    """
    names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    made: list[Any] = [_stand_in(name) for name in names]
    with torch.serialization.safe_globals(made):
        yield


def _stand_in(full_name: str) -> type[StandIn]:
    module, _, name = full_name.rpartition(".")
    return type(name, (StandIn,), {"__module__": module, "__qualname__": name})
