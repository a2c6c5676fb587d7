from __future__ import annotations

import subprocess
import sys
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
