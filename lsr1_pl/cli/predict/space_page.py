"""The page of ``lsr1 predict`` for people in space: the player, with space from the front."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lsr1_pl.body.rotations import rotation_matrix
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.cli.predict import page
from lsr1_pl.cli.predict.space_fitted import SpaceFitted, turned
from lsr1_pl.cli.predict.statuses import fits_in_words, status_counts
from lsr1_pl.report import (
    ErrorUnit,
    FitPage,
    FittedPeople,
    FrameList,
    Picture,
    Status,
    write_fit_page,
)

Floats = NDArray[np.float64]

_STATUSES = tuple(
    Status(each.name.replace("keypoints", "joints"), each.colour) for each in page.STATUSES[:4]
)
_MILLIMETRES = 1000.0


def write_space_page(
    path: Path, fitted: SpaceFitted, upright: Tensor, notes: Sequence[str], fps: float
) -> None:
    """The player of all people in space, or of so many, spread evenly, that it opens fast.

    Space is seen from the front of most people; cameras show their own images, too.

    Args:
        path: of the HTML.
        fitted: what is shown.
        upright: (3, 3) the rotation that makes people stand along y.
        notes: the end of its summary.
        fps: of the frames' numbers, for the pace.
    """
    order = np.lexsort((fitted.person, fitted.moment))
    names = [fitted.frame[row] for row in order]
    places, frame = page.shown_fits(names)
    rows = order[places]
    first = rows[np.searchsorted(frame, np.arange(frame[-1] + 1))]
    moment = fitted.moment[first]
    frames = FrameList([fitted.frame[row] for row in first], moment, np.zeros_like(moment))
    counts = fits_in_words(fitted.person, fitted.frame)
    summary = [f"{counts}: {status_counts(fitted.status, 'joints')}."]
    if len(rows) < len(order):
        summary.append(f"Shown are {len(rows)} of the fits, in frames spread evenly.")
    summary += ["All fits are in predictions.npz beside this page.", *notes]
    people, front = _people(fitted, rows, frame, upright)
    write_fit_page(
        path,
        FitPage(
            f"Bodies fitted to {fitted.source.name}",
            " ".join(summary),
            _STATUSES,
            frames,
            people,
            [front, *_cameras(fitted, rows, frame, len(first))],
            fitted.body.faces.numpy(),
            fps=fps,
            points="joints",
            unit=ErrorUnit("mm", 0),
        ),
    )


def _people(
    fitted: SpaceFitted, rows: NDArray[np.int64], frame: NDArray[np.int64], upright: Tensor
) -> tuple[FittedPeople, Picture]:
    """The people in axes in which they stand upright and most face the viewer."""
    chosen = torch.from_numpy(rows)
    pose, betas = fitted.fits.pose[chosen], fitted.fits.betas[chosen]
    trusted = fitted.trusted[rows]
    turn = _to_the_front(turned(upright, pose)[trusted]) @ upright
    pose = turned(turn, pose)
    with torch.no_grad():
        pelvis = fitted.body.rest_joints(betas)[:, :1].double()
        joints = fitted.body.select(COCO18)(pose, betas).double()
        some = page.spread(len(rows), page.MOST_MESHES)
        meshes = fitted.body.vertices(pose[some], betas[some]).double()
    # A body's root turns about its pelvis, so the pelvis has the same place in both axes.
    scale = fitted.fits.scale[chosen].double().view(-1, 1, 1)
    away = fitted.fits.translation[chosen].double().unsqueeze(1) / scale
    given = torch.from_numpy(fitted.joints[rows]).double() / scale - away - pelvis
    there = torch.from_numpy(fitted.confidence[rows] > 0).unsqueeze(2)
    given = torch.where(there, given @ turn.double().T + pelvis, torch.nan)
    # Of a free scale each person has a place of their own.
    place = (pelvis + away) @ turn.double().T - pelvis
    shown = [_seen_from_the_front(points + place) for points in (given, joints)]
    together = np.zeros(int(frame[-1]) + 1, np.int64)
    dots, bones = shown
    square = page.squares(np.concatenate(shown, axis=1), together[frame], together)
    people = FittedPeople(
        frame,
        fitted.person[rows],
        fitted.status[chosen].numpy(),
        np.zeros(len(rows), np.bool_),
        np.ones((len(rows), len(COCO18)), np.bool_),
        joints.numpy(),
        _MILLIMETRES * fitted.error[chosen].double().numpy(),
        np.zeros((len(rows), 0)),
        dict(zip(some.tolist(), meshes.numpy(), strict=True)),
        given.numpy(),
    )
    return people, Picture("space from the front", square, dots, bones)


def _seen_from_the_front(points: Tensor) -> Floats:
    """(n, P, 3) metres, y up -> (n, P, 2) as an image of a pixel a millimetre."""
    flat: Floats = (_MILLIMETRES * points[..., :2] * points.new_tensor([1.0, -1.0])).numpy()
    return flat


def _to_the_front(pose: Tensor) -> Tensor:
    """(3, 3) the turn about y after which poses (n, 72), y up, face z on average."""
    forward = rotation_matrix(pose[:, :3])[:, :, 2].sum(dim=0)
    angle = torch.atan2(forward[0], forward[2])
    return rotation_matrix(torch.stack([angle.new_zeros(()), -angle, angle.new_zeros(())]))


def _cameras(
    fitted: SpaceFitted, rows: NDArray[np.int64], frame: NDArray[np.int64], frames: int
) -> list[Picture]:
    group = np.zeros(frames, np.int64)
    pictures = []
    for view, name in enumerate(fitted.views):
        keypoints = fitted.arrays["keypoints"][rows, view]
        square = page.squares(keypoints, group[frame], group)
        projected = fitted.arrays["projected"][rows, view]
        pictures.append(Picture(f"camera {name}", square, keypoints, projected))
    return pictures
