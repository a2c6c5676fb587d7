"""What offline W&B runs hold, panel by panel; and the workspace that shows it."""

from __future__ import annotations

import csv
import json
import re
import struct
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from lsr1_pl.cli import main
from lsr1_pl.ground.errors import UserError
from lsr1_pl.pretrained import CONFIG_KEY, read_checkpoint
from lsr1_pl.report.wandb.offline_run import OfflineRun, read_offline_run
from lsr1_pl.report.wandb.panels import PANELS, SECTIONS, Task, logged_key, unfilled

OFFLINE = ["--wandb.offline=true", "--wandb.project=tests"]
HMR = [
    "--trainer.max_steps=4",
    "--trainer.val_check_interval=2",
    "--trainer.log_every_n_steps=2",
    "--model.init_args.initial_width=16",
    "--model.init_args.warmup_iterations=1",
    "--model.init_args.steps=2",
    "--model.init_args.evaluation_steps=3",
    "--model.init_args.optimizer.init_args.optimizer.init_args.hidden_dim=8",
    "--data.init_args.batch_size=4",
    "--data.init_args.validation_count=3",
    "--data.init_args.test_count=3",
]
GENERAL = [
    "--trainer.max_steps=4",
    "--trainer.val_check_interval=2",
    "--trainer.log_every_n_steps=2",
    "--model.init_args.steps=2",
    "--data.init_args.families=[quadratic]",
    "--data.init_args.sizes=[4]",
    "--data.init_args.batch_size=4",
]


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for runs; what Lightning sets in the environment goes with it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "offline")
        patch.setenv("WANDB_SILENT", "true")
        yield tmp_path_factory.mktemp("offline")


@pytest.fixture(scope="module")
def function_run(offline: Path, tiny: list[str]) -> Path:
    """The run of ``finished_run``, logged to W&B too."""
    root = f"--trainer.default_root_dir={offline}"
    words = ["fit", "--config", "quadratics", root, *tiny, *OFFLINE, "--trainer.max_steps=12"]
    assert main(words) == 0
    return offline / "quadratics" / "version_0"


@pytest.fixture(scope="module")
def hmr_run(offline: Path) -> Path:
    """A run on bodies."""
    root = f"--trainer.default_root_dir={offline}"
    assert main(["fit", "--config", "hmr_open", root, *HMR, *OFFLINE]) == 0
    return offline / "hmr_open" / "version_0"


def finished(folder: Path) -> OfflineRun:
    """The run in a folder, once W&B's process has written all of it."""
    until = time.monotonic() + 30
    while not (run := read_offline_run(folder)).finished and time.monotonic() < until:
        time.sleep(0.1)
    assert run.finished
    return run


def fills_its_panels(run: OfflineRun, task: Task, verb: Any = "fit") -> None:
    assert [panel.key for panel in unfilled(run.keys, task, verb)] == []


def test_every_panel_of_a_function_run_has_its_key(function_run: Path) -> None:
    run = finished(function_run)
    fills_its_panels(run, "function")
    assert run.config["model"]["init_args"]["optimizer"]["init_args"]["networks"]["width"] == 8
    assert run.config["trainer"]["max_steps"] == 12
    assert len(run.config["data_sha256"]["settings"]) == 64
    assert {"train/meta_loss", "val/final_value", "val/value_step_*"} <= run.minimised
    assert run.last("perf/peak_memory_mib") > 100
    assert 0 <= run.last("train/safeguarded_share") <= 1
    assert run.last("train/nonfinite_share") == run.last("optim/skipped_share") == 0
    assert run.last("val/curves/value_table")["nrows"] == 3


def test_w_and_b_changes_neither_log_nor_training(finished_run: Path, function_run: Path) -> None:
    ours, theirs = ((run / "metrics.csv").read_text() for run in (function_run, finished_run))
    assert ours == theirs
    mine, other = (
        read_checkpoint(run / "checkpoints" / "last.ckpt") for run in (function_run, finished_run)
    )
    assert mine.keys() == other.keys()
    # ModelCheckpoint's state holds its folder.
    assert [key for key in mine if key not in (CONFIG_KEY, "callbacks")] != []
    for key, tensor in other["state_dict"].items():
        assert torch.equal(mine["state_dict"][key], tensor), key
    assert len(mine["callbacks"]) == len(other["callbacks"])


def test_every_panel_of_a_run_on_bodies_has_its_key(hmr_run: Path) -> None:
    run = finished(hmr_run)
    fills_its_panels(run, "hmr")
    assert {"val/pa_mpjpe", "val/pa_mpjpe_step_*", "test/pa_mpjpe"} <= run.minimised
    assert run.last("media/fits")["count"] == run.last("media/bodies")["count"] == 3
    (table,) = hmr_run.rglob("media/table/media/worst_*.json")
    rows = json.loads(table.read_text())["data"]
    errors = [row[1] for row in rows]
    assert len(errors) == 3
    assert errors == sorted(errors, reverse=True)
    assert sum(errors) / 3 == pytest.approx(run.last("val/pa_mpjpe"))
    assert all(row[0].split(", ")[0] in ("jump", "punch", "walk") for row in rows)
    pictures = list(hmr_run.rglob("media/images/media/fits_*.png"))
    bodies = list(hmr_run.rglob("media/object3D/media/bodies_*.glb"))
    # Of the first validation and of the last.
    assert len(pictures) == len(bodies) == 6
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)
    assert all(path.read_bytes().startswith(b"glTF") for path in bodies)


def test_the_best_checkpoint_goes_with_all_that_says_what_it_is(hmr_run: Path) -> None:
    run = finished(hmr_run)
    assert run.artifacts["model"] == ["best.ckpt", "card.json", "config.yaml"]
    (card,) = run.metadata
    assert card["monitor"] == "val/pa_mpjpe"
    best = min(row["val/pa_mpjpe"] for row in run.history if "val/pa_mpjpe" in row)
    assert card["score"] == card["metrics"]["val/pa_mpjpe"] == pytest.approx(best)
    assert "PA-MPJPE on 14 keypoints" in card["protocol"]
    assert card["data"] == run.config["data_sha256"]
    assert set(card["data"]) == {"open"}
    # W&B's copies lie in the run's folder, so that it can be uploaded from anywhere.
    checkpoint = (hmr_run / "checkpoints" / "best.ckpt").read_bytes()
    staged = list((hmr_run / "wandb" / "artifacts" / "staging").iterdir())
    assert checkpoint in [path.read_bytes() for path in staged]


def test_a_test_fills_its_own_panels(hmr_run: Path, offline: Path) -> None:
    checkpoint = str(hmr_run / "checkpoints" / "best.ckpt")
    # Without the pictures that are not under test.
    words = [f"--trainer.default_root_dir={offline}", "--trainer.callbacks=[]", *OFFLINE]
    assert main(["test", "--ckpt", checkpoint, *words]) == 0
    folder = offline / "hmr_open" / "test" / "version_0"
    run = finished(folder)
    fills_its_panels(run, "hmr", "test")
    assert {"media/fits", "media/bodies", "media/worst"} <= run.keys
    # Four solvers are no more than one's steps: a line each.
    assert run.last("test/curves/pa_mpjpe_table")["nrows"] == 3 * 4


def test_every_panel_of_a_general_run_has_its_key(offline: Path) -> None:
    root = f"--trainer.default_root_dir={offline}"
    assert main(["fit", "--config", "lsr1_general", root, *GENERAL, *OFFLINE]) == 0
    run = finished(offline / "lsr1_general" / "version_0")
    fills_its_panels(run, "general")
    assert "val/log_ratio" in run.minimised


def test_keys_begin_with_their_section_and_none_comes_twice() -> None:
    assert all(panel.key.startswith(f"{panel.section}/") for panel in PANELS)
    assert {panel.section for panel in PANELS} == set(SECTIONS)
    assert len({panel.key for panel in PANELS}) == len(PANELS)


def test_a_missing_key_is_found() -> None:
    keys = {logged_key(p) for p in PANELS} - {"optim/gradient_norm", "val/curves/value_table"}
    assert [p.key for p in unfilled(keys, "function", "fit")] == [
        "val/curves/value",
        "optim/gradient_norm",
    ]


def test_a_fit_whose_validations_are_all_nan_ends_well(
    own_optimizer: str, empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_SILENT", "true")
    diverging = "--model.init_args.optimizer.init_args.first=300"
    assert main(["fit", "--config", "own.yaml", diverging, *OFFLINE]) == 0
    run = finished(empty_folder / "runs/own/version_0")
    (card,) = run.metadata
    assert {card["score"], card["metrics"]["val/final_value"]} <= {"nan", "inf"}
    assert run.job_type == "fit"
    # Nothing but the config, once: no second set of the task's arguments beside it.
    assert {"steps", "second_order"}.isdisjoint(run.config)
    assert run.config["model"]["init_args"]["unroll"]["steps"] == 3


def test_a_test_sends_the_curves_of_every_solver_as_series(
    finished_run: Path, empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_SILENT", "true")
    checkpoint = str(finished_run / "checkpoints" / "best.ckpt")
    assert main(["test", "--ckpt", checkpoint, *OFFLINE]) == 0
    run = finished(empty_folder / "runs/quadratics/test/version_0")
    fills_its_panels(run, "function", "test")
    assert run.job_type == "test"
    with (empty_folder / "runs/quadratics/test/version_0/curves.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["metric"] == "value"]
    for solver, key in (("L-SR1, L=1", "l_sr1_l_1"), ("gradient descent", "gradient_descent")):
        sent = {
            row["inner_step"]: row[f"test/series/value/{key}"]
            for row in run.history
            if f"test/series/value/{key}" in row
        }
        assert sent == {
            int(row["step"]): pytest.approx(float(row["value"]))
            for row in rows
            if row["solver"] == solver
        }
        assert len(sent) == 5


def test_a_file_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no \.wandb file"):
        read_offline_run(tmp_path)
    (tmp_path / "run-1.wandb").write_bytes(b"something else")
    with pytest.raises(UserError, match="is no file of an offline"):
        read_offline_run(tmp_path)
    (tmp_path / "run-2.wandb").write_bytes(b"")
    with pytest.raises(UserError, match=r"2 \.wandb files"):
        read_offline_run(tmp_path)


def test_a_run_that_was_cut_off_is_read_up_to_there(function_run: Path, tmp_path: Path) -> None:
    assert finished(function_run).finished
    (path,) = function_run.glob("wandb/offline-run-*/*.wandb")
    content = path.read_bytes()
    (tmp_path / "cut.wandb").write_bytes(content[: len(content) // 2])
    whole, part = (read_offline_run(p) for p in (path, tmp_path / "cut.wandb"))
    assert 0 < len(part.history) < len(whole.history)
    assert part.history == whole.history[: len(part.history)]


def test_list_and_check_need_nothing_else(
    function_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dashboard", "--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(PANELS)
    assert main(["dashboard", "--check", str(function_run)]) == 0
    filled = capsys.readouterr().out.split("and not")[0]
    assert "val/final_value" in filled
    assert "val/pa_mpjpe" not in filled


def test_without_wandb_workspaces_the_mend_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)
    assert main(["dashboard", "--print"]) == 2
    assert 'pip install "lsr1_pl[dashboard]"' in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:Pydantic V1 style")
def test_the_workspace_holds_every_panel(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("wandb_workspaces")
    out = tmp_path / "workspace.json"
    assert main(["dashboard", "--entity=team", "--project=p", f"--out={out}"]) == 0
    assert "nothing was sent" in capsys.readouterr().out
    spec = json.loads(out.read_text())
    sections = spec["spec"]["section"]["panelBankConfig"]["sections"]
    assert [section["name"] for section in sections] == list(SECTIONS)
    for section in sections:
        texts = [json.dumps(panel["config"]) for panel in section["panels"]]
        panels = [panel for panel in PANELS if panel.section == section["name"]]
        assert len(texts) == len(panels)
        for text, panel in zip(texts, panels, strict=True):
            assert logged_key(panel).rstrip("*") in text
    assert main(["dashboard", "--project=p"]) == 2
    assert "--entity" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c[:20] + bytes([c[20] ^ 1]) + c[21:], "checksum of the part at byte 7"),
        (lambda c: c[:11] + b"\xff\xff" + c[13:], "at byte 7 is longer than its block"),
        (lambda c: c[:7] + framed(b"\xff" * 9), r"record 0 cannot be read \(Error parsing"),
        (lambda c: c[:7] + framed(b"", kind=3), "at byte 7 follows no other"),
    ],
)
def test_a_damaged_run_is_named(
    change: Callable[[bytes], bytes],
    message: str,
    function_run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert finished(function_run).finished
    (path,) = function_run.glob("wandb/offline-run-*/*.wandb")
    (tmp_path / "a.wandb").write_bytes(change(path.read_bytes()))
    assert main(["dashboard", "--check", str(tmp_path)]) == 2
    assert re.search(message, capsys.readouterr().err)


def framed(content: bytes, kind: int = 1) -> bytes:
    """One part of a record, as W&B writes it."""
    checksum = zlib.crc32(bytes([kind]) + content)
    return struct.pack("<IHB", checksum, len(content), kind) + content


def test_room_that_a_power_cut_left_ends_the_run(function_run: Path, tmp_path: Path) -> None:
    run = finished(function_run)
    (path,) = function_run.glob("wandb/offline-run-*/*.wandb")
    (tmp_path / "a.wandb").write_bytes(path.read_bytes() + bytes(9000))
    assert read_offline_run(tmp_path).history == run.history


@pytest.mark.filterwarnings("ignore:Pydantic V1 style")
def test_a_workspace_that_cannot_be_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("wandb_workspaces")
    (tmp_path / "file").write_text("1")
    assert main(["dashboard", f"--out={tmp_path / 'file' / 'a.json'}"]) == 2
    assert "a.json: cannot be written" in capsys.readouterr().err
