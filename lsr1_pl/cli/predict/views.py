"""``lsr1 predict`` for the same people in several calibrated views."""

from __future__ import annotations

import time
from argparse import Namespace

import numpy as np
import torch

from lsr1_pl.body import BodyModel
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.cli.predict.fitted import BodyName
from lsr1_pl.cli.predict.space import refuse, space_fitter, unit_and_note
from lsr1_pl.cli.predict.space_files import write_space
from lsr1_pl.cli.predict.space_fitted import SpaceFitted
from lsr1_pl.data.detections.joints3d.sets import POINT_SETS, BodyPoint, PointSet
from lsr1_pl.data.detections.several_views import SeveralViews, read_views
from lsr1_pl.ground.console import plain
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr.fitting import shown_points
from lsr1_pl.hmr.fitting.points import POINTS
from lsr1_pl.hmr.fitting.prediction import FITTED, POOR
from lsr1_pl.hmr.fitting3d import (
    PointSkeleton,
    Rig,
    Triangulated,
    check_sides,
    fit_views,
    joined,
    mean_error,
    space_status,
    triangulated,
)

_ONE_VIEW_ONLY = ("intrinsics", "image_size", "sequence", "track", "smooth", "once", "scale")
_LEAST_FIXED = 0.3
"""The share of keypoints seen twice that must be somewhere in space, of all people together."""


def run_views(options: Namespace, body: BodyModel, model: BodyName) -> None:
    """Fit ``body`` to the views that the options name, and write the results.

    Raises:
        UserError: bad arguments or input, or cameras that do not agree.
    """
    refuse(options, _ONE_VIEW_ONLY, "several views")
    where = str(options.input)
    read = read_views(options.input, options.cameras, options.joints, options.least_confidence)
    for note in read.notes:
        print(f"Note: {plain(note)}", flush=True)
    pixels, weights = torch.from_numpy(read.keypoints), torch.from_numpy(read.confidence)
    points = _points(read)
    skeleton = PointSkeleton(body, points.mixtures)
    rig = Rig(
        torch.tensor([each.camera.intrinsics for each in read.cameras], dtype=torch.float64),
        torch.from_numpy(np.stack([each.rotation for each in read.cameras])),
        torch.from_numpy(np.stack([each.translation for each in read.cameras])),
    )
    start = triangulated(pixels, weights, rig)
    _check_agreement(start, weights, where)
    unit, notes = unit_and_note(skeleton, start.points, start.sure, where)
    joints = start.points / unit
    start, rig = start._replace(points=joints), rig._replace(translation=rig.translation / unit)
    fitter = space_fitter(options)
    foreign = f"the cameras of {options.cameras or options.input} do not belong to the views"
    outvoted = start.outvoted(weights)
    if not bool(outvoted.all()):
        check_sides(
            fitter,
            skeleton,
            joints[~outvoted],
            start.sure[~outvoted],
            where,
            free_scale=False,
            foremost=f"Perhaps {foreign}: see that none are exchanged, and that R and t are those "
            "of x = R X + t. ",
        )
    begun = time.perf_counter()
    size = options.batch_size
    parts = zip(pixels.split(size), *(each.split(size) for each in start), strict=True)
    fits = joined(
        [fit_views(fitter, skeleton, here, rig, Triangulated(*rest)) for here, *rest in parts]
    )
    seconds = time.perf_counter() - begun
    projected = rig.project(fits.points)
    # A residual in the image, at the distance of the person: metres.
    depth = rig.seen(fits.points)[..., 2] / rig.intrinsics[:, :1]
    off = (projected - pixels).norm(dim=3) * depth
    error = mean_error(off.flatten(1).float(), start.weights.flatten(1).float())
    sound = torch.stack([field.flatten(1).isfinite().all(dim=1) for field in fits[:3]]).all(dim=0)
    status = space_status(error, (start.sure > 0).sum(dim=1), sound)
    status = torch.where((status == FITTED) & outvoted, POOR, status)
    more = _disagreeing(start, weights, off, [each.name for each in read.cameras])
    if bool(outvoted.any()):
        more.append(
            f"Of {int(outvoted.sum())} of {len(outvoted)} people no more cameras agree than "
            f"disagree, so nothing tells which are right. These fits are poor. Perhaps {foreign}."
        )
    elif float((status == POOR).double().mean()) > 0.5:
        more.append(f"More than half of the fits are poor. Perhaps {foreign}.")
    for note in more:
        print(f"Note: {plain(note)}", flush=True)
    fitted = SpaceFitted(
        options.input,
        body,
        model,
        fits,
        error,
        status,
        joints.numpy(),
        start.sure.numpy(),
        points,
        read.frame,
        read.moment,
        read.person,
        (*read.notes, *notes, *more),
        _arrays(read, rig, start, projected),
        tuple(each.name for each in read.cameras),
    )
    write_space(fitted, options, seconds)


def _points(read: SeveralViews) -> PointSet:
    """The points of the body that the detector's 18 keypoints are."""
    family = read.points
    if not family:
        flat = read.keypoints.reshape(-1, 18, 2)
        family = shown_points(flat, read.confidence.reshape(-1, 18) > 0)
    mixtures = [POINTS[family].get(name, {name: 1.0}) for name in COCO18]
    return PointSet("coco18", POINT_SETS["coco18"].names, tuple(map(BodyPoint, mixtures)))


def _check_agreement(start: Triangulated, weights: torch.Tensor, where: str) -> None:
    twice = (weights > 0).sum(dim=1) > 1
    if not bool(twice.any()):
        raise UserError(
            f"{where}: no keypoint is seen in two views; expected the same people in all"
        )
    share = float((start.sure[twice] > 0).double().mean())
    if share < _LEAST_FIXED:
        raise UserError(
            f"{where}: the views agree on {share:.0%} of the keypoints. Either they are not of the "
            "same people and moments, or u and v are exchanged, or the cameras do not belong to "
            "them: x = R X + t must take points of space to the camera's axes, x to the right, y "
            "down, z forward"
        )


def _disagreeing(
    start: Triangulated, weights: torch.Tensor, off: torch.Tensor, names: list[str]
) -> list[str]:
    """A sentence on the cameras that were left out for some people, if there are any.

    Args:
        start: what agreed.
        weights: (n, V, P), 0 is not seen.
        off: (n, V, P) metres from the fits.
        names: of the V cameras.
    """
    left_out = start.dissenting(weights)
    told = []
    for view, name in enumerate(names):
        who = left_out[:, view]
        if bool(who.any()):
            middle = float(off[who, view][weights[who, view] > 0].nanmedian())
            told.append(f"{name} for {int(who.sum())} ({middle:.2f} m off)")
    if not told:
        return []
    return [
        f"Cameras that disagree with the others do not count: {', '.join(told)} of "
        f"{len(weights)} people."
    ]


def _arrays(
    read: SeveralViews, rig: Rig, start: Triangulated, projected: torch.Tensor
) -> dict[str, object]:
    seen = read.confidence[..., None] > 0
    return {
        "keypoints": np.where(seen, read.keypoints, np.nan),
        "keypoint_confidence": read.confidence,
        "used": start.weights.numpy() > 0,
        "projected": projected.numpy(),
        "cameras": np.asarray([each.name for each in read.cameras]),
        "intrinsics": rig.intrinsics.numpy(),
        "rotation": rig.rotation.numpy(),
        "camera_translation": rig.translation.numpy(),
    }
