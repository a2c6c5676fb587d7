from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from lsr1_pl.cli import main

TINY = [
    "--trainer.val_check_interval=4",
    "--trainer.log_every_n_steps=2",
    "--data.init_args.batch_size=4",
    "--data.init_args.evaluation_count=3",
    "--model.init_args.steps=2",
    "--model.init_args.test_steps=4",
    "--model.init_args.test_buffer_sizes=[1,2]",
    "--model.init_args.optimizer.init_args.hidden_dim=8",
    "--model.init_args.lr_scheduler=torch.optim.lr_scheduler.CosineAnnealingLR",
    "--model.init_args.lr_scheduler.init_args.T_max=12",
    # Dropout makes a resume that forgets the random state show.
    "--model.init_args.optimizer.init_args.dropout=0.3",
]
"""Flags that make a run of quadratics.yaml take a second."""


@pytest.fixture(scope="session")
def tiny() -> list[str]:
    return TINY


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of 12 iterations that nothing interrupted; not to be written to."""
    root = tmp_path_factory.mktemp("finished")
    arguments = ["fit", "--config", "quadratics", f"--trainer.default_root_dir={root}", *TINY]
    assert main([*arguments, "--trainer.max_steps=12"]) == 0
    return root / "quadratics" / "version_0"


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, empty."""
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


_OWN = '''
from dataclasses import dataclass
import torch
from torch import nn
from lsr1_pl.data import QuadraticsDataModule
from lsr1_pl.optim import BatchedOptimizer, OptimizerState


class Rate(nn.Module, BatchedOptimizer):
    """Gradient descent with one learned rate."""

    def __init__(self, first: float = -3.0) -> None:
        super().__init__()
        self.rate = nn.Parameter(torch.tensor(first))

    def init(self, x, evaluation):
        return OptimizerState(x, evaluation, evaluation.gradient, None)

    def step(self, state, objective):
        direction = state.evaluation.gradient
        x = state.iterate - self.rate.exp() * direction
        return OptimizerState(x, objective.evaluate(x), direction, None)
'''

_CONFIG = """
model:
  class_path: lsr1_pl.tasks.FunctionTask
  init_args:
    optimizer: {class_path: MODULE.Rate, init_args: {first: -2.0}}
    unroll: {steps: 3}
    evaluate: {class_path: BySteps, init_args: {steps: 4}}
data:
  class_path: lsr1_pl.data.QuadraticsDataModule
  init_args: {batch_size: 4, evaluation_count: 3}
trainer:
  max_steps: 4
  val_check_interval: 2
  check_val_every_n_epoch: null
  callbacks:
    - class_path: pytorch_lightning.callbacks.ModelCheckpoint
      init_args: {monitor: val/final_value, filename: best, enable_version_counter: false}
    - class_path: lsr1_pl.report.StepTable
"""


@pytest.fixture
def own_optimizer(empty_folder: Path) -> str:
    """The name of a module in the working folder with an optimiser class ``Rate``."""
    name = f"own_rate_{abs(hash(empty_folder))}"
    (empty_folder / f"{name}.py").write_text(textwrap.dedent(_OWN))
    (empty_folder / "own.yaml").write_text(_CONFIG.replace("MODULE", name))
    return name


@pytest.fixture
def lsr1() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs ``lsr1`` in a process of its own."""

    def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lsr1_pl.cli", *arguments],
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run
