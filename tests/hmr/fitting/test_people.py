"""Prediction: the best state of each person, its status, its camera."""

from __future__ import annotations

import math

import pytest
import torch

from lsr1_pl.body import PinholeCamera
from lsr1_pl.body.calibrated import camera_points, project_calibrated
from lsr1_pl.body.rotations import rotation_matrix
from lsr1_pl.data import KeypointBatch, MotionDataModule
from lsr1_pl.hmr import EvaluationPlan, FittingProblem, NetworkEstimate, fit_people
from lsr1_pl.hmr.fitting.people import camera_of
from lsr1_pl.hmr.fitting.prediction import best_states
from lsr1_pl.optim import LSR1
from lsr1_pl.tasks import HMRTask, Unroll, load_task


@pytest.fixture
def task() -> HMRTask:
    torch.manual_seed(0)
    optimizer = LSR1(hidden_dim=8, buffer_size=2, gamma1=0.1, input_normalization="rms")
    return HMRTask(
        optimizer,
        start=NetworkEstimate(16),
        unroll=Unroll(3, False, None),
        evaluate=EvaluationPlan(3),
        problem=FittingProblem(2.0),
    )


def test_keeps_each_persons_best_state_and_flags_the_rest(task: HMRTask) -> None:
    iterates = torch.arange(3.0).view(3, 1, 1).expand(3, 3, 82)
    values = torch.tensor([[4.0, 2.0, 4.0], [2.0, math.nan, 3.0], [6.0, math.nan, 2.0]])
    visibility = torch.ones(3, 18)
    visibility[2, 5:] = 0
    errors = torch.arange(9.0).view(3, 3) / 1000
    prediction = best_states(iterates, values, errors, visibility, task.joints_of)
    assert prediction.pose[:, 0].tolist() == [1.0, 0.0, 2.0]
    assert prediction.status.tolist() == [0, 1, 2]
    assert prediction.error_by_step[0].tolist() == pytest.approx([0.0, 0.003, 0.006])
    # The kept state's, of what was seen.
    assert prediction.error.tolist() == pytest.approx([0.003, 0.001, 0.008 * 18 / 5])
    assert prediction.objective.tolist() == [2.0, 2.0, 2.0]
    far = best_states(iterates, values, 20 * errors, visibility, task.joints_of)
    assert far.status.tolist() == [3, 1, 2]
    assert prediction.joints.shape == (3, 18, 3)


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


def test_cameras_put_the_fits_over_the_detections(task: HMRTask) -> None:
    task.eval()
    motion = MotionDataModule(
        validation_recordings=["walk"], test_recordings=["kick"], batch_size=4
    ).train_batch(0)
    joints = task.joints_of(motion.pose, motion.betas)
    true = PinholeCamera(focal=1200.0, centre_u=640.0, centre_v=360.0)
    visibility = torch.ones(4, 18)
    visibility[3] = 0
    batch = KeypointBatch(true.project(joints), visibility)
    camera = camera_of(joints, batch, task.camera)
    expected = torch.tensor([1200.0, 1200.0, 640.0, 360.0]).expand(3, 4)
    torch.testing.assert_close(camera[:3], expected, rtol=1e-4, atol=1e-2)
    assert bool(camera[3].isfinite().all())
    away = torch.tensor([[0.0, 0.0, 6.0]]).expand(4, 3)
    image = project_calibrated(joints, away, camera)
    torch.testing.assert_close(image[:3], batch.keypoints[:3])


def test_everyone_is_fitted_in_order(task: HMRTask) -> None:
    task.eval()
    generator = torch.Generator().manual_seed(0)
    keypoints = 100 * torch.rand(5, 18, 2, generator=generator)
    visibility = torch.ones(5, 18)
    visibility[4, 3:] = 0
    whole = fit_people(task.fitter, [KeypointBatch(keypoints, visibility)], 3)
    counted: list[int] = []
    parts = [KeypointBatch(keypoints[i : i + 2], visibility[i : i + 2]) for i in (0, 2, 4)]
    split = fit_people(task.fitter, parts, 3, counted.append)
    assert counted == [2, 4, 5]
    # No body looks like keypoints that are drawn at random.
    assert whole.prediction.status.tolist() == [3, 3, 3, 3, 2]
    assert whole.prediction.error_by_step.shape == (5, 4)
    torch.testing.assert_close(split.prediction.pose, whole.prediction.pose, rtol=1e-4, atol=1e-4)
    assert whole.projected.shape == (5, 18, 2)


def test_a_known_camera_is_kept_and_a_turn_of_it_turns_the_people() -> None:
    task = load_task("hmr_open")
    assert isinstance(task, HMRTask)
    motion = MotionDataModule(
        validation_recordings=["walk"], test_recordings=["kick"], batch_size=16
    ).train_batch(0)
    joints = task.joints_of(motion.pose, motion.betas)
    known = (1000.0, 1100.0, 600.0, 400.0)
    intrinsics = torch.tensor(known).expand(16, 4)
    ahead = torch.tensor([[0.0, 0.0, 4.0]]).expand(16, 3)
    # The same people before the same camera, turned: they stand at the edge of the image.
    turn = rotation_matrix(torch.tensor([0.0, 0.5, 0.0])).expand(16, 3, 3)
    placed = camera_points(joints, ahead) @ turn.mT
    aside = placed[..., :2] / placed[..., 2:] * intrinsics[:, None, :2] + intrinsics[:, None, 2:]
    visibility = torch.ones(16, 18)
    straight, turned = (
        fit_people(task.fitter, [KeypointBatch(pixels, visibility)], 8, intrinsics=known)
        for pixels in (project_calibrated(joints, ahead, intrinsics), aside)
    )
    torch.testing.assert_close(turned.intrinsics, intrinsics)
    fitted, other = (
        camera_points(fits.prediction.joints, fits.translation) for fits in (straight, turned)
    )
    gaps = (fitted @ turn.mT - other).norm(dim=-1).mean(dim=1)
    assert float(gaps.median()) < 0.08  # without the straight view: a quarter of a metre
    visibility[1, 1:] = 0
    lost = fit_people(task.fitter, [KeypointBatch(aside, visibility)], 8, intrinsics=known)
    assert int(lost.prediction.status[1]) == 2
    assert 2 not in lost.prediction.status[[0, *range(2, 16)]].tolist()
    assert bool(lost.projected.isfinite().all())
