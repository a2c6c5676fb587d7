"""The animations that ``lsr1 predict`` writes, one a person."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from lsr1_pl.body import BodyModel
from lsr1_pl.cli.parsers import MOST_ANIMATED
from lsr1_pl.cli.predict.arrays import write_amass
from lsr1_pl.cli.predict.fitted import BodyName, FittedInput
from lsr1_pl.hmr.world import Motion, PeopleOverGround, filled
from lsr1_pl.report import write_bvh, write_glb

GlbChoice = Literal["none", "one", "each"]
_MOST_NAMED = 10


def animated_people(person: NDArray[np.int64], choice: GlbChoice | None) -> list[int]:
    """The people's numbers that get files of motion, in order.

    Args:
        person: (n,) the person's number of each fit.
        choice: ``none``; ``one``: whoever is in most frames; ``each``; without it each, but of
            more than 100 people only the 100 who are in most frames.
    """
    numbers, frames = np.unique(person, return_counts=True)
    ranked = numbers[np.argsort(-frames, kind="stable")]
    most = {"none": 0, "one": 1, "each": len(ranked), None: MOST_ANIMATED}[choice]
    return sorted(ranked[:most].tolist())


def without_motion(person: NDArray[np.int64], trusted: NDArray[np.bool_], seen: str) -> list[str]:
    """A sentence on the people who have no frame that can be trusted, if there are any.

    Args:
        person: (n,) the person's number of each fit.
        trusted: (n,) whether the fit belongs into a motion.
        seen: what the fits are made of: ``keypoints`` or ``joints``.
    """
    numbers = np.setdiff1d(person, person[trusted]).tolist()
    if not numbers:
        return []
    named = ", ".join(map(str, numbers[:_MOST_NAMED])) + (
        f" and {len(numbers) - _MOST_NAMED} more" if len(numbers) > _MOST_NAMED else ""
    )
    who = f"Person {named} has" if len(numbers) == 1 else f"People {named} have"
    return [f"{who} too few {seen} in every frame, so there are no files of motion of them."]


def write_motion(
    folder: Path, fitted: FittedInput, fps: float, glb: GlbChoice | None, bvh: bool
) -> list[str]:
    """The motion of people over the ground: AMASS's npz, a GLB, and a BVH if it is wanted.

    Args:
        folder: where they are written.
        fitted: the people.
        fps: frames a second of the input.
        glb: who gets files, as `animated_people` has it; of ``none`` there is no GLB alone.
        bvh: whether there is a BVH, too.

    Returns:
        What could not be written, a sentence each.
    """
    detections = fitted.detections
    camera = None if fitted.camera is None else fitted.camera.intrinsics
    when = detections.person, detections.clip, detections.moment
    people = PeopleOverGround(fitted.fits, fitted.body, *when, fps, camera)
    notes = without_motion(detections.person, people.trusted, "keypoints")
    some = detections.person[people.trusted]
    for number in animated_people(some, None if glb == "none" else glb):
        motion = people.motion(number)
        clip = detections.clip[detections.person == number][0]
        began = detections.moment[detections.clip == clip].min()
        times = (motion.moment - began) / fps if detections.sequence else None
        whose = PersonFiles(folder, number, fitted.body, fitted.model, fps, bvh)
        if glb != "none":
            whose.write_glb(motion, times)
        notes += whose.write_recorded(motion)
    return notes


@dataclass(frozen=True)
class PersonFiles:
    """The files of one person's motion, by the names that they have in ``folder``."""

    folder: Path
    number: int
    body: BodyModel
    model: BodyName
    fps: float
    bvh: bool

    def write_glb(self, motion: Motion, times: NDArray[np.float64] | None) -> None:
        """The animation; ``times`` (T,) in seconds, or None for unrelated images."""
        pose, betas = torch.from_numpy(motion.pose), torch.from_numpy(motion.betas)
        path = self.folder / f"{self._stem}.glb"
        write_glb(path, self.body, pose, betas.to(self.body.weights.dtype), times, motion.root)

    def write_recorded(self, motion: Motion) -> list[str]:
        """AMASS's npz and, if it is wanted, the BVH; or why they are not there."""
        recorded, stem = filled(motion), self._stem
        if recorded is None:
            span = f"{motion.moment[0]} to {motion.moment[-1]}"
            return [
                f"Person {self.number} is in frames {span}: too many to fill, so {stem}_poses.npz"
                f"{f' and {stem}.bvh' if self.bvh else ''} are not there."
            ]
        whole = recorded.motion
        amass = self.folder / f"{stem}_poses.npz"
        write_amass(amass, recorded, self.body, self.model, self.fps)
        if self.bvh:
            path = self.folder / f"{stem}.bvh"
            write_bvh(path, self.body, whole.pose, whole.betas, whole.root, self.fps)
        return []

    @property
    def _stem(self) -> str:
        return f"person_{self.number:02d}"
