"""One object says how every task unrolls; what it replaced still says the same."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from jsonargparse import ArgumentParser
from pytorch_lightning import LightningModule
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import Rosenbrock
from lsr1_pl.optim import LSR1, BatchedOptimizer, PairLSR1, SecantPenalty
from lsr1_pl.pretrained import migrated
from lsr1_pl.tasks import FunctionTask, GeneralTask, HMRTask, MetaTask, Unroll

DEFAULTS = {
    "FunctionTask": Unroll(16, True, 1.0, 10.0),
    "GeneralTask": Unroll(16, True, 10.0, None, vary_steps=True),
    "HMRTask": Unroll(8, False, None, 10.0),
}


def parsed(name: str, arguments: dict[str, Any]) -> MetaTask:
    optimizer = "PairLSR1" if name == "GeneralTask" else "LSR1"
    given = {"optimizer": {"class_path": f"lsr1_pl.optim.{optimizer}"}, **arguments}
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(LightningModule, "model")
    config = {"model": {"class_path": f"lsr1_pl.tasks.{name}", "init_args": given}}
    task: MetaTask = parser.instantiate(parser.parse_object(migrated(config))).model
    return task


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_part_of_it_keeps_the_tasks_own_rest(name: str) -> None:
    expected = replace(DEFAULTS[name], steps=5, truncate_every=2)
    whole = {"unroll": {"steps": 5, "truncate_every": 2}}
    former = {"steps": 5, "truncate_every": 2}
    mixed = {"unroll": {"steps": 5}, "truncate_every": 2}
    for arguments in (whole, former, mixed):
        assert parsed(name, arguments).unroll == expected
    assert parsed(name, {}).unroll == DEFAULTS[name]


def test_former_keywords_in_programs_mean_what_they_meant() -> None:
    optimizer = LSR1(hidden_dim=4)
    function = FunctionTask(optimizer, steps=4, safeguard=True, secant_weight=2.0)
    assert function.unroll == replace(DEFAULTS["FunctionTask"], steps=4, safeguard=True)
    assert function.penalty == SecantPenalty(2.0)
    assert function.steps == 4
    by_position = FunctionTask(optimizer, 4, 2.0, torch.optim.AdamW)
    assert (by_position.steps, by_position.penalty.weight) == (4, 2.0)
    assert by_position.meta_optimizer is torch.optim.AdamW
    people = HMRTask(optimizer, steps=3, second_order=True, initial_width=8)
    assert people.unroll == replace(DEFAULTS["HMRTask"], steps=3, second_order=True)
    general = GeneralTask(PairLSR1(2, hidden_dim=4), 6, 1e-5)
    assert general.unroll == replace(DEFAULTS["GeneralTask"], steps=6)
    with pytest.raises(UserError, match="got unroll and also steps; give unroll alone"):
        FunctionTask(optimizer, Unroll(5), steps=4)
    with pytest.raises(TypeError, match="at most 15 positional"):
        FunctionTask(optimizer, 4, *[None] * 15)  # type: ignore[arg-type]


class OwnTask(MetaTask):
    """A task of a user, who calls the base by position."""

    def __init__(self, optimizer: BatchedOptimizer, steps: int = 3) -> None:
        make = torch.optim.AdamW
        super().__init__(steps, 0.0, make, None, True, 1.0, 10.0)  # type: ignore[arg-type]
        self.optimizer = optimizer

    def loss(self, x0: Tensor) -> Tensor:
        return self.unroll_training(self.optimizer, Rosenbrock(), x0).values[-1].mean()


def test_a_users_task_calls_the_base_as_before() -> None:
    task = OwnTask(LSR1(hidden_dim=4), steps=2)
    assert asdict(task.unroll) == asdict(Unroll(2))
    assert task.penalty == SecantPenalty(0.0)
    task.loss(0.1 * torch.ones(3, 4)).backward()
    assert task.inner_steps is not None
    assert len(task.inner_steps.values) == 3


def test_a_users_task_keeps_arguments_that_have_these_names() -> None:
    config = {"model": {"class_path": "own.Task", "init_args": {"steps": 3, "secant_weight": 1.0}}}
    found = migrated(config)["model"]["init_args"]
    assert found == {"steps": 3, "penalty": {"weight": 1.0}}
    # A config that changes another one is about the other's task.
    assert migrated({"model": {"steps": 3}}, "own.Task") == {"model": {"steps": 3}}
    assert migrated({"model": {"steps": 3}}) == {"model": {"unroll": {"steps": 3}}}


def test_numbers_out_of_range_are_named() -> None:
    for name, value, expected in (
        ("steps", 0, "at least 1"),
        ("clip_sample_gradient", 0.0, "above 0, or null"),
        ("divergence_limit", -1.0, "0 or more, or null"),
        ("truncate_every", 0, "at least 1, or null"),
        ("freeze_norm_after", -1, "0 or more, or null"),
    ):
        with pytest.raises(UserError, match=f"Unroll {name} is {value}; it must be {expected}"):
            Unroll(**{name: value})  # type: ignore[arg-type]
    with pytest.raises(
        UserError, match=r"FunctionTask unroll is 'long'; expected Unroll\(\.\.\.\)"
    ):
        FunctionTask(LSR1(hidden_dim=4), unroll="long")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"HMRTask unroll\.safeguard is true"):
        HMRTask(LSR1(hidden_dim=4), initial_width=8, safeguard=True)


def test_a_checkpoint_gives_back_the_unroll(tmp_path: Path) -> None:
    task = FunctionTask(LSR1(hidden_dim=4), Unroll(5, truncate_every=2, safeguard=True))
    assert dict(task.hparams)["steps"] == 5
    file = tmp_path / "task.ckpt"
    torch.save(
        {
            "state_dict": task.state_dict(),
            "pytorch-lightning_version": "2.0.0",
            "hyper_parameters": dict(task.hparams),
        },
        file,
    )
    again = FunctionTask.load_from_checkpoint(file, optimizer=LSR1(hidden_dim=4))
    assert again.unroll == task.unroll
