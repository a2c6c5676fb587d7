"""Runs side by side: a version for each, one fit in it, and a log that outlives damage."""

from __future__ import annotations

import csv
import os
import signal
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from pytorch_lightning.utilities import rank_zero_only

from lsr1_pl.cli import main
from lsr1_pl.cli.training.resume import RunFolder
from lsr1_pl.cli.training.run_log import ContinuedCSVLogger, make_version
from lsr1_pl.ground.errors import UserError
from lsr1_pl.pretrained import read_checkpoint

FIT = ["fit", "--config=quadratics", "--trainer.enable_progress_bar=false"]


def forked(action: Callable[[], int]) -> int:
    """The id of a child that ends with the exit code of ``action``; its words are not shown."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            with Path(os.devnull).open("w") as nowhere:
                sys.stdout = sys.stderr = nowhere
                code = action()
        finally:
            os._exit(code)
    return child


def exit_code(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def steps_in(log: Path) -> list[int]:
    with log.open(newline="") as file:
        return [int(row["step"]) for row in csv.DictReader(file)]


def test_processes_that_ask_together_make_versions_of_their_own(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "name"
    waits, starts = os.pipe()

    def make() -> int:
        os.close(starts)
        os.read(waits, 1)  # Ends when the parent closes its end.
        return 0 if len({make_version(run) for _ in range(8)}) == 8 else 1

    children = [forked(make) for _ in range(4)]
    os.close(starts)
    assert [exit_code(child) for child in children] == [0] * 4
    os.close(waits)
    assert {path.name for path in run.iterdir()} == {f"version_{k}" for k in range(32)}


def test_the_next_version_comes_after_whatever_is_there(tmp_path: Path) -> None:
    for name in ("version_3", "version_², other", "version_007_old", "4"):
        (tmp_path / name).mkdir()
    (tmp_path / "version_5").write_text("a file")
    (tmp_path / "version_6").symlink_to("nowhere")
    assert make_version(tmp_path) == "version_7"


def test_only_rank_zero_makes_a_version_and_the_others_learn_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    other = ContinuedCSVLogger(RunFolder(tmp_path, "run"))
    assert other.version == 0
    assert not list(tmp_path.iterdir())
    other.take_version(tmp_path / "run" / "version_3")
    assert Path(other.log_dir) == tmp_path / "run" / "version_3"


def test_fits_that_start_together_each_write_a_version(empty_folder: Path, tiny: list[str]) -> None:
    words = [*FIT, *tiny, "--trainer.max_steps=2", "--trainer.limit_val_batches=0"]
    children = [forked(lambda: main(words)) for _ in range(4)]
    assert [exit_code(child) for child in children] == [0] * 4
    for number in range(4):
        version = empty_folder / "runs" / "quadratics" / f"version_{number}"
        assert read_checkpoint(version / "checkpoints" / "last.ckpt")["global_step"] == 2
        assert steps_in(version / "metrics.csv") == [1]


def test_a_running_fit_holds_its_version_until_it_dies(
    empty_folder: Path, tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    version = empty_folder / "runs" / "quadratics" / "version_0"
    last = version / "checkpoints" / "last.ckpt"
    child = forked(lambda: main([*FIT, *tiny, "--trainer.max_steps=100000"]))
    try:
        while not last.exists() and os.waitpid(child, os.WNOHANG) == (0, 0):
            time.sleep(0.01)
        # Stopped, it holds the run and changes nothing.
        os.kill(child, signal.SIGSTOP)
        before = (version / "metrics.csv").read_bytes()
        assert main(["fit", "--name=quadratics", "--ckpt=last"]) == 2
        message = capsys.readouterr().err
        for words in (str(version), "a fit of another process", "--ckpt best"):
            assert words in message
        assert (version / "metrics.csv").read_bytes() == before
        assert list((empty_folder / "runs" / "quadratics").iterdir()) == [version]
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    (version / "checkpoints" / ".last.partial-77-00c0ffee.ckpt").write_bytes(b"what a kill left")
    end = read_checkpoint(last)["global_step"] + 2
    go_on = ["fit", "--name=quadratics", "--ckpt=last", f"--trainer.max_steps={end}"]
    assert main(go_on) == 0
    steps = steps_in(version / "metrics.csv")
    assert len(steps) > 1
    assert sorted(steps) == steps
    assert read_checkpoint(last)["global_step"] == end
    assert not list(version.rglob("*.partial*"))


WHOLE = "a,step,val/b\r\n" + "".join(f"{k}.5,{k},{-k}\r\n" for k in range(15))
LINES = WHOLE.splitlines(keepends=True)

DAMAGES: dict[str, tuple[bytes, list[int], str]] = {
    "cut": (WHOLE.encode()[:-70], list(range(9)), "1 of its 10 rows, the first in line 11"),
    "binary": (
        "".join(LINES[:4]).encode() + b"\xff\xfe\x00\n1,\x1b[31m,2\n" + LINES[4].encode(),
        [0, 1, 2, 3],
        "2 of its 6 rows, the first in line 5",
    ),
    "all binary": (bytes(range(256)) * 40, [], "first line does not name the columns"),
    "a column short": (
        "".join([*LINES[:3], "2.5,2\r\n", "1,2,3,4\r\n", LINES[4]]).encode(),
        [0, 1, 3],
        "2 of its 5 rows",
    ),
    "no column of steps": (b"a,b\r\n1,2\r\n", [], "one must be 'step'"),
    "a step that is no number": (
        "".join([*LINES[:2], "1.5,one,1\r\n1,,1\r\n1,-1,1\r\n1,1e3,1\r\n", LINES[3]]).encode(),
        [0, 2],
        "4 of its 6 rows",
    ),
    "two columns of one name": (b"a,step,step\r\n1,2,3\r\n", [], "does not name the columns"),
    "empty": (b"", [], "does not name the columns"),
}


def continued(run: Path) -> Path:
    """The log of the run, after a logger has gone on in it from step 12."""
    version = run / "version_0"
    logger = ContinuedCSVLogger(RunFolder(run.parent, run.name, version.name), until_step=12)
    logger.log_metrics({"a": 0.25, "new": 1.0}, step=50)
    logger.save()
    return version / "metrics.csv"


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_log_costs_its_damaged_rows_alone(
    damage: str, finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, kept, said = DAMAGES[damage]
    log = tmp_path / "run" / "version_0" / "metrics.csv"
    log.parent.mkdir(parents=True)
    log.write_bytes(content)
    continued(tmp_path / "run")
    assert steps_in(log) == [*kept, 50]
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["a"] for row in rows] == [*(f"{step}.5" for step in kept), "0.25"]
    assert rows[-1]["new"] == "1.0"
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert str(log) in line
    assert "\x1b" not in line
    assert (log.parent / "metrics.damaged_0.csv").read_bytes() == content
    log.write_bytes(content + b"\x00")
    continued(tmp_path / "run")
    assert (log.parent / "metrics.damaged_0.csv").read_bytes() == content
    assert (log.parent / "metrics.damaged_1.csv").read_bytes() == content + b"\x00"


@pytest.mark.parametrize("content", [WHOLE, LINES[0]], ids=["whole", "header only"])
def test_a_sound_log_is_gone_on_with_in_silence(
    content: str, finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "run" / "version_0" / "metrics.csv"
    log.parent.mkdir(parents=True)
    log.write_text(content, newline="")
    # The checkpoint is of step 12: later rows will be logged again.
    continued(tmp_path / "run")
    assert steps_in(log) == [*(range(12) if content == WHOLE else ()), 50]
    assert capsys.readouterr().err == ""
    assert [path.name for path in log.parent.iterdir()] == ["metrics.csv"]


def test_a_huge_log_is_read_a_line_at_a_time(finished_run: Path, tmp_path: Path) -> None:
    log = tmp_path / "run" / "version_0" / "metrics.csv"
    log.parent.mkdir(parents=True)
    with log.open("w", newline="") as file:
        file.write(LINES[0] + LINES[1])
        file.write("9" * (32 * 2**20) + ",1,1\r\n")
        file.writelines(LINES[2] for _ in range(20_000))
    tracemalloc.start()
    try:
        continued(tmp_path / "run")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 32 * 2**20
    assert len(steps_in(log)) == 20_002


def test_a_log_that_is_no_file_is_named(finished_run: Path, tmp_path: Path) -> None:
    log = tmp_path / "run" / "version_0" / "metrics.csv"
    log.parent.mkdir(parents=True)
    os.mkfifo(log)
    with pytest.raises(UserError, match=r"metrics\.csv: is no regular file"):
        continued(tmp_path / "run")


def test_a_fit_goes_on_beside_a_damaged_log(
    empty_folder: Path, tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*FIT, *tiny, "--trainer.max_steps=4"]) == 0
    version = empty_folder / "runs" / "quadratics" / "version_0"
    log = version / "metrics.csv"
    sound = steps_in(log)
    log.write_bytes(log.read_bytes() + bytes(range(128, 256)) + b"\n")
    assert main(["fit", "--name=quadratics", "--ckpt=last", "--trainer.max_steps=6"]) == 0
    assert "cannot be used" in capsys.readouterr().err
    assert steps_in(log)[: len(sound)] == sound
    assert steps_in(log)[-1] == 5
    assert read_checkpoint(version / "checkpoints" / "last.ckpt")["global_step"] == 6


def test_a_root_that_is_a_file_is_named(
    empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (empty_folder / "file").write_text("mine")
    for root in ("file", "file/below"):
        assert main([*FIT, "--trainer.max_steps=1", f"--trainer.default_root_dir={root}"]) == 2
        message = capsys.readouterr().err
        assert f"{root}/quadratics: the run's folder cannot be made" in message
        assert "--trainer.default_root_dir" in message
    assert [path.name for path in empty_folder.iterdir()] == ["file"]
    assert (empty_folder / "file").read_text() == "mine"


def test_paths_that_no_folder_can_have_are_named(
    empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (empty_folder / "circle").symlink_to("circle")
    assert main([*FIT, "--trainer.max_steps=1", "--trainer.default_root_dir=circle"]) == 2
    assert "circle/quadratics: the run's folder cannot be made" in capsys.readouterr().err
    assert main([*FIT, "--trainer.max_steps=1", "--name="]) == 2
    assert "--name '': no name of a run" in capsys.readouterr().err
    (empty_folder / "null.yaml").write_text('name: "a\\0b"\n')
    for words in ([], ["--ckpt=last"]):
        assert main([*FIT, "--config=null.yaml", *words, "--trainer.max_steps=1"]) == 2
        assert "null byte" in capsys.readouterr().err
    assert {path.name for path in empty_folder.iterdir()} == {"circle", "null.yaml"}


@pytest.mark.parametrize("name", ["deep/er", "../beside"])
def test_a_name_of_the_user_s_own_may_lead_anywhere(
    name: str, empty_folder: Path, tiny: list[str]
) -> None:
    assert main([*FIT, *tiny, f"--name={name}", "--trainer.max_steps=2"]) == 0
    assert main(["fit", f"--name={name}", "--ckpt=last", "--trainer.max_steps=3"]) == 0
    version = (empty_folder / "runs" / name / "version_0").resolve()
    assert read_checkpoint(version / "checkpoints" / "last.ckpt")["global_step"] == 3
    assert [path.name for path in version.parent.iterdir()] == ["version_0"]


@pytest.mark.parametrize(
    "words",
    [
        ["--config=quadratics", "--data.init_args.size=1"],
        ["--config=hmr_open"],
        [
            "--config=lgd_open",
            "--data.init_args.stores=[open]",
            "--data.init_args.validation_subjects=[]",
            "--data.init_args.validation_recordings=[jump]",
            "--data.init_args.test_subjects=[]",
        ],
    ],
    ids=["quadratics", "hmr_open", "lgd_open"],
)
def test_a_batch_of_one_row_is_refused(
    words: list[str], empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ["--trainer.max_steps=1", "--trainer.limit_val_batches=0"]
    assert main(["fit", *words, *small, "--data.init_args.batch_size=1"]) == 2
    message = capsys.readouterr().err
    assert "data.init_args.batch_size is 1" in message
    assert "at least 2" in message
    assert not list(empty_folder.iterdir())
