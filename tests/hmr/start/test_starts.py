"""Where fits begin."""

from __future__ import annotations

import torch

from lsr1_pl.body import PinholeCamera, load_body_model
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.hmr import (
    LGD,
    EstimateStart,
    GivenStart,
    InitialEstimate,
    LGDStart,
    MeanPoseStart,
    ProjectedBody,
    observe,
)
from lsr1_pl.hmr.problem import EQ12
from lsr1_pl.optim import unroll

BODY = ProjectedBody(load_body_model("open").select(COCO18), PinholeCamera())
HEADINGS = 2 * torch.pi * torch.tensor([0.0, 3.0, 6.0]) / 8


def standing(headings: torch.Tensor) -> torch.Tensor:
    """(B, 72) bodies with one arm raised, turned about their own axis."""
    pose = torch.zeros(len(headings), 72)
    pose[:, 1] = headings
    pose[:, 3 * 16 + 2] = 1.0
    return pose


def test_the_mean_pose_looks_where_it_reprojects_best() -> None:
    pose = standing(HEADINGS)
    seen = observe(BODY.joints_of(pose, torch.zeros(3, 10)), torch.ones(3, 18), BODY.camera)
    x0 = MeanPoseStart(pose[0, 3:], 10, BODY)(seen)
    torch.testing.assert_close(x0[:, :72], pose)
    assert x0.shape == (3, 82)
    assert not x0[:, 72:].any()


def test_lgd_s_fits_are_its_updates_on_eq_12_and_cost_their_gradients() -> None:
    torch.manual_seed(0)
    lgd = LGD(width=8)
    seen = observe(
        BODY.joints_of(standing(HEADINGS), torch.zeros(3, 10)), torch.ones(3, 18), BODY.camera
    )
    x0 = 0.1 * torch.randn(3, 82)
    start = LGDStart(GivenStart(x0, 2), lgd, 3, BODY)
    assert start.gradients == 5
    with torch.no_grad():
        path = unroll(lgd.eval().observing(seen), EQ12.objective(BODY, seen), x0, 3)
    assert torch.equal(start(seen), path.iterates[-1])
    assert not start(seen).requires_grad


def test_a_frozen_estimate_is_made_as_in_an_evaluation() -> None:
    torch.manual_seed(0)
    network = InitialEstimate(width=8).train()
    seen = observe(
        BODY.joints_of(standing(HEADINGS), torch.zeros(3, 10)), torch.ones(3, 18), BODY.camera
    )
    start = EstimateStart(network, frozen=True)
    assert torch.equal(start(seen), start(seen))
    network.train()
    free = EstimateStart(network)
    assert not torch.equal(free(seen), free(seen))
    assert free(seen).requires_grad
