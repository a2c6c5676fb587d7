"""``lsr1 predict``: detected keypoints or photos in, bodies out."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Sequence
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
)
from lsr1_pl.ground.errors import ArgumentParser, UserError
from lsr1_pl.hmr import fit_people, smooth_fits, track_people
from lsr1_pl.report import short
from lsr1_pl.tasks import HMRTask, load_task


def main(arguments: Sequence[str]) -> int:
    """Run ``lsr1 predict ...``; the exit code.

    Raises:
        UserError: bad arguments, input or checkpoint.
    """
    options = _parser().parse_args(arguments)
    _check(options)
    intrinsics = None if options.intrinsics is None else _intrinsics(options.intrinsics)
    detections = read_detections(options.input)
    task = load_task(options.ckpt, trust=options.trust_checkpoint)
    if not isinstance(task, HMRTask):
        raise UserError(f"--ckpt {options.ckpt}: {type(task).__name__} cannot predict")
    steps = options.steps or task.evaluation_steps
    batches = keypoint_batches(detections, options.least_confidence, options.batch_size)
    seen = torch.cat([batch.visibility for batch in batches]) > 0
    if options.track:
        detections = track_people(detections, seen.numpy())
    begun = time.perf_counter()
    fits = fit_people(task.fitter, batches, steps, intrinsics=intrinsics)
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
    return 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="lsr1 predict",
        description="Fit bodies to detected 2D keypoints, or to the people in photos. Writes "
        "predictions.npz, one GLB a person's number (animated over the frames), and a page that "
        "turns the bodies. All formats: docs/predict.md.",
    )
    parser.add_argument(
        "input",
        type=Path,
        help="OpenPose JSON (BODY_25, COCO's 18), a folder of them (a frame each), COCO keypoint "
        "JSON, npz with keypoints (n, 18, 2), or a photo or a folder of photos (needs the extra "
        "[photo])",
    )
    parser.add_argument("--ckpt", default="hmr_open", help="shipped name or path (hmr_open)")
    parser.add_argument(
        "--trust_checkpoint",
        type=lambda word: {"true": True, "false": False}[word.lower()],
        default=False,
        metavar="true",
        help="let its config name classes of any module, which runs their code",
    )
    parser.add_argument("--out", type=Path, default=Path("fits"), help="folder (fits)")
    parser.add_argument("--steps", type=int, help="of the optimiser (the checkpoint's evaluation)")
    parser.add_argument(
        "--intrinsics",
        nargs="+",
        metavar="FILE | FX FY CX CY",
        help="the camera, in pixels: four numbers, or JSON or npz with fx, fy, cx, cy or K (3, 3)",
    )
    parser.add_argument(
        "--track",
        action="store_true",
        help="number people over the frames by where they are",
    )
    parser.add_argument(
        "--smooth", type=float, metavar="SECONDS", help="smooth over time, by this Gaussian width"
    )
    parser.add_argument(
        "--least_confidence", type=float, default=0.01, help="of a keypoint that counts (0.01)"
    )
    parser.add_argument("--fps", type=float, default=30.0, help="frames a second of the input (30)")
    parser.add_argument("--batch_size", type=int, default=256, help="people at once (256)")
    parser.add_argument("--vertices", action="store_true", help="meshes in the npz, too")
    parser.add_argument("--obj", action="store_true", help="an OBJ mesh for each person")
    return parser


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
