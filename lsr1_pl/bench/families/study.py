"""The study ``lsr1 bench families``: learned families beside L-BFGS, on unseen problems."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from lsr1_pl.bench.families.measuring import BUDGETS, CLOSE, Curve, curve, scipy_curve
from lsr1_pl.bench.families.parts import FAMILIES, SKELETON, taken_apart, trained_on
from lsr1_pl.bench.study import Study, colours_of, dashes_of, new_figure
from lsr1_pl.data import FamilyDataModule
from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives.families import Problems
from lsr1_pl.optim import LBFGS, FamilyOptimizer
from lsr1_pl.report import PageTable, Section

_HISTORY = 16
_PROBLEMS = 64
REFERENCE = "L-BFGS, strong Wolfe"
_SCIPY = "L-BFGS-B of SciPy"

Curves = dict[str, list[Curve]]
"""By solver: one for each training seed; one alone of what is not trained."""


def run(options: argparse.Namespace) -> None:
    """Run the study into ``options.out``."""
    count = 8 if options.fast else _PROBLEMS
    fast = f"{count} problems a family instead of {_PROBLEMS}."
    study = Study("families", "Families of problems", options.out, fast if options.fast else "")
    names = [name for name in FAMILIES if options.only in ("", name)]
    if not names:
        raise UserError(f"--only {options.only}: expected one of {', '.join(FAMILIES)}")
    # All first: a checkpoint that is missing should be named at once.
    trained = {name: _seeds(name, getattr(options, name)) for name in names}
    found: dict[str, Curves] = {}
    for name in names:
        data = FamilyDataModule(
            FAMILIES[name](), evaluation_count=count, evaluation_seed=options.seed
        )
        problems = data.fixed("test")
        found[name] = _measured(trained[name], problems)
        print(f"{name}: done", flush=True)
    study.write_rows(("family", "solver", "seed", "problem", "evaluations", "value"), _rows(found))
    _report(study, found, count, options)


def _seeds(family: str, checkpoints: Sequence[str]) -> list[FamilyOptimizer]:
    trained = [trained_on(family, checkpoint) for checkpoint in checkpoints]
    kinds = sorted({type(each.optimizer).__name__ for each in trained})
    if len(kinds) > 1:
        raise UserError(
            f"--{family.replace('_', '-')}: the checkpoints hold {' and '.join(kinds)}; expected "
            "seeds of one training: run the study once for each kind"
        )
    return trained


def _measured(trained: Sequence[FamilyOptimizer], problems: Problems) -> Curves:
    reference = LBFGS(_HISTORY, line_search="strong_wolfe")
    curves: Curves = {
        REFERENCE: [curve(reference, problems)],
        _SCIPY: [scipy_curve(problems)],
    }
    for optimizer in trained:
        for name, solver in taken_apart(optimizer).items():
            # Without learning every seed is alike.
            if name != SKELETON or name not in curves:
                curves.setdefault(name, []).append(curve(solver, problems))
    return curves


def _summary(curves: Curves) -> dict[str, dict[str, Any]]:
    """By solver: medians over problems, of each seed."""
    reference = curves[REFERENCE][0]
    least = torch.stack([each.least[-1] for seeds in curves.values() for each in seeds]).amin(dim=0)
    found: dict[str, dict[str, Any]] = {}
    for name, seeds in curves.items():
        row: dict[str, Any] = {"seeds": len(seeds)}
        for budget in BUDGETS:
            targets = reference.targets(budget)
            own = reference.reaches(targets)
            counts = [each.reaches(targets) for each in seeds]
            # The upper of two middle values: infinite where half of the problems are not reached.
            row[f"to {budget}"] = [_middle(count) for count in counts]
            row[f"reached {budget}"] = [int(count.isfinite().sum()) for count in counts]
            row[f"share {budget}"] = [_middle(count / own) for count in counts]
        start = reference.least[0]
        end = reference.least[-1]
        apart = [(each.least[-1] - end) / (start - end) for each in seeds]
        row["lower"] = [int((each < -CLOSE).sum()) for each in apart]
        row["higher"] = [int((each > CLOSE).sum()) for each in apart]
        row["end"] = [_middle((each.least[-1] - least) / (start - least)) for each in seeds]
        found[name] = row
    return found


def _middle(values: torch.Tensor) -> float:
    return float(values.sort().values[len(values) // 2])


def _report(
    study: Study, found: Mapping[str, Curves], count: int, options: argparse.Namespace
) -> None:
    study.page.introduction = [
        f"{count} problems of each family that no training saw, in double precision. L-BFGS with a "
        f"strong Wolfe search (history {_HISTORY}) says what is to be reached: its value after "
        f"{BUDGETS[0]} and after {BUDGETS[1]} evaluations, or nearer to it than {CLOSE:g} of the "
        "fall from the start. Evaluations are gradients and Hessian-vector products, the start's "
        "among them. A learned start costs one more, and the time of its network.",
        "Figures are medians over problems, in which one that is not reached in "
        f"{BUDGETS[1]} evaluations counts as infinite; then over training seeds, with the least "
        "and the largest in brackets. A share is of what L-BFGS itself takes to the same value. "
        "The parts are those of the same checkpoints, each without the others. A problem ends "
        f"lower or higher where its value after {BUDGETS[1]} evaluations is {CLOSE:g} of L-BFGS's "
        "fall or more from L-BFGS's own.",
    ]
    summary: dict[str, Any] = {}
    for family, curves in found.items():
        summary[family] = _summary(curves)
        columns = ["solver", "seeds"]
        for budget in BUDGETS:
            columns += [f"to its {budget}", f"reached {budget}", f"share {budget}"]
        columns += ["ends lower", "ends higher", f"above the best at {BUDGETS[1]}"]
        rows = [
            [
                name,
                row["seeds"],
                *(
                    _shown(row[f"{key} {budget}"])
                    for budget in BUDGETS
                    for key in ("to", "reached", "share")
                ),
                *(_shown(row[key]) for key in ("lower", "higher", "end")),
            ]
            for name, row in summary[family].items()
        ]
        caption = f"Evaluations to reach what L-BFGS reaches in {BUDGETS[0]} and {BUDGETS[1]}"
        picture = (_figure(study, family, curves), "Median over problems, of the first seed.")
        study.add(Section(family, (), [picture], PageTable(caption, columns, rows)))
    checkpoints = [f"{name}: {', '.join(getattr(options, name))}" for name in found]
    study.note(f"Checkpoints: {'; '.join(checkpoints)}. Problems: seed {options.seed}.")
    study.finish(summary)


def _shown(values: Sequence[float]) -> str:
    """The median over seeds, and their range where there are several."""
    middle = sorted(values)[len(values) // 2]
    if len(values) == 1:
        return _number(middle)
    return f"{_number(middle)} [{_number(min(values))}, {_number(max(values))}]"


def _number(value: float) -> str:
    if value == float("inf"):
        return "not reached"
    return f"{value:g}" if value == int(value) and value else f"{value:.2g}"


def _figure(study: Study, family: str, curves: Curves) -> Any:
    figure = new_figure(5.6, 5.6)
    axes = figure.add_subplot()
    colours, dashes = colours_of(curves), dashes_of(curves)
    least = torch.stack([each.least[-1] for seeds in curves.values() for each in seeds]).amin(dim=0)
    evaluations = range(1, BUDGETS[-1] + 1)
    for name, seeds in curves.items():
        above = (seeds[0].least - least) / (seeds[0].least[0] - least)
        middle = above.median(dim=1).values.clamp_min(1e-12)
        axes.plot(evaluations, middle, color=colours[name], linestyle=dashes[name], label=name)
    axes.set_yscale("log")
    axes.set_xlabel("evaluations")
    axes.set_ylabel("median relative suboptimality")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2, fontsize="small", handlelength=3)
    return study.save_figure(figure, family)


def _rows(found: Mapping[str, Curves]) -> Iterator[tuple[object, ...]]:
    for family, curves in found.items():
        for name, seeds in curves.items():
            for seed, each in enumerate(seeds):
                for evaluations in (1, 5, 10, 20, 30, 40, *BUDGETS):
                    values = each.least[evaluations - 1].tolist()
                    for problem, value in enumerate(values):
                        yield family, name, seed, problem, evaluations, value
