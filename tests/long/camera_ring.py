"""Calibrated cameras around people, as a studio has them."""

from __future__ import annotations

import numpy as np
import torch

from lsr1_pl.hmr.fitting3d import Rig

FOCAL, CENTRE = 1000.0, (960.0, 540.0)


def camera_ring(count: int, distance: float = 4.0, height: float = 1.2) -> Rig:
    """Cameras in a circle that look at a place near the origin; y is up in space."""
    rotations, translations = [], []
    for number in range(count):
        angle = 2 * np.pi * number / count + 0.3
        centre = np.array([distance * np.sin(angle), height, distance * np.cos(angle)])
        forward = np.array([0.0, 0.2, 0.0]) - centre
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0.0, 1.0, 0.0])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        rotations.append(rotation)
        translations.append(-rotation @ centre)
    intrinsics = torch.tensor([[FOCAL, FOCAL, *CENTRE]] * count, dtype=torch.float64)
    return Rig(intrinsics, torch.tensor(np.stack(rotations)), torch.tensor(np.stack(translations)))
