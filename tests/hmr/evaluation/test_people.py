"""The single people of an evaluation."""

from __future__ import annotations

import torch
from quick_trainer import trainer

from lsr1_pl.data import MotionDataModule
from lsr1_pl.hmr import EvaluationPlan, Fit, NetworkEstimate, Observation
from lsr1_pl.hmr.evaluation import JointSet, errors_of
from lsr1_pl.hmr.evaluation.people import PeopleKeeper
from lsr1_pl.optim import LSR1
from lsr1_pl.tasks import HMRTask, Unroll


def evaluated(*, keep: bool) -> HMRTask:
    torch.manual_seed(0)
    optimizer = LSR1(hidden_dim=8, buffer_size=2, gamma1=0.1, input_normalization="rms")
    task = HMRTask(
        optimizer=optimizer,
        start=NetworkEstimate(16),
        unroll=Unroll(2, False, None),
        evaluate=EvaluationPlan(3),
    )
    task.keep_people = keep
    data = MotionDataModule(
        batch_size=8,
        validation_recordings=["walk"],
        test_recordings=["kick"],
        validation_count=12,
    )
    trainer().validate(task, data, verbose=False)
    return task


def test_kept_people_average_to_the_logged_curves() -> None:
    task = evaluated(keep=True)
    people = task.people
    assert people is not None
    assert people.keypoints.shape == (12, 18, 2)
    assert people.fitted.shape == (12, 82)
    means = task.curves["PA-MPJPE (mm)"]["L-SR1"]
    torch.testing.assert_close(float(people.initial_mm.mean()), means[0])
    torch.testing.assert_close(float(people.fitted_mm.mean()), means[2])
    value = task.curves["reprojection (1e-3)"]["L-SR1"][2]
    torch.testing.assert_close(float(people.reprojection.mean()), value, rtol=1e-5, atol=0)


def test_nobody_is_kept_unless_asked_for_and_the_curves_are_the_same() -> None:
    without = evaluated(keep=False)
    assert without.people is None
    assert without.curves == evaluated(keep=True).curves


def test_a_person_who_does_not_count_has_no_error() -> None:
    joints = torch.randn(2, 14, 3)
    one = JointSet("a", joints + 0.01, joints, None, torch.tensor([True, False]))
    seen = Observation(torch.zeros(2, 18, 2), torch.ones(2, 18))
    states, values = torch.zeros(2, 2, 82), torch.zeros(2, 2)
    fit = Fit(states, values, values, values.long(), seen.visibility, lambda pose, betas: joints)
    keeper = PeopleKeeper()
    assert keeper.people() is None
    keeper.add(seen, states, errors_of(fit, lambda x: [one]), 1)
    people = keeper.people()
    assert people is not None
    assert people.fitted_mm.isnan().tolist() == [False, True]
