"""Left and right over time: what jumps comes back, what stays stays."""

from __future__ import annotations

import numpy as np
import torch

from lsr1_pl.body import PinholeCamera, load_body_model
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data import Detections, MotionStore, open_motion_path
from lsr1_pl.hmr.fitting.labels import continuous_sides
from lsr1_pl.hmr.fitting.views import ARMS, LEGS, WHOLE, exchanged


def walking() -> Detections:
    """A clip's person, walking before a camera."""
    motion = MotionStore(open_motion_path())
    recording = next(each for each in motion.recordings if each.name == "walk")
    rows = recording.first_row + np.arange(recording.rows)
    pose = torch.from_numpy(motion.poses(rows)).float()
    joints = load_body_model().select(COCO18)(pose, torch.zeros(len(pose), 10))
    pixels = 4 * PinholeCamera().project(joints).double().numpy() + 500
    count = len(pixels)
    return Detections(
        pixels,
        np.full((count, 18), 0.9),
        [str(k) for k in range(count)],
        np.zeros(count, dtype=np.int64),
        np.arange(count),
    )


def test_exchanged_frames_come_back() -> None:
    true = walking()
    count = len(true.frame)
    keypoints = true.keypoints.copy()
    wrong = np.zeros(count, dtype=bool)
    for first, last, parts in ((4, 9, WHOLE), (12, 13, LEGS), (16, 20, ARMS)):
        keypoints[first:last] = keypoints[first:last, exchanged(parts)]
        wrong[first:last] = True
    given = Detections(keypoints, true.confidence, true.frame, true.person, true.moment)
    seen = np.ones((count, 18), dtype=bool)
    found = continuous_sides(given, seen)
    np.testing.assert_array_equal(found.changed, wrong)
    np.testing.assert_array_equal(found.detections.keypoints, true.keypoints)


def test_steady_labels_stay_and_what_is_not_seen_moves_along() -> None:
    true = walking()
    seen = np.ones((len(true.frame), 18), dtype=bool)
    seen[5:9, COCO18.index("left_wrist")] = False
    found = continuous_sides(true, seen)
    assert not found.changed.any()
    np.testing.assert_array_equal(found.seen, seen)
    given = Detections(
        true.keypoints[:, exchanged(WHOLE)], true.confidence, true.frame, true.person, true.moment
    )
    # Nobody says that all frames are wrong.
    assert not continuous_sides(given, seen).changed.any()
