"""Names from elsewhere are shown as they are, and obeyed by nothing."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from lsr1_pl.ground.console import plain, shown


@pytest.mark.parametrize("name", ["[/b]", "[red]walk", "a[link=http://x]b", "\\[b]", "["])
def test_markup_is_printed_not_obeyed(name: str) -> None:
    out = io.StringIO()
    Console(file=out, width=80, force_terminal=True, color_system=None).print(f"{shown(name)} end")
    assert out.getvalue() == f"{name} end\n"


def test_escapes_and_turned_text_are_spelled_out() -> None:
    assert plain("a\x1b[2Jb") == "a\\x1b[2Jb"
    assert plain("a\u202eb\r") == "a\\u202eb\\r"
    assert plain("\ud800") == "\\ud800"
    assert plain("Grüße, 歩く\n\tend") == "Grüße, 歩く\n\tend"


@given(st.text("[]\\\\/#@aB=: ") | st.text())
def test_rich_prints_any_text_to_the_letter(text: str) -> None:
    assert Text.from_markup(shown(text), emoji=False).plain == plain(text)


@given(st.text(st.characters(codec=None)))
def test_any_text_can_be_printed(text: str) -> None:
    out = io.StringIO()
    Console(file=out, width=10_000, force_terminal=True, color_system=None).print(shown(text))
    out.getvalue().encode("utf-8")
    assert "\x1b" not in out.getvalue()
