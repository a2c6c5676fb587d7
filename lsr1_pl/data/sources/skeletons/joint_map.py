"""Which joint of a recording plays the part of which joint of SMPL."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lsr1_pl.ground.errors import UserError

LIMB_JOINTS = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
OPTIONAL_LIMB_JOINTS = ("foot", "collar", "hand")
SIDES = ("left", "right")
NEEDED = ("pelvis", "head", *(f"{side}_{joint}" for side in SIDES for joint in LIMB_JOINTS))
OPTIONAL = tuple(f"{side}_{joint}" for side in SIDES for joint in OPTIONAL_LIMB_JOINTS)
CHAINS = ("spine", "neck")


@dataclass(frozen=True)
class JointMap:
    """The joints of one kind of skeleton, by the names of SMPL's."""

    name: str
    joints: Mapping[str, str]
    """SMPL's joint (``NEEDED``, ``OPTIONAL``) -> the recording's. ``left_foot`` is where the toes
    begin, ``left_hand`` where the fingers begin or end."""
    spine: Sequence[str]
    """From above the pelvis to where the arms part, one joint or more."""
    neck: Sequence[str] = ()
    """From above the spine to below the head."""
    up: Literal["y", "z"] | None = None
    """The vertical axis of the files; None: it is found."""
    metres_per_unit: float | None = None
    """None: it is found by the height of the body."""
    subject: str | None = None
    """A regular expression: its first group is the subject in a file's name."""
    t_pose_first: bool = False
    """Whether files may begin with a T-pose that somebody put there: it is left out."""
    may_lack: bool = False
    """Whether a skeleton without some of ``OPTIONAL`` fits, too."""

    def named(self) -> list[str]:
        """Every joint of the recording that the map names."""
        return [*self.joints.values(), *self.spine, *self.neck]

    def fit(self, names: Sequence[str]) -> int:
        """How many of the map's joints a skeleton has; 0 if it lacks one that must be there."""
        place = _places(names)
        present = [name for name in self.named() if name.lower() in place]
        return 0 if self._lacking(place) else len(present)

    def indices(self, names: Sequence[str]) -> Roles:
        """Where the joints stand in a skeleton.

        Raises:
            UserError: a joint is missing.
        """
        place = _places(names)
        if missing := self._lacking(place):
            raise UserError(
                f"lacks the joints {', '.join(missing)} of the map {self.name}; "
                f"it has {', '.join(names[:60])}"
            )
        there = {role: name.lower() for role, name in self.joints.items() if name.lower() in place}
        return Roles(
            {role: place[name] for role, name in there.items()},
            [place[name.lower()] for name in self.spine],
            [place[name.lower()] for name in self.neck],
        )

    def _lacking(self, place: Mapping[str, int]) -> list[str]:
        optional = [self.joints[role] for role in OPTIONAL if role in self.joints]
        may_lack = set(optional) if self.may_lack else set()
        return sorted({n for n in self.named() if n.lower() not in place and n not in may_lack})

    def subject_of(self, stem: str) -> str:
        """Who moves in a file of this name: up to the first underscore, or as the map says."""
        found = re.search(self.subject, stem) if self.subject else None
        return found[1] if found else stem.split("_")[0]


@dataclass(frozen=True)
class Roles:
    """A map's joints as indices of one skeleton."""

    joints: Mapping[str, int]
    spine: Sequence[int]
    neck: Sequence[int]


def _places(names: Sequence[str]) -> dict[str, int]:
    """Index by name in small letters, whole and plain."""
    places = {plain_name(name, names).lower(): index for index, name in enumerate(names)}
    return places | {name.lower(): index for index, name in enumerate(names)}


def plain_name(name: str, names: Sequence[str]) -> str:
    """A joint's name without what stands before all of a skeleton's names.

    That is a namespace (``mixamorig:Hips``), or a prefix up to an underscore that all names share
    (``m_avg_Pelvis``).
    """
    return name.rpartition(":")[2].removeprefix(_shared_prefix(names))


def _shared_prefix(names: Sequence[str]) -> str:
    plain = [name.rpartition(":")[2] for name in names]
    # The root of some exports stands outside of the names' pattern.
    first, *others = plain[1:] or plain
    for end in range(len(first) - 1, 0, -1):
        prefix = first[:end]
        if prefix.endswith("_") and others and all(name.startswith(prefix) for name in others):
            return prefix
    return ""
