"""Bodies and keypoints in a mirror."""

from __future__ import annotations

import torch

from lsr1_pl.body import PinholeCamera, load_body_model, normalize_keypoints
from lsr1_pl.body.mirror import (
    MIRRORED_JOINTS,
    MIRRORED_KEYPOINTS,
    mirrored_keypoints,
    mirrored_pose,
    mirrored_rotations,
)
from lsr1_pl.body.rotations import rotation_matrix
from lsr1_pl.body.skeleton import COCO18, SMPL_JOINTS

TOLERANCE = 2e-3
"""The open body is symmetric to two millimetres."""


def poses(count: int = 6) -> torch.Tensor:
    return 0.6 * torch.randn(count, 72, generator=torch.Generator().manual_seed(0))


def test_a_mirror_is_its_own_inverse() -> None:
    pose = poses()
    keypoints = torch.rand(6, 18, 2, dtype=torch.float64)
    matrices = rotation_matrix(pose.unflatten(1, (24, 3)))
    assert torch.equal(mirrored_pose(mirrored_pose(pose)), pose)
    assert torch.equal(mirrored_rotations(mirrored_rotations(matrices)), matrices)
    torch.testing.assert_close(mirrored_keypoints(mirrored_keypoints(keypoints)), keypoints)
    assert not torch.equal(mirrored_pose(pose), pose)


def test_left_and_right_are_exchanged_and_the_middle_stays() -> None:
    assert SMPL_JOINTS[MIRRORED_JOINTS[SMPL_JOINTS.index("left_knee")]] == "right_knee"
    assert SMPL_JOINTS[MIRRORED_JOINTS[SMPL_JOINTS.index("spine2")]] == "spine2"
    pairs = {(COCO18[i], COCO18[j]) for i, j in enumerate(MIRRORED_KEYPOINTS)}
    assert {("nose", "nose"), ("reye", "leye"), ("left_ankle", "right_ankle")} <= pairs


def test_the_mirrored_body_has_mirrored_joints() -> None:
    joints_of = load_body_model("open").select(SMPL_JOINTS)
    pose, betas = poses(), torch.zeros(6, 10)
    reflected = joints_of(pose, betas)[:, list(MIRRORED_JOINTS)] * torch.tensor([-1.0, 1.0, 1.0])
    found = joints_of(mirrored_pose(pose), betas)
    torch.testing.assert_close(found, reflected, atol=TOLERANCE, rtol=0)


def test_matrices_are_mirrored_as_their_vectors() -> None:
    pose = poses()
    matrices = rotation_matrix(pose.unflatten(1, (24, 3)))
    mirrored = rotation_matrix(mirrored_pose(pose).unflatten(1, (24, 3)))
    torch.testing.assert_close(mirrored_rotations(matrices), mirrored)


def test_the_mirrored_body_is_seen_at_mirrored_keypoints() -> None:
    joints_of, visibility = load_body_model("open").select(COCO18), torch.ones(6, 18)
    pose, betas = poses(), torch.zeros(6, 10)

    def seen(pose: torch.Tensor) -> torch.Tensor:
        return normalize_keypoints(PinholeCamera().project(joints_of(pose, betas)), visibility)

    torch.testing.assert_close(
        seen(mirrored_pose(pose)), mirrored_keypoints(seen(pose)), atol=TOLERANCE, rtol=0
    )
