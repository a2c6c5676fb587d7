"""A few fitted bodies of an evaluation, for pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from lsr1_pl.body import BodyModel
from lsr1_pl.data import MotionBatch
from lsr1_pl.hmr.observation import Observation
from lsr1_pl.hmr.variables import split_variables
from lsr1_pl.metrics import pa_mpjpe


class SampledBodies(NamedTuple):
    """A few true bodies and their fits, for pictures: n people, V vertices."""

    faces: Tensor
    """(F, 3) vertex numbers of the triangles."""
    truth: Tensor
    """(n, V, 3) true vertices in metres."""
    fits: dict[str, Tensor]
    """Solver -> (n, V, 3) fitted vertices in metres."""
    errors_mm: dict[str, Tensor]
    """Solver -> (n,) PA-MPJPE in millimetres."""
    keypoints: Tensor
    """(n, 18, 2) normalised detections."""
    visibility: Tensor
    """(n, 18) weights of the keypoints; 0 is invisible."""
    places: tuple[str, ...]
    """How well each is fitted among those it was chosen from: best, median, worst, or its place."""


def sample_bodies(
    body: BodyModel,
    batch: MotionBatch,
    observation: Observation,
    states: Mapping[str, Tensor],
    joints: Sequence[str],
    count: int,
    judge: str,
) -> SampledBodies:
    """``count`` of a batch's people, from the best fit to the worst in even steps.

    Args:
        body: of the truth and of the fits.
        batch: the true people.
        observation: of them.
        states: solver -> x (B, N).
        joints: names of those that PA-MPJPE is taken on.
        count: at most.
        judge: the solver whose errors order the people.
    """
    people = len(batch.pose)
    joints_of = body.select(joints)
    true = joints_of(batch.pose, batch.betas)
    judged = pa_mpjpe(joints_of(*split_variables(states[judge])), true)
    places = torch.linspace(0, people - 1, min(count, people)).round().long()
    rows = judged.argsort()[places]
    true = true[rows]
    fits, errors_mm = {}, {}
    for name, x in states.items():
        variables = split_variables(x[rows])
        fits[name] = body.vertices(*variables)
        errors_mm[name] = pa_mpjpe(joints_of(*variables), true)
    return SampledBodies(
        faces=body.faces,
        truth=body.vertices(batch.pose[rows], batch.betas[rows]),
        fits=fits,
        errors_mm=errors_mm,
        keypoints=observation.keypoints[rows],
        visibility=observation.visibility[rows],
        places=tuple(_place(int(place), people) for place in places),
    )


def _place(place: int, people: int) -> str:
    """0 is the best fit."""
    if place == 0:
        name = "best"
    elif place == people - 1:
        name = "worst"
    else:
        name = "median" if place in ((people - 1) // 2, people // 2) else f"number {place + 1}"
    return f"{name} of {people}"
