"""Reader of BVH motion capture (Biovision hierarchy), and its forward kinematics."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import check_regular

Floats = NDArray[np.float64]

_AXES = {"Xrotation": "X", "Yrotation": "Y", "Zrotation": "Z"}
_PLACES = {"Xposition": 0, "Yposition": 1, "Zposition": 2}


@dataclass(frozen=True)
class BVH:
    """One recording of a skeleton of J joints over n frames, in the file's own unit of length."""

    names: tuple[str, ...]
    """J joint names, parents before children, the root first."""
    parents: tuple[int, ...]
    """Each joint's parent; -1 for the root."""
    offsets: Floats
    """(J, 3) each joint from its parent."""
    channels: tuple[tuple[str, ...], ...]
    """Each joint's channel names, in the order of the columns of ``frames``."""
    frames: Floats
    """(n, channels) values: positions, and rotations in degrees."""
    frame_time: float
    """Seconds from one frame to the next."""
    ends: tuple[tuple[float, float, float] | None, ...] = ()
    """Each joint's end site from the joint, where it has one; or nothing for all joints."""
    remark: str = ""
    """What its reader left out of the file, in words."""

    def zero_pose(self) -> Floats:
        """(J, 3) positions where no joint is turned and the root stands at the origin."""
        places = np.zeros((len(self.names), 3))
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                places[joint] = places[parent] + self.offsets[joint]
        return places

    def world(self) -> tuple[Floats, Floats]:
        """Forward kinematics: rotation matrices (n, J, 3, 3) and positions (n, J, 3)."""
        count = len(self.frames)
        rotations = np.empty((count, len(self.names), 3, 3))
        positions = np.empty((count, len(self.names), 3))
        column = 0
        for joint, (parent, channels) in enumerate(zip(self.parents, self.channels, strict=True)):
            values = self.frames[:, column : column + len(channels)]
            column += len(channels)
            local, place = _local_transform(channels, values, self.offsets[joint])
            if parent < 0:
                rotations[:, joint], positions[:, joint] = local, place
            else:
                above = rotations[:, parent]
                rotations[:, joint] = above @ local
                positions[:, joint] = positions[:, parent] + (above @ place[:, :, None])[..., 0]
        return rotations, positions


def _local_transform(
    channels: tuple[str, ...], values: Floats, offset: Floats
) -> tuple[Floats, Floats]:
    place = np.tile(offset, (len(values), 1))
    if set(_PLACES) <= set(channels):
        # A joint that moves in all three directions stands where its channels say.
        place[:] = 0.0
    order, angles = "", []
    for position, name in enumerate(channels):
        if name in _PLACES:
            place[:, _PLACES[name]] += values[:, position]
        else:
            order += _AXES[name]
            angles.append(values[:, position])
    if not order:
        return np.tile(np.eye(3), (len(values), 1, 1)), place
    # Upper case letters are intrinsic turns, which is how BVH chains its channels.
    turns = Rotation.from_euler(order, np.stack(angles, axis=1), degrees=True)
    return turns.as_matrix(), place


def read_bvh(path: Path) -> BVH:
    """Read a BVH file.

    Raises:
        UserError: no regular file, or, with file and line, a hierarchy or motion that is malformed.
    """
    check_regular(path, missing="expected a BVH file")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text ({error}); expected a BVH file") from None
    return _Parser(path, text.splitlines()).parse()


@dataclass
class _Parser:
    path: Path
    lines: list[str]
    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[list[float] | None] = field(default_factory=list)
    channels: list[tuple[str, ...] | None] = field(default_factory=list)
    ends: list[tuple[float, float, float] | None] = field(default_factory=list)

    def parse(self) -> BVH:
        motion = next((i for i, line in enumerate(self.lines) if line.strip() == "MOTION"), None)
        if not self.lines or self.lines[0].strip() != "HIERARCHY":
            raise self.error(0, "expected HIERARCHY as the first line of a BVH file")
        if motion is None:
            raise self.error(len(self.lines) - 1, "the file ends without a MOTION section")
        self._hierarchy(motion)
        frames, frame_time = self._motion(motion)
        return BVH(
            names=tuple(self.names),
            parents=tuple(self.parents),
            offsets=np.array(self.offsets, dtype=float),
            channels=tuple(channels or () for channels in self.channels),
            frames=frames,
            frame_time=frame_time,
            ends=tuple(self.ends),
        )

    def error(self, line: int, what: str) -> UserError:
        return UserError(f"{self.path}, line {line + 1}: {what}")

    def _hierarchy(self, end: int) -> None:
        open_joints: list[int | None] = []
        opened: int | None = None
        for number in range(1, end):
            words = self.lines[number].split()
            match words:
                case []:
                    continue
                case ["ROOT" | "JOINT", *rest] if rest:
                    opened = self._new_joint(number, words[0], " ".join(rest), open_joints)
                case ["End", *_]:
                    opened = None
                case ["{"]:
                    open_joints.append(opened)
                case ["}"]:
                    if not open_joints:
                        raise self.error(number, "a closing brace without its opening one")
                    open_joints.pop()
                case ["OFFSET", *values]:
                    self._offset(number, values, open_joints)
                case ["CHANNELS", *values]:
                    self._channels(number, values, open_joints)
                case _:
                    raise self.error(number, f"unknown entry {words[0]!r} in the hierarchy")
        if open_joints:
            raise self.error(end, f"{len(open_joints)} braces are still open at MOTION")
        for name, offset, channels in zip(self.names, self.offsets, self.channels, strict=True):
            if offset is None or channels is None:
                missing = "OFFSET" if offset is None else "CHANNELS"
                raise self.error(end, f"joint {name!r} has no {missing}")
        if not self.names:
            raise self.error(end, "the hierarchy has no ROOT")

    def _new_joint(self, number: int, kind: str, name: str, open_joints: list[int | None]) -> int:
        parent = open_joints[-1] if open_joints else -1
        if (kind == "ROOT") != (not open_joints) or parent is None:
            raise self.error(number, f"{kind} {name!r} stands at the wrong depth")
        if kind == "ROOT" and self.names:
            raise self.error(number, f"a second ROOT, {name!r}; expected one skeleton")
        if name in self.names:
            raise self.error(number, f"joint {name!r} comes twice")
        self.names.append(name)
        self.parents.append(parent)
        self.offsets.append(None)
        self.channels.append(None)
        self.ends.append(None)
        return len(self.names) - 1

    def _offset(self, number: int, values: list[str], open_joints: list[int | None]) -> None:
        offset = self._numbers(number, values)
        if len(offset) != 3 or not open_joints:
            raise self.error(number, f"OFFSET holds {len(offset)} numbers, expected 3 in a joint")
        if open_joints[-1] is not None:
            self.offsets[open_joints[-1]] = offset
        elif len(open_joints) > 1 and (owner := open_joints[-2]) is not None:
            self.ends[owner] = (offset[0], offset[1], offset[2])

    def _channels(self, number: int, values: list[str], open_joints: list[int | None]) -> None:
        names = tuple(values[1:])
        if not values or values[0] != str(len(names)):
            raise self.error(number, "CHANNELS must give its count and as many names")
        unknown = [name for name in names if name not in _AXES and name not in _PLACES]
        if unknown or not open_joints or open_joints[-1] is None:
            known = ", ".join([*_PLACES, *_AXES])
            raise self.error(number, f"channels {list(names)}; expected {known}, in a joint")
        if len(set(names)) < len(names):
            raise self.error(number, f"channels {list(names)}; expected each once")
        self.channels[open_joints[-1]] = names

    def _motion(self, start: int) -> tuple[Floats, float]:
        content = [
            (number, line.split())
            for number, line in enumerate(self.lines[start + 1 :], start + 1)
            if line.strip()
        ]
        count = self._header(content, 0, start, ["Frames:"])
        frame_time = self._header(content, 1, start, ["Frame", "Time:"])
        if count < 1 or count != int(count):
            raise self.error(content[0][0], f"Frames: is {count:g}; expected 1 or more")
        if frame_time <= 0:
            raise self.error(content[1][0], f"Frame Time: is {frame_time:g}; expected above 0")
        rows = content[2:]
        if len(rows) != int(count):
            raise self.error(
                content[0][0], f"Frames: says {count:g}, and {len(rows)} rows follow; was it cut?"
            )
        width = sum(len(channels or ()) for channels in self.channels)
        for number, words in rows:
            if len(words) != width:
                raise self.error(
                    number, f"a frame of {len(words)} numbers; the channels make {width}"
                )
        return np.array([self._numbers(number, words) for number, words in rows]), frame_time

    def _header(
        self, content: list[tuple[int, list[str]]], index: int, start: int, key: list[str]
    ) -> float:
        number, words = content[index] if index < len(content) else (start, [])
        if words[: len(key)] != key or len(words) != len(key) + 1:
            raise self.error(number, f"expected '{' '.join(key)}' and a number")
        return self._numbers(number, words[len(key) :])[0]

    def _numbers(self, number: int, words: list[str]) -> list[float]:
        try:
            values = [float(word) for word in words]
        except ValueError as error:
            raise self.error(number, f"not a number: {error}") from None
        if not all(map(math.isfinite, values)):
            raise self.error(number, "a number that is not finite")
        return values
