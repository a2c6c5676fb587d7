"""A small recording with CMU's skeleton, made by the tests: every joint, T-pose first."""

from __future__ import annotations

import numpy as np

_BONES: list[tuple[str, str | None, tuple[float, float, float]]] = [
    ("Hips", None, (0, 0, 0)),
    ("LowerBack", "Hips", (0, 0, 0)),
    ("Spine", "LowerBack", (0, 2, 0)),
    ("Spine1", "Spine", (0, 2, 0)),
    ("Neck1", "Spine1", (0, 2, 0)),
    ("Head", "Neck1", (0, 1.5, 0)),
]
for _side, _x in (("Left", 1.0), ("Right", -1.0)):
    _BONES += [
        (f"{_side}UpLeg", "Hips", (1.7 * _x, -1.8, 0.6)),
        (f"{_side}Leg", f"{_side}UpLeg", (0.3 * _x, -7.5, 0)),
        (f"{_side}Foot", f"{_side}Leg", (0.3 * _x, -7.2, 0)),
        (f"{_side}ToeBase", f"{_side}Foot", (0.2 * _x, -0.6, 2.1)),
        (f"{_side}Shoulder", "Spine1", (0, 0, 0)),
        (f"{_side}Arm", f"{_side}Shoulder", (3.5 * _x, 0.9, 0)),
        (f"{_side}ForeArm", f"{_side}Arm", (4.9 * _x, 0, 0)),
        (f"{_side}Hand", f"{_side}ForeArm", (3.4 * _x, 0, 0)),
        (f"{_side}HandIndex1", f"{_side}Hand", (0.7 * _x, 0, 0)),
    ]

NAMES = [name for name, _, _ in _BONES]
CHANNELS = 6 + 3 * (len(NAMES) - 1)


def column(name: str) -> int:
    """First column of a joint's three rotations (Z, Y, X) in a frame."""
    return 3 + 3 * order().index(name)


def order() -> list[str]:
    """Names as they stand in the file: depth first."""

    def below(parent: str | None) -> list[str]:
        return [n for name, p, _ in _BONES if p == parent for n in (name, *below(name))]

    return below(None)


def bvh_text(frames: np.ndarray, frame_time: float = 1 / 120) -> str:
    """The file of these frames (n, CHANNELS)."""
    offsets = {name: offset for name, _, offset in _BONES}

    def joint(name: str, kind: str) -> list[str]:
        places = "6 Xposition Yposition Zposition " if kind == "ROOT" else "3 "
        children = [n for n, parent, _ in _BONES if parent == name]
        inner = [line for child in children for line in joint(child, "JOINT")]
        inner = inner or ["End Site", "{", "OFFSET 0 0 1", "}"]
        return [
            f"{kind} {name}",
            "{",
            "OFFSET {} {} {}".format(*offsets[name]),
            f"CHANNELS {places}Zrotation Yrotation Xrotation",
            *inner,
            "}",
        ]

    rows = [" ".join(f"{value:.6f}" for value in row) for row in frames]
    head = ["HIERARCHY", *joint("Hips", "ROOT"), "MOTION", f"Frames: {len(frames)}"]
    return "\n".join([*head, f"Frame Time: {frame_time:.7f}", *rows]) + "\n"


def still(count: int) -> np.ndarray:
    """``count`` frames of the T-pose."""
    return np.zeros((count, CHANNELS))
