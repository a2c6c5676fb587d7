"""What a family of problems must say of itself, and the problems that are drawn from it."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Objective

Split: TypeAlias = Literal["train", "validation", "test"]
"""What problems are drawn for."""


class Problems:
    """B problems of one family, each of N variables and told apart by F features.

    Args:
        x0: (B, N) the start that people use without learning.
        objective: of these B problems; its tensors are attributes of it.
        features: (B, F) numbers of order one that say which problem it is; (B, 0) if there are
            none.
        family: a name for tables and logs.

    Raises:
        UserError: ``x0`` or ``features`` is no floating point matrix, or they differ in B.
    """

    # No dataclass: in double precision Lightning would take it apart, and cannot reach the tensors
    # of the objective.
    def __init__(self, x0: Tensor, objective: Objective, features: Tensor, family: str) -> None:
        self.x0 = x0
        self.objective = objective
        self.features = features
        self.family = family
        for name, letter in (("x0", "N"), ("features", "F")):
            given = getattr(self, name)
            if not isinstance(given, Tensor) or not given.is_floating_point() or given.ndim != 2:
                shown = tuple(given.shape) if isinstance(given, Tensor) else type(given).__name__
                kind = f" of {given.dtype}" if isinstance(given, Tensor) else ""
                raise UserError(
                    f"Problems {name} is {shown}{kind}; expected a floating point tensor "
                    f"(B, {letter})"
                )
        if len(self.x0) != len(self.features):
            raise UserError(
                f"Problems has {len(self.x0)} rows of x0 and {len(self.features)} of features; "
                "expected one of each a problem"
            )

    def to(self, target: torch.device | str | torch.dtype) -> Problems:
        """The same problems on another device, or in another floating point precision."""

        def moved(given: Tensor) -> Tensor:
            if isinstance(target, torch.dtype) and not given.is_floating_point():
                return given
            return given.to(target)

        objective: Any = copy.copy(self.objective)
        for name, value in vars(objective).items():
            if isinstance(value, Tensor):
                setattr(objective, name, moved(value))
        return Problems(moved(self.x0), objective, moved(self.features), self.family)


class ProblemFamily(ABC):
    """Problems that resemble each other, each with N variables.

    A family is named in a config by its class, so its constructor takes numbers and choices.
    """

    variables: int
    """N, the same of every problem."""
    features: int = 0
    """F, how many numbers tell a problem apart, 0 or more: a start network reads them."""

    @abstractmethod
    def sample(self, count: int, generator: torch.Generator) -> Problems:
        """``count`` problems at random; the same ones for a generator in the same state."""

    def split(self, part: Split) -> ProblemFamily:
        """The family that problems for training, validation or test are drawn from.

        It is this one, unless a family rests on data: then each part has rows of its own.
        """
        return self


@contextmanager
def _single_precision() -> Iterator[None]:
    """Where no precision is said, it is single: Lightning makes it double in such a training."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def sampled(family: ProblemFamily, count: int, generator: torch.Generator) -> Problems:
    """What ``family`` samples, checked; the same in a training of any precision.

    Raises:
        UserError: it gives no :class:`Problems`, another count, or another N or F than it says.
    """
    name = type(family).__name__
    with _single_precision():
        problems = family.sample(count, generator)
    if not isinstance(problems, Problems):
        raise UserError(
            f"{name}.sample gave a {type(problems).__name__}; expected "
            "lsr1_pl.objectives.families.Problems"
        )
    expected = {"x0": (count, family.variables), "features": (count, family.features)}
    for key, shape in expected.items():
        given = tuple(getattr(problems, key).shape)
        if given != shape:
            letter = "variables" if key == "x0" else "features"
            raise UserError(
                f"{name}.sample({count}) gave {key} of shape {given}; expected {shape}: "
                f"{count} problems were asked for, and {name}.{letter} is {shape[1]}"
            )
    return problems
