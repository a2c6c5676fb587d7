"""The methods of the human mesh recovery study, with their rates tuned on validation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from torch import Tensor

from lsr1_pl.bench.hmr.learned import Learned
from lsr1_pl.bench.hmr.people import Errors, run_fitter, states_at
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr import InErrorMetric, MeanPoseStart, PeopleOptimizer, PosePrior, SMPLify
from lsr1_pl.hmr.evaluation import KnownPeople
from lsr1_pl.hmr.problem import EQ12
from lsr1_pl.optim import LBFGS, Adam, BatchedOptimizer, GradientDescent, PolyakDescent
from lsr1_pl.tasks import HMRTask

Start = Literal["initial estimate", "LGD's fits", "mean pose"]
INITIAL: Start = "initial estimate"
LGD_FITS: Start = "LGD's fits"
MEAN: Start = "mean pose"

_GRIDS: Mapping[str, Sequence[float]] = {
    "gd": (0.2, 0.4, 0.8, 1.6),
    "adam": (0.005, 0.01, 0.02, 0.04),
    "lbfgs": (1.0,),
    "polyak_metric": (0.3, 0.6, 1.0),
    "adam_metric": (0.03, 0.05, 0.07, 0.1),
    "adam_fast_metric": (0.05, 0.07, 0.1, 0.14),
    "lbfgs_metric": (1.0,),
    "adam_fast_own": (0.05, 0.07, 0.1, 0.14),
    "lbfgs_own": (1.0,),
    "gd_mean": (0.4, 0.8, 1.6, 3.2),
    "adam_mean": (0.01, 0.02, 0.04, 0.08),
    "lbfgs_mean": (1.0,),
}
"""Rates that validation chooses from; those of L-BFGS come from its line search."""


@dataclass(frozen=True)
class Untrained:
    """A solver without training: what it is called, where it starts, and how a rate makes it."""

    key: str
    label: str
    start: Start
    make: Callable[[float], BatchedOptimizer | PeopleOptimizer]
    own: bool = False
    """Whether it minimises the first L-SR1's own objective instead of Eq. 12."""
    searches: bool = False
    """Whether its steps search a line."""


def _strong_wolfe(_: float) -> LBFGS:
    return LBFGS(history_size=8, line_search="strong_wolfe")


UNTRAINED = (
    Untrained("gd", "gradient descent", INITIAL, GradientDescent),
    Untrained("adam", "Adam", INITIAL, Adam),
    Untrained("lbfgs", "L-BFGS, strong Wolfe", INITIAL, _strong_wolfe, searches=True),
    Untrained(
        "polyak_metric",
        "Polyak, in the metric",
        INITIAL,
        lambda rate: InErrorMetric(PolyakDescent(rate)),
    ),
    Untrained("adam_metric", "Adam, in the metric", INITIAL, lambda r: InErrorMetric(Adam(r))),
    Untrained(
        "adam_fast_metric",
        "Adam (beta1 0.5), in the metric",
        INITIAL,
        lambda rate: InErrorMetric(Adam(rate, beta1=0.5)),
    ),
    Untrained(
        "lbfgs_metric",
        "L-BFGS, in the metric",
        INITIAL,
        lambda rate: InErrorMetric(_strong_wolfe(rate)),
        searches=True,
    ),
    Untrained(
        "adam_fast_own",
        "Adam (beta1 0.5), in the metric, on L-SR1's objective",
        INITIAL,
        lambda rate: InErrorMetric(Adam(rate, beta1=0.5)),
        own=True,
    ),
    Untrained(
        "lbfgs_own",
        "L-BFGS, in the metric, on L-SR1's objective",
        INITIAL,
        lambda rate: InErrorMetric(_strong_wolfe(rate)),
        own=True,
        searches=True,
    ),
    Untrained("gd_mean", "gradient descent", MEAN, GradientDescent),
    Untrained("adam_mean", "Adam", MEAN, Adam),
    Untrained("lbfgs_mean", "L-BFGS, strong Wolfe", MEAN, _strong_wolfe, searches=True),
)
"""From the trained initial estimate or from the mean pose; in plain variables or in the metric."""

_SLOW = ("lbfgs_metric", "lbfgs_own", "lbfgs_mean")
QUICK = tuple(method for method in UNTRAINED if method.key not in _SLOW)
"""Without those whose line searches take as long as all the rest."""


@dataclass
class Rates:
    """The rate of each untrained solver, chosen on validation, and what each rate gave there."""

    chosen: dict[str, float] = field(default_factory=dict)
    tried: dict[str, dict[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Bench:
    """What every method is run with.

    Args:
        learned: key -> its checkpoints, one a seed; the first of ``lsr1`` lends its initial
            estimate and its metric to the untrained solvers.
        prior: of SMPLify and of the mean pose.
        steps: inner steps.
        smplify: made for a task.
        untrained: which solvers without training take part.
    """

    learned: Mapping[str, Sequence[Learned]]
    prior: PosePrior
    steps: int
    smplify: Callable[[HMRTask], SMPLify]
    untrained: Sequence[Untrained] = UNTRAINED

    @property
    def reference(self) -> HMRTask:
        """The first L-SR1."""
        return self.learned["lsr1"][0].trained

    def tune(self, people: Sequence[KnownPeople]) -> Rates:
        """Choose each untrained solver's rate by its least mean PA-MPJPE at any step."""
        rates = Rates()
        starts = self._starts(people)
        for method in self.untrained:
            grid = _GRIDS[method.key]
            if len(grid) == 1:
                rates.chosen[method.key] = grid[0]
                continue
            found = {}
            for rate in grid:
                errors = self._untrained(method, rate, people, starts)
                found[rate] = float(errors.curve()[errors.best_step()])
            rates.tried[method.key] = found
            rates.chosen[method.key] = min(found, key=lambda rate: found[rate])
        return rates

    def run(
        self, condition: str, split: str, people: Sequence[KnownPeople], rates: Rates
    ) -> dict[str, list[Errors]]:
        """Every method on the people of a condition and split: key -> errors, one a seed."""
        found: dict[str, list[Errors]] = {}
        for key, each in self.learned.items():
            found[key] = [one.errors(condition, split, people, self.steps) for one in each]
        starts = self._starts(people)
        for method in self.untrained:
            rate = rates.chosen[method.key]
            found[method.key] = [self._untrained(method, rate, people, starts)]
        whole = replace(self.reference.fitter, optimizer=self.smplify(self.reference), problem=EQ12)
        for key, start in (("smplify", MEAN), ("smplify_initial", INITIAL)):
            found[key] = [run_fitter(whole, people, self.steps, starts[start])[0]]
        return found

    def _untrained(
        self,
        method: Untrained,
        rate: float,
        people: Sequence[KnownPeople],
        starts: Mapping[str, list[Tensor]],
    ) -> Errors:
        fitter = replace(
            self.reference.fitter, optimizer=method.make(rate), searches=method.searches
        )
        if not method.own:
            fitter = replace(fitter, problem=EQ12)
        return run_fitter(fitter, people, self.steps, starts[method.start])[0]

    def _starts(self, people: Sequence[KnownPeople]) -> dict[str, list[Tensor]]:
        task = self.reference
        body = task.fitter.body
        mean = MeanPoseStart(self.prior.mean_pose(), task.body.num_betas, body)
        return {INITIAL: states_at(task.fitter.start, people), MEAN: states_at(mean, people)}


LEARNED_LABELS = {
    "lsr1": "L-SR1",
    "lsr1_refining": "L-SR1, from LGD's fits",
    "lgd": "LGD",
    "lgd_noise": "LGD, trained with noise",
    "lgd_4": "LGD, 4 updates",
    "lgd_8": "LGD, 8 updates",
    "lsr1_faithful": "L-SR1 as printed",
}
SMPLIFY_LABELS = {"smplify": "SMPLify", "smplify_initial": "SMPLify"}


def label_and_start(key: str) -> tuple[str, str]:
    """What tables call a method, and where it starts."""
    if key in LEARNED_LABELS:
        return LEARNED_LABELS[key], LGD_FITS if key == "lsr1_refining" else INITIAL
    if key in SMPLIFY_LABELS:
        return SMPLIFY_LABELS[key], MEAN if key == "smplify" else INITIAL
    for method in UNTRAINED:
        if method.key == key:
            return method.label, method.start
    raise UserError(f"{key}: no such method")
