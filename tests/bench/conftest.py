"""A fast study from the command, for the tests of every room of studies."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lsr1_pl.cli import main

Study = Callable[..., tuple[list[dict[str, str]], dict[str, Any]]]


@pytest.fixture
def study() -> Study:
    """Runs a fast study: its rows and its summary. Checks what every study must write."""

    def run(name: str, out: Path, *options: str) -> tuple[list[dict[str, str]], dict[str, Any]]:
        assert main(["bench", name, "--fast", "--out", str(out), *options]) == 0
        page = (out / "index.html").read_text(encoding="utf-8")
        assert "Fast run." in page
        # Self-contained: nothing is fetched, and every picture is inside.
        assert not re.search(r'(?:src|href)="(?!data:)', page)
        pictures = list(out.glob("*.png"))
        assert page.count("data:image/png;base64,") == len(pictures)
        assert not list(out.glob("*.partial"))
        summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
        assert summary["fast"] is True
        with (out / "results.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file)), summary["results"]

    return run
