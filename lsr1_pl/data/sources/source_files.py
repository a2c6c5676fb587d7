"""What a folder of a source holds, and its names as a store can hold them."""

from __future__ import annotations

import os
from pathlib import Path


def entries(folder: Path, refused: dict[str, str]) -> list[Path]:
    """Everything below ``folder``, in no order: files, folders, links and what else there is.

    Folders that are links are listed and not entered.

    Args:
        folder: where to look, at any depth.
        refused: gets each folder that cannot be listed, and why.
    """

    def unlisted(error: OSError) -> None:
        place = os.path.relpath(error.filename, folder)
        refused[spelled(place)] = f"this folder cannot be listed ({error.strerror})"

    found: list[Path] = []
    for place, folders, files in os.walk(folder, onerror=unlisted):
        found.extend(Path(place, name) for name in (*folders, *files))
    return found


def spelled(name: str) -> str:
    """``name`` as UTF-8 can hold it: a byte of a file's name that is no UTF-8 becomes its number.

    Such bytes are lone surrogates in Python, and are spelled as Python spells these: the byte ff is
    ``\\udcff``.
    """
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
