"""People before a known camera, seen straight."""

from __future__ import annotations

import torch

from lsr1_pl.body import load_body_model, normalize_keypoints
from lsr1_pl.body.calibrated import camera_points, project_calibrated, turn_root
from lsr1_pl.body.rotations import rotation_matrix
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.hmr import straight_view

BODY = load_body_model()
JOINTS_OF = BODY.select(COCO18)
INTRINSICS = torch.tensor([1000.0, 1050.0, 960.0, 540.0])


def people(seed: int, count: int = 6) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Poses, betas and translations, up to 40 degrees from the optical axis."""
    generator = torch.Generator().manual_seed(seed)
    pose = 0.4 * torch.randn(count, 72, generator=generator)
    betas = torch.randn(count, 10, generator=generator)
    depth = 3 + 3 * torch.rand(count, 1, generator=generator)
    aside = depth * (2 * torch.rand(count, 2, generator=generator) - 1) * 0.6
    return pose, betas, torch.cat([aside, depth], dim=1)


def test_the_straight_view_is_the_image_of_a_turned_camera() -> None:
    pose, betas, translation = people(4)
    joints = JOINTS_OF(pose, betas)
    intrinsics = INTRINSICS.expand(len(pose), 4)
    seen = torch.ones(len(pose), 18)
    view, back = straight_view(
        project_calibrated(joints, translation, intrinsics), seen, intrinsics
    )
    turned = camera_points(joints, translation) @ back
    expected = 1000 * turned[..., :2] / turned[..., 2:]
    torch.testing.assert_close(view, expected, atol=0.05, rtol=1e-4)
    eye = torch.eye(3).expand(len(pose), 3, 3)
    torch.testing.assert_close(back @ back.mT, eye, atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(back), torch.ones(len(pose)))
    # The person stands before the middle, no bigger than perspective makes it.
    assert float(normalize_keypoints(view, seen).min()) >= 0
    assert float((view.amax(dim=1) + view.amin(dim=1)).abs().max()) < 0.35 * float(
        (view.amax(dim=1) - view.amin(dim=1)).max()
    )
    ahead = torch.zeros(2, 18, 2)
    ahead[:] = INTRINSICS[2:]
    ahead[0, 0, 0] += 100.0
    ahead[0, 1, 0] -= 100.0
    none = torch.ones(2, 18)
    none[1] = 0
    view, back = straight_view(ahead, none, INTRINSICS.expand(2, 4))
    torch.testing.assert_close(back, torch.eye(3).expand(2, 3, 3))
    assert bool(view.isfinite().all())


def test_turning_the_root_turns_the_body() -> None:
    pose, betas, _ = people(5)
    turn = rotation_matrix(torch.tensor([0.3, -0.7, 0.2])).expand(len(pose), 3, 3)
    zero = torch.zeros(len(pose), 3)
    before = camera_points(JOINTS_OF(pose, betas), zero)
    after = camera_points(JOINTS_OF(turn_root(pose, turn), betas), zero)
    shift = after - before @ turn.mT
    torch.testing.assert_close(shift, shift[:, :1].expand_as(shift), atol=1e-5, rtol=0)
