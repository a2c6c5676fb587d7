"""Smoothing over time: what must stay, what must go, and who must not mix."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lsr1_pl.body import load_body_model
from lsr1_pl.body.rotations import axis_angle, rotation_matrix
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.hmr import Fits, Prediction, smooth_fits

JOINTS_OF = load_body_model().select(COCO18)


def fits_of(pose: Tensor, betas: Tensor, translation: Tensor) -> Fits:
    count = len(pose)
    joints = JOINTS_OF(pose, betas)
    status = torch.zeros(count, dtype=torch.int64)
    error, exchanged = torch.rand(count), torch.zeros(count, dtype=torch.bool)
    prediction = Prediction(
        pose, betas, joints, torch.rand(count, 3), status, error, error, exchanged
    )
    return Fits(prediction, torch.tensor([1000.0, 1000, 500, 400]).expand(count, 4), translation)


def moving(frames: int) -> Tensor:
    """(T, 72): every joint turns about an axis of its own at a constant rate."""
    axes = torch.nn.functional.normalize(
        torch.randn(24, 3, generator=torch.Generator().manual_seed(0)), dim=1
    )
    return (0.03 * torch.arange(frames)[:, None, None] * axes).reshape(frames, 72)


def smooth(
    fits: Fits,
    confidence: Tensor | None = None,
    person: list[int] | None = None,
    moment: list[int] | None = None,
) -> Fits:
    count = len(fits.translation)
    return smooth_fits(
        fits,
        np.asarray(person or [0] * count),
        np.asarray(moment or range(count)),
        torch.ones(count, 18) if confidence is None else confidence,
        2.0,
        JOINTS_OF,
    )


def matrices(fits: Fits) -> Tensor:
    return rotation_matrix(fits.prediction.pose.reshape(-1, 24, 3))


def test_steady_motion_stays() -> None:
    frames = 41
    track = torch.stack(
        [0.1 * torch.arange(frames), torch.zeros(frames), torch.full((frames,), 4.0)]
    )
    fits = fits_of(moving(frames), torch.ones(frames, 10), track.T)
    result = smooth(fits)
    inner = slice(10, -10)
    torch.testing.assert_close(matrices(result)[inner], matrices(fits)[inner], atol=1e-4, rtol=0)
    torch.testing.assert_close(result.translation[inner], fits.translation[inner])
    torch.testing.assert_close(result.intrinsics, fits.intrinsics)
    torch.testing.assert_close(result.prediction.betas, fits.prediction.betas)
    joints = JOINTS_OF(result.prediction.pose, result.prediction.betas)
    torch.testing.assert_close(result.prediction.joints, joints)
    assert result.prediction.error_by_step is fits.prediction.error_by_step


def test_the_mean_rotation_turns_with_the_body() -> None:
    generator = torch.Generator().manual_seed(1)
    pose = torch.randn(15, 72, generator=generator)
    turn = rotation_matrix(torch.tensor([2.0, -1.0, 1.5]))
    turned = torch.cat([axis_angle(turn @ rotation_matrix(pose[:, :3])), pose[:, 3:]], dim=1)
    zero = torch.zeros(15, 10), torch.zeros(15, 3)
    plain, other = (matrices(smooth(fits_of(each, *zero))) for each in (pose, turned))
    torch.testing.assert_close(other[:, 0], turn @ plain[:, 0], atol=1e-4, rtol=0)
    eye = torch.eye(3).expand(15, 24, 3, 3)
    torch.testing.assert_close(plain @ plain.mT, eye, atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(plain), torch.ones(15, 24))


def test_a_poor_frame_takes_from_its_neighbours() -> None:
    frames = 21
    pose = 0.1 * moving(frames)
    spoilt = pose.clone()
    spoilt[10] = 2.0
    confidence = torch.ones(frames, 18)
    confidence[10, 1:] = 0
    fits = fits_of(spoilt, torch.zeros(frames, 10), torch.zeros(frames, 3))
    true = rotation_matrix(pose.reshape(-1, 24, 3))
    poor = (matrices(smooth(fits, confidence)) - true)[10].norm(dim=(1, 2)).mean()
    equal = (matrices(smooth(fits)) - true)[10].norm(dim=(1, 2)).mean()
    assert float(poor) < 0.1 * float(equal)
    fits.prediction.status[10] = 2
    unsound = (matrices(smooth(fits)) - true)[10].norm(dim=(1, 2)).mean()
    assert float(unsound) < 0.2 * float(equal)


def test_people_do_not_mix_and_absence_is_bridged() -> None:
    frames = 12
    pose = moving(frames)
    betas = torch.randn(frames, 10, generator=torch.Generator().manual_seed(3))
    alone = smooth(fits_of(pose, betas, torch.zeros(frames, 3)))
    both = smooth(
        fits_of(torch.cat([pose, -pose]), torch.cat([betas, 3 * betas]), torch.zeros(24, 3)),
        person=[5] * frames + [2] * frames,
        moment=[*range(frames), *range(100, 100 + frames)],
    )
    for field in ("pose", "betas"):
        one, first = getattr(alone.prediction, field), getattr(both.prediction, field)[:frames]
        torch.testing.assert_close(one, first, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(alone.prediction.betas, betas.mean(dim=0).expand(frames, 10))
    # Steady motion stays steady over a gap that is narrow beside the width.
    kept = [k for k in range(41) if k not in (20, 21)]
    fits = fits_of(moving(41)[kept], torch.zeros(39, 10), torch.zeros(39, 3))
    result = smooth(fits, moment=kept)
    assert float((matrices(result) - matrices(fits))[10:-10].abs().max()) < 0.05
    # A frame without a neighbour in reach stays as it was.
    far = smooth(fits_of(pose[:3], betas[:3], torch.zeros(3, 3)), moment=[0, 500, 1000])
    torch.testing.assert_close(far.prediction.pose, pose[:3], atol=1e-5, rtol=1e-5)
