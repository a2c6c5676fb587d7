"""Prediction: the best state of each person, its status, and the file that holds it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import CSVLogger

from lsr1_pl.body import PinholeCamera
from lsr1_pl.data import KeypointBatch, KeypointsDataModule, MotionDataModule
from lsr1_pl.errors import UserError
from lsr1_pl.optim import LSR1, Trajectory
from lsr1_pl.report import PredictionFile
from lsr1_pl.tasks import HMRTask
from lsr1_pl.tasks.hmr_prediction import best_states


@pytest.fixture
def task() -> HMRTask:
    torch.manual_seed(0)
    optimizer = LSR1(hidden_dim=8, buffer_size=2, gamma1=0.1, input_normalization="rms")
    return HMRTask(optimizer, initial_width=16, steps=3, evaluation_steps=3, objective_scale=2.0)


def test_keeps_each_persons_best_state_and_flags_the_rest(task: HMRTask) -> None:
    iterates = torch.arange(3.0).view(3, 1, 1).expand(3, 3, 82)
    values = torch.tensor([[4.0, 2.0, 4.0], [2.0, math.nan, 3.0], [6.0, math.nan, 2.0]])
    evaluations = torch.ones(3, 3, dtype=torch.long)
    trajectory = Trajectory(iterates, values, torch.zeros(2, 3, 82), None, evaluations)
    visibility = torch.ones(3, 18)
    visibility[2, 5:] = 0
    prediction = best_states(trajectory, visibility, 2.0, task.joints_of)
    assert prediction.pose[:, 0].tolist() == [1.0, 0.0, 2.0]
    assert prediction.status.tolist() == [0, 1, 2]
    assert prediction.error_by_step[0].tolist() == [2.0, 1.0, 3.0]
    assert prediction.joints.shape == (3, 18, 3)


def written(path: Path, **changes: Any) -> Path:
    arrays: dict[str, Any] = {
        "keypoints": 100 * np.random.default_rng(0).random((5, 18, 2)),
        "confidence": np.ones((5, 18)),
    }
    arrays |= changes
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return path


def test_fits_do_not_depend_on_the_pixels_scale_and_place(task: HMRTask) -> None:
    task.eval()
    motion = MotionDataModule(
        validation_recordings=["walk"], test_recordings=["kick"], batch_size=4
    ).train_batch(0)
    joints = task.joints_of(motion.pose, motion.betas)
    pixels = PinholeCamera().project(joints)
    with torch.no_grad():
        one = task.predict_step(KeypointBatch(pixels, motion.visibility), 0)
        other = task.predict_step(KeypointBatch(3 * pixels + 500, motion.visibility), 0)
    torch.testing.assert_close(one.pose, other.pose, rtol=1e-3, atol=1e-3)
    assert (one.error_by_step.amin(dim=1) <= one.error_by_step[:, 0]).all()


def test_file_has_a_row_a_person(task: HMRTask, tmp_path: Path) -> None:
    confidence = np.ones((5, 18))
    confidence[4, 3:] = 0.0
    path = written(tmp_path / "people.npz", confidence=confidence)
    trainer = Trainer(
        accelerator="cpu",
        logger=CSVLogger(tmp_path, name="out"),
        callbacks=[PredictionFile()],
        inference_mode=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.predict(task, KeypointsDataModule(str(path), batch_size=2), return_predictions=False)
    with np.load(tmp_path / "out" / "version_0" / "predictions.npz", allow_pickle=False) as fits:
        assert fits["pose"].shape == (5, 72)
        assert fits["betas"].shape == (5, 10)
        assert fits["joints"].shape == (5, 18, 3)
        assert fits["error_by_step"].shape == (5, 4)
        assert fits["status"].tolist() == [0, 0, 0, 0, 2]


def test_nan_keypoints_are_invisible(tmp_path: Path) -> None:
    keypoints = np.ones((2, 18, 2))
    keypoints[1, 7, 0] = np.nan
    (batch,) = KeypointsDataModule(
        str(written(tmp_path / "nan.npz", keypoints=keypoints, confidence=None))
    ).predict_dataloader()
    assert torch.isfinite(batch.keypoints).all()
    assert batch.visibility.sum().item() == 35
    assert batch.visibility[1, 7] == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keypoints": None}, r"'keypoints' is missing; expected \(n, 18, 2\)"),
        ({"keypoints": np.ones((5, 17, 2))}, r"shape \(5, 17, 2\)"),
        ({"keypoints": np.ones((0, 18, 2))}, r"shape \(0, 18, 2\)"),
        ({"keypoints": np.full((5, 18, 2), "a")}, "expected numbers"),
        ({"confidence": np.ones((4, 18))}, "of 4 people"),
    ],
)
def test_malformed_file_is_named(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message) as caught:
        KeypointsDataModule(str(written(tmp_path / "people.npz", **changes)))
    assert "people.npz" in str(caught.value)


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        KeypointsDataModule(str(tmp_path / "absent.npz"))
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(UserError, match="cannot be read"):
        KeypointsDataModule(str(tmp_path / "text.npz"))
