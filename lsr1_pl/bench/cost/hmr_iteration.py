"""Table 3: time and peak memory of one inner iteration of a fit."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lsr1_pl.bench.cost.measuring import in_rounds
from lsr1_pl.bench.cost.peers import see_through, through_smplx
from lsr1_pl.body.skeleton import COCO18_INDICES, SMPL_JOINTS
from lsr1_pl.hmr import Observation
from lsr1_pl.hmr.reprojection import JointsOf
from lsr1_pl.metrics.memory import peak_bytes, start_peak
from lsr1_pl.optim import unroll
from lsr1_pl.tasks import HMRTask, load_task

JOINTS_ONLY, FULL_MESH, SMPLX_MESH = "joints only", "full mesh", "smplx's full mesh"
_STEPS = 4


@dataclass(frozen=True)
class Case:
    """What is measured: a task's optimiser, on how many people, through which body."""

    method: str
    source: str | Callable[[], HMRTask]
    """A checkpoint's name or path, or what makes a task: the time is that of any weights."""
    body: str
    people: int
    device: str


@dataclass(frozen=True)
class Cost:
    """Medians over the repeats."""

    seconds: float
    """Per inner iteration."""
    low: float
    high: float
    peak: int
    """Bytes beyond what the process held before."""


def measure(cases: list[Case], repeats: int) -> dict[Case, Cost]:
    """Each measurement in a process of its own; a round measures every case once."""
    found = in_rounds(measure_once, cases, repeats)
    costs = {}
    for case, measured in found.items():
        seconds, peaks = zip(*measured, strict=True)
        costs[case] = Cost(
            statistics.median(seconds), min(seconds), max(seconds), int(statistics.median(peaks))
        )
    return costs


def measure_once(case: Case) -> tuple[float, int]:
    """Seconds of an inner iteration, and bytes at the peak beyond what the process held."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    task = load_task(case.source) if isinstance(case.source, str) else case.source().eval()
    assert isinstance(task, HMRTask)
    task.to(case.device)
    if case.body == FULL_MESH:
        see_through(task, _through_the_mesh(task))
    elif case.body == SMPLX_MESH:
        see_through(task, through_smplx(task.body))
    _fit(task, 2, case.device)  # Libraries load, and allocate, at their first use.
    if case.device == "cuda":
        torch.cuda.synchronize()
    before = start_peak(case.device)
    started = time.perf_counter()
    _fit(task, case.people, case.device)
    if case.device == "cuda":
        torch.cuda.synchronize()
    seconds = (time.perf_counter() - started) / _STEPS
    return seconds, max(0, peak_bytes(case.device) - before)


def _fit(task: HMRTask, people: int, device: str) -> None:
    keypoints = torch.rand(people, 18, 2, device=device)
    observation = Observation(keypoints, torch.ones(people, 18, device=device))
    fitter = task.fitter
    with torch.no_grad():
        x0 = fitter.start(observation)
        objective = fitter.objective(observation, x0)
        unroll(fitter.batched(observation), objective, x0, _STEPS)


def _through_the_mesh(task: HMRTask) -> JointsOf:
    """The 18 keypoints by way of all vertices, as a fit that needs the mesh would."""
    landmarks = task.body.landmark_vertices

    def joints_of(pose: Tensor, betas: Tensor) -> Tensor:
        vertices = task.body.vertices(pose, betas)
        joints = task.body.joints(pose, betas)[:, : len(SMPL_JOINTS)]
        every = torch.cat([joints, vertices[:, landmarks]], dim=1)
        return every[:, list(COCO18_INDICES)]

    return joints_of
