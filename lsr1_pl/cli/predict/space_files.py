"""What ``lsr1 predict`` writes of people fitted in space."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lsr1_pl.body.rotations import rotation_matrix
from lsr1_pl.cli.predict.earlier import remove_others
from lsr1_pl.cli.predict.meshes import mesh_names
from lsr1_pl.cli.predict.motion import PersonFiles, animated_people, without_motion
from lsr1_pl.cli.predict.space_fitted import SpaceFitted, turned
from lsr1_pl.cli.predict.space_page import write_space_page
from lsr1_pl.cli.predict.statuses import fits_in_words, status_lines
from lsr1_pl.ground.console import plain
from lsr1_pl.ground.files import written
from lsr1_pl.ground.together import written_together
from lsr1_pl.hmr.world import Motion, lowest_vertices
from lsr1_pl.report import short

Floats = NDArray[np.float64]

_FITS = "predictions.npz"


def write_space(fitted: SpaceFitted, options: Namespace, seconds: float) -> None:
    """Write npz, GLB, OBJ and the page, and print a summary.

    Raises:
        UserError: the folder cannot be written.
    """
    count = len(fitted.frame)
    counts = fits_in_words(fitted.person, fitted.frame)
    print(f"{counts}: {seconds:.1f} s, {count / seconds:.1f} a second", flush=True)
    for line in status_lines(fitted.status, "joints"):
        print(line)
    again = (options.out / _FITS).is_file()
    upright = upright_turn(fitted.fits.pose[fitted.trusted])
    meshes = fitted.meshes(fitted.fits.pose) if options.vertices or options.obj else None
    with written_together(options.out) as folder:
        _write_npz(folder / _FITS, fitted, meshes if options.vertices else None)
        notes = _write_motion(folder, fitted, upright, options)
        if options.obj and meshes is not None:
            _write_meshes(folder / "meshes", fitted, meshes)
        write_space_page(folder / "index.html", fitted, upright, fitted.notes, options.fps)
        names = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    if again:
        remove_others(options.out, names)
    for note in notes:
        print(f"Note: {plain(note)}")
    path = plain(short(options.out / _FITS))
    print(f"Fits: {path}; page: index.html beside it")


def upright_turn(pose: Tensor) -> Tensor:
    """(3, 3) the rotation that takes the axis along which most people stand to y.

    Without any people it is none.

    Args:
        pose: (n, 72) in any axes.
    """
    if len(pose) == 0:
        return torch.eye(3)
    along = rotation_matrix(pose[:, :3])[:, :, 1].mean(dim=0)
    axis = int(along.abs().argmax())
    up = torch.zeros(3)
    up[axis] = 1.0 if along[axis] >= 0 else -1.0
    goal = torch.tensor([0.0, 1.0, 0.0])
    if up[1] == -1.0:
        return torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    cross = torch.linalg.cross(up, goal)
    return rotation_matrix(cross * (torch.pi / 2)) if bool(cross.any()) else torch.eye(3)


def _write_npz(path: Path, fitted: SpaceFitted, meshes: NDArray[np.float32] | None) -> None:
    fits = fitted.fits
    arrays: dict[str, Any] = {
        "pose": fits.pose.numpy(),
        "betas": fits.betas.numpy(),
        "translation": fits.translation.numpy(),
        "scale": fits.scale.numpy(),
        "joints": fits.points.numpy(),
        "joints3d": np.where(fitted.confidence[:, :, None] > 0, fitted.joints, np.nan),
        "joint_names": np.asarray(fitted.points.names),
        "confidence": fitted.confidence,
        "seen": fitted.confidence > 0,
        "error": fitted.error.numpy(),
        "objective": fits.objective.numpy(),
        "status": fitted.status.numpy(),
        "frame": np.asarray(fitted.frame),
        "moment": fitted.moment,
        "person": fitted.person,
        **fitted.arrays,
    }
    if bool((fits.scale == 1).all()):
        # smplx has no scale.
        arrays |= {
            "global_orient": fits.pose[:, :3].numpy(),
            "body_pose": fits.pose[:, 3:].numpy(),
            "transl": fits.translation.numpy(),
        }
    if meshes is not None:
        arrays["vertices"] = meshes
    with written(path) as partial:
        # numpy 1 takes savez's allow_pickle for one more array.
        np.savez(partial, **arrays)


def _write_motion(
    folder: Path, fitted: SpaceFitted, upright: Tensor, options: Namespace
) -> list[str]:
    """As for people of images; all stand on one ground, at the height of the lowest.

    A fit that cannot be trusted is a gap.
    """
    pose, fits = turned(upright, fitted.fits.pose), fitted.fits
    with torch.no_grad():
        pelvis = fitted.body.rest_joints(fits.betas)[:, 0].double()
    # Of a free scale only the size of the body is known: its own metres.
    root = (
        pelvis + fits.translation.double() / fits.scale.double().unsqueeze(1)
    ) @ upright.double().T
    began, motions, trusted = fitted.moment.min(), {}, fitted.trusted
    notes = without_motion(fitted.person, trusted, "joints")
    some = fitted.person[trusted]
    for number in animated_people(some, None if options.glb == "none" else options.glb):
        chosen = np.flatnonzero((fitted.person == number) & trusted)
        moment, first = np.unique(fitted.moment[chosen], return_index=True)
        rows = chosen[first]
        shape = fits.betas[rows].mean(dim=0, keepdim=True)
        below = lowest_vertices(fitted.body, pose[rows], shape)
        motion = Motion(
            moment, pose[rows].double().numpy(), root[rows].numpy(), shape[0].double().numpy()
        )
        motions[number] = motion, float((motion.root[:, 1] + below).min())
    ground = min((lowest for _, lowest in motions.values()), default=0.0)
    for number, (motion, _) in motions.items():
        placed = replace(motion, root=motion.root - [0, ground, 0])
        whose = PersonFiles(folder, number, fitted.body, fitted.model, options.fps, options.bvh)
        if options.glb != "none":
            whose.write_glb(placed, (motion.moment - began) / options.fps)
        notes += whose.write_recorded(placed)
    return notes


def _write_meshes(folder: Path, fitted: SpaceFitted, meshes: NDArray[np.float32]) -> None:
    """One OBJ for each fit, where it stands."""
    faces = "".join(f"f {a} {b} {c}\n" for a, b, c in (fitted.body.faces + 1).tolist())
    scale, place = fitted.fits.scale.numpy(), fitted.fits.translation.numpy()
    for row, name in enumerate(mesh_names(fitted.frame, fitted.person.tolist())):
        mesh = scale[row] * meshes[row] + place[row]
        text = "".join(f"v {x:.5f} {y:.5f} {z:.5f}\n" for x, y, z in mesh.tolist())
        with written(folder / name) as partial:
            partial.write_text(text + faces, encoding="utf-8")
