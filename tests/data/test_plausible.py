"""Frames that show what no body can do are found, and a recording is cut around them."""

from __future__ import annotations

import numpy as np
import pytest

from lsr1_pl.body.skeleton import SMPL_JOINTS
from lsr1_pl.data import MotionStore, open_motion_path
from lsr1_pl.data.sources.plausible import impossible_frames, sound_pieces

FPS = 30.0


def posed(count: int, turns: dict[str, tuple[float, float, float]], rows: slice) -> np.ndarray:
    """``count`` T-poses; in ``rows`` the joints are turned by these degrees about x, y, z."""
    poses = np.zeros((count, 24, 3))
    for joint, degrees in turns.items():
        poses[rows, SMPL_JOINTS.index(joint)] = np.radians(degrees)
    return poses.reshape(count, 72)


@pytest.mark.parametrize(
    ("fault", "turns"),
    [
        ("head turned over", {"head": (0.0, 0.0, 175.0)}),
        ("head turned over", {"neck": (70.0, 0.0, 0.0), "head": (70.0, 0.0, 0.0)}),
        ("head turned over", {"neck": (0.0, 0.0, 100.0), "head": (0.0, 0.0, -60.0)}),
        ("waist turned over", {"spine1": (120.0, 40.0, 0.0)}),
        ("thigh turned over", {"left_hip": (0.0, 170.0, 0.0)}),
        ("thigh turned over", {"right_hip": (0.0, -120.0, 0.0)}),
        ("knee bent forward", {"right_knee": (-70.0, 0.0, 0.0)}),
        ("foot turned over", {"left_ankle": (0.0, 150.0, 0.0)}),
    ],
)
def test_each_fault_is_found_where_it_is(
    fault: str, turns: dict[str, tuple[float, float, float]]
) -> None:
    found = impossible_frames(posed(60, turns, slice(20, 40)), FPS)
    assert [name for name, frames in found.items() if frames.any()] == [fault]
    assert found[fault][[20, 39]].all()
    assert not found[fault][[0, 18, 41, 59]].any()


@pytest.mark.parametrize(
    "turns",
    [
        {"neck": (20.0, 60.0, 0.0), "head": (0.0, 30.0, 10.0)},
        {"left_hip": (-130.0, 0.0, 0.0), "left_knee": (150.0, 0.0, 0.0)},
        {"spine1": (90.0, 0.0, 0.0), "right_ankle": (-50.0, 0.0, 0.0)},
        {"left_shoulder": (0.0, 0.0, 170.0), "left_elbow": (0.0, -150.0, 0.0)},
    ],
)
def test_what_people_do_is_no_fault(turns: dict[str, tuple[float, float, float]]) -> None:
    poses = posed(60, turns, slice(0, 60))
    pieces, faults = sound_pieces(poses, FPS)
    assert (pieces, faults) == ([slice(0, 60)], {})


def test_a_recording_is_cut_around_its_faults_with_a_margin() -> None:
    poses = posed(90, {"head": (0.0, 0.0, 175.0)}, slice(30, 33))
    pieces, faults = sound_pieces(poses, FPS)
    assert pieces == [slice(0, 28), slice(35, 90)]
    assert faults == {"head turned over": 3}


def test_runs_too_short_between_faults_go_with_them() -> None:
    poses = posed(90, {"head": (0.0, 0.0, 175.0)}, slice(30, 33))
    poses[41] = poses[31]
    pieces, faults = sound_pieces(poses, FPS)
    assert pieces == [slice(0, 28), slice(44, 90)]
    assert faults == {"head turned over": 4}


def test_a_short_sound_recording_is_kept() -> None:
    assert sound_pieces(np.zeros((1, 72)), FPS) == ([slice(0, 1)], {})


def test_no_frame_of_the_packaged_motion_is_impossible() -> None:
    store = MotionStore(open_motion_path())
    for recording in store.recordings:
        rows = np.arange(recording.first_row, recording.first_row + recording.rows)
        _, faults = sound_pieces(store.poses(rows).astype(float), recording.fps)
        assert not faults, recording.name
