"""The page of ``lsr1 predict``: which frames, photos and meshes it holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lsr1_pl.cli.predict.fitted import FittedInput
from lsr1_pl.cli.predict.statuses import fits_in_words, status_counts
from lsr1_pl.data import Detections
from lsr1_pl.hmr.fitting.prediction import DIVERGED, TOO_FEW_KEYPOINTS
from lsr1_pl.report import (
    FitPage,
    FittedPeople,
    FrameList,
    Picture,
    Status,
    write_fit_page,
)

Floats = NDArray[np.float64]

MOST_FITS, MOST_PHOTOS, MOST_MESHES = 20_000, 300, 12
"""What a page holds at most: 8 MB of fits, 30 MB of photos, and 1 MB of meshes."""

STATUSES = (
    Status("fitted", "#2f9e57"),
    Status("diverged: the best finite state is kept", "#a21caf"),
    Status("too few keypoints to trust", "#6b7280"),
    Status("poor: the body is far from the keypoints", "#d97706"),
    Status("in doubt: it faces another way than in the frames around", "#db2777"),
)
"""The statuses of fits in their order."""

_MARGIN = 0.15
_OUTLIERS = 0.005


def write_page(path: Path, fitted: FittedInput, note: str, fps: float) -> None:
    """The player of all frames, or of so many, spread evenly, that it opens fast.

    Args:
        path: of the HTML.
        fitted: what is shown.
        note: the end of its summary.
        fps: of the frames' numbers, for the pace.
    """
    prediction = fitted.fits.prediction
    count = len(prediction.status)
    rows, frame = shown_fits(fitted.detections.frame)
    frames = _frames(fitted.detections, rows, frame)
    picture = _image(fitted, rows, frame, frames)
    counts = fits_in_words(fitted.detections.person, fitted.detections.frame)
    summary = [f"{counts}: {status_counts(prediction.status, 'keypoints')}."]
    if len(rows) < count:
        summary.append(f"Shown are {len(rows)} of the fits, in frames spread evenly.")
    with_photo = {fitted.detections.frame[row] for row in rows} & set(fitted.detections.photos)
    if len(picture.photos) < len(with_photo):
        summary.append(
            f"Photos of {len(picture.photos)} frames are in the page, spread evenly, of "
            f"{len(with_photo)}."
        )
    summary += ["All fits are in predictions.npz beside this page.", note]
    page = FitPage(
        f"Bodies fitted to {fitted.source.name}",
        " ".join(summary).strip(),
        STATUSES,
        frames,
        _people(fitted, rows, frame),
        [picture],
        fitted.body.faces.numpy(),
        fitted.detections.sequence,
        fps,
    )
    write_fit_page(path, page)


def shown_fits(names: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The fits that are shown in the order of frames, and the place of each one's frame.

    Args:
        names: of the frames of all fits.
    """
    places: dict[str, int] = {}
    frame = np.array([places.setdefault(name, len(places)) for name in names])
    kept = spread(len(places), round(len(places) * min(1.0, MOST_FITS / len(frame))))
    rows = np.flatnonzero(np.isin(frame, kept))
    rows = rows[np.argsort(frame[rows], kind="stable")]
    return rows, np.searchsorted(kept, frame[rows])


def spread(count: int, most: int) -> NDArray[np.int64]:
    """At most ``most`` of the numbers below ``count``, spread evenly; one at least."""
    wanted = np.linspace(0, count - 1, min(count, max(most, 1)))
    return np.unique(wanted.round().astype(np.int64))


def _frames(detections: Detections, rows: NDArray[np.int64], frame: NDArray[np.int64]) -> FrameList:
    first = rows[np.searchsorted(frame, np.arange(frame[-1] + 1))]
    names = [detections.frame[row] for row in first]
    return FrameList(names, detections.moment[first], detections.clip[first])


def _image(
    fitted: FittedInput, rows: NDArray[np.int64], frame: NDArray[np.int64], frames: FrameList
) -> Picture:
    detections = fitted.detections
    keypoints = _as_photographed(fitted, detections.keypoints[rows])
    points = np.where(fitted.seen[rows][:, :, None], keypoints, np.nan)
    projected = _as_photographed(fitted, fitted.fits.projected[rows].double().numpy())
    # Limbs that were not seen are shown, too, if the fit can be trusted.
    status = fitted.fits.prediction.status[rows].numpy()
    trusted = ~np.isin(status, (DIVERGED, TOO_FEW_KEYPOINTS))
    shown = np.concatenate([points, np.where(trusted[:, None, None], projected, np.nan)], axis=1)
    keys = frames.clip if detections.sequence else np.arange(len(frames.names))
    with_photo = [place for place, name in enumerate(frames.names) if name in detections.photos]
    chosen = [with_photo[k] for k in spread(len(with_photo), MOST_PHOTOS)] if with_photo else []
    return Picture(
        "the camera",
        squares(shown, keys[frame], keys),
        points,
        projected,
        {place: detections.photos[frames.names[place]] for place in chosen},
    )


def _as_photographed(fitted: FittedInput, points: Floats) -> Floats:
    """Pixels with the lens's distortion, if the camera is known and has one."""
    return points if fitted.camera is None else fitted.camera.distorted(points)


def squares(points: Floats, group: NDArray[np.int64], groups: NDArray[np.int64]) -> Floats:
    """(F, 4) of F frames: left, top, right and bottom of one square for all frames of a group.

    Args:
        points: (n, J, 2) pixels; what is not finite does not count.
        group: (n,) each one's.
        groups: (F,) each frame's.
    """
    square = {number: _square(points[group == number]) for number in np.unique(groups).tolist()}
    return np.array([square[number] for number in groups.tolist()])


def _square(points: Floats) -> tuple[float, float, float, float]:
    """A square around nearly all of the points (n, J, 2) that are finite."""
    known = points[np.isfinite(points).all(axis=2)]
    if len(known) == 0:
        return (0.0, 0.0, 1.0, 1.0)
    few = len(known) < 1 / _OUTLIERS
    low, high = np.quantile(known, (0.0, 1.0) if few else (_OUTLIERS, 1 - _OUTLIERS), axis=0)
    half = (0.5 + _MARGIN) * max(float((high - low).max()), 1.0)
    u, v = ((low + high) / 2).tolist()
    return (u - half, v - half, u + half, v + half)


def _people(fitted: FittedInput, rows: NDArray[np.int64], frame: NDArray[np.int64]) -> FittedPeople:
    detections, prediction = fitted.detections, fitted.fits.prediction
    some = spread(len(rows), MOST_MESHES)
    chosen = torch.from_numpy(rows[some])
    with torch.no_grad():
        meshes = fitted.body.vertices(prediction.pose[chosen], prediction.betas[chosen])
    return FittedPeople(
        frame,
        detections.person[rows],
        prediction.status[rows].numpy(),
        prediction.exchanged[rows].numpy(),
        fitted.seen[rows],
        prediction.joints[rows].double().numpy(),
        prediction.error[rows].double().numpy(),
        prediction.error_by_step[rows].double().numpy(),
        dict(zip(some.tolist(), meshes.double().numpy(), strict=True)),
    )
