"""Several files that replace those of an earlier run together, or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import MEND, written


@contextmanager
def written_together(folder: Path) -> Iterator[Path]:
    """A free place inside ``folder`` for several files; they move into it if the block succeeds.

    If the block fails, what it wrote is removed, and what stood in ``folder`` is still there.
    Files of the same names are replaced, others stay.

    Args:
        folder: is made if it is missing.

    Raises:
        UserError: ``folder`` cannot be written; the message names the file that was to be.
    """
    is_new = not folder.exists()
    place = folder.absolute() / f".files.partial-{os.getpid()}-{os.urandom(4).hex()}"
    try:
        place.mkdir(parents=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}); {MEND}") from error
    try:
        yield place
        _move(place, folder)
    except UserError as error:
        raise UserError(str(error).replace(str(place), str(folder))) from error
    finally:
        shutil.rmtree(place, ignore_errors=True)
        if is_new and not any(folder.iterdir()):
            folder.rmdir()


def _move(place: Path, folder: Path) -> None:
    targets = {f: folder / f.relative_to(place) for f in place.rglob("*") if f.is_file()}
    for target in targets.values():
        if target.is_dir():
            raise UserError(f"{target}: is a folder, where a file is to be written; remove it")
        if target.parent.exists() and not target.parent.is_dir():
            raise UserError(f"{target.parent}: is a file; a folder is to be written there")
    for file, target in targets.items():
        with written(target) as partial:
            # On one disk this renames: it takes neither time nor room.
            shutil.move(file, partial)
