"""Every shipped checkpoint computes what it computed when its numbers were recorded.

Run as a program, this file records them anew: do so only after a change that means to change them.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lsr1_pl.data import MotionDataModule, QuadraticBatch, StartBatch
from lsr1_pl.ground.types import Objective
from lsr1_pl.hmr import split_variables
from lsr1_pl.hmr.evaluation.synthetic import observe_known
from lsr1_pl.objectives import Rastrigin, Rosenbrock
from lsr1_pl.objectives.families import ArmFamily, DeblurringFamily, GaussianProcessFamily
from lsr1_pl.optim import unroll
from lsr1_pl.pretrained import load_pretrained, shipped
from lsr1_pl.pretrained.tasks import load_task

RECORD = Path(__file__).with_name("same_bits.npz")
STEPS = 6
TOLERANCE = 1e-3
"""Relative, of another machine or another torch: sums run in another order there."""

PEOPLE = ("hmr_open", "hmr_open_lifted", "lgd_open")
FAMILIES = {
    "arm": ArmFamily,
    "deblurring": DeblurringFamily,
    "gaussian_process": GaussianProcessFamily,
}


def machine() -> str:
    """What decides the order of sums on a CPU."""
    capability = torch.backends.cpu.get_cpu_capability()
    version = torch.__version__.split("+")[0]
    return f"torch {version}, {capability}, {torch.__config__.show().count('MKL')}"


def numbers(name: str) -> Iterator[tuple[str, Tensor]]:
    """What the checkpoint computes on fixed problems: title, tensor."""
    random.seed(0)
    torch.manual_seed(0)
    if name in FAMILIES:
        yield from _of_family(name)
    else:
        yield from (_of_people(name) if name in PEOPLE else _of_functions(name))


def _of_family(name: str) -> Iterator[tuple[str, Tensor]]:
    problems = FAMILIES[name]().sample(5, torch.Generator().manual_seed(0))
    optimizer = load_pretrained(name).knowing(problems.features)
    with torch.no_grad():
        path = unroll(optimizer, problems.objective, problems.x0, STEPS)
    yield from _of_path("functions", path)
    task: Any = load_task(name)
    task.log = lambda *args, **kwargs: None
    yield from _of_loss("eval", task, task.training_step(problems, 0))


def _of_functions(name: str) -> Iterator[tuple[str, Tensor]]:
    rng = np.random.default_rng(0)
    A, b, x = (
        torch.from_numpy(rng.standard_normal(shape)).float()
        for shape in [(5, 6, 6), (5, 6), (5, 6)]
    )
    H = A.mT @ A
    batch: Any = QuadraticBatch(
        H / torch.linalg.matrix_norm(H, keepdim=True), b / b.norm(dim=1, keepdim=True), x
    )
    if "rosenbrock" in name or "rastrigin" in name:
        batch = StartBatch(Rosenbrock() if "rosenbrock" in name else Rastrigin(), x)
    optimizer = load_pretrained(name)
    with torch.no_grad():
        path = unroll(optimizer, batch.objective, batch.x0, STEPS)
    yield from _of_path("functions", path)
    for mode in ("eval", "train"):
        task: Any = load_task(name).train(mode == "train")
        task.log = lambda *args, **kwargs: None
        task.unroll = replace(task.unroll, steps=STEPS)
        given = _Family(batch) if name == "lsr1_general" else batch
        yield from _of_loss(mode, task, task.training_step(given, 0))


class _Family:
    """A batch of functions that has the name of a family."""

    family = "quadratics"

    def __init__(self, batch: QuadraticBatch) -> None:
        self.x0, self.objective = batch.x0, batch.objective


def _of_people(name: str) -> Iterator[tuple[str, Tensor]]:
    task: Any = load_task(name)
    task.log = lambda *args, **kwargs: None
    task.start = replace(task.start, warmup_iterations=0)
    batch = MotionDataModule(
        batch_size=6, validation_recordings=["walk"], test_recordings=["kick"]
    ).train_batch(0)
    fitter = task.fitter
    observation = observe_known(batch, fitter.body).observation
    with torch.no_grad():
        x0 = fitter.start(observation)
        objective: Objective = fitter.objective(observation, x0)
        yield from _of_path("people", unroll(fitter.batched(observation), objective, x0, STEPS))
    assert split_variables(x0)[0].shape == (6, 72)
    for mode in ("eval", "train"):
        task.train(mode == "train")
        torch.manual_seed(1)
        yield from _of_loss(mode, task, task.training_step(batch, 0))


def _of_path(title: str, path: Any) -> Iterator[tuple[str, Tensor]]:
    yield f"{title}: iterates", path.iterates
    yield f"{title}: values", path.values
    yield f"{title}: directions", path.directions
    yield f"{title}: evaluations", path.evaluations
    if path.secant_residuals is not None:
        yield f"{title}: secant residuals", path.secant_residuals


def _of_loss(mode: str, task: nn.Module, loss: Tensor) -> Iterator[tuple[str, Tensor]]:
    task.zero_grad()
    loss.backward()
    gradients = [p.grad.flatten() for p in task.parameters() if p.grad is not None]
    yield f"{mode}: loss", loss.detach()
    yield f"{mode}: gradient", torch.cat(gradients)
    yield (
        f"{mode}: buffers",
        torch.cat([b.double().flatten() for b in task.optimizer.buffers()] or [torch.zeros(1)]),
    )


def digest(tensor: Tensor) -> str:
    """Of the raw bytes."""
    return hashlib.sha256(tensor.detach().contiguous().numpy().tobytes()).hexdigest()


def summary(tensor: Tensor) -> np.ndarray:
    """Few numbers that say how large the tensor is, and where: not finite ones count as zero."""
    flat = tensor.detach().double().flatten().nan_to_num(posinf=0, neginf=0)
    parts = torch.stack([part.norm() for part in flat.tensor_split(8)])
    return parts.numpy()


def record() -> None:
    """Write :data:`RECORD` from what the checkpoints compute now."""
    found: dict[str, Any] = {"machine": np.array(machine())}
    for name in shipped():
        for title, tensor in numbers(name):
            found[f"{name}/{title}/digest"] = np.array(digest(tensor))
            found[f"{name}/{title}/summary"] = summary(tensor)
    np.savez_compressed(RECORD, **found)


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_checkpoint_computes_the_recorded_numbers(name: str) -> None:
    with np.load(RECORD) as recorded:
        same_machine = str(recorded["machine"]) == machine()
        titles = []
        for title, tensor in numbers(name):
            titles.append(title)
            if same_machine:
                assert digest(tensor) == str(recorded[f"{name}/{title}/digest"]), title
            expected = recorded[f"{name}/{title}/summary"]
            np.testing.assert_allclose(
                summary(tensor), expected, rtol=TOLERANCE, atol=1e-6, err_msg=title
            )
        known = {key.split("/")[1] for key in recorded.files if key.startswith(f"{name}/")}
    assert set(titles) == known


if __name__ == "__main__":
    torch.set_num_threads(1)
    record()
