"""A trained fitter on bodies of other proportions, and of betas that mean something else."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from lsr1_pl.body import BodyModel, PinholeCamera
from lsr1_pl.body.files import OPEN_BODY, BodyData, read_body
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data import MotionStore, open_motion_path
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr import (
    InErrorMetric,
    Observation,
    PeopleOptimizer,
    Prediction,
    ProjectedBody,
    ProposedSteps,
    WholeFit,
    observe_detections,
    on_other_body,
)
from lsr1_pl.hmr.fitting.prediction import FITTED
from lsr1_pl.hmr.people_optimizer import FittedStates
from lsr1_pl.metrics.pa_mpjpe import pa_mpjpe
from lsr1_pl.optim import Adam, BatchedOptimizer, GaussNewton, Metric
from lsr1_pl.tasks import HMRTask, load_task

PEOPLE = 48
OPEN = read_body(OPEN_BODY)


def scaled(data: BodyData, factor: float) -> BodyData:
    return replace(data, v_template=data.v_template * factor, shapedirs=data.shapedirs * factor)


def longer_legs(data: BodyData, factor: float) -> BodyData:
    vertices = data.v_template.copy()
    hips = float((data.J_regressor @ vertices)[1:3, 1].mean())
    below = vertices[:, 1] < hips
    vertices[below, 1] = hips + (vertices[below, 1] - hips) * factor
    return replace(data, v_template=vertices)


def other_betas(data: BodyData) -> BodyData:
    """The same shapes, by coefficients that are turned among themselves."""
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(10, 10)))[0]
    return replace(data, shapedirs=data.shapedirs @ turn)


BODIES = {
    "0.9": scaled(OPEN, 0.9),
    "1.1": scaled(OPEN, 1.1),
    "longer legs": longer_legs(OPEN, 1.15),
    "shorter legs": longer_legs(OPEN, 0.87),
    "other betas": other_betas(OPEN),
    "longer legs, other betas": other_betas(longer_legs(OPEN, 1.15)),
}


@cache
def task() -> HMRTask:
    loaded = load_task("hmr_open_lifted")
    assert isinstance(loaded, HMRTask)
    return loaded


def fitted(data: BodyData, own: bool = False) -> tuple[Prediction, Tensor]:
    """Fits of people of this body with 1 % of noise, and their true joints."""
    body = BodyModel(data)
    store = MotionStore(open_motion_path())
    rows = np.linspace(0, sum(r.rows for r in store.recordings) - 1, PEOPLE).astype(int)
    pose = torch.from_numpy(np.array(store.poses(rows))).float()
    generator = torch.Generator().manual_seed(0)
    joints = body.select(COCO18)(pose, torch.randn(PEOPLE, 10, generator=generator))
    pixels = PinholeCamera().project(joints)
    box = (pixels.amax(dim=1) - pixels.amin(dim=1)).amax(dim=1)
    pixels += 0.01 * box[:, None, None] * torch.randn(pixels.shape, generator=generator)
    fitter = task().fitter if own else on_other_body(task().fitter, body)
    seen = observe_detections(pixels, torch.ones(PEOPLE, 18))
    return fitter.predict(seen, task().evaluate.steps), joints


def errors(prediction: Prediction, joints: Tensor) -> tuple[float, float]:
    """PA-MPJPE in mm, and the mean reprojection error in sides of the box."""
    return (
        float(pa_mpjpe(prediction.joints[:, :14], joints[:, :14]).mean()),
        float(prediction.error.mean()),
    )


@pytest.mark.parametrize("name", BODIES)
def test_other_proportions_fit_as_the_open_body_does(name: str) -> None:
    pose, reprojection = errors(*fitted(OPEN, own=True))
    prediction, joints = fitted(BODIES[name])
    other_pose, other_reprojection = errors(prediction, joints)
    size = float(np.ptp(BODIES[name].v_template[:, 1]) / np.ptp(OPEN.v_template[:, 1]))
    assert other_pose < 1.1 * pose * size
    assert other_reprojection < 1.3 * reprojection
    assert int((prediction.status == FITTED).sum()) >= PEOPLE - 1


def test_betas_start_at_zero_and_are_fitted_under_a_normal_prior() -> None:
    body = BodyModel(BODIES["longer legs"])
    own, other = task().fitter, on_other_body(task().fitter, body)
    observation = observe_detections(torch.rand(3, 18, 2), torch.ones(3, 18))
    start = other.start(observation)
    torch.testing.assert_close(start[:, :72], own.start(observation)[:, :72])
    assert bool((start[:, 72:] == 0).all())
    metric = other.initial_error.metric()
    torch.testing.assert_close(metric.root[72:, 72:], torch.eye(10), atol=1e-4, rtol=0)
    assert float(metric.root[72:, :72].abs().max()) < 1e-4
    assert float(other.predict(observation, 8).betas.abs().max()) > 0.05


def test_the_task_keeps_its_own_body_and_optimizer() -> None:
    before = task().fitter
    on_other_body(before, BodyModel(BODIES["0.9"]))
    assert task().fitter.optimizer is before.optimizer
    assert task().body.num_vertices == OPEN.num_vertices
    first, second = fitted(OPEN, own=True), fitted(OPEN, own=True)
    torch.testing.assert_close(first[0].pose, second[0].pose, rtol=0, atol=0)


def test_lgd_cannot_fit_another_body() -> None:
    lgd = load_task("lgd_open")
    assert isinstance(lgd, HMRTask)
    with pytest.raises(UserError, match="such as hmr_open_lifted"):
        on_other_body(lgd.fitter, BodyModel(BODIES["0.9"]))


class Mine(PeopleOptimizer):
    """A user's optimiser, which says nothing of other bodies."""

    def observing(
        self, observation: Observation, body: ProjectedBody, metric: Metric
    ) -> BatchedOptimizer:
        return Adam(0.1)


class MineOnOthers(Mine):
    def on_other_body(self) -> PeopleOptimizer:
        return InErrorMetric(Adam(0.2))


class Whole(WholeFit):
    def fit_whole(self, observation: Observation, x0: Tensor) -> FittedStates:
        return FittedStates(x0[None], [0])


@pytest.mark.parametrize("silent", [Mine(), Whole()])
def test_an_optimiser_that_says_nothing_of_other_bodies_is_refused(
    silent: PeopleOptimizer | WholeFit,
) -> None:
    fitter = replace(task().fitter, optimizer=silent)
    with pytest.raises(UserError, match=f"{type(silent).__name__} does not say .* on_other_body"):
        on_other_body(fitter, BodyModel(BODIES["0.9"]))


def test_an_optimiser_says_itself_what_fits_another_body() -> None:
    fitter = replace(task().fitter, optimizer=MineOnOthers())
    other = on_other_body(fitter, BodyModel(BODIES["0.9"])).optimizer
    assert isinstance(other, InErrorMetric)
    assert isinstance(other.optimizer, Adam)


class HalfWay(GaussNewton):
    """A user's guide."""


def test_a_guide_takes_whole_steps_where_its_network_is_left_out() -> None:
    guide = HalfWay(0.5)
    fitter = replace(task().fitter, optimizer=ProposedSteps(guide=guide))
    other = on_other_body(fitter, BodyModel(BODIES["0.9"])).optimizer
    assert isinstance(other, InErrorMetric)
    assert isinstance(other.optimizer, HalfWay)
    assert (other.optimizer.learning_rate, guide.learning_rate) == (1.0, 0.5)
