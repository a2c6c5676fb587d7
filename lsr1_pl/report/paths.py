"""Paths as people want to read them."""

from __future__ import annotations

from pathlib import Path


def short(path: str | Path) -> str:
    """Relative to the working folder if it lies in there, else as it is."""
    full = Path(path)
    return str(full.relative_to(Path.cwd())) if full.is_relative_to(Path.cwd()) else str(full)
