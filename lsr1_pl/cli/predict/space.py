"""``lsr1 predict`` for joints in space: bodies in the joints' axes."""

from __future__ import annotations

import time
from argparse import Namespace

import torch

from lsr1_pl.body import BodyModel
from lsr1_pl.cli.predict.fitted import BodyName
from lsr1_pl.cli.predict.space_files import write_space
from lsr1_pl.cli.predict.space_fitted import SpaceFitted
from lsr1_pl.data.detections.joints3d.reading import read_joints3d
from lsr1_pl.ground.console import plain
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr.fitting3d import (
    UNITS,
    JointFitter,
    PointSkeleton,
    check_sides,
    distances,
    doubt_of_unit,
    joined,
    mean_error,
    space_status,
    unit_of,
)

_IMAGES_ONLY = ("intrinsics", "image_size", "sequence", "track", "smooth", "once")


def run_joints3d(options: Namespace, body: BodyModel, model: BodyName) -> None:
    """Fit ``body`` to the joints in space that the options name, and write the results.

    Raises:
        UserError: bad arguments or input.
    """
    refuse(options, _IMAGES_ONLY, "joints in space")
    where, free = str(options.input), options.scale == "free"
    read = read_joints3d(options.input, options.joints, options.least_confidence)
    skeleton = PointSkeleton(body, read.points.mixtures)
    trust = torch.tensor([point.weight for point in read.points.points])
    weights = torch.from_numpy(read.confidence).float() * trust
    joints = torch.from_numpy(read.joints)
    notes: tuple[str, ...] = ()
    if not free:
        unit, notes = unit_and_note(skeleton, joints, weights, where)
        joints = joints / unit
    fitter = space_fitter(options)
    check_sides(fitter, skeleton, joints, weights, where, free_scale=free)
    begun = time.perf_counter()
    size = options.batch_size
    parts = zip(joints.split(size), weights.split(size), strict=True)
    fits = joined([fitter.fit(skeleton, *part, free_scale=free) for part in parts])
    seconds = time.perf_counter() - begun
    error = mean_error(distances(fits, joints).float(), weights)
    sound = torch.stack([field.flatten(1).isfinite().all(dim=1) for field in fits[:3]]).all(dim=0)
    fitted = SpaceFitted(
        options.input,
        body,
        model,
        fits,
        error,
        space_status(error, (weights > 0).sum(dim=1), sound),
        joints.numpy(),
        read.confidence,
        read.points,
        read.frame,
        read.moment,
        read.person,
        notes,
    )
    write_space(fitted, options, seconds)


def unit_and_note(
    skeleton: PointSkeleton, joints: torch.Tensor, weights: torch.Tensor, where: str
) -> tuple[float, tuple[str, ...]]:
    """How many of the joints' unit are a metre; and notes, printed too, on what is not usual.

    Raises:
        UserError: people are of no size.
    """
    unit = unit_of(skeleton, joints, weights, where)
    notes = []
    if unit != "metres":
        notes.append(f"Lengths are read as {unit}, by how long limbs are. Results are in metres.")
    doubt = doubt_of_unit(skeleton, joints, weights, unit)
    if doubt is not None:
        notes.append(doubt)
    for note in notes:
        print(f"Note: {plain(note)}", flush=True)
    return UNITS[unit], tuple(notes)


def space_fitter(options: Namespace) -> JointFitter:
    """The fitter with the steps that the options name."""
    return JointFitter() if options.steps is None else JointFitter(steps=options.steps)


def refuse(options: Namespace, names: tuple[str, ...], what: str) -> None:
    """Refuse options that have no meaning for an input.

    Raises:
        UserError: one of ``names`` is given.
    """
    for name in names:
        if getattr(options, name):
            raise UserError(f"{options.input}: --{name} has no meaning for {what}; leave it out")
