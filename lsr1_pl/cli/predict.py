"""``lsr1 predict``: detected keypoints or photos in, bodies out."""

from __future__ import annotations

import time
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from lsr1_pl.cli.parsers import MOST_ANIMATED
from lsr1_pl.cli.predict_files import (
    FittedInput,
    animated_people,
    remove_others,
    write_meshes,
    write_motion,
    write_npz,
    write_page,
)
from lsr1_pl.data import (
    check_intrinsics,
    keypoint_batches,
    read_detections,
    read_intrinsics,
)
from lsr1_pl.ground.console import plain
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.together import written_together
from lsr1_pl.hmr import (
    continuous_sides,
    fit_people,
    seeing,
    shown_points,
    smooth_fits,
    thorough,
    track_people,
)
from lsr1_pl.hmr.fitting.prediction import POOR
from lsr1_pl.report import short
from lsr1_pl.tasks import HMRTask, load_task

_FITS = "predictions.npz"


def run(options: Namespace) -> None:
    """Run ``lsr1 predict`` with the options of its parser.

    Raises:
        UserError: bad arguments, input or checkpoint.
    """
    _check(options)
    intrinsics = None if options.intrinsics is None else _intrinsics(options.intrinsics)
    detections = read_detections(options.input)
    task = load_task(options.ckpt, trust=options.trust_checkpoint)
    if not isinstance(task, HMRTask):
        raise UserError(f"--ckpt {options.ckpt}: {type(task).__name__} cannot predict")
    steps = options.steps or task.evaluate.steps
    batches = keypoint_batches(detections, options.least_confidence, options.batch_size)
    seen = torch.cat([batch.visibility for batch in batches]) > 0
    changed = torch.zeros(len(seen), dtype=torch.bool)
    if options.track:
        tracked = track_people(detections, seen.numpy())
        sides = continuous_sides(tracked, seen.numpy())
        detections, seen = sides.detections, torch.from_numpy(sides.seen)
        changed = torch.from_numpy(sides.changed)
        batches = keypoint_batches(detections, options.least_confidence, options.batch_size)
    points = detections.points or shown_points(detections.keypoints, seen.numpy())
    fitter = seeing(task.fitter, task.body, points)
    careful = fitter if options.once else thorough(fitter)
    begun = time.perf_counter()
    fits = fit_people(careful, batches, steps, intrinsics=intrinsics)
    seconds = time.perf_counter() - begun
    if options.smooth is not None:
        confidence = torch.from_numpy(detections.confidence).float().where(seen, 0.0)
        width = options.smooth * options.fps
        person, moment = detections.person, detections.moment
        fits = smooth_fits(fits, person, moment, confidence, width, fitter.body.joints_of)
    exchanged = fits.prediction.exchanged | changed
    fits = replace(fits, prediction=fits.prediction._replace(exchanged=exchanged))
    count = len(detections.frame)
    print(f"{count} people fitted in {seconds:.1f} s, {count / seconds:.0f} a second", flush=True)
    for found, what in (
        (fits.prediction.status == POOR, "have a poor fit (status 3): see the page"),
        (exchanged, "have left and right exchanged, of the body or of limbs"),
    ):
        if bool(found.any()):
            print(f"{int(found.sum())} of {count} {what}")
    _write(FittedInput(options.input, detections, seen.numpy(), fits, task), options)
    path = plain(short(options.out / _FITS))
    print(f"Fits: {path}; page: index.html beside it")


def _check(options: Namespace) -> None:
    if options.out.exists() and not options.out.is_dir():
        raise UserError(f"--out {options.out}: is a file; name a folder")
    for name, value, least in (("steps", options.steps, 1), ("batch_size", options.batch_size, 1)):
        if value is not None and value < least:
            raise UserError(f"--{name} {value}: must be {least} or more")
    for name, value in (("fps", options.fps), ("smooth", options.smooth)):
        if value is not None and not 0 < value < float("inf"):
            raise UserError(f"--{name} {value}: must be above 0, and finite")


def _intrinsics(words: list[str]) -> tuple[float, float, float, float]:
    if len(words) == 1:
        return read_intrinsics(Path(words[0]))
    if len(words) == 4:
        return check_intrinsics(words, "--intrinsics")
    raise UserError(f"--intrinsics {' '.join(words)}: expected a file, or four numbers FX FY CX CY")


def _write(fitted: FittedInput, options: Namespace) -> None:
    again = (options.out / _FITS).is_file()
    meshes = fitted.meshes() if options.vertices or options.obj else None
    people = animated_people(fitted.detections.person, options.glb)
    with written_together(options.out) as folder:
        write_npz(folder / _FITS, fitted, meshes if options.vertices else None)
        write_motion(folder, fitted, options.fps, people)
        if options.obj and meshes is not None:
            write_meshes(folder / "meshes", fitted, meshes)
        write_page(folder / "index.html", fitted, _notes(fitted, options))
        names = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    if again:
        remove_others(options.out, names)
    count = len(np.unique(fitted.detections.person))
    if options.glb is None and count > MOST_ANIMATED:
        print(
            f"GLB: of the {MOST_ANIMATED} people who are in most frames, of {count}; "
            "--glb each writes all"
        )


def _notes(fitted: FittedInput, options: Namespace) -> str:
    notes = []
    if not fitted.seen.all():
        notes.append("Dotted limbs end at a keypoint that was not seen: they are a guess.")
    if options.smooth is not None:
        notes.append(f"Smoothed over time by {options.smooth:g} s; the errors are those before it.")
    if options.intrinsics is not None:
        notes.append("The camera is the given one.")
    return " ".join(notes)
