"""``lsr1 predict``: detected keypoints in, bodies out."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lsr1_pl.data import Detections, keypoint_batches, read_detections
from lsr1_pl.errors import ArgumentParser, UserError
from lsr1_pl.report import FittedPerson, short, write_fit_page, write_glb
from lsr1_pl.tasks import Fits, HMRTask, fit_people, load_task

_MOST_SHOWN = 12
_LONGEST_NAME = 100
_STATUS = ("fitted", "diverged: the best state before it is kept", "too few keypoints to trust")


def main(arguments: Sequence[str]) -> int:
    """Run ``lsr1 predict ...``; the exit code.

    Raises:
        UserError: bad arguments, input or checkpoint.
    """
    options = _parser().parse_args(arguments)
    if options.out.exists() and not options.out.is_dir():
        raise UserError(f"--out {options.out}: is a file; name a folder")
    for name, value, least in (("steps", options.steps, 1), ("batch_size", options.batch_size, 1)):
        if value is not None and value < least:
            raise UserError(f"--{name} {value}: must be {least} or more")
    if not options.fps > 0:
        raise UserError(f"--fps {options.fps}: must be above 0")
    detections = read_detections(options.input)
    task = load_task(options.ckpt, trust=options.trust_checkpoint)
    if not isinstance(task, HMRTask):
        raise UserError(f"--ckpt {options.ckpt}: {type(task).__name__} cannot predict")
    task.steps = options.steps or task.evaluation_steps
    batches = keypoint_batches(detections, options.least_confidence, options.batch_size)
    begun = time.perf_counter()
    fits = fit_people(task, batches)
    seconds = time.perf_counter() - begun
    count = len(detections.frame)
    print(f"{count} people fitted in {seconds:.1f} s, {count / seconds:.0f} a second", flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    seen = torch.cat([batch.visibility for batch in batches]).numpy() > 0
    meshes = _meshes(fits, task) if options.vertices or options.obj else None
    _write_npz(
        options.out / "predictions.npz", detections, fits, meshes if options.vertices else None
    )
    _write_motion(options.out, detections, fits, task, options.fps)
    if options.obj and meshes is not None:
        _write_meshes(options.out / "meshes", detections, meshes, task)
    _write_page(options.out / "index.html", options.input, detections, seen, fits, task)
    print(f"Fits: {short(str(options.out / 'predictions.npz'))}; page: index.html beside it")
    return 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="lsr1 predict",
        description="Fit bodies to detected 2D keypoints. Writes predictions.npz, one GLB a "
        "person's number (animated over the frames), and a page that turns the bodies.",
    )
    parser.add_argument(
        "input",
        type=Path,
        help="OpenPose JSON (BODY_25, COCO's 18), a folder of them (a frame each), COCO keypoint "
        "JSON, or npz with keypoints (n, 18, 2)",
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
        "--least_confidence", type=float, default=0.01, help="of a keypoint that counts (0.01)"
    )
    parser.add_argument("--fps", type=float, default=30.0, help="frames a second of a GLB (30)")
    parser.add_argument("--batch_size", type=int, default=256, help="people at once (256)")
    parser.add_argument("--vertices", action="store_true", help="meshes in the npz, too")
    parser.add_argument("--obj", action="store_true", help="an OBJ mesh for each person")
    return parser


def _write_npz(
    path: Path, detections: Detections, fits: Fits, meshes: NDArray[np.float32] | None
) -> None:
    arrays: dict[str, Any] = {k: v.numpy() for k, v in fits.prediction._asdict().items()}
    arrays |= {
        "camera": fits.camera.numpy(),
        "keypoints": detections.keypoints,
        "confidence": detections.confidence,
        "frame": np.asarray(detections.frame),
        "person": detections.person,
    }
    if meshes is not None:
        arrays["vertices"] = meshes
    partial = path.with_name(f".{path.name}.partial.npz")
    np.savez(partial, allow_pickle=False, **arrays)
    os.replace(partial, path)


def _meshes(fits: Fits, task: HMRTask) -> NDArray[np.float32]:
    """(n, V, 3) metres, computed in parts."""
    pose, betas = fits.prediction.pose, fits.prediction.betas
    with torch.no_grad():
        parts = [
            task.body.vertices(p, b) for p, b in zip(pose.split(64), betas.split(64), strict=True)
        ]
    meshes: NDArray[np.float32] = torch.cat(parts).numpy()
    return meshes


def _write_motion(
    folder: Path, detections: Detections, fits: Fits, task: HMRTask, fps: float
) -> None:
    """One GLB for each person's number: its frames in order, the mean of its betas."""
    for number in sorted(set(detections.person.tolist())):
        rows = torch.from_numpy(detections.person == number)
        pose, betas = fits.prediction.pose[rows], fits.prediction.betas[rows].mean(dim=0)
        write_glb(folder / f"person_{number:02d}.glb", task.body, pose, betas, fps)


def _write_meshes(
    folder: Path, detections: Detections, meshes: NDArray[np.float32], task: HMRTask
) -> None:
    folder.mkdir(exist_ok=True)
    faces = "".join(f"f {a} {b} {c}\n" for a, b, c in (task.body.faces + 1).tolist())
    people = zip(detections.frame, detections.person.tolist(), meshes, strict=True)
    for row, (frame, person, mesh) in enumerate(people):
        text = "".join(f"v {x:.5f} {y:.5f} {z:.5f}\n" for x, y, z in mesh.tolist())
        safe = "".join(c if (c.isascii() and c.isalnum()) or c in "-_." else "_" for c in frame)
        # Frames come from anywhere: a name that was changed may be that of another frame.
        changed = "" if safe[:_LONGEST_NAME] == frame else f"_{row:06d}"
        path = folder / f"{safe[:_LONGEST_NAME]}{changed}_{person:02d}.obj"
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(text + faces, encoding="utf-8")
        os.replace(partial, path)


def _write_page(
    path: Path,
    source: Path,
    detections: Detections,
    seen: NDArray[np.bool_],
    fits: Fits,
    task: HMRTask,
) -> None:
    count = len(detections.frame)
    chosen = np.unique(np.linspace(0, count - 1, min(count, _MOST_SHOWN)).round().astype(int))
    prediction = fits.prediction
    with torch.no_grad():
        meshes = task.body.vertices(prediction.pose[chosen], prediction.betas[chosen])
    people = [
        FittedPerson(
            title=f"Frame {detections.frame[row]}, person {detections.person[row]}",
            status=_STATUS[int(prediction.status[row])],
            keypoints=detections.keypoints[row],
            seen=seen[row],
            projected=fits.projected[row].double().numpy(),
            vertices=mesh.double().numpy(),
            error_by_step=prediction.error_by_step[row].double().numpy(),
        )
        for row, mesh in zip(chosen.tolist(), meshes, strict=True)
    ]
    fine = int((prediction.status == 0).sum())
    summary = (
        f"{count} people, {fine} of them fitted with a sound status; shown are {len(people)}, "
        f"spread evenly over the input. All fits are in predictions.npz beside this page."
    )
    write_fit_page(
        path, f"Bodies fitted to {source.name}", summary, people, task.body.faces.numpy()
    )
