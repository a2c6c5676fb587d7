"""What is timed against what: each case makes two calls that do the same work."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lsr1_pl.bench.cost.peers import make_plain, through_smplx
from lsr1_pl.body import BodyModel, load_body_model
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data import QuadraticsDataModule
from lsr1_pl.data.functions.quadratics import QuadraticBatch
from lsr1_pl.data.motion.sampler import MotionBatch, MotionSampler
from lsr1_pl.data.motion.views import Viewing
from lsr1_pl.hmr.reprojection import JointsOf
from lsr1_pl.optim import LSR1, Networks, Rate, Runner, unroll
from lsr1_pl.optim.lsr1.running import CompileMode
from lsr1_pl.tasks import HMRTask, Unroll, load_task

Call = Callable[[], object]

PEOPLE = 256
"""The number of people in the body's cases."""

TRAINING_PEOPLE = 64
"""The number of people in a meta-training step of mesh recovery."""
_VARIABLES, _PROBLEMS, _STEPS, _WIDTH = 2, 128, 16, 128
_HMR_STEPS = 8


@dataclass(frozen=True)
class Case:
    """Two calls, made when they are needed, and the ratio that they are to reach."""

    key: str
    """The key in ``summary.json``."""
    title: str
    against: str
    reach: float
    slower_over_faster: bool
    """Whether the ratio is theirs over ours (at least ``reach``), or ours over the limit's (at most
    ``reach``)."""
    make: Callable[[str], tuple[Call, Call]]
    """Device -> ours, theirs."""
    bfloat16: bool = False
    """Whether it asks for matrix units of that type."""


def _bodies(device: str) -> tuple[BodyModel, Tensor, Tensor]:
    torch.manual_seed(0)
    pose, betas = 0.3 * torch.randn(PEOPLE, 72), torch.randn(PEOPLE, 10)
    return load_body_model("open").to(device), pose.to(device), betas.to(device)


def _derived(joints_of: JointsOf, pose: Tensor, betas: Tensor, order: int) -> Call:
    """The joints, or with ``order`` 1 or 2 also derivatives of their squared length."""

    def call() -> object:
        if order == 0:
            with torch.no_grad():
                return joints_of(pose, betas)
        x = [pose.clone().requires_grad_(), betas.clone().requires_grad_()]
        value = joints_of(*x).square().sum()
        slopes = torch.autograd.grad(value, x, create_graph=order == 2)
        if order == 1:
            return slopes
        return torch.autograd.grad(slopes[0].square().sum() + slopes[1].square().sum(), x)

    return call


def _joints(order: int) -> Callable[[str], tuple[Call, Call]]:
    def make(device: str) -> tuple[Call, Call]:
        body, pose, betas = _bodies(device)
        ours, theirs = body.select(COCO18), through_smplx(body)
        return _derived(ours, pose, betas, order), _derived(theirs, pose, betas, order)

    return make


def _mesh(device: str) -> tuple[Call, Call]:
    body, pose, betas = _bodies(device)
    reference = body.to_smplx()

    @torch.no_grad()
    def ours() -> object:
        return body.vertices(pose, betas), body.joints(pose, betas)

    @torch.no_grad()
    def theirs() -> object:
        return reference(betas=betas, body_pose=pose[:, 3:], global_orient=pose[:, :3])

    return ours, theirs


def _draw(device: str, problems: int, number: int = 0) -> QuadraticBatch:
    batch = QuadraticsDataModule(size=_VARIABLES, batch_size=problems).train_batch(number)
    return QuadraticBatch(*(part.to(device) for part in batch))


def quadratic_step(
    device: str, compiled: bool | CompileMode, *, whole: bool = False, problems: int = _PROBLEMS
) -> Call:
    """One meta-training step of ``quadratics.yaml``: forward and backward.

    ``whole`` adds what a training does around it: a batch is drawn, and AdamW steps.
    """
    torch.manual_seed(0)
    optimizer = LSR1(networks=Networks(_WIDTH), runner=Runner(compiled)).to(device)
    adamw = torch.optim.AdamW(optimizer.parameters(), lr=1e-4)
    fixed, numbers = _draw(device, problems), itertools.count()

    def call() -> object:
        batch = _draw(device, problems, next(numbers)) if whole else fixed
        optimizer.zero_grad()
        path = unroll(
            optimizer,
            batch.objective,
            batch.x0,
            _STEPS,
            clip_sample_gradient=1.0,
            divergence_limit=10.0,
        )
        assert path.secant_residuals is not None
        (path.values[1:].mean() + 100 * path.secant_residuals.mean()).backward()
        if whole:
            torch.nn.utils.clip_grad_norm_(optimizer.parameters(), 1.0)
            adamw.step()
        return None

    return call


def _inference_step(device: str, problems: int) -> Call:
    torch.manual_seed(0)
    optimizer = LSR1(networks=Networks(_WIDTH)).to(device).eval()
    batch = _draw(device, problems)
    objective = batch.objective
    with torch.no_grad():
        state = optimizer.init(batch.x0, objective.evaluate(batch.x0))

    @torch.no_grad()
    def call() -> object:
        return optimizer.step(state, objective)

    return call


def _products(device: str, rows: int, steps: int, backward: bool) -> Call:
    """The bare matrix products of L-SR1's networks: same shapes, same count, nothing else.

    A training step's own operands: those of each inner step are other numbers, since its backward
    needs them.
    """
    hidden = [(_WIDTH, _WIDTH)]
    shapes = [(5, _WIDTH), *5 * hidden, *2 * [*5 * hidden, (_WIDTH, 1)]]
    weights = [torch.randn(shape, device=device) for shape in shapes]
    inputs = [
        [torch.randn(rows, shape[0], device=device) for shape in shapes]
        for _ in range(steps if backward else 1)
    ]
    slopes = [torch.randn(rows, shape[1], device=device) for shape in shapes]

    @torch.no_grad()
    def call() -> object:
        for step in range(steps):
            for x, w in zip(inputs[step % len(inputs)], weights, strict=True):
                torch.mm(x, w)
        for step in reversed(range(steps if backward else 0)):
            for x, w, g in zip(inputs[step], weights, slopes, strict=True):
                torch.mm(g, w.t())
                torch.mm(x.t(), g)
        return None

    return call


def hmr_text_task() -> HMRTask:
    """With ``hmr.yaml``'s optimiser, untrained, on the open body."""
    torch.manual_seed(0)
    networks = LSR1(networks=Networks(_WIDTH), buffer_size=4, rate=Rate(0.1))
    return HMRTask(
        networks, unroll=Unroll(_HMR_STEPS, second_order=False, clip_sample_gradient=None)
    )


def training_people(device: str, count: int, number: int = 0) -> MotionBatch:
    """Training batch ``number`` of the embedded clips."""
    sampler = MotionSampler(["open"], Viewing(), 0)
    batch = sampler.batch(sampler.rows_of(range(len(sampler.recordings))), count, number)
    return MotionBatch(*(part.to(device) for part in batch))


def hmr_step(task: HMRTask, batch: MotionBatch, bfloat16: bool) -> Call:
    """A meta-training step of ``task``, forward and backward, on the device of ``batch``."""
    device = batch.pose.device.type
    task.to(device).train()
    if task.unroll.freeze_norm_after is not None:
        # As nearly every step of its training was.
        task.unroll = replace(task.unroll, freeze_norm_after=0)

    def call() -> object:
        task.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=bfloat16):
            loss, _ = task.meta_loss(batch)
        loss.backward()
        return loss

    return call


def compile_steps(task: HMRTask, compiled: bool | CompileMode) -> None:
    """Let every L-SR1 of ``task`` run its steps through ``torch.compile``, or not."""
    for module in task.modules():
        if isinstance(module, LSR1):
            module.compile_steps(compiled)


def _hmr_sides(
    device: str, make_task: Callable[[], Any], compiled: bool, bfloat16: bool
) -> tuple[Call, Call]:
    """A meta-training step, and the same through smplx, plain and in full precision."""
    batch = training_people(device, TRAINING_PEOPLE)
    ours, theirs = make_task(), make_task()
    compile_steps(ours, compiled)
    make_plain(theirs.to(device))
    return hmr_step(ours, batch, bfloat16), hmr_step(theirs, batch, False)


def _hmr_cases(key: str, title: str, make_task: Callable[[], Any]) -> list[Case]:
    """Plain and compiled, in full precision and with networks in bfloat16."""
    found = []
    for compiled, bfloat16 in itertools.product((False, True), repeat=2):
        how = [word for word, so in (("compiled", compiled), ("bfloat16", bfloat16)) if so]
        found.append(
            Case(
                "_".join([key, *how, "ratio"]),
                f"the same, {', '.join(how)}" if how else title,
                "the same with smplx in the loop",
                10,
                True,
                partial(_hmr_sides, make_task=make_task, compiled=compiled, bfloat16=bfloat16),
                bfloat16,
            )
        )
    return found


def cases(fast: bool) -> list[Case]:
    """All of them; without those that compile, which takes minutes, if ``fast``."""
    rows = _PROBLEMS * _VARIABLES

    def products(backward: bool) -> str:
        return f"its matrix products alone{', forward and backward' if backward else ''}"

    def training(compiled: bool) -> Callable[[str], tuple[Call, Call]]:
        return lambda device: (
            quadratic_step(device, compiled),
            _products(device, rows, _STEPS, True),
        )

    def inference(problems: int) -> Callable[[str], tuple[Call, Call]]:
        return lambda device: (
            _inference_step(device, problems),
            _products(device, problems * _VARIABLES, 1, False),
        )

    smplx, limit = "smplx, full forward", products(True)
    size = f"B {_PROBLEMS}, N {_VARIABLES}, K {_STEPS}, width {_WIDTH}"
    trained = f"meta-training step of quadratics ({size})"
    joints = f"18 joints of {PEOPLE} bodies"
    found = [
        Case("body_forward_ratio", joints, smplx, 60, True, _joints(0)),
        Case("body_gradient_ratio", f"{joints}, and gradient", smplx, 50, True, _joints(1)),
        Case("body_second_ratio", f"{joints}, and second derivative", smplx, 40, True, _joints(2)),
        Case("mesh_ratio", f"mesh and 45 joints of {PEOPLE} bodies", smplx, 1.5, True, _mesh),
        *(
            Case(f"meta_step_{how}over_matmul", title, limit, 1.3, False, training(how != ""))
            for how, title in (("", trained), ("compiled_", "the same, compiled"))
        ),
        Case(
            "inference_step_over_matmul",
            f"inference step, {rows} rows",
            products(False),
            1.3,
            False,
            inference(_PROBLEMS),
        ),
        Case(
            "large_inference_step_over_matmul",
            "inference step, 20,000 rows",
            products(False),
            1.3,
            False,
            inference(10_000),
        ),
        *_hmr_cases(
            "hmr_training",
            f"meta-training step of hmr.yaml (B {TRAINING_PEOPLE}, K {_HMR_STEPS}, width {_WIDTH})",
            hmr_text_task,
        ),
        *_hmr_cases(
            "hmr_open_training",
            f"meta-training step of hmr_open (B {TRAINING_PEOPLE}, K {_HMR_STEPS}, width 32)",
            lambda: load_task("hmr_open"),
        ),
    ]
    return [case for case in found if not (fast and "compiled" in case.key)]
