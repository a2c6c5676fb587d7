"""Many short trainings, a file each: a study that is stopped goes on, and several may share it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import written

_SETTINGS = "settings.json"


def iterations_of(options: argparse.Namespace, default: int) -> int:
    """Iterations of a run, as asked for.

    Raises:
        UserError: fewer than one.
    """
    asked: int = default if options.iterations is None else options.iterations
    if asked < 1:
        raise UserError(f"--iterations {asked}: expected 1 or more")
    return asked


def missing(
    folder: Path, names: Sequence[str], share: str, settings: Mapping[str, object]
) -> Iterator[tuple[int, Path]]:
    """Position and file of each run of this share that ``folder`` lacks; makes the folder.

    ``settings`` are what all its runs have in common; the folder tells them from then on.

    Raises:
        UserError: the share is not I/N; or the folder holds runs of other settings, or of unknown
            ones.
    """
    own, shares = _parsed(share)
    _claim(folder, settings)
    for position, name in enumerate(names):
        path = run_file(folder, name)
        if not path.exists() and position % shares == own:
            yield position, path


def run_file(folder: Path, name: str) -> Path:
    """Where a run's outcome stands."""
    return folder / f"{''.join(c if c.isalnum() else '-' for c in name)}.json"


def store(path: Path, outcome: Any) -> None:
    """Write one run's outcome, whole or not at all."""
    with written(path) as partial:
        partial.write_text(json.dumps(outcome), encoding="utf-8")


def stored(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """The outcomes that are there, by name."""
    paths = {name: run_file(folder, name) for name in names}
    return {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name, path in paths.items()
        if path.exists()
    }


def _claim(folder: Path, settings: Mapping[str, object]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _SETTINGS
    wanted = json.loads(json.dumps(settings))
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
    else:
        found = None if any(folder.glob("*.json")) else wanted
    if found != wanted:
        raise UserError(
            f"{folder}: holds runs of {found or 'settings that it does not tell'}; these would be "
            f"of {wanted}: name another --out"
        )
    if not path.is_file():
        store(path, wanted)


def _parsed(text: str) -> tuple[int, int]:
    try:
        share, shares = (int(word) for word in text.split("/"))
    except ValueError:
        share, shares = 0, 0
    if not 1 <= share <= shares:
        raise UserError(f"--share {text}: expected I/N with 1 <= I <= N, such as 1/2")
    return share - 1, shares
