"""Careful fits by the shipped fitter: rolls, mirrors, exchanged limbs, wrong orders."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data import MotionDataModule
from lsr1_pl.hmr import (
    AnyRoll,
    BothLabellings,
    Fitter,
    MirrorAveraged,
    Observation,
    seeing,
    shown_points,
    thorough,
)
from lsr1_pl.hmr.evaluation import KnownPeople, observe_known
from lsr1_pl.hmr.fitting.points import POINTS, MixedPoints
from lsr1_pl.hmr.fitting.prediction import POOR, Prediction
from lsr1_pl.hmr.fitting.views import ARMS, LEGS, exchanged, mirrored, relabelled, rolled
from lsr1_pl.hmr.observation import observe_detections
from lsr1_pl.metrics import pa_mpjpe
from lsr1_pl.tasks import HMRTask, load_task

STEPS = 6

H36M = (
    *("pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle"),
    *("spine2", "neck", "nose", "head", "left_shoulder", "left_elbow", "left_wrist"),
    *("right_shoulder", "right_elbow", "right_wrist"),
)
COCO17 = (
    *("nose", "leye", "reye", "lear", "rear", "left_shoulder", "right_shoulder", "left_elbow"),
    *("right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee"),
    *("right_knee", "left_ankle", "right_ankle"),
)


@pytest.fixture(scope="module")
def task() -> HMRTask:
    found = load_task("hmr_open")
    assert isinstance(found, HMRTask)
    return found


@pytest.fixture(scope="module")
def people(task: HMRTask) -> KnownPeople:
    """Sixteen people of the open motion, with 1 % of noise."""
    data = MotionDataModule(
        validation_recordings=["walk"],
        test_recordings=["run"],
        batch_size=16,
        visible_probability=1.0,
        keypoint_noise=(0.01, 0.01),
    )
    with torch.no_grad():
        return observe_known(data.train_batch(0), task.fitter.body)


def errors(found: Prediction, people: KnownPeople) -> torch.Tensor:
    return pa_mpjpe(found.joints[:, :14], people.target.joints[:, :14])


def test_people_are_fitted_in_any_roll(task: HMRTask, people: KnownPeople) -> None:
    angle = torch.linspace(0.5, 2 * math.pi - 0.5, 16)
    turned = rolled(people.observation, angle)
    plain = errors(task.fitter.predict(turned, STEPS), people)
    careful = errors(AnyRoll(task.fitter).predict(turned, STEPS), people)
    upright = errors(task.fitter.predict(people.observation, STEPS), people)
    assert float(careful.median()) < 1.3 * float(upright.median())
    assert float(careful.median()) < 0.7 * float(plain.median())


def test_who_is_not_in_doubt_is_fitted_as_before(task: HMRTask, people: KnownPeople) -> None:
    one = task.fitter.predict(people.observation, STEPS)
    other = AnyRoll(task.fitter, doubt=1.0).predict(people.observation, STEPS)
    assert torch.equal(one.pose, other.pose)


def test_a_mirror_averaged_fit_is_the_mirrors_too(task: HMRTask, people: KnownPeople) -> None:
    fitter = MirrorAveraged(task.fitter)
    found = fitter.predict(people.observation, STEPS)
    glass = fitter.predict(mirrored(people.observation), STEPS)
    flip = torch.tensor([-1.0, 1.0, 1.0])
    other = glass.joints[:, exchanged(("shoulder", "elbow", "wrist", "hip", "knee", "ankle"))]
    # The eyes and ears are left out: they have names of their own.
    torch.testing.assert_close(other[:, :14] * flip, found.joints[:, :14], rtol=0, atol=2e-3)
    plain = errors(task.fitter.predict(people.observation, STEPS), people)
    assert float(errors(found, people).mean()) < float(plain.mean())


def test_exchanged_limbs_are_found(task: HMRTask, people: KnownPeople) -> None:
    fitter = BothLabellings(task.fitter, trial=task.fitter)
    right = fitter.predict(people.observation, STEPS)
    assert int(right.exchanged.sum()) <= 1
    for parts in (LEGS, ARMS):
        wrong = relabelled(people.observation, exchanged(parts))
        found = fitter.predict(wrong, STEPS)
        assert int(found.exchanged.sum()) >= 7
        plain = errors(task.fitter.predict(wrong, STEPS), people)
        assert float(errors(found, people).mean()) < 0.9 * float(plain.mean())


def in_wrong_order(task: HMRTask, people: KnownPeople) -> Observation:
    """H36M's 17 keypoints, read as COCO's."""
    joints = task.body.select(H36M)(people.target.pose, people.target.betas)
    rows = dict(zip(COCO17, task.fitter.body.camera.project(joints).unbind(dim=1), strict=True))
    rows["neck"] = (rows["left_shoulder"] + rows["right_shoulder"]) / 2
    keypoints = torch.stack([rows[name] for name in COCO18], dim=1)
    return observe_detections(keypoints, torch.ones(len(keypoints), 18))


def test_a_wrong_order_is_poor_and_good_fits_are_not(task: HMRTask, people: KnownPeople) -> None:
    with torch.no_grad():
        wrong = in_wrong_order(task, people)
    for fitter in (task.fitter, thorough(task.fitter)):
        assert bool((fitter.predict(wrong, STEPS).status == POOR).all())
        assert not bool((fitter.predict(people.observation, STEPS).status == POOR).any())


@pytest.mark.parametrize("family", [name for name in POINTS if POINTS[name]])
def test_a_detectors_points_are_fitted_better_as_its_own(
    task: HMRTask, people: KnownPeople, family: str
) -> None:
    points = MixedPoints(task.body, family)
    joints = points(people.target.pose, people.target.betas)
    shown = task.fitter.body.camera.project(joints)
    observation = observe_detections(shown, torch.ones(16, 18))
    mixed: Fitter = seeing(task.fitter, task.body, family)
    taken, given = task.fitter.predict(observation, STEPS), mixed.predict(observation, STEPS)
    assert float(given.error.mean()) < 0.9 * float(taken.error.mean())
    limbs = slice(2, 14)
    own = pa_mpjpe(given.joints[:, limbs], joints[:, limbs]).mean()
    assert float(own) < 1.02 * float(pa_mpjpe(taken.joints[:, limbs], joints[:, limbs]).mean())
    assert shown_points(shown.double().numpy(), np.ones((16, 18), dtype=bool)) == "shoulders"


def test_smpls_joints_are_taken_as_they_are(task: HMRTask, people: KnownPeople) -> None:
    shown = task.fitter.body.camera.project(people.target.joints).double().numpy()
    assert shown_points(shown, np.ones((16, 18), dtype=bool)) == "joints"
    assert shown_points(shown, np.zeros((16, 18), dtype=bool)) == "shoulders"
    assert seeing(task.fitter, task.body, "joints").body.joints_of is task.fitter.body.joints_of


def test_shares_sum_to_one() -> None:
    for family, rows in POINTS.items():
        for name, row in rows.items():
            assert sum(row.values()) == pytest.approx(1), (family, name)
