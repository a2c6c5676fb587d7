"""The studies' HTML page."""

from __future__ import annotations

import base64
import math
import re
from pathlib import Path

import pytest

import lsr1_pl
from lsr1_pl.report import Page, PageTable, Section, readable, write_page


def test_page_holds_everything_and_escapes_it(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"not looked into")
    table = PageTable("cap<tion>", ["solver", "f"], [["<b>", 0.12345], ["x", None]])
    page = Page("T & t", "lsr1 bench x", ["intro"], "only two", ["seed 1"])
    page.sections.append(Section("S", ["text"], [(picture, "shows <i>")], table))
    write_page(tmp_path / "index.html", page)
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert base64.b64encode(b"not looked into").decode() in text
    for words in (
        "T &amp; t",
        "cap&lt;tion&gt;",
        "&lt;b&gt;",
        "0.123",
        "shows &lt;i&gt;",
        "seed 1",
    ):
        assert words in text, words
    assert "<strong>Fast run.</strong> only two" in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "index.html"]


def test_a_whole_run_does_not_say_fast(tmp_path: Path) -> None:
    write_page(tmp_path / "index.html", Page("T", "lsr1 bench x"))
    assert "Fast run" not in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_html_stands_in_templates_alone() -> None:
    package = Path(lsr1_pl.__file__).parent
    found = [
        p
        for p in package.rglob("*.py")
        if re.search(r"<(html|body|div|table|p)[ >]", p.read_text("utf-8"))
    ]
    assert found == []
    assert len(list((package / "report/templates").glob("*.html.j2"))) == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.123456, "0.123"),
        (1234.56, "1234.6"),
        (1.5e-7, "1.5e-07"),
        (math.nan, "diverged"),
        (math.inf, "∞"),
        (12, "12"),
        (None, ""),
        ("name", "name"),
    ],
)
def test_cells(value: object, text: str) -> None:
    assert readable(value) == text
