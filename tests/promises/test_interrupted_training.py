"""Killed, out of disk, or in a folder that cannot be written: nothing that was saved is lost."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import kills
import pytest
import torch
from forks import in_a_fork

from lsr1_pl.cli import main
from lsr1_pl.cli.training.checkpoint_io import WholeCheckpointIO
from lsr1_pl.ground.errors import UserError
from lsr1_pl.pretrained import read_checkpoint


def test_killed_runs_end_as_the_undisturbed_one(tmp_path: Path) -> None:
    found = kills.run(2, seed=4, folder=tmp_path / "kills", moments=[kills.AFTER_A_SAVE])
    assert found["ended otherwise"] == []
    assert found["survived"] == 2
    assert found["before the first checkpoint"] == 0


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a finished run."""
    kills.fit(tmp_path, [*kills.FIT, *kills.SMALL])
    return tmp_path / "runs" / "quadratics" / "version_0"


def test_a_full_disk_leaves_the_last_checkpoint(run: Path, tmp_path: Path) -> None:
    last = run / "checkpoints" / "last.ckpt"
    before = last.read_bytes()

    def go_on() -> int:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, len(before) // 2))
        return main([*kills.FIT, "--ckpt=last", *kills.SMALL, "--trainer.max_steps=20"])

    ended = in_a_fork(go_on, tmp_path)
    message = ended.err
    assert ended.code == 2, message
    assert ".ckpt: the checkpoint cannot be written" in message
    assert "the one before it is kept" in message
    assert last.read_bytes() == before
    assert read_checkpoint(last)["global_step"] == kills.STEPS
    assert not list(run.rglob("*.partial*"))


@pytest.mark.parametrize("fails_at", ["write", "rename"])
def test_a_failed_save_keeps_what_was_there(
    fails_at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "last.ckpt"
    writer = WholeCheckpointIO()
    writer.save_checkpoint({"state_dict": {"a": torch.ones(3)}}, path)
    before = path.read_bytes()

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full) if fails_at == "write" else monkeypatch.setattr(
        os, "replace", full
    )
    with pytest.raises(UserError, match=r"No space left.*the one before it is kept"):
        writer.save_checkpoint({"state_dict": {"a": torch.zeros(3)}}, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["last.ckpt"]


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody can write to, root included."""
    folder = tmp_path / "sealed"
    folder.mkdir()
    folder.chmod(0o555)
    chattr = shutil.which("chattr")
    if os.geteuid() == 0 and (
        chattr is None
        or subprocess.run([chattr, "+i", folder], capture_output=True, check=False).returncode
    ):
        pytest.skip("root can write everywhere here")
    yield folder
    if os.geteuid() == 0:
        assert chattr is not None
        subprocess.run([chattr, "-i", folder], check=True)
    folder.chmod(0o755)


def test_a_folder_that_cannot_be_written_is_named(
    sealed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*kills.FIT, *kills.SMALL, f"--trainer.default_root_dir={sealed}"]
    assert main(words) == 2
    message = capsys.readouterr().err
    assert str(sealed) in message
    assert "name another folder" in message
    assert not list(sealed.iterdir())
