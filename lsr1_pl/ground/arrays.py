"""Plain arrays from npy and npz files that may come from anywhere: no pickles, no bombs."""

from __future__ import annotations

import math
import os
import stat
import sys
import zipfile
from collections.abc import Container
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

LARGEST = 2**29
"""Bytes of all arrays of a file together, unless told otherwise."""

Array = NDArray[Any]


def is_zip(file: Path) -> bool:
    """Whether ``file`` is a zip archive; for some damaged ones zipfile's own test raises."""
    try:
        return file.is_file() and zipfile.is_zipfile(file)
    except zipfile.BadZipFile:
        return False


def load_npz(
    file: Path | IO[bytes], wanted: Container[str] | None = None, *, largest: int = LARGEST
) -> dict[str, Array]:
    """The arrays of an npz, read only if their headers agree with the archive's own sizes.

    Args:
        file: the archive.
        wanted: names that are read; all if None.
        largest: bytes that they may take together.

    Raises:
        ValueError: too large, an object array, or a header that claims more than there is; and
            what else :data:`lsr1_pl.ground.errors.DAMAGED_ARRAYS` lists.
    """
    arrays: dict[str, Array] = {}
    if isinstance(file, Path):
        _check_regular(file)
    with zipfile.ZipFile(file) as archive:
        members = npz_members(archive, wanted)
        total = sum(member.file_size for member in members.values())
        if total > largest:
            raise ValueError(f"its arrays take {total >> 20} MiB, more than {largest >> 20}")
        for name, member in members.items():
            with archive.open(member) as stream:
                read_header(stream, member.file_size, name)
            with archive.open(member) as stream:
                arrays[name] = _sound_text(np.lib.format.read_array(stream, allow_pickle=False))
    return arrays


def npz_members(
    archive: zipfile.ZipFile, wanted: Container[str] | None = None
) -> dict[str, zipfile.ZipInfo]:
    """The members of an npz by the names of their arrays; all if ``wanted`` is None."""
    members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
    return {name: m for name, m in members.items() if wanted is None or name in wanted}


def load_npy(path: Path, *, largest: int = LARGEST) -> Array:
    """The array of an npy; see :func:`load_npz`."""
    _check_regular(path)
    size = os.path.getsize(path)
    with path.open("rb") as file:
        read_header(file, min(size, largest), path.name)
        file.seek(0)
        return _sound_text(np.lib.format.read_array(file, allow_pickle=False))


def save_npy(path: Path, array: Array) -> None:
    """Write ``array`` as an npy, or raise.

    ``np.save`` hands a file's number to C and does not hear that the last bytes found no room.

    Raises:
        OSError: the disk is full, or the file cannot be written; what is there then is of no use.
    """
    whole = np.ascontiguousarray(array)
    with path.open("wb") as file:
        header = np.lib.format.header_data_from_array_1_0(whole)
        np.lib.format.write_array_header_1_0(file, header)
        file.write(whole.data)


def _check_regular(path: Path) -> None:
    """Before it is opened: opening a pipe waits for its other end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("it is no regular file; copy its content into a file")


def _sound_text(array: Array) -> Array:
    """numpy makes characters of whatever bytes a file has for them."""
    if array.dtype.kind == "U":
        codes = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="))).view(np.uint32)
        if codes.size and codes.max() > sys.maxunicode:
            raise ValueError("it holds text of characters that do not exist")
    return array


class Header(NamedTuple):
    """What an npy says of its array."""

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype[Any]


def read_header(stream: IO[bytes], size: int, name: str) -> Header:
    """The header of the npy ``name`` of ``size`` bytes, at the beginning of ``stream``.

    Raises:
        ValueError: it is none, of Python objects, or claims more than ``size`` bytes.
    """
    version = np.lib.format.read_magic(stream)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError(f"key '{name}' is of npy version {version}; expected 1.0 or 2.0")
    header = Header(*read(stream))
    if header.dtype.hasobject:
        raise ValueError(f"key '{name}' holds Python objects; they are never unpickled")
    if header.dtype.itemsize * math.prod(header.shape) > size:
        raise ValueError(
            f"key '{name}' claims {header.dtype} of shape {header.shape}, and has {size} bytes"
        )
    return header
