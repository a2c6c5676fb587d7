"""Where a config named on the command line is found."""

from __future__ import annotations

from pathlib import Path

import lsr1_pl
from lsr1_pl.ground.choices import did_you_mean
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import check_regular


def packaged_configs() -> Path:
    """The folder of the configs that come with the package."""
    package = Path(lsr1_pl.__file__).parent
    inside = package / "configs"
    # In a source checkout they stand beside the package; a wheel carries them inside it.
    return inside if inside.is_dir() else package.parent / "configs"


def resolve_config(name: str) -> Path:
    """A file of that name if there is one, else the packaged config of that name.

    Raises:
        UserError: neither is there; the message lists the packaged ones.
    """
    given = Path(name)
    if given.is_file():
        return given
    if given.exists() and not given.is_dir():
        check_regular(given, "--config ")
    folder = packaged_configs()
    for candidate in (folder / name, folder / f"{name}.yaml"):
        if candidate.is_file():
            return candidate
    known = sorted(path.name for path in folder.glob("*.yaml"))
    raise UserError(
        f"--config {name}: no such file, and no packaged config; packaged are {', '.join(known)}"
        f"{did_you_mean(name, known)}"
    )
