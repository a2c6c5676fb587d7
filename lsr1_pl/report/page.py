"""One self-contained HTML page of a study: text, tables and pictures, no outside link."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lsr1_pl.ground.files import written
from lsr1_pl.report.html import render


@dataclass(frozen=True)
class PageTable:
    """A table: numbers are rounded for reading; None is an empty cell."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True)
class Section:
    """A heading with text, pictures (PNG file, caption) and a table."""

    title: str
    paragraphs: Sequence[str] = ()
    pictures: Sequence[tuple[Path, str]] = ()
    table: PageTable | None = None


@dataclass
class Page:
    """What a study shows."""

    title: str
    command: str
    introduction: Sequence[str] = ()
    fast: str = ""
    """How a shortened run differs from the study; empty for the whole study."""
    provenance: Sequence[str] = ()
    sections: list[Section] = field(default_factory=list)


def write_page(path: Path, page: Page) -> None:
    """Write ``page`` as HTML with every picture inside, whole or not at all."""
    sections = [
        {
            "title": section.title,
            "paragraphs": section.paragraphs,
            "pictures": [(_inline(picture), text) for picture, text in section.pictures],
            "table": section.table and _readable(section.table),
        }
        for section in page.sections
    ]
    shown = {**vars(page), "sections": sections}
    with written(path) as partial:
        partial.write_text(render("page.html.j2", page=shown), encoding="utf-8")


def readable(value: object) -> str:
    """A cell's text: floats to three or four significant digits."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return "diverged"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == 0 or 0.01 <= abs(value) < 1e5:
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.1f}"
    return f"{value:.1e}"


def _readable(table: PageTable) -> dict[str, object]:
    rows = [[readable(cell) for cell in row] for row in table.rows]
    return {"caption": table.caption, "columns": table.columns, "rows": rows}


def _inline(picture: Path) -> str:
    return base64.b64encode(picture.read_bytes()).decode("ascii")
