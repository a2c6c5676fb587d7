"""Files that are there whole or not at all, and that one command writes at a time."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from filelock import FileLock, Timeout

from lsr1_pl.ground.errors import UserError

NO_PLACE = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
)
"""Error numbers of a place that cannot be written: full, read-only, or another's."""

_NO_FOLDER = (
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ENOTEMPTY,
    errno.ENAMETOOLONG,
    errno.ELOOP,
    errno.EBUSY,
)
_PARTIAL = re.compile(r"\..*\.partial-[0-9]+-[0-9a-f]{8}(\..*)?")

MEND = (
    "make room there, or name another folder (--trainer.default_root_dir of fit and test, DST of "
    "data convert, --out of others); what was written before is kept"
)


@contextmanager
def written(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """A free place beside ``path`` to write to; it becomes ``path`` if the block succeeds.

    The place has the suffix of ``path``, and its name is unique, so that two processes cannot mix.
    If the block fails, what it wrote is removed, and what stood at ``path`` is still there.

    Args:
        path: a file, which may exist. Missing folders above it are made.
        durable: also wait until the disk has the bytes, so that a power cut cannot lose them.

    Raises:
        UserError: the place is full or cannot be written; the message names ``path``.
    """
    partial = _beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        if durable:
            _flush(partial)
        os.replace(partial, path)
    except OSError as error:
        _raise_named(error, path, partial)
    finally:
        _remove(partial)


@contextmanager
def written_folder(folder: Path) -> Iterator[Path]:
    """:func:`written` for a folder that does not exist yet, or is empty.

    Raises:
        UserError: ``folder`` is there and not empty, or cannot be written.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UserError(
            f"{folder}: exists and is not an empty folder; name a new folder, or remove this one"
        )
    # "dst/." names the folder too, and has no place beside it.
    partial = _beside(folder.absolute())
    try:
        partial.mkdir(parents=True)
        yield partial
        os.replace(partial, folder)
    except OSError as error:
        _raise_named(error, folder, partial)
    finally:
        _remove(partial)


@contextmanager
def locked(
    place: Path, what: str, mend: str = "wait for its end, or name another place"
) -> Iterator[None]:
    """Hold ``place`` for this process alone, until the block ends or the process dies.

    The lock is a hidden file beside ``place``. It stays only after a kill, and means nothing then.

    Args:
        place: a file or folder that is about to be written; it need not exist.
        what: what other commands must wait for, as the message names it ("a conversion").
        mend: what their user can do.

    Raises:
        UserError: another process holds it, or the lock cannot be written.
    """
    place = place.absolute()
    file = place.parent / f".{place.name}.lock"
    lock = FileLock(file, timeout=0)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise UserError(f"{place}: {what} of another process writes there; {mend}") from None
    except OSError as error:
        raise _unwritable(place, error) from error
    try:
        yield
    finally:
        # While it is held: afterwards it may be the file of another process.
        _remove(file)
        lock.release()


def remove_partials(folder: Path) -> None:
    """Remove what processes that were killed left of their :func:`written` files in ``folder``.

    For the one process that writes there, which holds ``folder`` by :func:`locked`: the half file
    of another that still runs would be lost.
    """
    _remove_named(folder, _PARTIAL)


def sweep(path: Path) -> None:
    """Remove what killed processes left of :func:`written` or :func:`written_folder` for ``path``.

    Call it only while ``path`` is :func:`locked`: the work of a living process looks the same.
    """
    path = path.absolute()
    # Longer names are cut in the names beside them, so that these may belong to another file.
    if len(path.stem) > _LONGEST_STEM:
        return
    left = re.compile(
        rf"\.{re.escape(path.stem)}\.partial-\d+-[0-9a-f]{{8}}{re.escape(path.suffix)}"
    )
    _remove_named(path.parent, left)


def check_regular(path: Path, flag: str = "", *, missing: str = "") -> None:
    """Refuse what only looks like a file: a pipe or a device has no end, and reading it may wait.

    Args:
        path: an input of the user.
        flag: the option that named it, with a blank at its end, for the message.
        missing: what else to say where there is no such file: what was expected, and the mend.

    Raises:
        UserError: ``path`` is missing, a folder, a pipe, a socket, a device, or may not be read.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        why = str(error)
        if isinstance(error, (FileNotFoundError, NotADirectoryError)):
            why = f"no such file; {missing}" if missing else "no such file"
        raise UserError(f"{flag}{path}: {why}") from None
    if stat.S_ISDIR(mode):
        raise UserError(f"{flag}{path}: is a folder; expected a file")
    if not stat.S_ISREG(mode):
        raise UserError(
            f"{flag}{path}: is no regular file but a pipe, a socket or a device; "
            "copy its content into a file"
        )
    if not os.access(path, os.R_OK):
        raise UserError(f"{flag}{path}: may not be read (permission denied)")


_LONGEST_STEM = 100


def _beside(path: Path) -> Path:
    name = f".{path.stem[:_LONGEST_STEM]}.partial-{os.getpid()}-{os.urandom(4).hex()}{path.suffix}"
    return path.with_name(name)


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _remove_named(folder: Path, name: re.Pattern[str]) -> None:
    for path in folder.iterdir() if folder.is_dir() else ():
        if name.fullmatch(path.name):
            _remove(path)


def _remove(partial: Path) -> None:
    try:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)
    except OSError:
        return


def _raise_named(error: OSError, path: Path, partial: Path) -> NoReturn:
    """Raise the error with the user's own file in it.

    Numpy's of a full disk has neither name nor number. An error about another file, such as an
    input that the block reads, stays as it is.
    """
    about = str(error.filename or partial)
    ours = about.startswith((str(partial), str(path))) or str(path.absolute()).startswith(
        os.path.abspath(about)
    )
    if ours and (error.errno is None or error.errno in (*NO_PLACE, *_NO_FOLDER)):
        raise _unwritable(path, error) from error
    raise error


def _unwritable(path: Path, error: OSError) -> UserError:
    return UserError(f"{path}: cannot be written ({error.strerror or error}); {MEND}")
