"""Reader of Acclaim motion capture: a skeleton (ASF) and a recording of it (AMC).

A bone turns about its own axes, which the skeleton gives in the zero pose; its start is the end of
the bone above. So a bone is a joint at its start, and a recording is a :class:`BVH`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from lsr1_pl.data.sources.bvh import BVH
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import check_regular

Floats = NDArray[np.float64]

_ROOT = "root"
_TURNS = ("rx", "ry", "rz")
_MOVES = ("tx", "ty", "tz")
_CHANNELS = ("Zrotation", "Xrotation", "Yrotation")
_PLACES = ("Xposition", "Yposition", "Zposition")
_TEXT_LIMIT = 2**28
"""Characters of a file: hours of motion."""


@dataclass
class _Bone:
    direction: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    length: float = 0.0
    axis: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    order: str = "XYZ"
    dof: tuple[str, ...] = ()

    def axes(self, degrees: bool) -> Rotation:
        """The bone's own axes in the zero pose."""
        return Rotation.from_euler(self.order.lower(), self.axis, degrees=degrees)


@dataclass
class Skeleton:
    """What an ASF file says."""

    bones: dict[str, _Bone]
    parents: dict[str, str]
    """Bone -> the one above, ``root`` for the first; parents before children."""
    degrees: bool


def read_asf(path: Path) -> Skeleton:
    """Read an ASF file.

    Raises:
        UserError: no regular file, or, with file and line, what is malformed.
    """
    return _Asf(path).parse()


def read_amc(path: Path, skeleton: Skeleton, fps: float) -> BVH:
    """Read an AMC file, a recording of a skeleton; a last frame that is cut is left out.

    Args:
        path: the file.
        skeleton: of :func:`read_asf`.
        fps: its frames a second, which the file does not hold.

    Raises:
        UserError: no regular file, or, with file and line, what is malformed.
    """
    frames, degrees, remark = _amc_frames(path, skeleton)
    names = (_ROOT, *skeleton.parents)
    index = {name: number for number, name in enumerate(names)}
    offsets = np.zeros((len(names), 3))
    ends: list[tuple[float, float, float] | None] = [None] * len(names)
    above = set(skeleton.parents.values())
    for name, parent in skeleton.parents.items():
        if parent != _ROOT:
            offsets[index[name]] = _along(skeleton.bones[parent])
        if name not in above:
            x, y, z = _along(skeleton.bones[name])
            ends[index[name]] = (x, y, z)
    columns = []
    for name in names:
        bone = skeleton.bones[name]
        values = frames[name]
        if name == _ROOT:
            columns.append(_of(values, bone, _MOVES))
        turns = Rotation.from_euler("xyz", np.zeros((len(values), 3)))
        order = "".join(dof[1] for dof in bone.dof if dof in _TURNS)
        if order:
            given = np.stack([values[:, bone.dof.index(f"r{axis}")] for axis in order], axis=1)
            turns = Rotation.from_euler(order, given, degrees=degrees)
        axes = bone.axes(skeleton.degrees)
        # Upper case letters are intrinsic turns, which is how BVH chains its channels.
        with warnings.catch_warnings():
            # Where two of the three axes fall together, one angle is 0 and the turn is still right.
            warnings.simplefilter("ignore", UserWarning)
            columns.append((axes * turns * axes.inv()).as_euler("ZXY", degrees=True))
    return BVH(
        names=names,
        parents=(-1, *(index[parent] for parent in skeleton.parents.values())),
        offsets=offsets,
        channels=((*_PLACES, *_CHANNELS), *(_CHANNELS for _ in skeleton.parents)),
        frames=np.concatenate(columns, axis=1),
        frame_time=1.0 / fps,
        ends=tuple(ends),
        remark=remark,
    )


def skeleton_of(amc: Path) -> Path:
    """The ASF file of an AMC file: in its folder, the one whose name the recording's begins with.

    Raises:
        UserError: there is none, or none of several fits.
    """
    found = sorted(path for path in amc.parent.iterdir() if path.suffix.lower() == ".asf")
    if not found:
        raise UserError(f"has no *.asf beside it; put its skeleton into {amc.parent}")
    if len(found) == 1:
        return found[0]
    fitting = [path for path in found if amc.stem.startswith(path.stem)]
    if not fitting:
        listed = ", ".join(path.name for path in found[:5])
        raise UserError(f"fits none of the skeletons beside it ({listed}) by its name")
    return max(fitting, key=lambda path: len(path.stem))


def _along(bone: _Bone) -> Floats:
    direction = np.array(bone.direction)
    along: Floats = direction / max(float(np.linalg.norm(direction)), 1e-12) * bone.length
    return along


def _of(values: Floats, bone: _Bone, wanted: tuple[str, ...]) -> Floats:
    """The columns of some degrees of freedom; 0 for those that the bone lacks."""
    none = np.zeros(len(values))
    return np.stack(
        [values[:, bone.dof.index(dof)] if dof in bone.dof else none for dof in wanted], axis=1
    )


class _Lines:
    """A file's lines with content, with errors that name file and line."""

    def __init__(self, path: Path, kind: str) -> None:
        check_regular(path, missing=f"expected {kind} file")
        self.path = path
        try:
            text = path.read_text(encoding="latin-1")
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error}); expected {kind} file") from None
        if len(text) > _TEXT_LIMIT:
            raise UserError(f"{path}: is longer than {_TEXT_LIMIT >> 20} MiB; expected {kind} file")
        self._lines = text.splitlines()

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        for number, line in enumerate(self._lines):
            words = line.split("#", 1)[0].split()
            if words:
                yield number, words

    def error(self, number: int, what: str) -> UserError:
        return UserError(f"{self.path}, line {number + 1}: {what}")

    def numbers(self, number: int, words: list[str], count: int | None = None) -> list[float]:
        try:
            values = [float(word) for word in words]
        except ValueError as error:
            raise self.error(number, f"not a number: {error}") from None
        if not all(map(math.isfinite, values)):
            raise self.error(number, "a number that is not finite")
        if count is not None and len(values) != count:
            raise self.error(number, f"{len(values)} numbers; expected {count}")
        return values


class _Asf:
    def __init__(self, path: Path) -> None:
        self.lines = _Lines(path, "an ASF")
        self.bones: dict[str, _Bone] = {_ROOT: _Bone(dof=(*_MOVES, *_TURNS))}
        self.parents: dict[str, str] = {}
        self.degrees = True
        self._bone: _Bone | None = None

    def parse(self) -> Skeleton:
        section = ""
        for number, words in self.lines:
            if words[0].startswith(":"):
                section = words[0].lower()
                continue
            if section == ":units" and words[0].lower() == "angle":
                self.degrees = words[-1].lower() != "rad"
            elif section == ":root":
                self._root(number, words)
            elif section == ":bonedata":
                self._bonedata(number, words)
            elif section == ":hierarchy":
                self._hierarchy(number, words)
        if not self.parents:
            raise UserError(
                f"{self.lines.path}: has no bones in a :hierarchy; expected an ASF file"
            )
        return Skeleton(self.bones, self.parents, self.degrees)

    def _root(self, number: int, words: list[str]) -> None:
        root, key = self.bones[_ROOT], words[0].lower()
        if key == "order":
            root.dof = self._dof(number, words[1:])
        elif key == "axis" and len(words) > 1:
            root.order = self._order(number, words[1])
        elif key == "orientation":
            root.axis = self.lines.numbers(number, words[1:], 3)

    def _bonedata(self, number: int, words: list[str]) -> None:
        key = words[0].lower()
        if key == "begin":
            self._bone = _Bone()
        elif key == "name" and len(words) > 1 and self._bone is not None:
            if words[1] in self.bones:
                raise self.lines.error(number, f"bone {words[1]!r} comes twice")
            self.bones[words[1]] = self._bone
        elif self._bone is not None and key == "direction":
            self._bone.direction = self.lines.numbers(number, words[1:], 3)
        elif self._bone is not None and key == "length":
            self._bone.length = self.lines.numbers(number, words[1:], 1)[0]
        elif self._bone is not None and key == "axis":
            self._bone.axis = self.lines.numbers(number, words[1:4], 3)
            self._bone.order = self._order(number, words[4] if len(words) > 4 else "XYZ")
        elif self._bone is not None and key == "dof":
            self._bone.dof = self._dof(number, words[1:])

    def _hierarchy(self, number: int, words: list[str]) -> None:
        if words[0].lower() in ("begin", "end"):
            return
        parent, *children = words
        for child in (parent, *children):
            if child not in self.bones:
                raise self.lines.error(number, f"bone {child!r} is not in :bonedata")
        if parent != _ROOT and parent not in self.parents:
            raise self.lines.error(number, f"bone {parent!r} hangs on nothing yet")
        for child in children:
            if child in self.parents or child == _ROOT:
                raise self.lines.error(number, f"bone {child!r} hangs on two bones")
            self.parents[child] = parent

    def _dof(self, number: int, words: list[str]) -> tuple[str, ...]:
        dof = tuple(word.lower() for word in words)
        if len(set(dof)) < len(dof) or not set(dof) <= {*_TURNS, *_MOVES, "l"}:
            raise self.lines.error(number, f"dof {' '.join(words)}; expected each of rx ry rz once")
        return dof

    def _order(self, number: int, word: str) -> str:
        if sorted(word.upper()) != ["X", "Y", "Z"]:
            raise self.lines.error(number, f"axis order {word!r}; expected XYZ or another order")
        return word.upper()


def _amc_frames(path: Path, skeleton: Skeleton) -> tuple[dict[str, Floats], bool, str]:
    """Each bone's values (n, its degrees of freedom), whether angles are degrees, and a remark."""
    lines = _Lines(path, "an AMC")
    moving = {name for name in (_ROOT, *skeleton.parents) if skeleton.bones[name].dof}
    rows: dict[str, list[list[float]]] = {name: [] for name in moving}
    degrees, count, opened = skeleton.degrees, 0, 0
    for number, words in lines:
        if words[0].startswith(":"):
            if words[0].lower() in (":degrees", ":radians"):
                degrees = words[0].lower() == ":degrees"
            continue
        if len(words) == 1 and words[0].isdigit():
            if lacking := _lacking(rows, count):
                raise lines.error(opened, f"frame {count} lacks the bone {lacking!r}")
            count, opened = count + 1, number
            continue
        if words[0] not in moving or not count:
            raise lines.error(number, f"unknown bone {words[0]!r}; expected those of its ASF")
        if len(rows[words[0]]) >= count:
            raise lines.error(number, f"bone {words[0]!r} comes twice in frame {count}")
        size = len(skeleton.bones[words[0]].dof)
        rows[words[0]].append(lines.numbers(number, words[1:], size))
    remark = ""
    if _lacking(rows, count):
        count -= 1
        remark = f"is cut in frame {count + 1}; 1 left out"
    if not count:
        raise UserError(f"{path}: has no whole frame; expected an AMC file")
    nothing = np.zeros((count, 0))
    values = {
        name: np.array(rows[name][:count]) if name in rows else nothing for name in skeleton.bones
    }
    return values, degrees, remark


def _lacking(rows: dict[str, list[list[float]]], count: int) -> str | None:
    """A bone that ``count`` frames should have and do not."""
    return next((name for name, found in rows.items() if len(found) != count), None)
