"""BVH of a body: read back, it is the same motion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lsr1_pl.body import load_body_model
from lsr1_pl.body.skeleton import JOINTS45, PARENTS, SMPL_JOINTS
from lsr1_pl.data import read_bvh
from lsr1_pl.report import write_bvh


def test_joints_are_read_back_within_a_millimetre(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    body = load_body_model()
    pose, root = rng.normal(size=(40, 72)), rng.normal(size=(40, 3)) * 3
    # Turns of which Euler angles have no single answer.
    pose[0], pose[1, :3], pose[2, :3] = 0.0, [np.pi / 2, 0, 0], [-np.pi / 2, 0, 0]
    pose[3, :3], pose[4, :3] = [0, np.pi, 0], [0, 0, np.pi]
    betas = rng.normal(size=10)
    write_bvh(tmp_path / "a.bvh", body, pose, betas, root, 25.0)
    bvh = read_bvh(tmp_path / "a.bvh")
    assert bvh.frame_time == pytest.approx(0.04)
    assert len(bvh.frames) == 40
    assert sorted(bvh.names) == sorted(SMPL_JOINTS)
    order = [bvh.names.index(name) for name in SMPL_JOINTS]
    for name, parent in zip(bvh.names, bvh.parents, strict=True):
        above = PARENTS[SMPL_JOINTS.index(name)]
        assert (above < 0) == (parent < 0)
        assert parent < 0 or bvh.names[parent] == SMPL_JOINTS[above]
    shape = torch.from_numpy(betas).float().expand(40, 10)
    joints = body.joints(torch.from_numpy(pose).float(), shape).double().numpy()
    own = joints - joints[:, :1] + root[:, None]
    rotations, places = bvh.world()
    np.testing.assert_allclose(places[:, order], own[:, : len(SMPL_JOINTS)], atol=1e-3)
    # A bone without a joint at its end ends at the body's landmark.
    hand, mark = bvh.names.index("left_hand"), JOINTS45.index("lmiddle")
    rest = body.joints(torch.zeros(1, 72), shape[:1])[0].double().numpy()
    end = bvh.ends[hand]
    assert end is not None
    np.testing.assert_allclose(end, rest[mark] - rest[SMPL_JOINTS.index("left_hand")], atol=1e-5)
    assert all(e is not None for e, n in zip(bvh.ends, bvh.names, strict=True) if n == "head")
    assert np.isfinite(rotations).all()


def test_angles_do_not_jump_by_a_turn(tmp_path: Path) -> None:
    pose = np.zeros((60, 72))
    pose[:, 1] = np.linspace(0, 4 * np.pi, 60)
    write_bvh(tmp_path / "a.bvh", load_body_model(), pose, np.zeros(10), np.zeros((60, 3)), 30.0)
    frames = read_bvh(tmp_path / "a.bvh").frames
    assert np.abs(np.diff(frames, axis=0)).max() < 20
