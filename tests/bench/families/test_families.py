"""The study of families: counts that are right, parts that are what they are called."""

from __future__ import annotations

import argparse
import csv
import json
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lsr1_pl.bench.families import parts, study
from lsr1_pl.bench.families.measuring import Curve, curve, scipy_curve
from lsr1_pl.cli import main
from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import Quadratic
from lsr1_pl.objectives.families import ProblemFamily, Problems
from lsr1_pl.optim import (
    LBFGS,
    FamilyOptimizer,
    FeatureAimedLSR1,
    MeanSolution,
    PairLSR1,
    SecondMoment,
)


class Bowls(ProblemFamily):
    """Stiff quadratics."""

    variables = 8
    features = 0

    def sample(self, count: int, generator: torch.Generator) -> Problems:
        stiff = torch.diag(torch.logspace(0, 4, 8)).repeat(count, 1, 1)
        b = torch.randn(count, 8, generator=generator)
        return Problems(
            torch.zeros(count, 8),
            Quadratic(stiff.double(), b.double()),
            torch.zeros(count, 0),
            "bowls",
        )


def learned(inner: torch.nn.Module | None = None) -> FamilyOptimizer:
    torch.manual_seed(0)
    return FamilyOptimizer(8, 0, MeanSolution(), SecondMoment(), inner).eval()  # type: ignore[arg-type]


def test_evaluations_are_counted_from_the_start_on() -> None:
    least = torch.full((100, 2), 4.0).double()
    least[0] = 10.0
    least[20:, 0] = 1.0
    least[60:, 1] = 2.0
    found = Curve(least)
    assert found.reaches(torch.tensor([10.0, 3.0])).tolist() == [1, 61]
    assert found.reaches(torch.tensor([1.5, 1.5])).tolist() == [21, math.inf]
    torch.testing.assert_close(found.targets(50), torch.tensor([1 + 9e-6, 4 + 6e-6]).double())


def test_curves_fall_and_scipy_counts_its_own_calls() -> None:
    problems = Bowls().sample(2, torch.Generator().manual_seed(0))
    calls = 0

    class Counted(Quadratic):
        def evaluate(self, x: Tensor, *, second_order: bool = True):  # type: ignore[no-untyped-def]
            nonlocal calls
            calls += 1
            return super().evaluate(x, second_order=second_order)

    counted = Counted(problems.objective.H, problems.objective.b)  # type: ignore[attr-defined]
    theirs = scipy_curve(Problems(problems.x0, counted, problems.features, "bowls"))
    ours = curve(LBFGS(8, line_search="strong_wolfe"), problems)
    start = problems.objective.evaluate(problems.x0.double()).value
    for each in (theirs, ours):
        assert each.least.shape == (100, 2)
        torch.testing.assert_close(each.least[0], start)
        assert bool((each.least.diff(dim=0) <= 0).all())
    assert calls > 20
    torch.testing.assert_close(theirs.least[-1], ours.least[-1], rtol=1e-4, atol=1e-8)


def test_ends_are_told_apart_from_those_of_the_reference() -> None:
    reference, other = torch.full((2, 100, 4), 2.0).double()
    reference[0] = other[0] = 10.0
    other[99] = torch.tensor([1.0, 2.0 + 1e-6, 2.5, 3.0]).double()
    curves = {study.REFERENCE: [Curve(reference)], "other": [Curve(other)]}
    found = study._summary(curves)
    assert (found["other"]["lower"], found["other"]["higher"]) == ([1], [2])
    assert (found[study.REFERENCE]["lower"], found[study.REFERENCE]["higher"]) == ([0], [0])


def test_each_part_is_alone() -> None:
    optimizer = learned(PairLSR1(4, 4))
    solvers = parts.taken_apart(optimizer)
    assert list(solvers) == [
        parts.SKELETON, "start", "metric", "scalars", "start, metric", "start, metric, scalars"
    ]  # fmt: skip
    assert solvers["start, metric, scalars"] is optimizer
    for name, solver in solvers.items():
        if isinstance(solver, FamilyOptimizer) and name != "scalars":
            assert (solver.start is not None) == ("start" in name)
            assert (solver.metric is not None) == ("metric" in name)
    assert "start, metric, vectors" in parts.taken_apart(learned(FeatureAimedLSR1(8, 0, 8, 1)))
    assert list(parts.taken_apart(learned(LBFGS(4)))) == [
        parts.SKELETON, "start", "metric", "start, metric"
    ]  # fmt: skip


def test_a_study_of_two_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "FAMILIES", {"bowls": Bowls})
    optimizer = learned(PairLSR1(8, 4))
    optimizer.metric.second_moment.copy_(torch.diag(torch.logspace(0, -4, 8)))  # type: ignore[union-attr]
    monkeypatch.setattr(study, "trained_on", lambda name, ckpt: optimizer)
    apart = parts.taken_apart(optimizer)
    some = {name: apart[name] for name in (parts.SKELETON, "metric")}
    monkeypatch.setattr(study, "taken_apart", lambda optimizer: some)
    options = argparse.Namespace(out=tmp_path, fast=True, seed=1, only="", bowls=["a", "b"])
    study.run(options)
    found = json.loads((tmp_path / "summary.json").read_text())["results"]["bowls"]
    assert found[study.REFERENCE]["share 50"] == [1.0]
    assert len(found["metric"]["to 50"]) == 2
    assert found["metric"]["to 50"][0] < 0.5 * found[study.REFERENCE]["to 50"][0]
    assert len(found[parts.SKELETON]["to 50"]) == 1
    assert found["metric"]["reached 100"] == [8, 8]
    assert found["metric"]["higher"] == [0, 0]
    with (tmp_path / "results.csv").open() as file:
        assert {row["family"] for row in csv.DictReader(file)} == {"bowls"}


def test_bad_options_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["--out", str(tmp_path)]
    assert main(["bench", "families", "--only", "bowls", *out]) == 2
    assert "--only bowls: expected one of arm, gaussian_process" in capsys.readouterr().err
    arguments = ["--only", "deblurring", "--deblurring", "lsr1_general"]
    assert main(["bench", "families", *arguments, *out]) == 2
    assert "expected a FamilyOptimizer of 1024 and 1025" in capsys.readouterr().err


def test_seeds_of_several_kinds_are_not_pooled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = {"pairs": PairLSR1(4, 4), "vectors": FeatureAimedLSR1(8, 0, 8, 1)}
    monkeypatch.setattr(study, "FAMILIES", {"bowls": Bowls})
    monkeypatch.setattr(study, "trained_on", lambda family, ckpt: learned(kinds[ckpt]))
    options = argparse.Namespace(
        out=tmp_path, fast=True, seed=1, only="", bowls=["pairs", "vectors"]
    )
    with pytest.raises(UserError, match="--bowls: the checkpoints hold FeatureAimedLSR1 and Pair"):
        study.run(options)
