"""Whether a device computes what the CPU does: values and gradients, in every precision.

The reference is double precision on the CPU. Gradients are taken outside of autocast, as a training
takes them. An error is the distance to it, over its length. The
device agrees where its error in single precision is at most ten times the CPU's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from lsr1_pl.bench.cost.speed_cases import training_people
from lsr1_pl.bench.gpu.catalogue import OPTIMIZERS, hmr_tasks
from lsr1_pl.bench.gpu.parts import Measurement, Row, Setting
from lsr1_pl.body import load_body_model
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data.motion.sampler import MotionBatch
from lsr1_pl.objectives import DiagonalQuadratic
from lsr1_pl.optim import unroll
from lsr1_pl.tasks import HMRTask

_LEAST, _TIMES = 1e-6, 10.0
"""Errors below the first are rounding; the device's may be so many times the CPU's."""

Context = Callable[[], AbstractContextManager[object]]
Found = tuple[Sequence[Tensor], Sequence[Tensor]]
"""Values, and gradients of their sum."""
Compute = Callable[[str, torch.dtype, Context], Found]
"""On a device, in a precision, the values within a context: what is found."""


def measurements(setting: Setting) -> Iterator[Measurement]:
    """Bodies, training steps of mesh recovery, then every optimiser alone."""
    people, problems = (2, 2) if setting.fast else (64, 32)
    found: dict[str, Compute] = {
        "joints of the open body": partial(_body, people, False),
        "mesh of the open body": partial(_body, people, True),
        **{
            f"training step, {name}": partial(_training, people, make)
            for name, make in hmr_tasks(setting.fast).items()
        },
        **{
            f"4 steps, {name}": partial(_optimizer, problems, name, training=False)
            for name in OPTIMIZERS
        },
        **{
            f"4 steps in training, {name}": partial(_optimizer, problems, name, training=True)
            for name in OPTIMIZERS
            if name.startswith("L-SR1, text")
        },
    }
    for what, compute in found.items():
        yield Measurement(what, partial(_compare, compute, setting.device))


def _compare(compute: Compute, device: str) -> Row:
    reference = compute("cpu", torch.float64, nullcontext)
    own = _errors(compute("cpu", torch.float32, nullcontext), reference)
    row: dict[str, object] = {"values, cpu float32": own[0], "gradients, cpu float32": own[1]}
    for mode, context in _modes(device).items():
        errors = _errors(compute(device, torch.float32, context), reference)
        row |= {f"values, {mode}": errors[0], f"gradients, {mode}": errors[1]}
        if mode == "float32":
            pairs = zip(errors, own, strict=True)
            agrees = all(theirs <= _TIMES * max(ours, _LEAST) for theirs, ours in pairs)
            row["agrees"] = "yes" if agrees else "NO"
    return row


def _modes(device: str) -> dict[str, Context]:
    """The precisions of a device; TF32 is of GPUs alone."""
    lower = partial(torch.autocast, device, torch.bfloat16)
    of_gpus = {"TF32": tf32} if device == "cuda" else {}
    return {"float32": nullcontext, **of_gpus, "bfloat16": lower}


@contextmanager
def tf32() -> Iterator[None]:
    """A context in which products of single precision run in TF32."""
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision("highest")


def _errors(found: Found, reference: Found) -> tuple[float, float]:
    """Of values, and of gradients."""
    values, gradients = (
        float(_flat(ours).sub(_flat(theirs)).norm() / _flat(theirs).norm())
        for ours, theirs in zip(found, reference, strict=True)
    )
    return values, gradients


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([each.detach().cpu().double().flatten() for each in tensors])


def _with_gradients(values: Sequence[Tensor], inputs: Sequence[Tensor]) -> Found:
    total = torch.stack([value.sum() for value in values]).sum()
    found = torch.autograd.grad(total, inputs, allow_unused=True)
    return values, [g for g in found if g is not None]


def _drawn(shape: tuple[int, ...], device: str, dtype: torch.dtype) -> Tensor:
    """The same numbers for every device and precision."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(shape, generator=generator).to(device, dtype).requires_grad_()


def _body(people: int, mesh: bool, device: str, dtype: torch.dtype, context: Context) -> Found:
    body = load_body_model("open").to(device, dtype)
    pose, betas = (_drawn((people, size), device, dtype) for size in (72, 10))
    with context():
        found = body.vertices(pose, betas) if mesh else body.select(COCO18)(pose, betas)
    return _with_gradients([found], [pose, betas])


def _optimizer(
    problems: int, name: str, device: str, dtype: torch.dtype, context: Context, *, training: bool
) -> Found:
    x0 = _drawn((problems, 10), device, dtype)
    torch.manual_seed(0)
    optimizer: Any = OPTIMIZERS[name](x0)
    parameters: list[Tensor] = []
    if isinstance(optimizer, nn.Module):
        optimizer.train(training)
        parameters = list(optimizer.parameters())
    with context():
        path = unroll(optimizer, DiagonalQuadratic(10.0), x0, 4)
    return _with_gradients([path.iterates, path.values], [x0, *parameters])


def _training(
    people: int, make: Callable[[], HMRTask], device: str, dtype: torch.dtype, context: Context
) -> Found:
    torch.manual_seed(0)
    task = make().to(device, dtype).train()
    for module in task.modules():
        if isinstance(module, nn.Dropout):
            # What is dropped is drawn, on each device by another generator.
            module.p = 0.0
    batch = training_people(device, people)
    parts = (part.to(dtype) if part.is_floating_point() else part for part in batch)
    with context():
        loss, _ = task.meta_loss(MotionBatch(*parts))
    return _with_gradients([loss], [p for p in task.parameters() if p.requires_grad])
