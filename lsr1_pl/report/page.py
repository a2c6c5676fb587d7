"""One self-contained HTML page of a study: text, tables and pictures, no outside link."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lsr1_pl.ground.files import written
from lsr1_pl.report.html import render

_TEMPLATE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ page.title }}</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; color: #1b1f24; background: #fff;
         max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
  .fast { background: #fff3d6; border-left: 4px solid #d99000; padding: .6rem .9rem; }
  .scroll { overflow-x: auto; }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
  th, td { padding: .3rem .7rem; border-bottom: 1px solid #d8dde3; text-align: right; }
  th { vertical-align: bottom; } th:first-child, td:first-child { text-align: left; }
  td:first-child { white-space: nowrap; }
  caption { caption-side: top; text-align: left; padding-bottom: .4rem; color: #57606a; }
  img { max-width: 100%; height: auto; } figure { margin: 1rem 0; }
  figcaption { color: #57606a; font-size: .92rem; }
  code { background: #f1f3f5; padding: .1rem .3rem; border-radius: 3px; overflow-wrap: anywhere; }
</style>
</head>
<body>
<h1>{{ page.title }}</h1>
{% if page.fast %}<p class="fast"><strong>Fast run.</strong> {{ page.fast }}</p>{% endif %}
{% for paragraph in page.introduction %}<p>{{ paragraph }}</p>
{% endfor %}
{% for section in page.sections %}
<h2>{{ section.title }}</h2>
{% for paragraph in section.paragraphs %}<p>{{ paragraph }}</p>
{% endfor %}
{% for picture, caption in section.pictures %}
<figure><img src="data:image/png;base64,{{ picture }}" alt="{{ caption }}">
<figcaption>{{ caption }}</figcaption></figure>
{% endfor %}
{% if section.table %}<div class="scroll"><table><caption>{{ section.table.caption }}</caption>
<thead><tr>{% for name in section.table.columns %}<th>{{ name }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in section.table.rows %}<tr>
{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>{% endif %}
{% endfor %}
<h2>How this was made</h2>
<p><code>{{ page.command }}</code></p>
{% for paragraph in page.provenance %}<p>{{ paragraph }}</p>
{% endfor %}
</body>
</html>
"""


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
        partial.write_text(render(_TEMPLATE, page=shown), encoding="utf-8")


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
