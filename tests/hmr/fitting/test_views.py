"""The same people seen otherwise: what is turned and mirrored comes back."""

from __future__ import annotations

import torch

from lsr1_pl.body import PinholeCamera, load_body_model
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.hmr.fitting.views import (
    ARMS,
    LEGS,
    WHOLE,
    exchanged,
    mirror_pose,
    mirrored,
    relabelled,
    roll_back,
    rolled,
)
from lsr1_pl.hmr.observation import Observation, observe

JOINTS_OF = load_body_model().select(COCO18)
COUNT = 6


def people() -> tuple[torch.Tensor, torch.Tensor, Observation]:
    """Poses, betas, and what a camera sees of them, two keypoints hidden."""
    generator = torch.Generator().manual_seed(3)
    pose = 0.4 * torch.randn(COUNT, 72, generator=generator)
    betas = torch.randn(COUNT, 10, generator=generator)
    visibility = torch.ones(COUNT, 18)
    visibility[:, [0, 4]] = 0
    return pose, betas, seen(pose, betas, visibility)


def seen(pose: torch.Tensor, betas: torch.Tensor, visibility: torch.Tensor) -> Observation:
    return observe(JOINTS_OF(pose, betas), visibility, PinholeCamera())


def test_a_mirrored_body_is_seen_as_the_mirror_shows_it() -> None:
    pose, betas, observation = people()
    glass = mirrored(observation)
    found = seen(mirror_pose(pose), betas, glass.visibility)
    torch.testing.assert_close(found.keypoints, glass.keypoints, rtol=0, atol=1e-5)
    torch.testing.assert_close(mirror_pose(mirror_pose(pose)), pose)
    again = mirrored(glass)
    torch.testing.assert_close(again.keypoints, observation.keypoints)
    assert torch.equal(again.visibility, observation.visibility)


def test_a_rolled_image_shows_the_body_that_is_turned_back() -> None:
    pose, betas, observation = people()
    angle = torch.tensor([0.0, 0.7, 1.57, 3.14, -0.7, 4.0])
    view = rolled(observation, angle)
    # The body that makes the rolled image, before the image as it was.
    turned = roll_back(pose, -angle)
    found = seen(turned, betas, observation.visibility)
    # Half a turn is where single precision knows an axis and angle least.
    torch.testing.assert_close(found.keypoints, view.keypoints, rtol=0, atol=5e-4)
    torch.testing.assert_close(
        seen(roll_back(turned, angle), betas, observation.visibility).keypoints,
        observation.keypoints,
        rtol=0,
        atol=5e-4,
    )


def test_without_anything_seen_a_roll_is_finite() -> None:
    _, _, observation = people()
    nothing = observation._replace(
        keypoints=torch.full((COUNT, 18, 2), 0.5),
        visibility=torch.zeros(COUNT, 18),
        focal=torch.ones(COUNT),
    )
    view = rolled(nothing, torch.full((COUNT,), 1.0))
    assert bool((view.keypoints == 0.5).all())
    assert view.focal is not None
    assert bool(view.focal.isfinite().all())


def test_labels_are_exchanged_by_part_and_by_person() -> None:
    names = [COCO18[k] for k in exchanged(LEGS)]
    assert names[COCO18.index("left_knee")] == "right_knee"
    assert names[COCO18.index("left_wrist")] == "left_wrist"
    assert [COCO18[k] for k in exchanged(WHOLE)][COCO18.index("leye")] == "reye"
    _, _, observation = people()
    orders = torch.tensor([exchanged(ARMS), *[list(range(18))] * (COUNT - 1)])
    found = relabelled(observation, orders)
    assert torch.equal(found.keypoints[1:], observation.keypoints[1:])
    left, right = COCO18.index("left_elbow"), COCO18.index("right_elbow")
    assert torch.equal(found.keypoints[0, left], observation.keypoints[0, right])
