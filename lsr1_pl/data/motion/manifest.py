"""The manifest of a motion store: which recordings and which shards a folder holds."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import check_regular

MANIFEST = "manifest.json"
FORMAT = "lsr1-motion"
VERSION = 1

WIDTHS = {
    "poses": 72,
    "betas": 10,
    "trans": 3,
    "keypoints": 54,
    "joints": 72,
    "intrinsics": 4,
    "valid": 1,
}
"""Columns of each array that a store can hold; only ``poses`` is required. ``keypoints`` are 18 of
(x, y, confidence) in pixels, ``joints`` 24 in metres, both seen by the camera of ``intrinsics``
(fx, fy, cx, cy); ``valid`` is 0 where the source calls its own frame wrong."""

_MOST = 2**63 - 1
"""Rows that numpy can count."""

_REMAKE = "Convert the source again, or restore the folder from a complete copy."


@dataclass(frozen=True)
class Recording:
    """One recording and its rows in the store."""

    name: str
    """Unique in its store, e.g. ``"02_01"``."""
    subject: str
    """Who moved, e.g. ``"02"``."""
    first_row: int
    rows: int
    fps: float | None
    """Frames a second as stored; None if the source does not say."""
    source_frames: int
    """Frames in the source, before resampling."""
    gender: str | None = None
    """``neutral``, ``female`` or ``male``: whose body the source gives; None if it does not say."""


@dataclass(frozen=True)
class Shard:
    """One ``.npy`` file of float32 rows."""

    file: str
    """Name inside the store's folder."""
    rows: int
    sha256: str
    """Hexadecimal digest of the whole file."""


@dataclass(frozen=True)
class Manifest:
    """The contents of ``manifest.json``."""

    source: str
    licence: str
    """Terms and acknowledgement of the source, for people to read."""
    recordings: tuple[Recording, ...]
    """The recordings in row order, without gaps."""
    shards: Mapping[str, tuple[Shard, ...]]
    """Per array (a key of :data:`WIDTHS`), in row order."""

    @property
    def rows(self) -> int:
        """Rows of every array."""
        return sum(recording.rows for recording in self.recordings)

    def to_json(self) -> str:
        """The text of ``manifest.json``."""
        content = {"format": FORMAT, "version": VERSION, "rows": self.rows}
        return json.dumps(content | dataclasses.asdict(self), indent=1, ensure_ascii=False) + "\n"


def is_text(text: str) -> bool:
    """Whether UTF-8 can hold ``text``: Python's strings may hold lone surrogates, too."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def read_manifest(folder: Path) -> Manifest:
    """Read and check ``folder/manifest.json``; the shards themselves are not opened.

    Raises:
        UserError: no such file, no JSON, an unknown version, a key that is missing or of the
            wrong kind, or rows that do not add up.
    """
    path = folder / MANIFEST
    check_regular(
        path,
        missing=f"{folder} is no motion store. Name a folder that `lsr1 data convert` wrote.",
    )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: malformed JSON ({error}). {_REMAKE}") from None
    root = _Reader(path, "", content)
    kind, version = root.get("format", str), root.get("version", int)
    if kind != FORMAT or version != VERSION:
        raise UserError(
            f"{path}: keys 'format' and 'version' are {kind!r} and {version!r}; this release reads "
            f"{FORMAT!r}, version {VERSION}. {_REMAKE}"
        )
    manifest = Manifest(
        source=root.get("source", str),
        licence=root.get("licence", str),
        recordings=tuple(_recording(item) for item in root.items("recordings")),
        shards=_shards(root),
    )
    _check_rows(path, manifest, root.count("rows"))
    return manifest


class _Reader:
    """Typed access to one JSON object; errors name the file and the key's whole path."""

    def __init__(self, path: Path, where: str, content: Any) -> None:
        self.path, self.where, self.content = path, where, content
        if not isinstance(content, dict):
            raise UserError(f"{path}: {where or 'the file'} must be a JSON object. {_REMAKE}")

    def get(self, key: str, kind: type) -> Any:
        value = self.content.get(key)
        # bool is an int to isinstance, but no count and no frame rate.
        if key not in self.content or not isinstance(value, kind) or isinstance(value, bool):
            found = f"is {type(value).__name__}" if key in self.content else "is missing"
            raise UserError(
                f"{self.path}: key '{self.where}{key}' {found}; expected {kind.__name__}. {_REMAKE}"
            )
        if isinstance(value, str) and not is_text(value):
            raise UserError(
                f"{self.path}: key '{self.where}{key}' is {value!r}, which is no text in UTF-8. "
                f"{_REMAKE}"
            )
        return value

    def number(self, key: str) -> float:
        value = self.get(key, int if isinstance(self.content.get(key), int) else float)
        # A whole number may have more digits than a float has room for.
        if not 0 < value <= sys.float_info.max:
            raise UserError(
                f"{self.path}: key '{self.where}{key}' is {_short(value)}; "
                f"expected a finite number > 0. {_REMAKE}"
            )
        return float(value)

    def count(self, key: str) -> int:
        value: int = self.get(key, int)
        if not 1 <= value <= _MOST:
            raise UserError(
                f"{self.path}: key '{self.where}{key}' is {_short(value)}; "
                f"expected at least 1, and no more than there can be. {_REMAKE}"
            )
        return value

    def items(self, key: str) -> list[_Reader]:
        return [
            _Reader(self.path, f"{self.where}{key}[{index}].", item)
            for index, item in enumerate(self.get(key, list))
        ]


def _short(value: float) -> str:
    text = str(value)
    return text if len(text) <= 30 else f"{text[:20]}... ({len(text)} characters)"


def _recording(item: _Reader) -> Recording:
    return Recording(
        name=item.get("name", str),
        subject=item.get("subject", str),
        first_row=item.get("first_row", int),
        rows=item.count("rows"),
        fps=None if item.content.get("fps", 0) is None else item.number("fps"),
        source_frames=item.count("source_frames"),
        gender=None if item.content.get("gender") is None else item.get("gender", str),
    )


def _shards(root: _Reader) -> dict[str, tuple[Shard, ...]]:
    arrays = _Reader(root.path, "shards.", root.get("shards", dict))
    unknown = sorted(set(arrays.content) - set(WIDTHS))
    if unknown:
        raise UserError(
            f"{root.path}: key 'shards' names the unknown array {unknown[0]!r}; "
            f"known are {', '.join(WIDTHS)}. {_REMAKE}"
        )
    arrays.get("poses", list)
    return {
        name: tuple(
            Shard(_file_name(item), item.count("rows"), item.get("sha256", str))
            for item in arrays.items(name)
        )
        for name in arrays.content
    }


def _file_name(item: _Reader) -> str:
    name: str = item.get("file", str)
    # A manifest from elsewhere must not make the reader open files outside its folder.
    if Path(name).name != name or "\\" in name:
        raise UserError(
            f"{item.path}: key '{item.where}file' is {name!r}; "
            f"expected a plain file name. {_REMAKE}"
        )
    return name


def _check_rows(path: Path, manifest: Manifest, stated: int) -> None:
    next_row = 0
    for recording in manifest.recordings:
        if recording.first_row != next_row:
            raise UserError(
                f"{path}: recording {recording.name!r} has first_row "
                f"{_short(recording.first_row)}; expected {next_row}, where the one before it "
                f"ends. {_REMAKE}"
            )
        next_row += recording.rows
    totals = {
        f"shards.{name}": sum(s.rows for s in parts) for name, parts in manifest.shards.items()
    }
    for key, total in ({"rows": stated} | totals).items():
        if total != next_row:
            raise UserError(
                f"{path}: key '{key}' gives {total} rows, the recordings {next_row}. {_REMAKE}"
            )
    names = [recording.name for recording in manifest.recordings]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"{path}: recording {twice!r} is listed twice. {_REMAKE}")
