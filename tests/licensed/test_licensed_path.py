"""The way of a user with licences, from downloads to a tested checkpoint, on look-alikes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import cast

import pytest
import torch
from look_alike_3dpw import evaluation, module
from pytorch_lightning import Trainer

from lsr1_pl.body import load_body_model
from lsr1_pl.cli import main
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr.evaluation.protocols import PROTOCOLS, named_protocols
from lsr1_pl.hmr.evaluation.threedpw import FrameErrors, ThreeDPWEvaluation, counted_frames
from lsr1_pl.metrics import pa_mpjpe

SMALL = [
    "--trainer.max_steps=4",
    "--trainer.val_check_interval=4",
    "--model.init_args.initial_width=16",
    "--model.init_args.optimizer.init_args.hidden_dim=8",
    "--model.init_args.steps=2",
    "--model.init_args.evaluation_steps=2",
    "--data.init_args.batch_size=8",
    "--data.init_args.test_stride=4",
]


def test_from_downloads_to_a_tested_checkpoint(
    downloads: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    def lsr1(*arguments: str) -> str:
        code = main(arguments)
        out, err = capsys.readouterr()
        assert code == 0, out + err
        return out

    convert = ["data", "convert"]
    lsr1(*convert, "smpl", str(downloads / "smpl"), "data/smpl")
    lsr1(*convert, "regressor", str(downloads / "J_regressor_h36m.npy"), "data/smpl")
    lsr1(*convert, "amass", str(downloads / "amass"), "data/amass", "--workers", "1")
    lsr1(*convert, "3dpw", str(downloads / "3dpw"), "data/3dpw")
    assert "has all that it needs" in lsr1("doctor", "--config", "hmr.yaml", "--verify")
    lsr1("fit", "--config", "hmr.yaml", *SMALL)
    table = lsr1("test", "--ckpt", "runs/hmr/version_0/checkpoints/best.ckpt")
    for words in (
        "PA-MPJPE (mm), lgd14",
        "MPJPE (mm), lgd24",
        "lgd14: 14 joints by the H36M regressor on posed vertices, truth of the male body",
        "lgd24: 24 SMPL joints, truth of 3DPW's jointPositions",
        "PVE (mm): lgd14",
    ):
        assert words in " ".join(table.split()), words
    # Every fourth frame is tested, and acceleration is of consecutive ones.
    assert "acceleration" not in table


def test_doctor_names_what_is_missing(
    converted: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(converted / "data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    assert main(["doctor", "--config", "hmr"]) == 0
    (tmp_path / "data" / "smpl" / "J_regressor_h36m.npy").unlink()
    shutil.rmtree(tmp_path / "data" / "3dpw" / "test")
    capsys.readouterr()
    assert main(["doctor", "--config", "hmr"]) == 1
    printed = capsys.readouterr().out
    assert "H36M regressor (missing)" in printed
    assert "3DPW, test (missing)" in printed
    assert main(["fit", "--config", "hmr", "--trainer.max_steps=0"]) == 2


def test_every_frame_comes_once_and_in_order(converted: Path) -> None:
    data = module(converted, evaluation_batch_size=7)
    batches = list(data.test_dataloader())
    recording = torch.cat([batch.recording for batch in batches])
    assert len(recording) == 2 * 38
    assert (recording.diff() >= 0).all()
    assert sum(int((batch.valid == 0).sum()) for batch in batches) == 4
    assert sum(int((batch.visibility.sum(dim=1) == 0).sum()) for batch in batches) == 2
    validation = list(module(converted, validation_stride=10).val_dataloader())
    assert sum(len(batch.pose) for batch in validation) == 4
    names = data.person_names("test")
    assert len(names) == 2 * 38
    assert names[0].endswith(", frame 0")
    assert names[-1].endswith(", frame 37")
    assert set(data.fingerprints()) >= {"3dpw/validation", "3dpw/test"}


def test_the_truth_itself_has_no_error(converted: Path) -> None:
    names = tuple(PROTOCOLS)
    checks, frames = evaluation(converted, *names), FrameErrors()
    for batch in module(converted).test_dataloader():
        true = checks.true_joints(batch)
        sets = checks.joint_sets(batch.pose, batch.betas, true, batch)
        for joints, protocol in zip(sets, checks.protocols, strict=True):
            kept = joints.counted
            # The look-alike's stored joints are the open body's, whose extra vertices change none.
            assert pa_mpjpe(joints.predicted[kept], joints.true[kept]).max() < 0.05
            assert joints.predicted.shape[1] == (24 if protocol.joints == "smpl24" else 14)
        frames.add(sets, batch, checks.vertex_errors(batch.pose, batch.betas, batch))
    found = frames.compute()
    assert set(found["PVE"]) == set(names) - {"lgd24"}
    assert all(error < 0.05 for error in found["PVE"].values())
    assert set(found["acceleration"]) == set(names)
    assert all(error < 0.05 for error in found["acceleration"].values())


def test_which_frames_count(converted: Path) -> None:
    (batch,) = module(converted, validation_stride=1).val_dataloader()
    counts = {p.name: int(counted_frames(p, batch).sum()) for p in PROTOCOLS.values()}
    # Of 38 frames, two have no valid camera pose and one no detection.
    assert counts["spin"] == counts["lgd14"] == 36
    assert counts["3dpw-eval"] == 35
    note = evaluation(converted, "spin", "3dpw-eval").note(counts, 38)
    assert "spin: 14 joints by the H36M regressor on posed vertices" in note
    assert "36 of 38 frames" in note
    assert "35 of 38 frames" in note


def test_fractions_are_of_recordings_and_seeded(converted: Path) -> None:
    whole, half = module(converted), module(converted, fraction=0.5)
    sizes = {len(whole._rows), len(half._rows)}
    assert sizes == {38 + 46, 38} or sizes == {38 + 46, 46}
    assert (module(converted, fraction=0.5)._rows == half._rows).all()
    with pytest.raises(UserError, match="fraction"):
        module(converted, fraction=0.0)


def test_what_protocols_need_is_named(converted: Path) -> None:
    smpl = converted / "data" / "smpl"
    body = load_body_model(str(smpl / "SMPL_MALE.npz"))
    with pytest.raises(UserError, match="truth_bodies lacks 'female'"):
        ThreeDPWEvaluation(["spin"], body, {"male": "x"}, None, 10)
    with pytest.raises(UserError, match="lsr1 data convert regressor"):
        ThreeDPWEvaluation(["lgd14"], body, {"male": str(smpl / "SMPL_MALE.npz")}, None, 10)
    with pytest.raises(UserError, match="name each once"):
        named_protocols(["spin", "other"])
    ThreeDPWEvaluation(["lgd24"], body, {}, None, 10)


def test_two_processes_train_together(converted: Path, tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(converted / "data")
    command = [sys.executable, "-m", "lsr1_pl.cli", "fit", "--config", "hmr.yaml", *SMALL]
    command += ["--trainer.accelerator=cpu", "--trainer.devices=2", "--trainer.strategy=ddp"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Best: val/pa_mpjpe") == 1
    versions = sorted(path.name for path in (tmp_path / "runs" / "hmr").iterdir())
    assert versions == ["version_0"]
    folder = tmp_path / "runs" / "hmr" / "version_0" / "checkpoints"
    assert sorted(path.name for path in folder.iterdir()) == ["best.ckpt", "last.ckpt"]


@dataclass
class Process:
    """What a loader asks of a trainer."""

    global_step: int
    global_rank: int
    world_size: int


def test_two_processes_see_each_row_once(converted: Path) -> None:
    data = module(converted, batch_size=6)
    epoch, steps = len(data._rows), len(data._rows) // 12
    seen = []
    for rank in (0, 1):
        data.trainer = cast(Trainer, Process(0, rank, 2))
        seen += [batch.rows for batch in islice(data.train_dataloader(), steps)]
    rows = torch.cat(seen).tolist()
    assert epoch == 84
    assert sorted(rows) == sorted(data._rows.tolist())


def test_a_run_goes_on_in_the_middle_of_an_epoch(converted: Path) -> None:
    data = module(converted, batch_size=6)
    whole = [batch.rows for batch in islice(data.train_dataloader(), 9)]
    again = module(converted, batch_size=6)
    again.trainer = cast(Trainer, Process(4, 0, 1))
    rest = [batch.rows for batch in islice(again.train_dataloader(), 5)]
    assert torch.equal(torch.stack(whole[4:]), torch.stack(rest))
