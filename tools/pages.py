"""Write into the pages under ``docs/`` what they show of the code: ``make pages``.

A page names what it shows, and this program writes it between two comments:

    <!-- help: VERB -->       the help that ``lsr1 VERB --help`` prints
    <!-- file: PATH -->       a Markdown file of the repository, without its title
    <!-- cards -->            the card of every shipped checkpoint
    <!-- api: NAME -->        public names of a module, each with its docstring's first sentence
    <!-- end -->

So every page can be read where it lies, and no page repeats by hand what can drift. With
``--check`` nothing is written; the exit code is 1 if a page is stale.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
REGION = re.compile(
    r"^<!-- (?P<kind>help|file|cards|api)(?:: ?(?P<what>.*?))? ?-->\n(?P<text>.*?)^<!-- end -->$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"(!?\[[^\]]+\])\(([^)#\s]+)(#[^)\s]*)?\)")
_ROLE = re.compile(r":(?:class|func|meth|data|mod):`~?([^`]+)`")


def pages() -> list[Path]:
    """Every page that shows something of the code."""
    return [
        page
        for page in sorted(DOCS.rglob("*.md"))
        if REGION.search(page.read_text(encoding="utf-8"))
    ]


def filled(page: Path) -> str:
    """The text of a page with all its regions made anew."""

    def region(found: re.Match[str]) -> str:
        opening = found.group().split("\n", 1)[0]
        body = made(found["kind"], found["what"] or "", page.parent).strip("\n")
        return f"{opening}\n\n{body}\n\n<!-- end -->"

    return REGION.sub(region, page.read_text(encoding="utf-8"))


def is_stale(page: Path) -> bool:
    """Whether the page shows something else than the code; line breaks do not count.

    Python's ``argparse`` breaks the lines of a help differently from version to version.
    """
    texts = page.read_text(encoding="utf-8"), filled(page)
    committed, anew = (re.sub(r"\s+", "", text) for text in texts)
    return committed != anew


def made(kind: str, what: str, folder: Path) -> str:
    """What stands in one region of a page in ``folder``."""
    if kind == "help":
        return f"```text\n{help_of(what.split())}```"
    if kind == "api":
        return api_table(what)
    if kind == "file":
        path = ROOT / what
        body = re.sub(r"\A# .*\n+", "", path.read_text(encoding="utf-8"))
        return with_links(body, path.parent, folder)
    cards = sorted((ROOT / "checkpoints").glob("*/README.md"))
    return "\n\n".join(
        with_links("##" + card.read_text(encoding="utf-8"), card.parent, folder) for card in cards
    )


def help_of(words: list[str]) -> str:
    """The help of a verb, 80 columns wide."""
    from lsr1_pl.cli import main

    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "80"
    try:
        with redirect_stdout(StringIO()) as text:
            main([*words, "--help"])
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before
    return text.getvalue()


def api_table(name: str) -> str:
    """A table of the public names of a module, or of one object given by its full name."""
    home, _, last = name.rpartition(".")
    try:
        module = importlib.import_module(name)
        names = sorted(getattr(module, "__all__", None) or _defined_in(module), key=str.lower)
    except ModuleNotFoundError:
        module, names = importlib.import_module(home), [last]
    rows = [f"| `{each}` | {first_sentence(getattr(module, each))} |" for each in names]
    return "\n".join(["| name | what it is |", "|---|---|", *rows])


def _defined_in(module: object) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]


def first_sentence(value: object) -> str:
    """The first sentence of an object's docstring as one line of Markdown; "" without one."""
    if not (inspect.isclass(value) or callable(value)):
        return ""
    paragraph = " ".join((inspect.getdoc(value) or "").split("\n\n")[0].split())
    sentence = re.split(r"(?<=[.:;])\s(?=[A-Z`(])", paragraph, maxsplit=1)[0]
    sentence = _ROLE.sub(r"`\1`", sentence).replace("``", "`").replace("|", r"\|")
    return sentence.rstrip(":;")


def with_links(markdown: str, home: Path, folder: Path) -> str:
    """Markdown of a file in ``home``, with links as they must read on a page in ``folder``."""

    def linked(found: re.Match[str]) -> str:
        text, target, anchor = found.groups()
        if "://" in target:
            return found.group()
        relative = Path(os.path.relpath(home / target, folder)).as_posix()
        return f"{text}({relative}{anchor or ''})"

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


def main(arguments: list[str]) -> int:
    """Write every page anew that differs, or with ``--check`` name those that are stale."""
    if "--check" in arguments:
        stale = [page for page in pages() if is_stale(page)]
        for page in stale:
            print(f"{page.relative_to(ROOT)} is stale: make pages")
        return int(bool(stale))
    for page in pages():
        text = filled(page)
        if text != page.read_text(encoding="utf-8"):
            page.write_text(text, encoding="utf-8")
            print(f"{page.relative_to(ROOT)} is written anew")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
