"""``lsr1 compare``: trainings and tests of several runs in one figure, one table, one page."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence

import numpy as np

from lsr1_pl.bench.study import Study
from lsr1_pl.cli.comparing.lines import Found, inner_step_lines, training_line
from lsr1_pl.cli.comparing.runs import ComparedRun, find_runs
from lsr1_pl.ground.errors import UserError
from lsr1_pl.metrics.suboptimality import SUBOPTIMALITY
from lsr1_pl.report import PageTable, Section, readable, short
from lsr1_pl.report.line_figure import Chart, draw_charts
from lsr1_pl.report.step_table import VALUE

_LOSS = "train/meta_loss"
_SHOWN_STEPS = (0, 1, 2, 4, 8, 16, 20, 32, 50, 100)
_COLUMNS = ("figure", "metric", "line", "step", "value", "low", "high", "seeds")


def run(options: Namespace) -> None:
    """Run ``lsr1 compare`` with the options of its parser.

    Raises:
        UserError: a run is not there, or none has what a figure could show.
    """
    runs = find_runs(options.runs)
    trained = _trained(runs, options.metric)
    tested = inner_step_lines(runs, options.solver)
    if not trained and not tested:
        raise UserError(
            f"{', '.join(options.runs)}: nothing to compare: no run has logged a metric of "
            f"{', '.join(_metrics(runs, options.metric))}, and none was tested (lsr1 test)"
        )
    study = Study("compare", " beside ".join(run.name for run in runs), options.out, "")
    study.page.introduction = _introduction(runs)
    study.write_rows(_COLUMNS, _rows(trained, tested))
    if trained:
        charts = [
            Chart("iteration", metric, [found.line for found in lines])
            for metric, lines in trained.items()
        ]
        picture = study.save_figure(draw_charts(charts), "training")
        shown = [(picture, "Over the training.")]
        study.add(Section("Training", pictures=shown, table=_training_table(runs, trained)))
    if tested:
        hidden = VALUE if SUBOPTIMALITY in tested else None
        drawn = {metric: lines for metric, lines in tested.items() if metric != hidden}
        charts = [
            Chart("inner step", metric, [found.line for found in lines])
            for metric, lines in drawn.items()
        ]
        picture = study.save_figure(draw_charts(charts), "test")
        study.add(Section("Tests", pictures=[(picture, "By inner step of the newest tests.")]))
        for metric, lines in tested.items():
            study.add(Section(f"Tests: {metric}", table=_test_table(lines)))
    study.finish(
        {
            place: {
                metric: {found.line.label: found.line.values[-1] for found in lines}
                for metric, lines in by_metric.items()
            }
            for place, by_metric in (("training", trained), ("test", tested))
        }
    )


def _metrics(runs: Sequence[ComparedRun], further: Sequence[str]) -> list[str]:
    """The loss, what selects the best checkpoints, and what the user asks for."""
    monitors = [member.monitor for run in runs for member in run.members if member.monitor]
    return list(dict.fromkeys([_LOSS, *monitors, *further]))


def _trained(runs: Sequence[ComparedRun], further: Sequence[str]) -> dict[str, list[Found]]:
    found = {}
    for metric in _metrics(runs, further):
        lines = [line for run in runs if (line := training_line(run, metric)) is not None]
        if lines:
            found[metric] = lines
        elif metric in further:
            raise UserError(f"--metric {metric}: no run has logged it (see their metrics.csv)")
    return found


def _introduction(runs: Sequence[ComparedRun]) -> list[str]:
    places = []
    for each in runs:
        folders = ", ".join(
            short(member.folder)
            + (
                f" (tested in {short(member.test_folder)})"
                if member.test_folder not in (None, member.folder)
                else ""
            )
            for member in each.members
        )
        places.append(f"{each.name}: {folders}.")
    if any(len(each.members) > 1 for each in runs):
        places.append(
            "Where a run has several seeds, lines are means over them, and bands are one standard "
            "deviation to either side."
        )
    return places


def _rows(*figures: dict[str, list[Found]]) -> Iterator[tuple[object, ...]]:
    for name, by_metric in zip(("training", "test"), figures, strict=True):
        for metric, lines in by_metric.items():
            for found in lines:
                line = found.line
                empty = [None] * len(line.values)
                low, high = line.low or empty, line.high or empty
                for k, value, below, above in zip(line.steps, line.values, low, high, strict=True):
                    yield name, metric, line.label, k, value, below, above, found.seeds


def _training_table(runs: Sequence[ComparedRun], trained: dict[str, list[Found]]) -> PageTable:
    columns, rows = ["run", "seeds", "iterations"], [[run.name, len(run.members)] for run in runs]
    by_name = [{f.line.label: f for f in lines} for lines in trained.values()]
    for row in rows:
        ends = [found[str(row[0])].line.steps[-1] for found in by_name if row[0] in found]
        row.append(max(ends, default=0))
    for metric, found in zip(trained, by_name, strict=True):
        columns += [f"least {metric}", "last"]
        for row in rows:
            each = found.get(str(row[0]))
            row += ["", ""] if each is None else [_spread(each.least), _spread(each.last)]
    return PageTable("± is the standard deviation over seeds.", columns, rows)


def _test_table(lines: Sequence[Found]) -> PageTable:
    longest = max(len(found.line.values) for found in lines)
    steps = [k for k in (*_SHOWN_STEPS, longest - 1) if k < longest and _measured(lines, k)]
    steps = sorted(set(steps))
    rows = []
    for found in lines:
        cells = [_spread([c[k] for c in found.curves]) if k < len(found.line.values) else ""
                 for k in steps]  # fmt: skip
        rows.append([found.line.label, found.seeds, *cells])
    return PageTable("By inner step.", ["solver", "seeds", *map(str, steps)], rows)


def _measured(lines: Sequence[Found], step: int) -> bool:
    """Whether any line has a value there: a direction stands at the step that it made."""
    return any(not np.isnan(c[step]) for f in lines for c in f.curves if step < len(c))


def _spread(values: Sequence[float]) -> str:
    """The mean over seeds, with ± their standard deviation if there are several."""
    mean = readable(float(np.mean(values)))
    return mean if len(values) < 2 else f"{mean} ± {readable(float(np.std(values, ddof=1)))}"
