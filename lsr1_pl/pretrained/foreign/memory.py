"""A limit on the numbers that a foreign config makes objects ask for, before they get memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from lsr1_pl.ground.errors import UserError

_BESIDE_WEIGHTS = 2**27
"""Numbers for what no checkpoint holds, such as a body."""

_FOLD = 4
"""How often a weight may be made: drawn, copied, and made anew."""

_ASKS = ("aten::new_", "aten::repeat", "aten::tile", "aten::one_hot")
"""Operators that make what is larger than the tensors which they are given."""


class _Counted(TorchDispatchMode):
    """Counts the numbers of all tensors that are made; refuses before they would be too many."""

    def __init__(self, source: Path, most: int) -> None:
        super().__init__()
        self.source, self.most, self.made = source, most, 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name = str(func.name())
        if name.startswith(_ASKS) or not any(isinstance(value, Tensor) for value in args):
            asked = _asked(name, args)
            self.made += asked
            if self.made > self.most:
                raise UserError(
                    f"{self.source}: its config asks for {self.made:,} numbers, and its weights "
                    f"leave room for {self.most:,}; a size in it (model) is wrong: use another "
                    "checkpoint, or name a config of yours with --config"
                )
        return func(*args, **(kwargs or {}))


@contextmanager
def limited_memory(source: Path, weights: Mapping[str, Any]) -> Iterator[None]:
    """While a config from ``source`` becomes objects: tensors only as large as its weights allow.

    Args:
        source: the checkpoint, for the message.
        weights: its ``state_dict``.

    Raises:
        UserError: more is asked for; nothing was allocated for it.
    """
    stored = sum(value.numel() for value in weights.values() if isinstance(value, Tensor))
    with _Counted(source, _FOLD * stored + _BESIDE_WEIGHTS):
        yield


def _asked(name: str, args: tuple[Any, ...]) -> int:
    """How many numbers an operator was asked for, by the sizes among its arguments."""
    sizes = [v for v in args if isinstance(v, (list, tuple)) and all(isinstance(n, int) for n in v)]
    if sizes:
        return max(math.prod(size) for size in sizes)
    numbers = [abs(v) for v in args if isinstance(v, (int, float)) and math.isfinite(v)]
    if not numbers:
        return 0
    square = name.startswith("aten::eye")
    return int(math.prod(numbers) if square and len(numbers) > 1 else max(numbers) ** (1 + square))
