"""Curves by step as figures for a paper and for a telephone: PNG and PDF, panel below panel."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsr1_pl.ground.files import written
from lsr1_pl.report.figure_text import as_written

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#7F7F7F")
"""Of Okabe and Ito: those who see red and green alike tell them apart."""

DASHES: tuple[Any, ...] = (
    *("-", (0, (5, 2)), (0, (1, 1.2))),
    *((0, (5, 1.5, 1, 1.5)), (0, (8, 2, 2, 2))),
)
"""Patterns that lines are told apart by in black and white."""

_MARKERS = "osD^vPX*"
_MOST_MARKED = 30
_WIDTH, _HEIGHT, _LEGEND_ROW = 5.0, 3.3, 0.21
_SHORT = 22
"""Characters of labels of which two stand beside each other."""
_DECADES = 2.0
_FEWEST, _FAR = 8, 6.0
"""Of at least so many values, those are cut off that lie so many quartile distances away."""


@dataclass(frozen=True)
class Line:
    """A curve: its values at its steps, and a band from ``low`` to ``high``, if there is one."""

    label: str
    steps: Sequence[int]
    values: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None


@dataclass(frozen=True)
class Chart:
    """One panel.

    Args:
        xlabel: what the steps are.
        ylabel: what the values are.
        lines: drawn in this order; a label has the same look in every panel of a figure.
    """

    xlabel: str
    ylabel: str
    lines: Sequence[Line]


def draw_charts(charts: Sequence[Chart], note: str = "") -> Figure:
    """Panels one below another, 5 inches wide, so that 390 pixels can be read.

    An axis of values is logarithmic where none is below 0 and they reach over two decades; zeros
    are left out then. Values that are far from most others, as of a run that diverges, are cut off.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    labels = list(dict.fromkeys(line.label for chart in charts for line in chart.lines))
    rows = max(1, len(charts))
    columns = 2 if len(labels) > 1 and max(map(len, labels)) <= _SHORT else 1
    height = _HEIGHT * rows + _LEGEND_ROW * math.ceil(len(labels) / columns)
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    FigureCanvasAgg(figure)
    for row, chart in enumerate(charts):
        _draw(figure.add_subplot(rows, 1, row + 1), chart, labels)
    handles = {
        text: handle
        for axes in figure.axes
        for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    if handles:
        figure.legend(
            handles.values(),
            handles.keys(),
            loc="outside lower center",
            ncols=columns,
            fontsize="small",
            handlelength=3.2,
            frameon=False,
        )
    if note:
        figure.suptitle(as_written(note), fontsize="small", wrap=True)
    return figure


def save_figure(figure: Figure, path: Path) -> Path:
    """Write ``path``, a PNG, and beside it a PDF for papers, each whole or not at all; ``path``."""
    import matplotlib as mpl

    with written(path) as partial:
        figure.savefig(partial, dpi=160, format="png")
    # The PDF has the places that were found for the PNG: to find them takes half of the drawing.
    figure.set_layout_engine("none")
    # Fonts as outlines with their characters, which journals ask for; and the same bytes each time.
    with mpl.rc_context({"pdf.fonttype": 42}), written(path.with_suffix(".pdf")) as partial:
        figure.savefig(partial, format="pdf", metadata={"CreationDate": None})
    return path


def whole_steps(axes: Axes) -> None:
    """Ticks of the horizontal axis at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))


def _draw(axes: Axes, chart: Chart, labels: Sequence[str]) -> None:
    if _is_logarithmic(chart):
        # What is 0 has no place on such an axis.
        axes.set_yscale("log", nonpositive="mask")
    for line in chart.lines:
        index = labels.index(line.label)
        colour = COLOURS[index % len(COLOURS)]
        values = [value if math.isfinite(value) else math.nan for value in line.values]
        axes.plot(
            line.steps,
            values,
            color=colour,
            linestyle=DASHES[index % len(DASHES)],
            marker=_MARKERS[index % len(_MARKERS)] if len(values) <= _MOST_MARKED else None,
            markersize=3.5,
            linewidth=1.4,
            label=as_written(line.label),
        )
        if line.low is not None and line.high is not None:
            # On a logarithmic axis, a band to below 0 ends at a hundredth of its line.
            least = [v / 100 for v in values] if axes.get_yscale() == "log" else line.low
            low = [max(pair) for pair in zip(line.low, least, strict=True)]
            axes.fill_between(line.steps, low, line.high, color=colour, alpha=0.18, lw=0)
    _cut_far_values(axes, chart)
    whole_steps(axes)
    axes.set_xlabel(as_written(chart.xlabel))
    axes.set_ylabel(as_written(chart.ylabel))
    axes.grid(alpha=0.3)


def _is_logarithmic(chart: Chart) -> bool:
    values = _finite(chart)
    above = [v for v in values if v > 0]
    return bool(above) and min(values) >= 0 and math.log10(max(above) / min(above)) > _DECADES


def _finite(chart: Chart) -> list[float]:
    return [v for line in chart.lines for v in line.values if math.isfinite(v)]


def _cut_far_values(axes: Axes, chart: Chart) -> None:
    values = _finite(chart)
    if axes.get_yscale() == "log":
        values = [math.log10(v) for v in values if v > 0]
    if len(values) < _FEWEST:
        return
    low, _, high = statistics.quantiles(values, n=4)
    far = _FAR * (high - low)
    near = [v for v in values if low - far <= v <= high + far]
    if len(near) == len(values) or not near:
        return
    margin = 0.06 * (max(near) - min(near))
    limits = min(near) - margin, max(near) + margin
    axes.set_ylim(*(10**v for v in limits) if axes.get_yscale() == "log" else limits)
