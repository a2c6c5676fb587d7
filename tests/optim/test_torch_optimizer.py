"""LSR1Optimizer: torch's world around it, plain and in Lightning."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim import LBFGS, LSR1, Adam, BatchedOptimizer, LSR1Optimizer, PairLSR1
from lsr1_pl.pretrained import load_pretrained, minimize


def solver() -> PairLSR1:
    return PairLSR1().double().eval()


def network() -> torch.nn.Sequential:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1)
    ).double()


def data() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    X = torch.randn(40, 3, dtype=torch.float64, generator=generator)
    return X, X[:, :1].sin() * X[:, 1:2]


def closure_of(model: torch.nn.Module, optimizer: LSR1Optimizer) -> Any:
    X, Y = data()

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (model(X) - Y).square().mean()
        loss.backward()
        return loss

    return closure


@pytest.mark.parametrize("learned", [False, True])
def test_the_torch_face_takes_the_steps_of_minimize(learned: bool) -> None:
    torch.manual_seed(0)
    inner: BatchedOptimizer = (
        LSR1(hidden_dim=8, gamma1=0.1).double().eval() if learned else solver()
    )
    model = network()
    names = dict(model.named_parameters())
    X, Y = data()

    def loss(parameters: dict[str, Tensor]) -> Tensor:
        return (torch.func.functional_call(model, parameters, (X,)) - Y).square().mean()

    start = {name: p.detach().clone() for name, p in names.items()}
    found = minimize(loss, start, inner, steps=12, tol=0.0)
    optimizer = LSR1Optimizer(model.parameters(), inner)
    closure = closure_of(model, optimizer)
    for k in range(12):
        before = optimizer.step(closure)
        assert float(before) == pytest.approx(float(found.values[k]), rel=1e-6)
    for name, parameter in names.items():
        torch.testing.assert_close(parameter.detach(), found.x[name], rtol=1e-6, atol=1e-6)


def test_the_torch_face_goes_on_from_a_state_dict(tmp_path: Any) -> None:
    model = network()
    optimizer = LSR1Optimizer(model.parameters(), solver())
    for _ in range(4):
        optimizer.step(closure_of(model, optimizer))
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "s")
    for _ in range(4):
        optimizer.step(closure_of(model, optimizer))

    other = network()
    resumed = LSR1Optimizer(other.parameters(), solver())
    saved = torch.load(tmp_path / "s", weights_only=True)
    other.load_state_dict(saved["model"])
    resumed.load_state_dict(saved["optimizer"])
    for _ in range(4):
        resumed.step(closure_of(other, resumed))
    for ours, theirs in zip(other.parameters(), model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_the_torch_face_names_what_is_wrong() -> None:
    model = network()
    with pytest.raises(UserError, match="floating point"):
        LSR1Optimizer([torch.zeros(3, dtype=torch.long)])
    with pytest.raises(UserError, match="one dtype"):
        LSR1Optimizer([torch.zeros(3, requires_grad=True), torch.zeros(3).double()])
    optimizer = LSR1Optimizer(model.parameters())
    with pytest.raises(UserError, match="needs a closure"):
        optimizer.step()
    with pytest.raises(UserError, match=r"loss\.backward"):
        optimizer.step(lambda: model(data()[0]).sum())
    with pytest.raises(UserError, match="one number"):
        optimizer.step(lambda: model(data()[0]))

    def broken() -> Tensor:
        optimizer.zero_grad()
        loss = model(data()[0]).sum() * torch.nan
        loss.backward()
        return loss

    with pytest.raises(UserError, match="nan at the start"):
        optimizer.step(broken)


def trained(model: nn.Module, optimizer: LSR1Optimizer, steps: int) -> list[float]:
    closure = closure_of(model, optimizer)
    return [float(optimizer.step(closure)) for _ in range(steps)]


def test_a_nan_gradient_at_the_start_is_named() -> None:
    a = nn.Parameter(torch.zeros(2))
    optimizer = LSR1Optimizer([a])

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = a.abs().sqrt().sum() + ((a - 1) ** 2).sum()
        loss.backward()
        return loss

    with pytest.raises(UserError, match="gradient that is not finite"):
        optimizer.step(closure)


def test_a_name_is_refused_with_the_call_that_serves() -> None:
    with pytest.raises(UserError, match=r"load_pretrained\(\"lsr1_general\"\)"):
        LSR1Optimizer(network().parameters(), "lsr1_general")  # type: ignore[arg-type]


def test_every_step_calls_the_closure_and_few_times_at_a_minimum() -> None:
    torch.manual_seed(0)
    X = torch.randn(200, 5)
    y = X @ torch.arange(5.0)[:, None] + 1
    model = nn.Linear(5, 1)
    optimizer = LSR1Optimizer(model.parameters())
    calls = [0]

    def closure() -> Tensor:
        calls[0] += 1
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(X), y)
        loss.backward()
        return loss

    taken = []
    for _ in range(60):
        before = calls[0]
        optimizer.step(closure)
        taken.append(calls[0] - before)
    assert min(taken) == 1
    assert taken[-30:] == [1] * 30
    assert sum(taken) < 100


def test_schedulers_scale_the_first_trial() -> None:
    ends = {}
    for lr in (1.0, 0.5):
        model = network()
        optimizer = LSR1Optimizer(model.parameters(), solver(), lr=lr)
        trained(model, optimizer, 1)
        ends[lr] = torch.cat([p.detach().flatten() for p in model.parameters()])
    start = torch.cat([p.detach().flatten() for p in network().parameters()])
    torch.testing.assert_close(ends[0.5] - start, 0.5 * (ends[1.0] - start))


@pytest.mark.parametrize(
    "schedule",
    [
        lambda o: torch.optim.lr_scheduler.StepLR(o, 5),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 15),
        lambda o: torch.optim.lr_scheduler.LinearLR(o, 0.1, total_iters=5),
    ],
)
@pytest.mark.parametrize("inner", [None, LBFGS(4, "strong_wolfe"), Adam(0.1)])
def test_torch_schedulers_work(schedule: Any, inner: BatchedOptimizer | None) -> None:
    model = network()
    optimizer = LSR1Optimizer(model.parameters(), inner)
    scheduler = schedule(optimizer)
    losses = []
    for _ in range(15):
        losses += trained(model, optimizer, 1)
        scheduler.step()
    assert all(b <= a for a, b in pairwise(losses))
    assert losses[-1] < losses[0]


def test_a_rate_of_zero_does_not_move_and_other_rates_are_checked() -> None:
    model = network()
    optimizer = LSR1Optimizer(model.parameters(), solver(), lr=0.0)
    losses = trained(model, optimizer, 5)
    assert len(set(losses)) == 1
    optimizer.param_groups[0]["lr"] = 1.0
    assert trained(model, optimizer, 3)[-1] < losses[0]
    with pytest.raises(UserError, match="0 or more"):
        LSR1Optimizer(model.parameters(), lr=-1.0)
    with pytest.raises(UserError, match="must have the same"):
        LSR1Optimizer(
            [
                {"params": model[0].parameters()},
                {"params": [nn.Parameter(torch.zeros(1).double())], "lr": 0.1},
            ]
        )
    learned = LSR1Optimizer(model.parameters(), LSR1().double().eval(), lr=0.5)
    with pytest.raises(UserError, match="lr must stay 1"):
        trained(model, learned, 1)


def test_groups_are_one_problem_and_may_be_added() -> None:
    model = network()
    optimizer = LSR1Optimizer(model[0].parameters(), solver())
    fixed = model[2].weight.detach().clone()
    trained(model, optimizer, 3)
    assert torch.equal(fixed, model[2].weight)
    optimizer.add_param_group({"params": model[2].parameters()})
    losses = trained(model, optimizer, 4)
    assert losses[-1] < losses[0]
    assert not torch.equal(fixed, model[2].weight)
    with pytest.raises(UserError, match="one dtype"):
        optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(2))]})
    assert len(optimizer.param_groups) == 2


def test_copies_go_on_alike() -> None:
    model = network()
    optimizer = LSR1Optimizer(model.parameters(), solver())
    trained(model, optimizer, 3)
    other_model, other = copy.deepcopy((model, optimizer))
    alone = copy.deepcopy(optimizer)
    # What pickle writes is what deepcopy goes through; nothing here opens a pickle.
    assert b"PairLSR1" in pickle.dumps((model, optimizer))
    expected = trained(model, optimizer, 4)
    assert trained(other_model, other, 4) == expected
    with pytest.raises(UserError, match="the very parameters"):
        alone.step(lambda: (optimizer.zero_grad(), loss_of(model))[1])


def loss_of(model: nn.Module) -> Tensor:
    X, Y = data()
    loss = (model(X) - Y).square().mean()
    loss.backward()
    return loss


@pytest.mark.parametrize("call", [1, 2, 3, 5])
def test_an_exception_in_the_closure_leaves_the_parameters(call: int) -> None:
    model = network()
    optimizer = LSR1Optimizer(model.parameters(), solver())
    closure, calls = closure_of(model, optimizer), [0]

    def failing() -> Tensor:
        calls[0] += 1
        if calls[0] == call:
            raise KeyboardInterrupt
        return closure()

    reference = network()
    for _ in range(5):
        before = [p.detach().clone() for p in model.parameters()]
        try:
            optimizer.step(failing)
        except KeyboardInterrupt:
            assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    trained(reference, LSR1Optimizer(reference.parameters(), solver()), 4)
    for ours, theirs in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_changing_loss_is_warned_of_once() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1)).double()
    optimizer = LSR1Optimizer(model.parameters(), solver())
    closure = closure_of(model, optimizer)
    optimizer.step(closure)
    with pytest.warns(UserWarning, match="another loss at the same parameters"):
        optimizer.step(closure)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(5):
            optimizer.step(closure)


def test_each_step_is_of_the_mini_batch_that_it_sees() -> None:
    torch.manual_seed(0)
    X = torch.randn(4, 50, 3, dtype=torch.float64)
    Y = X @ torch.tensor([[1.0], [2.0], [3.0]], dtype=torch.float64)
    model = nn.Linear(3, 1).double()
    optimizer = LSR1Optimizer(model.parameters(), solver())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for step in range(40):

            def closure(step: int = step) -> Tensor:
                optimizer.zero_grad()
                loss = nn.functional.mse_loss(model(X[step % 4]), Y[step % 4])
                loss.backward()
                return loss

            expected = float(nn.functional.mse_loss(model(X[step % 4]), Y[step % 4]).detach())
            assert float(optimizer.step(closure)) == pytest.approx(expected)
    assert expected < 1e-8
    assert [str(each.message)[:11] for each in caught] == ["the closure"]


def test_sparse_gradients_serve() -> None:
    table = nn.Embedding(4, 2, sparse=True)
    optimizer = LSR1Optimizer(table.parameters())

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = table(torch.tensor([1])).square().sum()
        loss.backward()
        return loss

    for _ in range(4):
        loss = optimizer.step(closure)
    assert float(loss) < 1e-6


def test_a_gradient_scaler_is_refused_in_words() -> None:
    model = network()
    optimizer = LSR1Optimizer(model.parameters())
    scaler = torch.amp.GradScaler("cpu", enabled=True)
    loss = model(data()[0]).square().mean()
    scaler.scale(loss).backward()
    with pytest.raises(UserError, match="bf16-mixed"):
        scaler.step(optimizer)


@pytest.mark.parametrize("saver", [LBFGS(8, "armijo"), PairLSR1(3).double().eval()])
def test_a_state_of_another_solver_is_refused(saver: BatchedOptimizer) -> None:
    model = network()
    optimizer = LSR1Optimizer(model.parameters(), saver)
    trained(model, optimizer, 2)
    with pytest.raises(UserError, match="the state holds"):
        LSR1Optimizer(model.parameters(), solver()).load_state_dict(optimizer.state_dict())
    adam = torch.optim.Adam(model.parameters())
    loss_of(model)
    adam.step()
    with pytest.raises(UserError, match="another optimiser than LSR1Optimizer"):
        LSR1Optimizer(model.parameters(), solver()).load_state_dict(adam.state_dict())


class Regression(pl.LightningModule):
    def __init__(self, make: Callable[[Iterable[Tensor]], Any], manual: bool) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1))
        self.make = make
        self.automatic_optimization = not manual
        self.losses: list[float] = []

    def loss(self, batch: list[Tensor]) -> Tensor:
        loss = nn.functional.mse_loss(self.net(batch[0]), batch[1])
        self.losses.append(float(loss.detach()))
        return loss

    def training_step(self, batch: list[Tensor], index: int) -> Tensor | None:
        if self.automatic_optimization:
            return self.loss(batch)
        optimizer: Any = self.optimizers()

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = self.loss(batch)
            self.manual_backward(loss)
            return loss

        optimizer.step(closure)
        return None

    def configure_optimizers(self) -> Any:
        optimizer = self.make(self.parameters())
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1000)]


def fitted(model: pl.LightningModule, steps: int, folder: Path, goes_on: str | None = None) -> None:
    torch.manual_seed(0)
    X = torch.randn(100, 5)
    y = torch.sin(X[:, :1]) + X[:, 1:2] * X[:, 2:3]
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, y), 100)
    trainer = pl.Trainer(
        max_steps=steps,
        logger=False,
        default_root_dir=folder,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
    )
    trainer.fit(model, loader, ckpt_path=goes_on)
    trainer.save_checkpoint(folder / f"{steps}.ckpt")


@pytest.mark.parametrize("manual", [False, True], ids=["automatic", "manual"])
@pytest.mark.parametrize(
    "make",
    [LSR1Optimizer, lambda p: LSR1Optimizer(p, load_pretrained("lsr1_general"))],
    ids=["skeleton", "trained"],
)
def test_a_plain_lightning_module_trains_and_resumes(
    tmp_path: Path, make: Any, manual: bool
) -> None:
    def module() -> Regression:
        torch.manual_seed(1)
        return Regression(make, manual)

    whole, first, second = module(), module(), module()
    fitted(whole, 20, tmp_path)
    fitted(first, 10, tmp_path)
    fitted(second, 20, tmp_path, str(tmp_path / "10.ckpt"))
    assert whole.losses[-1] < 0.3 * whole.losses[0]
    for ours, theirs in zip(second.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


class Separable(Regression):
    """Its loss and gradient become exactly zero."""

    def loss(self, batch: list[Tensor]) -> Tensor:
        labels = torch.sign(batch[0].sum(dim=1, keepdim=True))
        loss = (1 - labels * self.net(batch[0] + 0.5 * labels)).relu().square().mean()
        self.losses.append(float(loss.detach()))
        return loss


def test_lightning_goes_on_at_a_minimum(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Separable(LSR1Optimizer, manual=False)
    fitted(model, 60, tmp_path)
    assert model.losses[-1] == 0
    assert len(model.losses) >= 60
