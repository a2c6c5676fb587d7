"""Joint names as files spell them: ``LShoulder``, ``left shoulder``, ``l_sho``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from lsr1_pl.body.skeleton import COCO18

_SIDES = {"left": "left", "l": "left", "right": "right", "r": "right"}
_PARTS = {
    **dict.fromkeys(("shoulder", "sho", "shldr"), "shoulder"),
    **dict.fromkeys(("elbow", "elb"), "elbow"),
    **dict.fromkeys(("wrist", "wri"), "wrist"),
    "hip": "hip",
    **dict.fromkeys(("knee", "kne"), "knee"),
    **dict.fromkeys(("ankle", "ank"), "ankle"),
    "foot": "foot",
    "eye": "eye",
    "ear": "ear",
}
_SHORT = {
    f"{side}_{part}": f"{side[0]}{part}" for side in ("left", "right") for part in ("eye", "ear")
}
"""The eyes and ears as `COCO18` calls them."""


def joint_of(name: str) -> str | None:
    """The joint that a name means, as `COCO18` calls it, or ``left_foot``, ``right_foot``.

    Only whole names count: ``left_eye_inner`` and ``head_top`` are none of the 18.
    """
    words = _words(name)
    if words in (["nose"], ["neck"]):
        return words[0]
    if len(words) == 1:
        words = _split_side(words[0])
    if len(words) != 2:
        return None
    side, part = words if words[0] in _SIDES else reversed(words)
    if side not in _SIDES or part not in _PARTS:
        return None
    joint = f"{_SIDES[side]}_{_PARTS[part]}"
    return _SHORT.get(joint, joint)


def known_joints(names: Sequence[str]) -> dict[str, int]:
    """Joint of `COCO18` -> the place of its first name.

    A foot is the ankle where there is no ankle, as in Human3.6M. The neck is taken only from sets
    that have all 18, as OpenPose's: what others call so stands higher or lower.
    """
    rows: dict[str, int] = {}
    for row, name in enumerate(names):
        joint = joint_of(name)
        if joint is not None:
            rows.setdefault(joint, row)
    for side in ("left", "right"):
        foot = rows.pop(f"{side}_foot", None)
        if foot is not None:
            rows.setdefault(f"{side}_ankle", foot)
    if len(rows) < len(COCO18):
        rows.pop("neck", None)
    return rows


def shown(names: Iterable[str]) -> str:
    """Names for a message, at most a dozen."""
    listed = list(names)
    return ", ".join(listed[:12]) + (", ..." if len(listed) > 12 else "")


def _words(name: str) -> list[str]:
    plain = re.sub(r"\(.*?\)", " ", name)
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", plain)
    return re.findall(r"[a-z0-9]+", plain.lower())


def _split_side(word: str) -> list[str]:
    for side in ("left", "right", "l", "r"):
        if word.startswith(side) and word[len(side) :] in _PARTS:
            return [side, word[len(side) :]]
    return [word]
