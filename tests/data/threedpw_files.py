"""3DPW's sequence files in their own format, filled with the open body and real motion."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from amass_files import clip
from scipy.spatial.transform import Rotation

from lsr1_pl.body import load_body_model

INTRINSICS = np.array([[1961.9, 0, 540.0], [0, 1969.2, 960.0], [0, 0, 1]])


def sequence(people: int = 2, **changes: Any) -> dict[str, Any]:
    """A sequence as 3DPW stores it: world coordinates, a camera that turns, lists by person."""
    body = load_body_model("open", dtype=torch.float64)
    motion = clip()
    count = len(motion)
    cameras = np.tile(np.eye(4), (count, 1, 1))
    turn = Rotation.from_euler("yx", np.stack([np.linspace(0, 1, count), np.full(count, 0.3)], 1))
    # y down and z forward, as 3DPW's cameras see a world whose y is up.
    cameras[:, :3, :3] = np.diag([1.0, -1.0, -1.0]) @ turn.as_matrix()
    cameras[:, :3, 3] = [0.1, -0.2, 4.0]
    content: dict[str, Any] = {
        key: [] for key in ("poses", "trans", "betas", "poses2d", "jointPositions")
    }
    for person in range(people):
        poses = np.roll(motion, person, axis=0)
        betas = np.linspace(-1, 1, 10) * (person + 1)
        with torch.no_grad():
            joints = body.joints(
                torch.from_numpy(poses), torch.from_numpy(betas).expand(count, 10)
            )[:, :24].numpy()
        world = joints + np.array([person, 0.0, 0.0])
        seen = np.einsum("nij,nkj->nki", cameras[:, :3, :3], world) + cameras[:, None, :3, 3]
        image = np.einsum("ij,nkj->nki", INTRINSICS, seen)
        # Of the first 18 joints, so that geometry can be checked; a detector names others.
        detected = np.ones((count, 3, 18))
        detected[:, :2] = (image[:, :18, :2] / image[:, :18, 2:]).transpose(0, 2, 1)
        detected[3] = 0
        detected[4, :, 7] = [9000.0, 100.0, 0.4]
        content["poses"].append(poses)
        content["betas"].append(np.r_[betas, np.zeros(290)])
        content["trans"].append(np.tile([float(person), 0, 0], (count, 1)))
        content["poses2d"].append(detected)
        content["jointPositions"].append(world.reshape(count, 72))
    valid = np.ones(count, np.int64)
    valid[5:7] = 0
    return {
        **content,
        "campose_valid": [valid] * people,
        "genders": ["m", "f"][:people],
        "cam_poses": cameras,
        "cam_intrinsics": INTRINSICS,
        "img_frame_ids": np.arange(count) * 2,
        "sequence": "downtown_walking_00",
        **changes,
    }
