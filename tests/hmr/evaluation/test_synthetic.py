"""Synthetic detections against hand-computed ones."""

from __future__ import annotations

import torch

from lsr1_pl.body import PinholeCamera
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data import MotionBatch
from lsr1_pl.hmr import BodyState, Observation, ProjectedBody
from lsr1_pl.hmr.evaluation import observe_known


def batch_of(**changes: torch.Tensor) -> MotionBatch:
    clean = MotionBatch(
        pose=torch.zeros(1, 72),
        betas=torch.zeros(1, 10),
        visibility=torch.ones(1, 18),
        rows=torch.zeros(1, dtype=torch.long),
        noise=torch.zeros(1, 18, 2),
        shown=torch.arange(18).unsqueeze(0),
        depth=torch.full((1,), 6.0),
    )
    return clean._replace(**changes)


def joints_of(pose: torch.Tensor, betas: torch.Tensor) -> torch.Tensor:
    """A stick: keypoint i at height i / 10 m, wrists 0.1 m nearer to the camera."""
    joints = torch.zeros(len(pose), 18, 3)
    joints[:, :, 1] = torch.arange(18) / 10
    joints[:, [COCO18.index("left_wrist"), COCO18.index("right_wrist")], 2] = 0.1
    return joints


def seen(batch: MotionBatch) -> tuple[BodyState, Observation]:
    known = observe_known(batch, ProjectedBody(joints_of, PinholeCamera()))
    return known.target, known.observation


def test_clean_detections_are_the_target_s() -> None:
    target, observation = seen(batch_of())
    torch.testing.assert_close(target.keypoints, observation.keypoints)
    # The box is 1.7 m high; v runs down, so keypoint 17 stands at 0 and keypoint 0 at 1.
    assert observation.keypoints[0, 0].tolist() == [0.5, 1.0]
    torch.testing.assert_close(observation.keypoints[0, 1], torch.tensor([0.5, 1 - 0.1 / 1.7]))


def test_noise_is_in_sides_of_the_box_and_the_target_has_none() -> None:
    noise = torch.zeros(1, 18, 2)
    noise[0, 1, 0] = 0.25
    target, observation = seen(batch_of(noise=noise))
    # The box of what is seen spans u from 0 to 0.25, centre 0.125; its larger side is unchanged.
    torch.testing.assert_close(observation.keypoints[0, 1, 0], torch.tensor(0.625))
    torch.testing.assert_close(observation.keypoints[0, 0, 0], torch.tensor(0.375))
    torch.testing.assert_close(target.keypoints[0, :, 0], torch.full((18,), 0.5))


def test_a_swapped_pair_is_seen_swapped() -> None:
    left, right = COCO18.index("left_knee"), COCO18.index("right_knee")
    shown = torch.arange(18).unsqueeze(0)
    shown[0, left], shown[0, right] = right, left
    target, observation = seen(batch_of(shown=shown))
    torch.testing.assert_close(observation.keypoints[0, left], target.keypoints[0, right])
    torch.testing.assert_close(observation.keypoints[0, right], target.keypoints[0, left])


def test_a_near_camera_enlarges_what_is_near() -> None:
    def wrist(depth: float) -> float:
        batch = batch_of(depth=torch.full((1,), depth))
        _, observation = seen(batch)
        return float(observation.keypoints[0, COCO18.index("left_wrist"), 1])

    # Seen from d, a point 0.1 m nearer at height h appears at h d / (d - 0.1).
    height = COCO18.index("left_wrist") / 10
    for depth in (6.0, 2.0):
        expected = 1 - height * depth / (depth - 0.1) / 1.7
        assert abs(wrist(depth) - expected) < 1e-5
    assert wrist(2.0) < wrist(6.0)
