"""Fitters on the open benchmark of 2026: subjects, lying people and a laboratory nobody trained on.

Steps differ in what they take, so every row also says its gradients and its time.
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
from lsr1_pl.hmr import InErrorMetric
from lsr1_pl.optim import LBFGS, Adam, GaussNewton
from lsr1_pl.report import PageTable, Section
from lsr1_pl.tasks import HMRTask, load_task

_STEPS = (0, 1, 2, 3, 5, 8, 15, 30)
_GRADIENTS = 35
"""Of the L-BFGS that every fitter is held against."""
_LBFGS = "L-BFGS, untrained"
_CONDITIONS: Mapping[str, tuple[float, float]] = {"clean": (0.0, 0.0), "noise 1 %": (0.01, 0.01)}
_PEOPLE, _FAST = (256, 512), (32, 48)
_RESAMPLES = 1000
_LEAST = 8
"""Steps that every fitter takes, so that one sees where it would go."""


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


class _Row(NamedTuple):
    """What one fitter did with the people of a set."""

    errors: Errors
    usual: int
    """The steps that it is read at."""

    @property
    def steps(self) -> list[int]:
        """Those of the columns that it took."""
        return [k for k in _STEPS if k < len(self.errors.pa_mpjpe)]

    def read(self) -> NDArray[np.float64]:
        """(N,) its errors."""
        return self.errors.pa_mpjpe[self.usual]

    def milliseconds(self) -> float:
        """Processor time of a person's fit: as much for each step."""
        states, people = self.errors.pa_mpjpe.shape
        return 1e3 * self.errors.seconds * self.usual / ((states - 1) * people)


def run(options: Namespace) -> None:
    """Run the fitters, and three untrained optimisers from the first one's start.

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
        "PA-MPJPE in mm on 14 keypoints, of which a fifth is hidden, after so many steps. "
        f"The untrained optimisers begin where {first} begins, and minimise what it minimises, "
        "in the same metric. L-BFGS searches a line (strong Wolfe), Adam has the rate 0.1 and "
        "beta1 0.5, Gauss-Newton takes whole steps.",
        "A fitter is read at the steps that lsr1 predict takes with it, L-BFGS at "
        f"{_GRADIENTS} gradients, Gauss-Newton at 3 steps and Adam at 30. Gradients and time (of a "
        "processor, batches of 256; with the start, where a checkpoint has its own) are of these "
        "steps. A Gauss-Newton matrix counts as one "
        "gradient for each of 36 residuals, which are found together. The intervals are 95 %, by "
        "resampling people.",
    ]
    found: dict[tuple[str, str, str], _Row] = {}
    for each in _SETS:
        if not all((options.data / store).is_dir() for store in each.stores):
            study.note(f"Left out, as {options.data} does not hold it: {each.title}.")
            continue
        for condition, noise in _CONDITIONS.items():
            batches = _batches(each, options, noise)
            rows = dict(_all_rows(tasks, reference, batches))
            found |= {(each.title, condition, name): one for name, one in rows.items()}
            study.add(Section(f"{each.title}, {condition}", table=_table(rows)))
    study.write_rows(
        ("set", "condition", "fitter", "step", "person", "pa_mpjpe_mm"),
        (
            (*key, step, person, float(error))
            for key, row in found.items()
            for step in row.steps
            for person, error in enumerate(row.errors.pa_mpjpe[step])
        ),
    )
    study.finish(
        {
            " | ".join(key): {str(k): float(row.errors.curve()[k]) for k in row.steps}
            for key, row in found.items()
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


def _all_rows(
    tasks: Mapping[str, HMRTask], reference: HMRTask, batches: Sequence[MotionBatch]
) -> Iterator[tuple[str, _Row]]:
    for name, task in tasks.items():
        people, usual = people_of(task, batches), task.evaluate.steps
        yield name, _Row(run_fitter(task.fitter, people, max(usual, _LEAST))[0], usual)
    people = people_of(reference, batches)
    starts = states_at(reference.fitter.start, people)
    for name, optimizer, steps in _untrained():
        fitter = replace(reference.fitter, optimizer=optimizer, searches=name == _LBFGS)
        errors = run_fitter(fitter, people, max(steps, _LEAST), starts)[0]
        if name == _LBFGS:
            steps = int(np.flatnonzero(errors.evaluations <= _GRADIENTS)[-1])
        yield name, _Row(errors, steps)


def _untrained() -> Iterator[tuple[str, InErrorMetric, int]]:
    """Names, optimisers, and how many steps they are read at."""
    yield "Gauss-Newton, untrained", InErrorMetric(GaussNewton()), 3
    yield _LBFGS, InErrorMetric(LBFGS(history_size=8, line_search="strong_wolfe")), _GRADIENTS
    yield "Adam, untrained", InErrorMetric(Adam(0.1, beta1=0.5)), 30


def _table(rows: Mapping[str, _Row]) -> PageTable:
    reached = rows[_LBFGS].read()
    columns = [
        "fitter",
        *map(str, _STEPS),
        "read at",
        "95 %",
        f"less L-BFGS of {_GRADIENTS} gradients",
        "gradients",
        "ms a person",
    ]
    cells = [_cells(name, row, reached) for name, row in rows.items()]
    return PageTable(f"{len(reached)} people", columns, cells)


def _cells(name: str, row: _Row, reached: NDArray[np.float64]) -> list[object]:
    curve = row.errors.curve()
    return [
        name,
        *(float(curve[k]) if k in row.steps else None for k in _STEPS),
        row.usual,
        _interval(row.read()),
        _interval(row.read() - reached),
        round(float(row.errors.evaluations[row.usual])),
        row.milliseconds(),
    ]


def _interval(values: NDArray[np.float64]) -> str:
    """Its mean's 95 % interval, by resampling people."""
    drawn = np.random.default_rng(0).integers(len(values), size=(_RESAMPLES, len(values)))
    low, high = np.percentile(values[drawn].mean(axis=1), (2.5, 97.5))
    return f"{low:.1f} to {high:.1f}"
