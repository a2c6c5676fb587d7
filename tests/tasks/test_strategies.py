"""Evolution strategies against hand-computed estimates, and against backpropagation."""

from __future__ import annotations

import copy
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from quick_trainer import trainer
from torch import Tensor, nn

from lsr1_pl.data import MixtureDataModule, draw_family
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation, Objective
from lsr1_pl.objectives import FunctionObjective
from lsr1_pl.optim import (
    LSR1,
    BatchedOptimizer,
    CoordinatewiseLSTM,
    OptimizerState,
    PairLSR1,
    SecantPenalty,
    Trajectory,
    unroll,
)
from lsr1_pl.tasks import (
    ByEvaluations,
    FunctionTask,
    GeneralTask,
    LogSuboptimality,
    MetaLoss,
    PersistentStrategies,
    Unroll,
)
from lsr1_pl.tasks.strategies.perturbed import PerturbedLinears

SIGMA = 0.1
LINE = FunctionObjective(lambda x: x.sum(dim=1))
BOWL = FunctionObjective(lambda x: 0.5 * x.square().sum(dim=1))


class Drift(nn.Module, BatchedOptimizer):
    """``x_k = x_{k-1} - w - features``: its one parameter w is the step."""

    def __init__(self, features: Tensor | None = None) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1, bias=False)
        nn.init.constant_(self.layer.weight, 0.5)
        self.features = features

    def knowing(self, features: Tensor | None) -> Drift:
        known = copy.copy(self)
        known.features = features
        return known

    def init(self, x: Tensor, evaluation: Evaluation) -> OptimizerState:
        return OptimizerState(x, evaluation, evaluation.gradient, torch.zeros_like(x[:, 0]))

    def step(self, state: OptimizerState, objective: Objective) -> OptimizerState:
        step = self.layer(self.read(state.iterate))
        x = state.iterate - step - (0 if self.features is None else self.features)
        return OptimizerState(x, objective.evaluate(x), step, step[:, 0])

    def read(self, x: Tensor) -> Tensor:
        return torch.ones_like(x)


class Batch(NamedTuple):
    x0: Tensor
    objective: Any
    features: Tensor | None = None


def batch(count: int, start: float = 0.0, objective: Any = LINE) -> Batch:
    return Batch(torch.full((count, 1), start, dtype=torch.float64), objective)


def task(
    optimizer: nn.Module | None = None, steps: int = 4, window: int = 2, **options: Any
) -> FunctionTask:
    made = FunctionTask(
        (Drift() if optimizer is None else optimizer).double(),
        **{
            "unroll": Unroll(steps, clip_sample_gradient=None, divergence_limit=None),
            "penalty": SecantPenalty(0.0),
            "strategies": PersistentStrategies(window, SIGMA),
            **options,
        },
    )
    made.log = lambda *a, **k: None  # type: ignore[method-assign]
    return made


def gradient_of(learner: FunctionTask, problems: Any) -> Tensor:
    """(P,)."""
    learner.zero_grad()
    learner.training_step(problems, 0).backward()
    return torch.cat([p.grad.flatten() for p in learner.parameters() if p.grad is not None])


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """(B, P) the perturbation of each window, in the order in which they are drawn."""
    found: list[Tensor] = []
    plain = PerturbedLinears.by

    def recorded(self: PerturbedLinears, noise: Tensor) -> Any:
        plus, minus = noise.chunk(2)
        assert torch.equal(plus, -minus)
        found.append(plus)
        return plain(self, noise)

    monkeypatch.setattr(PerturbedLinears, "by", recorded)
    return found


def test_every_estimate_is_that_of_the_paper_by_hand(drawn: list[Tensor]) -> None:
    learner = task()
    windows: dict[int, list[Tensor]] = {}
    for number in range(20):
        found = gradient_of(learner, batch(3, start=1000.0 * number))
        assert learner.inner_steps is not None
        values = learner.inner_steps.values
        assert values.shape == (3, 6)
        noise = windows.setdefault(round(float(values[0, 0]) / 1000), [])
        noise.append(drawn[-1][:, 0])
        summed = sum(noise)
        # Steps 1 and 2 move by e and 2 e; 3 and 4 by 2 e1 + e2 and 2 e1 + 2 e2.
        way = 1.5 * noise[-1] + (2 * noise[0] if len(noise) == 2 else 0)
        expected = (-2 * way * summed).mean() / (2 * SIGMA**2)
        assert found.item() == pytest.approx(float(expected), rel=1e-9)
    # The first unroll of one of the two batches at work is cut, so that they end at unlike times.
    assert Counter(map(len, windows.values())) in ({1: 1, 2: 9, 3: 0}, {1: 2, 2: 9})
    assert drawn[0].std() == pytest.approx(SIGMA, rel=1)


def test_the_mean_is_the_gradient_of_the_whole_unroll_and_that_of_truncation_is_not() -> None:
    # The last window is shorter; the loss is quadratic in w, so that smoothing adds a constant.
    steps, window, start = 7, 3, 4.0
    learner = task(steps=steps, window=window)
    problems = batch(2000, start, BOWL)
    for _ in range(9):
        gradient_of(learner, problems)
    found = torch.stack([gradient_of(learner, problems)[0] for _ in range(90)])
    rounds = found.view(10, 9).mean(dim=1)
    error = rounds.std() / 10**0.5
    true = -sum(k * (start - 0.5 * k) for k in range(1, steps + 1)) / steps
    assert error < 0.02 * abs(true)
    assert abs(rounds.mean() - true) < 4 * error

    def backpropagated(every: int | None) -> float:
        options = Unroll(
            steps, clip_sample_gradient=None, divergence_limit=None, truncate_every=every
        )
        return float(gradient_of(task(strategies=None, unroll=options), problems))

    assert backpropagated(None) == pytest.approx(true)
    assert abs(backpropagated(window) - true) > 0.3 * abs(true)


@pytest.mark.parametrize("window", [5, 50])
def test_a_window_as_long_as_the_unroll_is_the_antithetic_strategy(
    window: int, drawn: list[Tensor]
) -> None:
    torch.manual_seed(0)
    optimizer = PairLSR1(3, hidden_dim=4).double()
    problems = draw_family("quadratic", 3, 4, torch.Generator().manual_seed(1))
    learner = task(optimizer, 5, window, loss=LogSuboptimality(1e-6))
    for _ in range(2):
        found = gradient_of(learner, problems)
        expected = torch.zeros_like(found)
        for b in range(3):
            losses = []
            for sign in (1, -1):
                other = copy.deepcopy(optimizer)
                weights = nn.utils.parameters_to_vector(other.parameters()).detach()
                nn.utils.vector_to_parameters(weights + sign * drawn[-1][b], other.parameters())
                with torch.no_grad():
                    path = unroll(other, problems.objective, problems.x0, 5)
                least, value = problems.objective.minimum(), path.values  # type: ignore[attr-defined]
                logs = ((value[1:] - least) / (value[0] - least)).clamp_min(0) + 1e-6
                losses.append(logs.log().mean(dim=0)[b])
            expected += (losses[0] - losses[1]) * drawn[-1][b] / (2 * SIGMA**2) / 3
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)
        assert found.abs().min() > 0


def test_whatever_comes_in_turn_is_begun_with() -> None:
    learner = task()
    begun = set()
    for number in range(60):
        gradient_of(learner, batch(1, start=1000.0 * number))
        assert learner.inner_steps is not None
        begun.add(round(float(learner.inner_steps.values[0, 0]) / 1000))
    assert {number % 4 for number in begun} == {0, 1, 2, 3}
    assert len(begun) == pytest.approx(30, abs=1)


def test_both_solutions_of_a_problem_know_its_features_and_its_objective() -> None:
    features = torch.tensor([[1.0], [10.0], [100.0]], dtype=torch.float64)
    weights = features[:, 0]
    objective = FunctionObjective(lambda x: weights * x[:, 0])
    learner = task(window=4, unroll=Unroll(1, divergence_limit=None))
    gradient_of(learner, Batch(torch.zeros(3, 1).double(), objective, features))
    assert learner.inner_steps is not None
    plus, minus = learner.inner_steps.values[1].chunk(2)
    torch.testing.assert_close((plus + minus) / 2, -weights * (0.5 + weights))


def test_the_secant_penalty_is_a_part_of_the_loss(drawn: list[Tensor]) -> None:
    flat = FunctionObjective(lambda x: 0 * x.sum(dim=1))
    learner = task(window=4, penalty=SecantPenalty(7.0))
    # The residual of this optimiser is its step, so that the gradient is that of 7 w.
    found = gradient_of(learner, batch(3, objective=flat))
    assert found.item() == pytest.approx(7 * float(drawn[-1].square().mean()) / SIGMA**2)


def test_perturbations_depend_on_seed_process_and_iteration(drawn: list[Tensor]) -> None:
    for seed, rank, step in ((0, 0, 0), (0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)):
        torch.manual_seed(seed)
        unrolls = task()._unrolls
        assert unrolls is not None
        unrolls.estimate(batch(3), rank, step)
    first, same, *others = drawn
    assert torch.equal(first, same)
    assert not any(torch.equal(first, other) for other in others)
    unrolls.estimate(batch(3), 0, 1)
    assert not torch.equal(drawn[-1], drawn[-2])


def test_a_lost_problem_is_bad_and_drowns_no_other() -> None:
    # The first problem leaves the domain under one of the two perturbations or both.
    wall = FunctionObjective(lambda x: torch.where(x[:, 0] > -0.5, x[:, 0], torch.nan))
    for limit in (None, 10.0):
        learner = task(steps=1, unroll=Unroll(1, divergence_limit=limit))
        gradient = gradient_of(learner, batch(50, 0.0, wall))
        # A longer step, w + e, is the one that leaves: the gradient says that it is worse.
        assert 10 < float(gradient) < torch.inf
    for bad in (torch.nan, torch.inf):
        start = batch(2)
        start.x0[0] = bad
        assert gradient_of(task(), start).isfinite().all()


def test_hooks_are_gone_whatever_happens() -> None:
    def fails(x: Tensor) -> Tensor:
        if bool((x < -0.1).all()):
            raise RuntimeError("no more")
        return x.sum(dim=1)

    learner = task()
    with pytest.raises(RuntimeError, match="no more"):
        learner.training_step(batch(2, objective=FunctionObjective(fails)), 0)
    gradient_of(learner, batch(2))
    assert not learner.optimizer.layer._forward_hooks


class Shared(Drift):
    def read(self, x: Tensor) -> Tensor:
        return torch.ones_like(x[:1])


class Silent(Drift):
    def __init__(self) -> None:
        super().__init__()
        self.spare = nn.Linear(2, 2)


class WholeOnly(MetaLoss):
    def measure(
        self, path: Trajectory, objective: Objective, optimizer: Any
    ) -> tuple[Tensor, dict[str, Tensor]]:
        return path.values.mean(), {}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"optimizer": LSR1(hidden_dim=4)}, r"trains encoder\.layers\.1\.weight.*backpropagation"),
        ({"optimizer": CoordinatewiseLSTM(4)}, r"trains cells\.0\.weight_ih"),
        ({"optimizer": Drift().requires_grad_(False)}, "Drift has no parameter that trains"),
        ({"loss": WholeOnly()}, r"WholeOnly is no lsr1_pl\.tasks\.StepwiseLoss"),
        ({"unroll": Unroll(4, truncate_every=2)}, "truncate_every is 2.*leave it out"),
        ({"unroll": Unroll(4, detach_iterates=True)}, "detach_iterates is True"),
        ({"strategies": "PES"}, r"strategies is 'PES'; expected one of PersistentStrategies"),
    ],
)
def test_what_cannot_be_estimated_is_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        task(**options)


def test_layers_that_do_not_see_a_problem_in_each_row_are_refused() -> None:
    with pytest.raises(UserError, match=r"Shared\.layer reads \(1, 1\) of 4 problems"):
        task(Shared()).training_step(batch(2), 0)
    with pytest.raises(UserError, match="no step of Silent calls its layer spare"):
        task(Silent()).training_step(batch(2), 0)
    frozen = Silent()
    frozen.spare.requires_grad_(False)
    task(frozen).training_step(batch(2), 0)


def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(UserError, match="window is 0"):
        PersistentStrategies(0)
    with pytest.raises(UserError, match="sigma is 0"):
        PersistentStrategies(sigma=0)


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_a_general_optimiser_trains_and_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    def learner() -> GeneralTask:
        torch.manual_seed(0)
        return GeneralTask(
            PairLSR1(3, hidden_dim=4).double(),
            Unroll(4, vary_steps=True, divergence_limit=None),
            evaluate=ByEvaluations(4),
            strategies=PersistentStrategies(2),
        )

    data = MixtureDataModule(("quadratic", "rosenbrock"), (3,), (4,), 4, evaluation_count=2)
    first, second = learner(), learner()
    run = trainer(max_steps=5, val_check_interval=5, check_val_every_n_epoch=None)
    run.fit(first, data)
    assert {"train/meta_loss", "val/log_ratio", "optim/gradient_norm"} <= set(run.callback_metrics)
    assert 1 <= run.callback_metrics["train/evaluations_a_step"] <= 3
    assert int(first.skipped_steps) == 0
    run.save_checkpoint(tmp_path / "last.ckpt")
    assert set(first.state_dict()) == {"skipped_steps", *optimizer_keys(first)}
    before = first.optimizer.output.weight.clone()
    further = trainer(max_steps=8, limit_val_batches=0)
    further.fit(second, data, ckpt_path=tmp_path / "last.ckpt", weights_only=True)
    assert further.global_step == 8
    assert not torch.equal(second.optimizer.output.weight, before)
    torch.testing.assert_close(second.optimizer.output.weight, before, rtol=0, atol=0.05)


def optimizer_keys(learner: FunctionTask) -> set[str]:
    return {f"optimizer.{name}" for name in learner.optimizer.state_dict()}
