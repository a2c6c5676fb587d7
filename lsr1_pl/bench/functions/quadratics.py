"""Figures 3a and 3b: random quadratics, for several buffer sizes and dimensions (Section 5.1.1)."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lsr1_pl.bench.functions.more_solvers import added_solvers, trained_solver
from lsr1_pl.bench.functions.solving import Run, solve, trained
from lsr1_pl.bench.study import Study, colours_of, new_figure
from lsr1_pl.data import QuadraticBatch, draw_quadratics
from lsr1_pl.data.steps import step_generator
from lsr1_pl.metrics.newton import newton_alignment
from lsr1_pl.optim import BFGS, LBFGS, SR1, BatchedOptimizer, GradientDescent
from lsr1_pl.report import PageTable, Section
from lsr1_pl.report.line_figure import whole_steps

_LIMITS = {2: 1e3, 10: 1e3, 50: 1e4}
"""Largest condition number by N. At N = 50 the paper's 1,000 would reject 99.97 % of all draws."""

_IN_PAPER = {"value": " (Figure 3a)", "cosine": " (Figure 3b)"}
"""What a figure is called in the paper, for the line below it."""
_STYLES = {1: ":", 2: "-.", 4: "--", 8: "-"}
_BUFFERED = ("L-SR1", "L-SR1 unprojected", "L-BFGS")
_STEPS = 20
_COLUMNS = (
    "solver",
    "buffer",
    "size",
    "problem",
    "seed",
    "step",
    "value",
    "relative_suboptimality",
    "newton_cosine",
)


@dataclass(frozen=True)
class _Result:
    """One solver and buffer size at one N."""

    solver: str
    buffer: int | None
    size: int
    values: Tensor
    """(K + 1, B)."""
    suboptimality: Tensor
    """(K + 1, B): (f_k - f*) / (f_0 - f*), in float64."""
    cosines: Tensor
    """(K, B)."""

    @property
    def label(self) -> str:
        return self.solver if self.buffer is None else f"{self.solver}, L={self.buffer}"


def run(options: argparse.Namespace) -> None:
    """Run the study into ``options.out``."""
    sizes, buffers, count = (
        ((2, 10), (1, 8), 8) if options.fast else ((2, 10, 50), (1, 2, 4, 8), 32)
    )
    fast = f"{count} problems instead of 32, N = 2 and 10 only, buffer sizes 1 and 8 only."
    study = Study(
        "quadratics",
        "Random quadratics: value and agreement with Newton, step by step",
        options.out,
        fast if options.fast else "",
    )
    results: list[_Result] = []
    minima: dict[int, Tensor] = {}
    for size in sizes:
        batch = draw_quadratics(
            count, size, step_generator(options.seed, size), max_condition=_LIMITS[size]
        )
        minima[size] = batch.objective.minimum()
        for solver, buffer, optimizer in _solvers(options, buffers):
            results.append(_measure(solver, buffer, optimizer, batch))
    study.write_rows(_COLUMNS, _rows(results, options.seed))
    _report(study, results, minima, options)


def _solvers(
    options: argparse.Namespace, buffers: tuple[int, ...]
) -> Iterator[tuple[str, int | None, BatchedOptimizer]]:
    for name, (checkpoint,) in added_solvers(options.solver).items():
        for buffer in buffers:
            solver = trained_solver(checkpoint, buffer, options.trust_checkpoint)
            if not hasattr(solver, "with_buffer_size"):
                yield name, None, solver
                break
            yield name, buffer, solver
    for buffer in buffers:
        yield "L-SR1", buffer, trained(options.projected, buffer)
        yield "L-SR1 unprojected", buffer, trained(options.unprojected, buffer)
        yield "L-BFGS", buffer, LBFGS(buffer)
    yield "L-BFGS, strong Wolfe", 8, LBFGS(8, "strong_wolfe")
    yield "SR1", None, SR1()
    yield "BFGS", None, BFGS("armijo")
    yield "gradient descent", None, GradientDescent(1.0)


def _measure(
    solver: str, buffer: int | None, optimizer: BatchedOptimizer, batch: QuadraticBatch
) -> _Result:
    outcome: Run = solve(optimizer, batch.objective, batch.x0, _STEPS)
    minimum = batch.objective.minimum().double()
    values = outcome.values.double()
    return _Result(
        solver,
        buffer,
        batch.x0.shape[1],
        outcome.values,
        # At the minimum, float32 gives tiny differences of either sign.
        ((values - minimum) / (values[0] - minimum)).clamp_min(0),
        newton_alignment(outcome.iterates, outcome.directions, batch.objective),
    )


def _rows(results: list[_Result], seed: int) -> Iterator[tuple[object, ...]]:
    for result in results:
        steps, count = result.values.shape
        for problem in range(count):
            for k in range(steps):
                cosine = float(result.cosines[k - 1, problem]) if k else ""
                yield (
                    result.solver,
                    "" if result.buffer is None else result.buffer,
                    result.size,
                    problem,
                    seed,
                    k,
                    float(result.values[k, problem]),
                    float(result.suboptimality[k, problem]),
                    cosine,
                )


def _finite_mean(rows: Tensor) -> Tensor:
    """(K,) mean over the problems of (K, B) whose whole row of steps stayed finite."""
    return rows[:, _sound(rows)].mean(dim=1)


def _sound(rows: Tensor) -> Tensor:
    """(B,) problems that stayed finite, and within a million times their first distance."""
    return rows.isfinite().all(dim=0) & (rows.abs().amax(dim=0) < 1e6)


def _report(
    study: Study, results: list[_Result], minima: dict[int, Tensor], options: argparse.Namespace
) -> None:
    study.page.introduction = [
        "Section 5.1.1 of the paper. Random quadratics as Appendix C.2.1 draws them, start points "
        "standard normal, 20 steps; L-SR1 was trained at N = 2 and L = 8 only. Means leave out "
        "problems that diverged; the table counts them. Values are heavy-tailed, so the medians of "
        "the relative suboptimality (f - f*) / (f_0 - f*) say more than the means of f.",
    ]
    sizes = list(minima)
    count = results[0].values.shape[1]
    figures = (
        ("value", "mean objective value", False),
        ("suboptimality", "median relative suboptimality", True),
        ("cosine", "mean cosine with Newton direction", False),
    )
    colours = colours_of(result.solver for result in results)
    pictures = []
    for name, caption, logarithmic in figures:
        figure = new_figure(5.6, 3.6 * len(sizes) + 2.4)
        for row, size in enumerate(sizes):
            axes = figure.add_subplot(len(sizes), 1, row + 1)
            for result in (r for r in results if r.size == size):
                curve, first = _curve(result, name)
                style = _STYLES.get(result.buffer or 0, "-")
                axes.plot(
                    range(first, first + len(curve)),
                    curve,
                    style,
                    color=colours[result.solver],
                    label=result.label,
                )
            if name == "value":
                axes.axhline(float(minima[size].mean()), color="black", lw=0.8, label="minimum")
                _zoom_to_baseline(axes, results, size, float(minima[size].mean()))
            if logarithmic:
                axes.set_yscale("log")
                axes.set_ylim(1e-7, 3)
            axes.set_title(f"N = {size}, {count} problems")
            axes.set_xlabel("step")
            whole_steps(axes)
            axes.set_ylabel(caption)
            axes.grid(alpha=0.3)
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize="small")
        pictures.append((study.save_figure(figure, name), f"{caption}{_IN_PAPER.get(name, '')}"))
    study.add(Section("Step by step", pictures=pictures))
    summary = {}
    for size in sizes:
        rows = [_table_row(r) for r in results if r.size == size]
        table = PageTable(
            f"N = {size}, {count} problems, minimum {float(minima[size].mean()):.2f} ± "
            f"{float(minima[size].std()):.2f}. Mean ± standard deviation over the problems that "
            "did not diverge.",
            [
                "solver",
                "f after 5",
                "after 10",
                "after 20",
                "± at 20",
                "median rel. subopt. at 20",
                "cosine, steps 1-5",
                "cosine, steps 16-20",
                "diverged",
            ],
            rows,
        )
        study.add(Section(f"After {_STEPS} steps, N = {size}", table=table))
        summary[f"N={size}"] = {
            str(row[0]): dict(zip(table.columns[1:], row[1:], strict=True)) for row in rows
        }
    study.note(
        f"Trained optimisers: {Path(str(options.projected)).name} and "
        f"{Path(str(options.unprojected)).name}{_added(options)}. "
        f"Problems: seed {options.seed}, condition number at most "
        "1,000 (10,000 at N = 50, where 1,000 would reject 99.97 % of draws).",
        "L-BFGS and SR1 take unit steps (L-BFGS as torch.optim.LBFGS without search, its first "
        "step scaled by 1 / |g|_1); BFGS backtracks; gradient descent has rate 1, near the best "
        "that |H| = 1 allows. A strong Wolfe step counts as one step whatever it evaluates.",
    )
    study.finish(summary)


def _added(options: argparse.Namespace) -> str:
    """What ``--solver`` added, for the note."""
    return "".join(f", {word}" for word in options.solver)


def _curve(result: _Result, name: str) -> tuple[list[float], int]:
    """The curve, and the step of its first point."""
    if name == "value":
        return _finite_mean(result.values).tolist(), 0
    if name == "suboptimality":
        return result.suboptimality.nan_to_num(nan=torch.inf).median(dim=1).values.tolist(), 0
    return result.cosines.nanmean(dim=1).tolist(), 1


def _zoom_to_baseline(axes: object, results: list[_Result], size: int, minimum: float) -> None:
    """Curves that leave the range between minimum and start would flatten all others."""
    start = max(float(_finite_mean(r.values)[0]) for r in results if r.size == size)
    margin = 0.08 * (start - minimum)
    axes.set_ylim(minimum - margin, start + 3 * margin)  # type: ignore[attr-defined]


def _table_row(result: _Result) -> list[object]:
    values = result.values
    kept = values[:, _sound(values)]
    mean = kept.mean(dim=1)
    median = result.suboptimality[-1].nan_to_num(nan=torch.inf).median()
    return [
        result.label,
        float(mean[5]),
        float(mean[10]),
        float(mean[20]),
        float(kept[20].std()),
        float(median),
        float(result.cosines[:5].nanmean()),
        float(result.cosines[-5:].nanmean()),
        int(values.shape[1] - kept.shape[1]),
    ]
