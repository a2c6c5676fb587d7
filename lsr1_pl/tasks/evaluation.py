"""How a task of functions is validated and tested: what such an evaluation is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple, Protocol

from torch import Tensor

from lsr1_pl.ground.types import Objective
from lsr1_pl.optim import LSR1, PairLSR1, SecantPenalty
from lsr1_pl.tasks.unrolling import Unroll


class FunctionBatch(Protocol):
    """B problems, as the data modules of functions draw them.

    A batch may also have ``family``, a name for the logs, and ``features`` (B, F), which tell its
    problems apart to optimisers that know them.
    """

    @property
    def x0(self) -> Tensor:
        """(B, N) start points."""

    @property
    def objective(self) -> Objective:
        """Their objective."""


def family_of(batch: FunctionBatch) -> str:
    """What the problems of a batch are called: their family, or the class of their objective."""
    return str(getattr(batch, "family", None) or type(batch.objective).__name__)


def knowing(optimizer: Any, batch: FunctionBatch) -> Any:
    """The optimiser of these problems: it is told their features, where it can know them."""
    know, features = getattr(optimizer, "knowing", None), getattr(batch, "features", None)
    return optimizer if know is None or features is None else know(features)


class Trained(NamedTuple):
    """What is evaluated."""

    optimizer: Any
    unroll: Unroll
    penalty: SecantPenalty

    @property
    def label(self) -> str:
        """The name that tables show: L-SR1, or the class of another optimiser."""
        ours = isinstance(self.optimizer, (LSR1, PairLSR1))
        return "L-SR1" if ours else type(self.optimizer).__name__


class Measured(NamedTuple):
    """What an evaluation found, over all problems of all its batches."""

    curves: dict[str, dict[str, list[float]]]
    """Metric -> solver -> its mean, or median, at each step."""
    note: str
    """What was evaluated, to be printed under a table."""
    logged: dict[str, float]
    main: str | None = None
    """Which of ``logged`` a progress bar shows."""
    unit: str = "inner step"
    """What the numbers of a curve are counted in."""


class EvaluationRun(ABC):
    """One pass over a validation or test set."""

    @abstractmethod
    def add(self, batch: FunctionBatch) -> None:
        """Solve the problems of one more batch."""

    @abstractmethod
    def measured(self) -> Measured:
        """What was found so far; every problem counts alike, in whichever batch it came."""


class FunctionEvaluation(ABC):
    """How an optimiser is judged on functions. One is chosen by its class."""

    def check(self, optimizer: object) -> None:  # noqa: B027
        """Refuse an optimiser that cannot be evaluated so.

        Raises:
            UserError: it lacks something that the evaluation needs.
        """

    @abstractmethod
    def validation(self, trained: Trained) -> EvaluationRun:
        """A pass over the validation set, whose logs begin with ``val/``."""

    @abstractmethod
    def test(self, trained: Trained) -> EvaluationRun:
        """A pass over the test set, whose logs begin with ``test/``."""
