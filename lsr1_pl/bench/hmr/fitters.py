"""Fitters on the open benchmark of 2026: subjects, lying people and a laboratory nobody trained on.

Every row is read at the gradients that it took, so that fitters of different kinds compare.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.bench.hmr.people import Errors, people_of, run_fitter, states_at
from lsr1_pl.bench.study import Study
from lsr1_pl.data import MotionBatch, MotionDataModule
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr import Fitter, InErrorMetric
from lsr1_pl.optim import LBFGS, Adam
from lsr1_pl.report import PageTable, Section
from lsr1_pl.tasks import HMRTask, load_task

_GRADIENTS = (0, 2, 4, 8, 15, 35)
_MOST = 35
_JUDGED = 8
"""Gradients at which a fitter is held against L-BFGS of 35."""
_LBFGS, _ADAM = "L-BFGS, untrained", "Adam, untrained"
_CONDITIONS: Mapping[str, tuple[float, float]] = {"clean": (0.0, 0.0), "noise 1 %": (0.01, 0.01)}
_PEOPLE, _FAST = (256, 512), (32, 48)
_RESAMPLES = 1000
_SLACK = 3
"""Gradients that a line search may leave over."""


class _Set(NamedTuple):
    """People whom nobody trained on."""

    title: str
    split: dict[str, object]
    """Arguments of MotionDataModule."""
    tests: bool
    """Whether they are its test set, or its validation set."""
    stores: Sequence[str] = ()
    """What is needed beside the motion that validates."""


_SETS = (
    _Set("validation (CMU 07, 16, 17)", {"split": "open_2026"}, tests=False),
    _Set("test A (CMU 08, 49, 127 and four clips)", {"split": "open_2026"}, tests=True),
    _Set("test B (HDM05)", {"split": "open_2026_hdm05"}, tests=True, stores=("hdm05",)),
)


def run(options: Namespace) -> None:
    """Run the fitters, and two untrained optimisers from the first one's start.

    Raises:
        UserError: a checkpoint or a store that cannot be used, or two fitters of one name.
    """
    tasks = _tasks(options.fitter)
    first, reference = next(iter(tasks.items()))
    study = Study(
        "fitters",
        "Fitters on people whom nobody trained on",
        options.out,
        f"{_FAST[0]} and {_FAST[1]} people a set instead of {_PEOPLE[0]} and {_PEOPLE[1]}."
        if options.fast
        else "",
    )
    study.page.introduction = [
        "PA-MPJPE in mm on 14 keypoints, of which a fifth is hidden. The columns are gradients. "
        f"The untrained optimisers begin where {first} begins, and minimise what it minimises, "
        "in the same metric. L-BFGS searches a line (strong Wolfe), Adam has the rate 0.1 and "
        "beta1 0.5.",
        f"The intervals are of the mean after {_JUDGED} gradients: 95 %, by resampling people.",
    ]
    found: dict[tuple[str, str, str], Errors] = {}
    for each in _SETS:
        if not all((options.data / store).is_dir() for store in each.stores):
            study.note(f"Left out, as {options.data} does not hold it: {each.title}.")
            continue
        for condition, noise in _CONDITIONS.items():
            batches = _batches(each, options, noise)
            errors = dict(_all_errors(tasks, reference, batches))
            found |= {(each.title, condition, name): one for name, one in errors.items()}
            study.add(Section(f"{each.title}, {condition}", table=_table(errors)))
    study.write_rows(
        ("set", "condition", "fitter", "gradients", "person", "pa_mpjpe_mm"),
        (
            (*key, budget, person, float(error))
            for key, errors in found.items()
            for budget in _GRADIENTS
            for person, error in enumerate(_at(errors, budget))
        ),
    )
    study.finish(
        {
            " | ".join(key): {str(k): float(_at(errors, k).mean()) for k in _GRADIENTS}
            for key, errors in found.items()
        }
    )


def _tasks(given: Sequence[str]) -> dict[str, HMRTask]:
    tasks: dict[str, HMRTask] = {}
    for word in given:
        name, _, checkpoint = word.rpartition("=")
        name = name or Path(checkpoint).name
        if name in tasks:
            raise UserError(f"--fitter {word}: another fitter is called {name}; write OTHER=CKPT")
        task = load_task(checkpoint)
        if not isinstance(task, HMRTask):
            raise UserError(f"--fitter {word}: {type(task).__name__} fits no people")
        tasks[name] = task
    return tasks


def _batches(each: _Set, options: Namespace, noise: tuple[float, float]) -> list[MotionBatch]:
    stores = ["open", *(str(options.data / name) for name in (*options.stores, *each.stores))]
    validation, test = _FAST if options.fast else _PEOPLE
    data = MotionDataModule(
        stores,
        batch_size=256,
        validation_count=validation,
        test_count=test,
        keypoint_noise=noise,
        evaluation_seed=options.seed,
        **each.split,  # type: ignore[arg-type]
    )
    loader = data.test_dataloader() if each.tests else data.val_dataloader()
    return [cast(MotionBatch, batch) for batch in loader]


def _all_errors(
    tasks: Mapping[str, HMRTask], reference: HMRTask, batches: Sequence[MotionBatch]
) -> Iterator[tuple[str, Errors]]:
    for name, task in tasks.items():
        people = people_of(task, batches)
        yield name, run_fitter(task.fitter, people, max(task.evaluate.steps, _JUDGED))[0]
    people = people_of(reference, batches)
    starts = states_at(reference.fitter.start, people)
    for name, fitter in _untrained(reference.fitter).items():
        yield name, run_fitter(fitter, people, _MOST, starts)[0]


def _untrained(fitter: Fitter) -> dict[str, Fitter]:
    lbfgs = InErrorMetric(LBFGS(history_size=8, line_search="strong_wolfe"))
    adam = InErrorMetric(Adam(0.1, beta1=0.5))
    return {
        _LBFGS: replace(fitter, optimizer=lbfgs, searches=True),
        _ADAM: replace(fitter, optimizer=adam, searches=False),
    }


def _at(errors: Errors, gradients: int) -> NDArray[np.float64]:
    """(N,) at the last state that took so many gradients, in the mean, or fewer."""
    return errors.pa_mpjpe[np.flatnonzero(errors.evaluations <= gradients)[-1]]


def _table(errors: Mapping[str, Errors]) -> PageTable:
    reached = _at(errors[_LBFGS], _MOST)
    rows = [_row(name, each, reached) for name, each in errors.items()]
    count = errors[_LBFGS].pa_mpjpe.shape[1]
    columns = [
        "fitter",
        *map(str, _GRADIENTS),
        f"95 % at {_JUDGED}",
        f"at {_JUDGED}, less L-BFGS at {_MOST}",
    ]
    return PageTable(f"{count} people", columns, rows)


def _row(name: str, errors: Errors, reached: NDArray[np.float64]) -> list[object]:
    ended = errors.evaluations[-1]
    read = [k for k in _GRADIENTS if k <= ended + _SLACK]
    cells = [float(_at(errors, k).mean()) if k in read else None for k in _GRADIENTS]
    judged = _at(errors, _JUDGED)
    return [name, *cells, _interval(judged), _interval(judged - reached)]


def _interval(values: NDArray[np.float64]) -> str:
    """Its mean's 95 % interval, by resampling people."""
    drawn = np.random.default_rng(0).integers(len(values), size=(_RESAMPLES, len(values)))
    low, high = np.percentile(values[drawn].mean(axis=1), (2.5, 97.5))
    return f"{low:.1f} to {high:.1f}"
