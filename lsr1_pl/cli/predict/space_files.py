"""What ``lsr1 predict`` writes of people fitted in space."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lsr1_pl.body import BodyModel
from lsr1_pl.body.rotations import axis_angle, rotation_matrix
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.cli.predict.earlier import remove_others
from lsr1_pl.cli.predict.fitted import BodyName
from lsr1_pl.cli.predict.meshes import mesh_names
from lsr1_pl.cli.predict.motion import PersonFiles, animated_people, without_motion
from lsr1_pl.cli.predict.statuses import status_counts, status_lines
from lsr1_pl.data.detections.joints3d.sets import PointSet
from lsr1_pl.ground.console import plain
from lsr1_pl.ground.files import written
from lsr1_pl.ground.together import written_together
from lsr1_pl.hmr.fitting.prediction import POOR, TOO_FEW_KEYPOINTS
from lsr1_pl.hmr.fitting3d import JointFits
from lsr1_pl.hmr.world import Motion, lowest_vertices
from lsr1_pl.report import SpacePerson, View, short, write_space_page

Floats = NDArray[np.float64]

_FITS = "predictions.npz"
_MOST_SHOWN = 12
_STATUS = (
    "fitted",
    "diverged: the fit is not finite",
    "too few joints to trust",
    "poor: the body is far from the joints",
)


@dataclass(frozen=True)
class SpaceFitted:
    """n people of an input, and their fits in space."""

    source: Path
    body: BodyModel
    model: BodyName
    """What body that is, to other programs."""
    fits: JointFits
    error: Tensor
    """(n,) metres."""
    status: Tensor
    """(n,)."""
    joints: Floats
    """(n, J, 3) what was fitted, in the unit of the fits; 0 where missing."""
    confidence: Floats
    """(n, J), 0 where missing."""
    points: PointSet
    frame: list[str]
    moment: NDArray[np.int64]
    person: NDArray[np.int64]
    notes: tuple[str, ...] = ()
    arrays: Mapping[str, Any] = field(default_factory=dict)
    """More for the npz."""
    views: tuple[str, ...] = ()
    """The names of V cameras; with them ``arrays`` has ``keypoints`` (n, V, 18, 2), NaN where not
    seen, and ``projected`` of that shape."""

    @property
    def trusted(self) -> NDArray[np.bool_]:
        """(n,) whether a fit is finite and saw enough joints to tell where the body is."""
        parts = (self.fits.pose, self.fits.betas, self.fits.translation, self.fits.scale)
        rows = [part.reshape(len(part), -1).isfinite().all(dim=1) for part in parts]
        finite = torch.stack(rows).all(dim=0)
        return (finite & (self.status != TOO_FEW_KEYPOINTS)).numpy()

    def meshes(self, pose: Tensor) -> NDArray[np.float32]:
        """(n, V, 3) metres, in parts; in poses of these people, before they are moved."""
        with torch.no_grad():
            parts = [
                self.body.vertices(*part)
                for part in zip(pose.split(64), self.fits.betas.split(64), strict=True)
            ]
        vertices: NDArray[np.float32] = torch.cat(parts).numpy()
        return vertices


def write_space(fitted: SpaceFitted, options: Namespace, seconds: float) -> None:
    """Write npz, GLB, OBJ and the page, and print a summary.

    Raises:
        UserError: the folder cannot be written.
    """
    count = len(fitted.frame)
    print(f"{count} people fitted in {seconds:.1f} s, {count / seconds:.0f} a second", flush=True)
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
        _write_page(folder / "index.html", fitted, upright)
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


def _turned(turn: Tensor, pose: Tensor) -> Tensor:
    root = axis_angle(turn @ rotation_matrix(pose[:, :3]))
    return torch.cat([root, pose[:, 3:]], dim=1)


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
    pose, fits = _turned(upright, fitted.fits.pose), fitted.fits
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


def _write_page(path: Path, fitted: SpaceFitted, upright: Tensor) -> None:
    count = len(fitted.frame)
    chosen = np.unique(np.linspace(0, count - 1, min(count, _MOST_SHOWN)).round().astype(int))
    which = "" if len(chosen) == count else f"; shown are {len(chosen)}, spread evenly"
    summary = (
        f"{status_counts(fitted.status, 'joints')}{which}. "
        f"All fits are in {_FITS} beside this page. " + " ".join(fitted.notes)
    )
    people = [_person(fitted, row, upright) for row in chosen.tolist()]
    title = f"Bodies fitted to {fitted.source.name}"
    write_space_page(path, title, summary.strip(), people, fitted.body.faces.numpy())


def _person(fitted: SpaceFitted, row: int, upright: Tensor) -> SpacePerson:
    fits = fitted.fits
    pose = _facing(_turned(upright, fits.pose[row : row + 1]))
    betas = fits.betas[row : row + 1]
    with torch.no_grad():
        mesh = fitted.body.vertices(pose, betas)[0].double()
        joints = fitted.body.select(COCO18)(pose, betas)[0].double()
    there = torch.from_numpy(fitted.confidence[row] > 0)
    # From the input's axes to the page's, by both root rotations.
    back = rotation_matrix(pose[0, :3]) @ rotation_matrix(fits.pose[row, :3]).T
    given = torch.from_numpy(fitted.joints[row])[there]
    given = (given - fits.translation[row]) / fits.scale[row]
    pelvis = fitted.body.rest_joints(betas)[0, :1].double()
    given = (given - pelvis) @ back.double().T + pelvis
    error = 1000 * float(fitted.error[row])
    seen = int(there.sum())
    views = tuple(
        View(name, fitted.arrays["keypoints"][row, k], fitted.arrays["projected"][row, k])
        for k, name in enumerate(fitted.views)
    )
    return SpacePerson(
        f"Frame {fitted.frame[row]}, person {fitted.person[row]}",
        f"{_STATUS[int(fitted.status[row])]}; {seen} of {len(there)} joints are there; they are "
        f"{error:.0f} mm from the body on average.",
        int(fitted.status[row]) == POOR,
        given.numpy(),
        joints.numpy(),
        mesh.numpy(),
        views,
    )


def _facing(pose: Tensor) -> Tensor:
    """Poses (1, 72), y up, turned about y so that they face z as far as they can."""
    forward = rotation_matrix(pose[:, :3])[0, :, 2]
    angle = torch.atan2(forward[0], forward[2])
    return _turned(rotation_matrix(torch.tensor([0.0, -float(angle), 0.0])), pose)
