"""A user's own body: a file of SMPL's format that must also be a person as SMPL's are.

A body in centimetres, with z up, or with left and right exchanged has arrays of the right shapes.
Fits of it would be wrong without a word, so it is refused.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsr1_pl.body.files import BodyData, FloatArray, read_body
from lsr1_pl.body.model import BodyModel
from lsr1_pl.body.skeleton import LANDMARKS, SMPL_JOINTS
from lsr1_pl.ground.errors import UserError

_HEIGHTS = (0.3, 2.5)
"""Metres, from an infant to the tallest."""

_ABOVE = (
    ("head", "pelvis"),
    ("pelvis", "left_knee"),
    ("pelvis", "right_knee"),
    ("left_knee", "left_ankle"),
    ("right_knee", "right_ankle"),
)
_PAIRS = ("hip", "knee", "ankle", "collar", "shoulder", "elbow", "wrist")


def load_own_body(path: Path, num_betas: int = 10) -> BodyModel:
    """Load a user's body to fit people with.

    Args:
        path: an SMPL-format npz.
        num_betas: shape coefficients that are fitted, the file's first ones.

    Raises:
        UserError: the file is missing or malformed, has fewer shape coefficients, or its zero pose
            does not stand as SMPL's: in metres, y up, facing +z, its left at +x.
    """
    data = read_body(path, num_betas=num_betas)
    _check_stance(path, data)
    return BodyModel(data)


def _check_stance(path: Path, data: BodyData) -> None:
    sums = data.J_regressor.sum(axis=1)
    if np.abs(sums - 1).max() > 0.01:
        raise UserError(
            f"{path}: rows of key 'J_regressor' add up to {sums.min():.3g} to {sums.max():.3g}, "
            "expected 1: it is no regressor of this body's joints; convert the body again"
        )
    places = data.J_regressor @ data.v_template
    joints = dict(zip(SMPL_JOINTS, places, strict=True))
    marks = data.v_template[data.landmark_vertex_ids]
    joints |= dict(zip(LANDMARKS, marks, strict=True))
    height = float(np.ptp(data.v_template[:, 1]))
    if not _HEIGHTS[0] <= height <= _HEIGHTS[1]:
        raise UserError(
            f"{path}: the body of key 'v_template' is {height:.3g} tall, expected "
            f"{_HEIGHTS[0]} to {_HEIGHTS[1]}: give it in metres, with y up"
        )
    wrong = _misplaced(joints)
    if wrong:
        raise UserError(
            f"{path}: in the zero pose {wrong}; expected a body as SMPL's, with y up, its face to "
            "+z, its left at +x, and SMPL's order of joints: turn it, or convert it again"
        )


def _misplaced(joints: dict[str, FloatArray]) -> str:
    for upper, lower in _ABOVE:
        if joints[upper][1] <= joints[lower][1]:
            return f"{upper} is not above {lower}"
    for name in _PAIRS:
        if joints[f"left_{name}"][0] <= joints[f"right_{name}"][0]:
            return f"left_{name} is not to the left of right_{name}"
    for side, foot in (("L", "left"), ("R", "right")):
        if joints[f"{side}BigToe"][2] <= joints[f"{side}Heel"][2]:
            return f"the toes of the {foot} foot are not before its heel"
    return ""
