"""``lsr1 predict``: detected keypoints or photos in, bodies out."""

from __future__ import annotations

import time
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from lsr1_pl.body import BodyModel, load_own_body
from lsr1_pl.cli.parsers import MOST_ANIMATED
from lsr1_pl.cli.predict.arrays import write_npz
from lsr1_pl.cli.predict.earlier import remove_others
from lsr1_pl.cli.predict.fitted import BodyName, FittedInput, body_name
from lsr1_pl.cli.predict.meshes import write_meshes
from lsr1_pl.cli.predict.motion import write_motion
from lsr1_pl.cli.predict.page import write_page
from lsr1_pl.cli.predict.space import run_joints3d
from lsr1_pl.cli.predict.statuses import fits_in_words, order_notes, status_lines
from lsr1_pl.cli.predict.views import run_views
from lsr1_pl.data import (
    Camera,
    Detections,
    KeypointBatch,
    check_intrinsics,
    keypoint_batches,
    read_camera,
    read_detections,
)
from lsr1_pl.data.detections.kinds import input_kind
from lsr1_pl.ground.console import plain
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.together import written_together
from lsr1_pl.hmr import (
    as_labelled,
    continuous_sides,
    fit_people,
    number_people,
    on_other_body,
    seeing,
    shown_points,
    smooth_fits,
    steady_fits,
    thorough,
)
from lsr1_pl.hmr.fitting.prediction import TOO_FEW_KEYPOINTS
from lsr1_pl.report import short
from lsr1_pl.tasks import HMRTask, load_task

_FITS = "predictions.npz"
_MOST_FPS = 100_000
_MOST_SECONDS = 10
"""The widest smoothing: more is a number of milliseconds or frames."""


def run(options: Namespace) -> None:
    """Run ``lsr1 predict`` with the options of its parser.

    Raises:
        UserError: bad arguments, input or checkpoint.
    """
    _check(options)
    kind = input_kind(options.input, options.dimensions, cameras=options.cameras is not None)
    if kind == "joints3d":
        run_joints3d(options, *_body_and_name(options, _task(options)))
        return
    if kind == "views":
        run_views(options, *_body_and_name(options, _task(options)))
        return
    if options.scale is not None:
        raise UserError(f"{options.input}: --scale is of joints in space; these are keypoints")
    camera = None if options.intrinsics is None else _camera(options.intrinsics)
    sequence = None if options.sequence is None else options.sequence == "yes"
    size = None if options.image_size is None else tuple(options.image_size)
    detections = read_detections(options.input, options.joints, size, sequence)
    _check_sequence(options, detections)
    if camera is not None:
        detections = replace(detections, keypoints=camera.undistorted(detections.keypoints))
    task = _task(options)
    fitter, (body, model) = task.fitter, _body_and_name(options, task)
    if body is not task.body:
        fitter = on_other_body(fitter, body)
    for note in detections.notes:
        print(f"Note: {plain(note)}", flush=True)
    steps = options.steps or task.evaluate.steps
    batches = keypoint_batches(detections, options.least_confidence, options.batch_size)
    weights = torch.cat([batch.visibility for batch in batches])
    detections = number_people(detections, (weights > 0).numpy(), anew=options.track)
    changed = torch.zeros(len(weights), dtype=torch.bool)
    if options.track:
        sides = continuous_sides(detections, (weights > 0).numpy())
        detections, changed = sides.detections, torch.from_numpy(sides.changed)
        batches = keypoint_batches(detections, options.least_confidence, options.batch_size)
        weights = torch.cat([batch.visibility for batch in batches])
    seen = (weights > 0).numpy()
    points = detections.points or shown_points(detections.keypoints, seen)
    fitter = seeing(fitter, body, points)
    careful = fitter if options.once else thorough(fitter)
    begun = time.perf_counter()
    intrinsics = None if camera is None else camera.intrinsics
    fits = fit_people(careful, batches, steps, intrinsics=intrinsics)
    if options.track:
        labelled = fitter if options.once else as_labelled(fitter)
        steady = steady_fits(
            fits,
            KeypointBatch(*(torch.cat(part) for part in zip(*batches, strict=True))),
            detections.person,
            detections.moment,
            lambda some: fit_people(
                labelled, _batches(some, options.batch_size), steps, intrinsics=intrinsics
            ),
        )
        fits, turned = steady.fits, int(steady.changed.sum())
        if turned:
            print(f"{turned} of {len(weights)} faced another way than in the frames around: mended")
    seconds = time.perf_counter() - begun
    if options.smooth is not None:
        width = options.smooth * options.fps
        person, moment = detections.person, detections.moment
        fits = smooth_fits(fits, person, moment, weights, width, fitter.body.joints_of)
    status = fits.prediction.status
    # Of too few keypoints nobody can tell left from right.
    exchanged = (fits.prediction.exchanged | changed) & (status != TOO_FEW_KEYPOINTS)
    fits = replace(fits, prediction=fits.prediction._replace(exchanged=exchanged))
    count = len(detections.frame)
    counts = fits_in_words(detections.person, detections.frame)
    print(f"{counts}: {seconds:.1f} s, {count / seconds:.1f} a second", flush=True)
    for line in status_lines(status, "keypoints"):
        print(line)
    for note in order_notes(status):
        print(f"Note: {note}")
    if bool(exchanged.any()):
        many = int(exchanged.sum())
        print(f"{many} of {count} have left and right exchanged, of the body or of limbs")
    _write(FittedInput(options.input, detections, seen, fits, body, model, camera), options)
    path = plain(short(options.out / _FITS))
    print(f"Fits: {path}; page: index.html beside it")


def _batches(people: KeypointBatch, size: int) -> list[KeypointBatch]:
    parts = zip(people.keypoints.split(size), people.visibility.split(size), strict=True)
    return [KeypointBatch(*part) for part in parts]


def _task(options: Namespace) -> HMRTask:
    task = load_task(options.ckpt, trust=options.trust_checkpoint)
    if not isinstance(task, HMRTask):
        raise UserError(
            f"--ckpt {options.ckpt}: is of a {type(task).__name__}, which fits nobody; expected "
            "one of an HMRTask, as hmr_open_lifted (shipped)"
        )
    return task


def _body_and_name(options: Namespace, task: HMRTask) -> tuple[BodyModel, BodyName]:
    """The body that is fitted, the checkpoint's or the user's own; and its name elsewhere."""
    if options.body is None:
        return task.body, body_name(str(task.hparams["body"]))
    return load_own_body(options.body, task.body.num_betas), body_name(str(options.body))


def _check(options: Namespace) -> None:
    if options.out.exists() and not options.out.is_dir():
        raise UserError(f"--out {options.out}: is a file; name a folder")
    for name, value, least in (("steps", options.steps, 1), ("batch_size", options.batch_size, 1)):
        if value is not None and value < least:
            raise UserError(f"--{name} {value}: must be {least} or more")
    if options.image_size is not None and not all(
        0 < side < float("inf") for side in options.image_size
    ):
        raise UserError(f"--image_size {options.image_size}: both must be above 0, and finite")
    for name, value, most, unit in (
        ("fps", options.fps, _MOST_FPS, "frames a second"),
        ("smooth", options.smooth, _MOST_SECONDS, "seconds, of which 0.04 is a good start"),
    ):
        if value is not None and not 0 < value <= most:
            raise UserError(f"--{name} {value}: must be above 0, and {most} at most, in {unit}")


def _check_sequence(options: Namespace, detections: Detections) -> None:
    for name, wanted in (("track", options.track), ("smooth", options.smooth is not None)):
        if wanted and not detections.sequence:
            raise UserError(
                f"{options.input}: the frames are not read as a sequence, so --{name} has nothing "
                "to follow: their names have no numbers that count up, or people are elsewhere in "
                "each. If it is one, say --sequence yes"
            )


def _camera(words: list[str]) -> Camera:
    if len(words) in (1, 2) and not _is_number(words[0]):
        return read_camera(Path(words[0]), *words[1:])
    if len(words) == 4:
        return Camera(check_intrinsics(words, "--intrinsics"))
    raise UserError(
        f"--intrinsics {' '.join(words)}: expected a file (and the camera's name, if it holds "
        "several), or four numbers FX FY CX CY"
    )


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _write(fitted: FittedInput, options: Namespace) -> None:
    again = (options.out / _FITS).is_file()
    meshes = fitted.meshes() if options.vertices or options.obj else None
    with written_together(options.out) as folder:
        write_npz(folder / _FITS, fitted, meshes if options.vertices else None)
        notes = write_motion(folder, fitted, options.fps, options.glb, options.bvh)
        if options.obj and meshes is not None:
            write_meshes(folder / "meshes", fitted, meshes)
        write_page(folder / "index.html", fitted, _notes(fitted, options), options.fps)
        names = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    if again:
        remove_others(options.out, names)
    for note in notes:
        print(f"Note: {note}")
    count = len(np.unique(fitted.detections.person))
    if options.glb in (None, "none") and count > MOST_ANIMATED:
        print(
            f"Files of motion: of the {MOST_ANIMATED} people who are in most frames, of {count}; "
            "--glb each writes all"
        )


def _notes(fitted: FittedInput, options: Namespace) -> str:
    notes = [*fitted.detections.notes, *order_notes(fitted.fits.prediction.status)]
    if not fitted.detections.sequence:
        notes.append("The images are no sequence: nobody is animated.")
    if not fitted.seen.all():
        notes.append("Dotted limbs end at a keypoint that was not seen: they are a guess.")
    if options.smooth is not None:
        notes.append(f"Smoothed over time by {options.smooth:g} s; the errors are those before it.")
    if options.intrinsics is not None:
        notes.append("The camera is the given one.")
    if fitted.camera is not None and fitted.camera.distortion:
        notes.append("The lens's distortion is undone in the keypoints, and drawn here.")
    return " ".join(note if note.endswith(".") else f"{note}." for note in notes)
