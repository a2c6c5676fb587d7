"""Where was the camera? Rotation and translation from 20 known points and their pixels."""

from __future__ import annotations

import torch

import lsr1_pl
from lsr1_pl.body.rotations import rotation_matrix

generator = torch.Generator().manual_seed(0)
points = torch.randn(20, 3, generator=generator, dtype=torch.float64)
true_pose = {
    "rotation": torch.tensor([0.3, -0.5, 0.2], dtype=torch.float64),
    "translation": torch.tensor([0.2, -0.1, 6.0], dtype=torch.float64),
}


def pixels(pose: dict[str, torch.Tensor]) -> torch.Tensor:
    """(20, 2) of a camera with a focal length of 1,000 pixels."""
    seen = points @ rotation_matrix(pose["rotation"]).T + pose["translation"]
    return 1000 * seen[:, :2] / seen[:, 2:]


observed = pixels(true_pose) + torch.randn(20, 2, generator=generator, dtype=torch.float64)


def objective(pose: dict[str, torch.Tensor]) -> torch.Tensor:
    """Mean squared distance in pixels; a nest of tensors is one problem."""
    return (pixels(pose) - observed).square().sum(dim=1).mean()


start = {
    "rotation": torch.zeros(3, dtype=torch.float64),
    "translation": torch.tensor([0.0, 0.0, 4.0], dtype=torch.float64),
}
found = lsr1_pl.minimize(objective, start, steps=100)

print(f"reprojection {float(found.values[0]) ** 0.5:.0f} -> {float(found.value) ** 0.5:.2f} pixels")
for name, value in found.x.items():
    print(f"{name}: off by {float((value - true_pose[name]).norm()):.4f}")
print(f"{found.status.value} after {int(found.steps)} steps")
