"""What the README shows must run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

import lsr1_pl

README = Path(__file__).parents[1] / "README.md"


def test_the_readme_is_a_front_page() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150


def test_python_in_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    assert "tensor" in capsys.readouterr().out


def test_files_that_the_readme_links_exist() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert local
    for link in local:
        assert (README.parent / link).exists(), link


def test_sections_that_the_readme_links_exist() -> None:
    text = README.read_text(encoding="utf-8")
    links = re.findall(r"\]\((docs/[^)#]+)#([^)]+)\)", text)
    assert links
    for path, anchor in links:
        page = (README.parent / path).read_text(encoding="utf-8")
        # As GitHub and the site make anchors of headings.
        headings = [heading.lower() for heading in re.findall(r"^#+ (.+)$", page, re.MULTILINE)]
        slugs = [re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings]
        assert anchor in slugs, f"{path}#{anchor}"


def test_numbers_of_the_readme_stand_on_the_pages_that_it_names() -> None:
    table = README.read_text(encoding="utf-8").split("## Numbers that matter\n")[1]
    rows = re.findall(r"^\| (?!what|--)(.+) \| \[.+\]\((docs/[^)#]+).*\) \|$", table, re.MULTILINE)
    assert len(rows) >= 8
    for row, path in rows:
        page = (README.parent / path).read_text(encoding="utf-8")
        for number in re.findall(r"(?<![\w.-])(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)", row):
            assert number in page, f"{number} of {row!r} is not in {path}"


def test_the_citation_is_of_this_version_and_of_the_authors_in_the_readme() -> None:
    citation = yaml.safe_load((README.parent / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == lsr1_pl.__version__
    assert {"message", "title", "authors"} <= set(citation)
    paper = citation["preferred-citation"]
    text = README.read_text(encoding="utf-8")
    for author in paper["authors"]:
        assert f"{author['family-names']}, {author['given-names']}" in text
        assert f"{author['given-names']} {author['family-names']}" in text
    assert paper["url"] in text
