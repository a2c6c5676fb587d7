"""Named protocols of evaluation on 3DPW: which joints, whose truth, which frames.

Joints regressed from posed vertices and SMPL's own differ by about 3 mm, and so do truths of one
gendered body and of another: errors compare within one protocol only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lsr1_pl.ground.errors import UserError

H36M_PELVIS = 0
"""Row of the H36M regressor that SPIN and LGD align MPJPE at."""

H36M14 = (6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10)
"""Rows of the H36M regressor that SPIN, LGD and later work evaluate."""

HIPS = (2, 3)
"""Of those 14 joints, the hips, in whose middle VIBE and WHAM lay bodies on each other."""


@dataclass(frozen=True)
class Protocol:
    """How an error on 3DPW is taken."""

    name: str
    joints: Literal["smpl24", "h36m14"]
    truth: Literal["stored", "male", "neutral", "gendered"]
    """Whose joints are true: those that 3DPW stores, or a body's with 3DPW's pose and betas."""
    detected: bool
    """Whether only frames with a detected keypoint count."""
    root: Literal["pelvis", "hips"] = "pelvis"
    """Where MPJPE and acceleration lay bodies on each other: at the pelvis (the regressor's, or
    SMPL's own), or in the middle of the hips, which are joints 2 and 3 of the 14."""
    vertices: Literal["pelvis", "hips", "model"] = "pelvis"
    """Where PVE does: ``model`` leaves the vertices where the body model puts them."""
    per_second: bool = False
    """Whether acceleration is in m/s^2, at 30 frames a second, instead of mm/frame^2."""
    note: str = ""

    @property
    def text(self) -> str:
        """For the line under a table."""
        joints = {
            "smpl24": "24 SMPL joints",
            "h36m14": "14 joints by the H36M regressor on posed vertices",
        }[self.joints]
        truth = {
            "stored": "3DPW's jointPositions",
            "male": "the male body",
            "neutral": "the neutral body",
            "gendered": "the body of each person's gender",
        }[self.truth]
        frames = "frames with a valid camera pose" + (" and a detection" if self.detected else "")
        root = {"pelvis": "at the pelvis", "hips": "in the middle of the hips"}[self.root]
        aligned = f"MPJPE {root}" + {
            ("pelvis", "pelvis"): "",
            ("hips", "hips"): ", and so PVE",
            ("hips", "model"): ", PVE where the body model puts the vertices",
        }.get((self.root, self.vertices), f", PVE {self.vertices}")
        return f"{self.name}: {joints}, truth of {truth}, {frames}, {aligned}{self.note}"

    @property
    def acceleration_unit(self) -> str:
        """Of the acceleration error."""
        return "m/s^2" if self.per_second else "mm/frame^2"


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("lgd24", "smpl24", "stored", False),
        Protocol("lgd14", "h36m14", "male", False),
        Protocol("spin", "h36m14", "gendered", False),
        Protocol(
            "vibe",
            "h36m14",
            "neutral",
            True,
            root="hips",
            vertices="model",
            note=" (VIBE asks for more than 6 keypoints > 0.3)",
        ),
        Protocol(
            "wham",
            "h36m14",
            "gendered",
            False,
            root="hips",
            vertices="hips",
            per_second=True,
            note=" (WHAM's own list of frames is TCMR's)",
        ),
        Protocol("3dpw-eval", "smpl24", "gendered", True),
    )
}


def named_protocols(names: list[str]) -> list[Protocol]:
    """The protocols of these names.

    Raises:
        UserError: a name is unknown, or comes twice.
    """
    unknown = [name for name in names if name not in PROTOCOLS]
    if unknown or len(set(names)) < len(names):
        raise UserError(f"protocols are {names}; name each once, of {', '.join(PROTOCOLS)}")
    return [PROTOCOLS[name] for name in names]
