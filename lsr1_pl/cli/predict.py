"""``lsr1 predict``: detected keypoints or photos in, bodies out."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path

import torch

from lsr1_pl.cli.predict_files import (
    FittedInput,
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
    track_people,
)
from lsr1_pl.ground.errors import UserError
from lsr1_pl.report import short
from lsr1_pl.tasks import HMRTask, fit_people, load_task, smooth_fits


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
    task.steps = options.steps or task.evaluation_steps
    batches = keypoint_batches(detections, options.least_confidence, options.batch_size)
    seen = torch.cat([batch.visibility for batch in batches]) > 0
    if options.track:
        detections = track_people(detections, seen.numpy())
    begun = time.perf_counter()
    fits = fit_people(task, batches, intrinsics=intrinsics)
    seconds = time.perf_counter() - begun
    if options.smooth is not None:
        confidence = torch.from_numpy(detections.confidence).float().where(seen, 0.0)
        width = options.smooth * options.fps
        person, moment = detections.person, detections.moment
        fits = smooth_fits(fits, person, moment, confidence, width, task.joints_of)
    count = len(detections.frame)
    print(f"{count} people fitted in {seconds:.1f} s, {count / seconds:.0f} a second", flush=True)
    _write(FittedInput(options.input, detections, seen.numpy(), fits, task), options)
    print(f"Fits: {short(str(options.out / 'predictions.npz'))}; page: index.html beside it")


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
    folder: Path = options.out
    folder.mkdir(parents=True, exist_ok=True)
    meshes = fitted.meshes() if options.vertices or options.obj else None
    write_npz(folder / "predictions.npz", fitted, meshes if options.vertices else None)
    write_motion(folder, fitted, options.fps)
    if options.obj and meshes is not None:
        write_meshes(folder / "meshes", fitted, meshes)
    notes = []
    if not fitted.seen.all():
        notes.append("Dotted limbs end at a keypoint that was not seen: they are a guess.")
    if options.smooth is not None:
        notes.append(f"Smoothed over time by {options.smooth:g} s; the errors are those before it.")
    if options.intrinsics is not None:
        notes.append("The camera is the given one.")
    write_page(folder / "index.html", fitted, " ".join(notes))
