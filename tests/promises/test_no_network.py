"""Nothing is fetched at import or in a run: it works where there is no network at all."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import kills
import pytest

UNSHARE = ["unshare", "--user", "--map-root-user", "--net"]


def closed(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*UNSHARE, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture(scope="module", autouse=True)
def _namespace() -> None:
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("may not make a network namespace here")


def test_the_namespace_has_no_network(tmp_path: Path) -> None:
    code = "import socket; socket.create_connection(('1.1.1.1', 53), timeout=2)"
    assert "unreachable" in closed([sys.executable, "-c", code], tmp_path).stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("closed")


@pytest.fixture(scope="module")
def done(folder: Path) -> subprocess.CompletedProcess[str]:
    """A process that imports all, shows the help and trains: its start takes longest."""
    code = (
        "import lsr1_pl, lsr1_pl.tasks, lsr1_pl.report, lsr1_pl.bench, sys;"
        "import lsr1_pl.cli.training.lightning;"
        "from lsr1_pl.cli import main; sys.exit(main(['--help']) or main(sys.argv[1:]))"
    )
    words = [*kills.FIT, *kills.SMALL, "--trainer.max_steps=3"]
    return closed([sys.executable, "-c", code, *words], folder)


def test_import_and_help(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr
    assert "lsr1 fit --config" in done.stdout


def test_a_training(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    assert done.returncode == 0, done.stderr
    assert (folder / "runs/quadratics/version_0/checkpoints/last.ckpt").is_file()
