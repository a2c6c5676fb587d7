"""Fits a second: what ``lsr1 predict`` does with its people, on the device.

``lsr1 predict`` itself runs on the CPU; this is its fitter, moved to the device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from lsr1_pl.bench.cost.measuring import seconds_of
from lsr1_pl.bench.cost.speed_cases import training_people
from lsr1_pl.bench.gpu.catalogue import LIFTED, OPEN, hmr_tasks
from lsr1_pl.bench.gpu.parts import Measurement, Row, Setting
from lsr1_pl.data import KeypointBatch
from lsr1_pl.hmr.evaluation import observe_known
from lsr1_pl.hmr.fitting import fit_people, thorough
from lsr1_pl.tasks import HMRTask


def measurements(setting: Setting) -> Iterator[Measurement]:
    """In batches of predict's 256, and of what fills a GPU; once, and as predict does it."""
    for name, make in hmr_tasks(setting.fast, (LIFTED, OPEN)).items():
        for people in (2,) if setting.fast else (256, 4096):
            for once in (True, False):
                what = f"{name}, batch {people:,}, {'--once' if once else 'as it comes'}"
                yield Measurement(what, partial(_measure, make, people, once, setting.device))


def _measure(make: Callable[[], HMRTask], people: int, once: bool, device: str) -> Row:
    task = make().to(device).eval()
    seen = observe_known(training_people(device, people), task.fitter.body).observation
    batch = KeypointBatch(seen.keypoints, seen.visibility)
    fitter = task.fitter if once else thorough(task.fitter)
    steps = task.evaluate.steps

    def fit() -> object:
        return fit_people(fitter, [batch], steps)

    fit()
    seconds = seconds_of(fit, device)
    return {"steps": steps, "ms a batch": 1e3 * seconds, "fits a second": people / seconds}
