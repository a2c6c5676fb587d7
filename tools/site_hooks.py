"""What ``make docs`` fills in while it builds the site, so that no page repeats what can drift.

In a page, alone on a line:

    <!-- help: VERB -->          the help that ``lsr1 VERB --help`` prints
    <!-- readme: HEADING -->     that section of the README, and all below it
    <!-- file: PATH -->          a Markdown file of the repository, less its title
    <!-- cards -->               the card of every shipped checkpoint

Equations between dollars become MathML, which browsers draw without a script.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from html import unescape
from io import StringIO
from os import environ
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

_OPTIONAL = ("dashboards.md", "promises.md", "scaling.md")
"""Pages that the menu names and that a checkout need not have."""

_FILL = re.compile(r"^<!-- (help|readme|file|cards):? ?(.*?) -->$", re.MULTILINE)
_MATHS = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
_ROLE = re.compile(r":(?:class|func|meth|data|mod):<code>([^<]+)</code>")
_QUOTE = re.compile(r"<blockquote>\s*<p>(.*?)</p>\s*</blockquote>", re.DOTALL)
_CELL = re.compile(r"(?<=<td><code>)[^<]+(?=</code>)")
_OUTSIDE_SCRIPT = "https://unpkg.com/iframe-worker/shim"
_LINK = re.compile(r"(!?)\[([^\]]+)\]\(([^)#\s]+)\)")
_OUTSIDE = re.compile(r"\[(`[^`\]]+`)\]\(\.\./[^)\s]+\)")
_PAGES = {"checkpoints/README.md": "checkpoints.md", "CONTRIBUTING.md": "extending.md"}


def on_config(config: Any) -> Any:
    """Take pages that are not there out of the menu."""
    config.nav = list(_present(config.nav, Path(config.docs_dir)))
    return config


def _present(entries: Iterable[Any], folder: Path) -> Iterator[Any]:
    for entry in entries:
        if isinstance(entry, dict):
            yield {
                name: under if isinstance(under, str) else list(_present(under, folder))
                for name, under in entry.items()
            }
        elif entry not in _OPTIONAL or (folder / entry).is_file():
            yield entry


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill a page in; what it links outside ``docs/`` is named, as the site does not have it."""
    markdown = _OUTSIDE.sub(r"\1", markdown)
    return _FILL.sub(lambda found: filled(*found.groups()), markdown)


def filled(kind: str, what: str) -> str:
    """What stands in place of one comment, as Markdown."""
    if kind == "help":
        return f"```text\n{help_of(what.split())}```"
    if kind == "readme":
        return with_links(section((ROOT / "README.md").read_text(encoding="utf-8"), what))
    if kind == "file":
        path = ROOT / what
        body = re.sub(r"\A# .*\n+", "", path.read_text(encoding="utf-8"))
        return with_links(body, path.parent)
    cards = sorted((ROOT / "checkpoints").glob("*/README.md"))
    return "\n\n".join(with_links("##" + card.read_text(encoding="utf-8")) for card in cards)


def help_of(words: list[str]) -> str:
    """The help of a verb, 80 columns wide."""
    from lsr1_pl.cli import main

    before = environ.get("COLUMNS")
    environ["COLUMNS"] = "80"
    try:
        with redirect_stdout(StringIO()) as text:
            main([*words, "--help"])
    finally:
        if before is None:
            del environ["COLUMNS"]
        else:
            environ["COLUMNS"] = before
    return text.getvalue()


def section(text: str, heading: str) -> str:
    """Of Markdown, what stands under a heading, up to the next of its level or above.

    Raises:
        ValueError: there is no such heading.
    """
    found = re.search(rf"^(#+) {re.escape(heading)}\n", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"no heading {heading!r}")
    rest = text[found.end() :]
    level = len(found.group(1))
    end = re.search(rf"^#{{1,{level}}} ", rest, re.MULTILINE)
    body = rest[: end.start()] if end else rest
    # One level up for each that the page's own title stands above the section's.
    return re.sub(rf"^#{{{level + 1}}}(?=#* )", "##", body, flags=re.MULTILINE)


def with_links(markdown: str, folder: Path = ROOT) -> str:
    """Links of a file of the repository, as they must read on a page of the site."""

    def linked(found: re.Match[str]) -> str:
        image, text, target = found.groups()
        if "://" in target:
            return found.group()
        path = (folder / target).resolve().relative_to(ROOT).as_posix()
        path = "checkpoints/README.md" if path == "checkpoints" else path
        if path.startswith("docs/"):
            return f"{image}[{text}]({path.removeprefix('docs/')})"
        return f"[{text}]({_PAGES[path]})" if path in _PAGES else f"{text} (`{path}`)"

    return _LINK.sub(linked, spaced(markdown))


def spaced(markdown: str) -> str:
    """With the empty lines around lists and indented code that the site's Markdown asks for."""
    lines: list[str] = []
    for line in markdown.splitlines():
        before = lines[-1] if lines else ""
        starts_list = line.startswith("- ") and not before.startswith(("- ", "  "))
        indented = line.startswith("    ")
        ends_code = before.startswith("    ") and not line.startswith(" ")
        starts_code = indented and before != "" and not before.startswith((" ", "- "))
        if before.strip() and line.strip() and (starts_list or ends_code or starts_code):
            lines.append("")
        lines.append(line)
    return "\n".join(lines) + "\n"


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Equations as MathML; names in tables that may break at "_" and ".".

    Of docstrings, Sphinx's roles as plain names and "> 0" as itself.
    """
    if page.file.src_uri.startswith("api/"):
        html = _QUOTE.sub(r"&gt; \1", html)
    html = _CELL.sub(lambda found: re.sub(r"[_.](?=\w)", r"\g<0><wbr>", found.group()), html)
    return _ROLE.sub(r"<code>\1</code>", _MATHS.sub(_mathml, html))


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """The site's own script in place of the one that the theme would load from a network."""
    return output.replace(_OUTSIDE_SCRIPT, page.url.count("/") * "../" + "assets/file_search.js")


def _mathml(found: re.Match[str]) -> str:
    from latex2mathml.converter import convert

    display = "block" if found.group(1) == "div" else "inline"
    maths: str = convert(unescape(found.group(2)), display=display)
    return f'<div class="maths">{maths}</div>' if display == "block" else maths


def on_post_template(output_content: str, **_: Any) -> str:
    """The same for the page of errors, which is no page of the menu."""
    return output_content.replace(_OUTSIDE_SCRIPT, "assets/file_search.js")
