"""Validated steps, errors at them, and paired intervals of the human mesh recovery study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.bench.hmr.people import Errors

Results = Mapping[str, Sequence[Errors]]
"""Method -> its errors on one set of people, one a training seed."""

_RESAMPLES = 2000


@dataclass(frozen=True)
class Row:
    """One method under one condition."""

    steps: tuple[int, ...]
    """The step of each seed with the least mean error on validation."""
    evaluations: float
    """Gradients until there, mean over the seeds."""
    validation: float
    """Mean PA-MPJPE at those steps, in mm, averaged over the seeds."""
    test: float
    test_spread: float | None
    """Standard deviation of the test error over the seeds; None for one seed."""
    at_4: float | None
    """Test error after 4 steps; None for methods whose states are stages."""
    at_15: float | None
    """After 15, as many as the paper shows; likewise, and for shorter runs."""
    gap: float
    """Test error less that of the reference: positive where the reference is better."""
    gap_low: float
    gap_high: float
    """Bootstrap 95 % interval of the gap, over people, paired."""
    rise: float
    """Test error of the last state less that of the validated one."""
    nonfinite: int
    """Test states that are not finite."""


def compare(validation: Results, test: Results, reference: str, seed: int) -> dict[str, Row]:
    """Each method at its validated step, against ``reference`` on the same people."""
    per_person = {}
    for key, runs in test.items():
        steps = _validated(validation[key])
        per_person[key] = _people(runs, steps)
    rows = {}
    for key, runs in test.items():
        steps = _validated(validation[key])
        each = [float(run.curve()[step]) for run, step in zip(runs, steps, strict=True)]
        low, high = paired_interval(per_person[key] - per_person[reference], seed)
        at_validation = [
            float(run.curve()[step]) for run, step in zip(validation[key], steps, strict=True)
        ]
        rows[key] = Row(
            steps=steps,
            evaluations=_mean(run.evaluations[s] for run, s in zip(runs, steps, strict=True)),
            validation=_mean(at_validation),
            test=_mean(each),
            test_spread=float(np.std(each, ddof=1)) if len(each) > 1 else None,
            at_4=_after(key, runs, 4),
            at_15=_after(key, runs, 15),
            gap=float((per_person[key] - per_person[reference]).mean()),
            gap_low=low,
            gap_high=high,
            rise=_mean(run.curve()[-1] for run in runs) - _mean(each),
            nonfinite=sum(run.nonfinite for run in runs),
        )
    return rows


@dataclass(frozen=True)
class Share:
    """An optimiser that was trained on a share of the motion, on clean keypoints."""

    step: int
    """The step of least mean error on validation."""
    validation: float
    """Mean PA-MPJPE there, in mm."""
    test: float


def at_share(validation: Errors, test: Errors) -> Share:
    """Read both at the validated step."""
    step = validation.best_step()
    return Share(step, float(validation.curve()[step]), float(test.curve()[step]))


def _after(key: str, runs: Sequence[Errors], step: int) -> float | None:
    if key.startswith("smplify") or any(len(run.curve()) <= step for run in runs):
        return None
    return _mean(run.curve()[step] for run in runs)


def paired_interval(differences: NDArray[np.float64], seed: int) -> tuple[float, float]:
    """The 95 % percentile bootstrap interval of the mean of (N,) paired differences."""
    from scipy.stats import bootstrap

    if not np.isfinite(differences).all() or np.ptp(differences) == 0:
        constant = float(differences.mean())
        return constant, constant
    interval = bootstrap(
        (differences,),
        np.mean,
        n_resamples=_RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(interval.low), float(interval.high)


def csv_rows(condition: str, split: str, results: Results) -> Iterator[tuple[object, ...]]:
    """Condition, split, method, seed number, step, gradients, PA-MPJPE mean and spread, 2D."""
    for key, runs in results.items():
        for number, run in enumerate(runs):
            spread = run.pa_mpjpe.std(axis=1)
            for step, mean in enumerate(run.curve()):
                yield (
                    condition,
                    split,
                    key,
                    number,
                    step,
                    round(float(run.evaluations[step]), 2),
                    round(float(mean), 3),
                    round(float(spread[step]), 3),
                    round(float(run.reprojection[step].mean()), 4),
                )


CSV_COLUMNS = (
    *("condition", "split", "method", "seed", "step", "gradients"),
    *("pa_mpjpe_mm", "pa_mpjpe_std_over_people", "reprojection_1e-3"),
)


def _validated(runs: Sequence[Errors]) -> tuple[int, ...]:
    return tuple(run.best_step() for run in runs)


def _people(runs: Sequence[Errors], steps: Sequence[int]) -> NDArray[np.float64]:
    return np.mean([run.pa_mpjpe[s] for run, s in zip(runs, steps, strict=True)], axis=0)


def _mean(values: Iterator[float] | Sequence[float]) -> float:
    return float(np.mean(list(values)))
