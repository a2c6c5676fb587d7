"""Whether joints in space can be a person's: their unit, and their left and right."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr.fitting3d.fitter import JointFitter
from lsr1_pl.hmr.fitting3d.skeleton import PointSkeleton

_SHORTEST, _LONGEST = 0.35, 2.0
"""Of people's limbs, in those of the mean shape: from a child to a giant."""
UNITS = {"metres": 1.0, "centimetres": 100.0, "millimetres": 1000.0}
"""How many of each unit are a metre."""
_SMALL = 0.5
"""Of an adult's limbs: a child of a year or less. Inches read as centimetres make 0.4."""
_CLEARLY = 1.5
"""A mirror image fits better if its objective is lower by this factor."""
_TRIED = 48
_TRIAL_STEPS = 25


def unit_of(skeleton: PointSkeleton, joints: Tensor, weights: Tensor, where: str) -> str:
    """The unit of joints in space, by how long people's limbs are: one of `UNITS`.

    Without any whole limb there is nothing to tell it by: it is metres.

    Args:
        skeleton: the points.
        joints: (n, P, 3).
        weights: (n, P), 0 is missing.
        where: the input, for messages.

    Raises:
        UserError: the limbs are those of a person in none of the units.
    """
    ratio = float(skeleton.length_ratio(joints, weights).nanmedian())
    if ratio != ratio:
        return "metres"
    for name, factor in UNITS.items():
        if _SHORTEST < ratio / factor < _LONGEST:
            return name
    raise UserError(
        f"{where}: people's limbs are {ratio:.3g} times as long as a body's in metres; expected "
        "metres, centimetres or millimetres, and joints in the order of their set. For any other "
        "unit say --scale free"
    )


def doubt_of_unit(
    skeleton: PointSkeleton, joints: Tensor, weights: Tensor, unit: str
) -> str | None:
    """A sentence where people are so small in a unit that it may be another; else None.

    Args:
        skeleton: the points.
        joints: (n, P, 3).
        weights: (n, P), 0 is missing.
        unit: as :func:`unit_of` tells it.
    """
    ratio = float(skeleton.length_ratio(joints, weights).nanmedian()) / UNITS[unit]
    # Without a whole limb it is NaN.
    if not ratio < _SMALL:
        return None
    return (
        f"In {unit} limbs are {ratio:.2f} times as long as an adult's, as a baby's are. If these "
        f"are not {unit} (inches, say), turn the lengths into metres first."
    )


def check_sides(
    fitter: JointFitter,
    skeleton: PointSkeleton,
    joints: Tensor,
    weights: Tensor,
    where: str,
    *,
    free_scale: bool,
    foremost: str = "",
) -> None:
    """Refuse joints whose mirror images are clearly better bodies, tried on 48 people at most.

    Knees bend backwards, elbows forwards, and noses and toes are in front: a body with left and
    right exchanged, or in axes of the other hand, bends the wrong way.

    Args:
        fitter: of both.
        skeleton: the points.
        joints: (n, P, 3).
        weights: (n, P), 0 is missing.
        where: the input, for messages.
        free_scale: as in the fit.
        foremost: a first sentence of the message on what may be wrong.

    Raises:
        UserError: they are mirrored.
    """
    count = len(joints)
    chosen = torch.linspace(0, count - 1, min(count, _TRIED)).round().long()
    joints, weights = joints[chosen], weights[chosen]
    quick = replace(fitter, steps=_TRIAL_STEPS, more_steps=0)
    mirror = joints.new_tensor([-1.0, 1.0, 1.0])
    own, other = (
        quick.fit(skeleton, each, weights, free_scale=free_scale).objective
        for each in (joints, joints * mirror)
    )
    if float((own / other).nanmedian()) > _CLEARLY:
        raise UserError(
            f"{where}: the joints are a mirror image of a person. {foremost}Either left and right "
            "are exchanged in their order (say --joints NAME, or exchange the names), or the axes "
            "are left-handed (negate one of the three axes)"
        )
