"""Reads back what an offline W&B run holds: its ``.wandb`` file, without W&B's server."""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import check_regular

_HEADER, _BLOCK, _RECORD = 7, 32 * 1024, struct.Struct("<IHB")
_MARK = b":W&B"
_MOST_BYTES = 2**30
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4


@dataclass
class OfflineRun:
    """What a run has sent."""

    history: list[dict[str, Any]] = field(default_factory=list)
    """One row a call of ``log``."""
    config: dict[str, Any] = field(default_factory=dict)
    minimised: set[str] = field(default_factory=set)
    """Metrics, with a ``*`` for several, whose summary is their least value."""
    artifacts: dict[str, list[str]] = field(default_factory=dict)
    """Type of an artifact -> names of the files in it, those of all of this type."""
    metadata: list[dict[str, Any]] = field(default_factory=list)
    """The metadata of each artifact that is a model."""
    job_type: str = ""
    """The verb that the run is of."""
    finished: bool = False
    """Whether the run came to its end; W&B's process writes on for a moment after that."""

    @property
    def keys(self) -> set[str]:
        """Every key that any row has."""
        return {key for row in self.history for key in row}

    def last(self, key: str) -> Any:
        """The newest value of a key; KeyError without any."""
        for row in reversed(self.history):
            if key in row:
                return row[key]
        raise KeyError(key)


def read_offline_run(path: Path) -> OfflineRun:
    """The run of a ``.wandb`` file, or of the only one under a folder.

    Raises:
        UserError: there is none, or several; or the file is none of W&B's, or damaged.
    """
    from google.protobuf.message import DecodeError
    from wandb.proto import wandb_internal_pb2

    # Generated when it is imported, which the type checker cannot see.
    messages: Any = wandb_internal_pb2
    run = OfflineRun()
    file = _file(path)
    for number, content in enumerate(_records(file)):
        record = messages.Record()
        try:
            record.ParseFromString(content)
            _take(record, run)
        except (DecodeError, ValueError, RecursionError) as error:
            raise _damaged(file, f"record {number} cannot be read ({error})") from None
    return run


def _file(path: Path) -> Path:
    if path.exists() and not path.is_dir():
        check_regular(path)
        return path
    # W&B links to its latest run.
    found = sorted({Path(os.path.realpath(each)) for each in path.rglob("*.wandb")})
    if len(found) != 1:
        what = "no .wandb file" if not found else f"{len(found)} .wandb files; name one of them"
        raise UserError(f"{path}: holds {what}; expected the folder of one offline run")
    check_regular(found[0])
    return found[0]


def _records(path: Path) -> Iterator[bytes]:
    """The records of LevelDB's log format: parts that never cross a block of 32 KiB."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UserError(f"{path}: is larger than {_MOST_BYTES >> 20} MiB; no run is so long")
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    if not content.startswith(_MARK):
        raise UserError(f"{path}: is no file of an offline W&B run")
    position, parts = _HEADER, list[bytes]()
    # A run that was cut off ends in the middle of a record.
    while position + _RECORD.size <= len(content):
        left = _BLOCK - position % _BLOCK
        if left < _RECORD.size:
            position += left
            continue
        begin = position
        checksum, length, kind = _RECORD.unpack_from(content, begin)
        position += _RECORD.size + length
        if not any(content[begin:]):
            return  # What a power cut leaves: room that was never written to.
        if _RECORD.size + length > left:
            raise _damaged(path, f"a part at byte {begin} is longer than its block")
        if position > len(content):
            return
        part = content[position - length : position]
        if zlib.crc32(bytes([kind]) + part) != checksum:
            raise _damaged(path, f"the checksum of the part at byte {begin} does not fit")
        if kind not in (_FULL, _FIRST, _MIDDLE, _LAST) or (kind in (_FULL, _FIRST)) == bool(parts):
            raise _damaged(path, f"the part at byte {begin} follows no other")
        parts.append(part)
        if kind in (_FULL, _LAST):
            yield b"".join(parts)
            parts.clear()


def _damaged(path: Path, what: str) -> UserError:
    return UserError(f"{path}: {what}; the file is damaged: copy it again from where it was made")


def _take(record: Any, run: OfflineRun) -> None:
    kind = record.WhichOneof("record_type")
    if kind == "history":
        run.history.append(_row(record.history.item))
    elif kind in ("config", "run"):
        if kind == "run":
            run.job_type = record.run.job_type
        update = record.config if kind == "config" else record.run.config
        run.config.update({_key(item): json.loads(item.value_json) for item in update.update})
    elif kind == "metric" and record.metric.summary.min:
        run.minimised.add(record.metric.glob_name or record.metric.name)
    elif kind == "request" and record.request.WhichOneof("request_type") == "log_artifact":
        _take_artifact(record.request.log_artifact.artifact, run)
    elif kind == "exit":
        run.finished = True
    elif kind == "artifact":
        _take_artifact(record.artifact, run)


def _take_artifact(artifact: Any, run: OfflineRun) -> None:
    names = [entry.path for entry in artifact.manifest.contents]
    run.artifacts.setdefault(artifact.type, []).extend(names)
    if artifact.type == "model":
        metadata = json.loads(artifact.metadata or "{}")
        if not isinstance(metadata, dict):
            raise ValueError("an artifact's metadata are no table")
        run.metadata.append(metadata)


def _row(items: Any) -> dict[str, Any]:
    """Of pictures and tables, W&B writes each property as an item of its own."""
    row: dict[str, Any] = {}
    for item in items:
        value = json.loads(item.value_json)
        if len(item.nested_key) > 1:
            name, *rest = item.nested_key
            properties = row.setdefault(name, {})
            if not isinstance(properties, dict):
                raise ValueError(f"key {name!r} is a value and a table")
            properties["/".join(rest)] = value
        else:
            row[_key(item)] = value
    return row


def _key(item: Any) -> str:
    return item.key or "/".join(item.nested_key)
