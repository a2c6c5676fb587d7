"""Whatever prints or draws a table shows foreign names as they are, and obeys none of them."""

from __future__ import annotations

import contextlib
import io
import string
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytorch_lightning import LightningModule, Trainer

from lsr1_pl.bench.study import _print_table
from lsr1_pl.cli import main
from lsr1_pl.cli.data import _print as print_conversion
from lsr1_pl.cli.doctor import _print as print_findings
from lsr1_pl.data.assets_check import Asset, Finding
from lsr1_pl.data.sources.conversion import ConversionReport
from lsr1_pl.ground.console import console, plain
from lsr1_pl.report import IterationProgress, Page, PageTable, Section, StepProfile, write_page
from lsr1_pl.report.figure_text import as_written
from lsr1_pl.report.step_table import StepTable, plot_curves, write_curves

HOSTILE = st.sampled_from(
    [
        *("[/b]", "[red]", "[link=http://x]", "\\[b]", "[", "\\", "[bold", ":smile:", "\x1b[2J"),
        *("\x1b]0;t\x07", "\r", "\u202e", "\ud800", "\x00", "<b>", "$", "$x^", "_", "{{ x }}"),
    ]
)
NAMES = st.lists(HOSTILE | st.text(string.ascii_letters, max_size=3), max_size=2).map("".join)


def of_steps(name: str) -> None:
    task = LightningModule()
    task.curves = {name: {name: [1.0, 0.5]}}  # type: ignore[assignment]
    task.curves_note = name  # type: ignore[assignment]
    StepTable()._report(Trainer(logger=False, barebones=True), task)


def of_findings(name: str) -> None:
    print_findings([Finding(Asset(name, Path(name), "body", name, name, name), "missing", name)])


def of_a_conversion(name: str) -> None:
    report = ConversionReport()
    report.refused[name] = name
    print_conversion(report, Path(name), "at 30 a second")


def of_a_study(name: str) -> None:
    _print_table(name, PageTable(name, ["solver", name], [[name, 1.0]]))


def of_operations(name: str) -> None:
    class Event:
        key = name
        self_cpu_time_total = 1.0
        count = 1

    class Profiler:
        def key_averages(self) -> list[Event]:
            return [Event()]

    profile = StepProfile(Path("unused"))
    profile._profiler = Profiler()  # type: ignore[assignment]
    profile._phases[name] = 1.0
    console().print(profile._phase_table())
    console().print(profile._operation_table())


@pytest.mark.parametrize(
    "show", [of_steps, of_findings, of_a_conversion, of_a_study, of_operations]
)
def test_every_table_shows_any_name(show: Callable[[str], None]) -> None:
    @given(NAMES)
    def check(name: str) -> None:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            show(f"<{name}>")
        text = out.getvalue()
        text.encode("utf-8")
        assert not {"\x1b", "\r", "\x00", "\x07", "\u202e"} & set(text)
        # Cells may be folded over lines, or cut where there is no room.
        squeezed = "".join(c for c in text if not c.isspace() and c not in "│┃")
        wanted = "".join(plain(f"<{name}>").split())
        assert wanted in squeezed

    check()


def test_no_metric_colours_the_progress() -> None:
    trainer, module = Trainer(logger=False, barebones=True), LightningModule()
    progress = IterationProgress()
    progress.get_metrics = lambda *_: {"[/b]\x1b[2J": 1.0}  # type: ignore[method-assign]
    _, text = progress._status(trainer, module)
    assert text.endswith("[/b]\\x1b[2J 1")


@pytest.mark.parametrize("name", ["$x^$", r"\$x^$", "$", "_hidden", "\ud800", "[/b]", "\x1b[2J"])
def test_figures_show_names_as_they_are(name: str, tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_curves(tmp_path / "a.png", {name: {name: [1.0, 0.5]}}, name)
        figure = Figure()
        axes = figure.subplots()
        axes.plot([1, 2], label=as_written(name))
        (text,) = axes.legend().get_texts()
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    shown, is_math = text._preprocess_math(text.get_text())
    assert not is_math
    assert shown.strip() == plain(name)


def test_files_hold_names_that_utf_8_cannot(tmp_path: Path) -> None:
    write_curves(tmp_path / "a.csv", {"\ud800": {"[/b]": [1.0]}})
    assert "\\ud800,[/b],0,1.0" in (tmp_path / "a.csv").read_text(encoding="utf-8")
    table = PageTable("\ud800<b>", ["\x1b[2J"], [["\u202e"]])
    page = Page("\udfff", "lsr1 \ud800", sections=[Section("<b>", table=table)])
    write_page(tmp_path / "a.html", page)
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    for wanted in ("\\ud800&lt;b&gt;", "\\x1b[2J", "\\u202e", "<h1>\\udfff</h1>", "lsr1 \\ud800"):
        assert wanted in text
    assert "\x1b" not in text


@pytest.mark.parametrize("name", ["\x1b[2J[red]", "\udce9", "[/b]"])
def test_messages_of_the_command_show_names_as_they_are(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", f"{name}.json"]) == 2
    assert plain(f"{name}.json: no such file") in capsys.readouterr().err
    assert main([name]) == 2
    message = capsys.readouterr().err
    message.encode("utf-8")
    assert "\x1b" not in message
