"""Files as LGD's preprocessing writes them, filled with the open clips and look-alikes of 3DPW."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from amass_files import clip
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation


def amass(**changes: Any) -> dict[str, Any]:
    """Rows of three recordings by two people, one after the other, in the order a, b, a."""
    poses = np.concatenate([clip("walk"), clip("kick"), clip("walk")[:7]]).astype(np.float32)
    lengths = len(clip("walk")), len(clip("kick")), 7
    shapes = [np.linspace(-1, 1, 10), np.linspace(-2, 2, 10), np.linspace(-1, 1, 10)]
    betas = np.concatenate([np.tile(s, (n, 1)) for s, n in zip(shapes, lengths, strict=True)])
    content = {"smpl_pose": poses, "smpl_shape": betas.astype(np.float32)}
    return {key: value for key, value in {**content, **changes}.items() if value is not None}


def threedpw(sequences: dict[str, dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """What is made of 3DPW's sequences, by name: their valid frames, in the camera's frame."""
    rows: list[dict[str, NDArray[Any]]] = []
    for name, content in sequences.items():
        for person, valid in enumerate(content["campose_valid"]):
            kept = np.flatnonzero(valid)
            poses = content["poses"][person][kept].copy()
            camera = Rotation.from_matrix(content["cam_poses"][kept, :3, :3])
            poses[:, :3] = (camera * Rotation.from_rotvec(poses[:, :3])).as_rotvec()
            rows.append(
                {
                    "imgnames": np.array([f"imageFiles/{name}/image_{k:05}.jpg" for k in kept]),
                    "genders": np.array([content["genders"][person]] * len(kept)),
                    "smpl_pose": poses.astype(np.float32),
                    "smpl_shape": np.tile(content["betas"][person][:10], (len(kept), 1)).astype(
                        np.float32
                    ),
                    "poses2d": content["poses2d"][person][kept]
                    .transpose(0, 2, 1)
                    .astype(np.float32),
                    "poses3d": content["jointPositions"][person][kept]
                    .reshape(-1, 24, 3)
                    .astype(np.float32),
                }
            )
    whole = {key: np.concatenate([part[key] for part in rows]) for key in rows[0]}
    return {key: value for key, value in {**whole, **changes}.items() if value is not None}


def write_npz(path: Path, content: dict[str, Any]) -> Path:
    np.savez(path, **content)
    return path
