"""What ``make docs`` changes in the pages while it builds the site.

What pages show of the code stands in them already (``tools/pages.py``). Here tables of public names
become the whole API, and equations between dollars become MathML, which browsers draw without a
script.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

_OPTIONAL = ("dashboards.md", "promises.md", "scaling.md")
"""Pages that the menu names and that a checkout need not have."""

_REGION = re.compile(
    r"^<!-- (?P<kind>help|file|cards|api)(?:: ?(?P<what>.*?))? ?-->\n(?P<text>.*?)^<!-- end -->$",
    re.MULTILINE | re.DOTALL,
)
"""As ``tools/pages.py`` has it."""
_MATHS = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
_ROLE = re.compile(r":(?:class|func|meth|data|mod):<code>([^<]+)</code>")
_QUOTE = re.compile(r"<blockquote>\s*<p>(.*?)</p>\s*</blockquote>", re.DOTALL)
_CELL = re.compile(r"(?<=<td><code>)[^<]+(?=</code>)")
_OUTSIDE_SCRIPT = "https://unpkg.com/iframe-worker/shim"
_LINK = re.compile(r"!?\[([^\]]+)\]\(([^)#\s]+)[^)]*\)")


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


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """A page as the site shows it."""
    return for_site(markdown, page.file.src_uri)


def for_site(markdown: str, uri: str) -> str:
    """The Markdown of the page ``docs/URI`` for the site.

    Tables of public names become the whole API, from the docstrings. A link to a file outside
    ``docs/`` becomes its text, as the site does not have that file.
    """

    def region(found: re.Match[str]) -> str:
        if found["kind"] != "api":
            return found["text"]
        level = 3 if uri == "api/index.md" else 2
        options = f"    options:\n      heading_level: {level}\n      show_root_heading: "
        is_module = found["what"].rpartition(".")[2].islower()
        return f"::: {found['what']}\n{options}{str(not is_module).lower()}\n"

    def link(found: re.Match[str]) -> str:
        text, target = found.groups()
        if "://" in target or is_in_docs(posixpath.join(posixpath.dirname(uri), target)):
            return found.group()
        return text

    return _LINK.sub(link, _REGION.sub(region, markdown))


def is_in_docs(path: str) -> bool:
    """Whether a path relative to ``docs/`` stays inside."""
    return not posixpath.normpath(path).startswith("..")


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
