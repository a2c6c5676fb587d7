"""lsr1 bench hmr on tiny networks: what it writes, and that its numbers are those of its runs."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lsr1_pl.bench.cost import hmr_iteration
from lsr1_pl.bench.cost.hmr_iteration import Case
from lsr1_pl.bench.hmr import conditions, study
from lsr1_pl.bench.hmr.methods import UNTRAINED, label_and_start
from lsr1_pl.bench.hmr.people import Errors, people_of, run_fitter, states_at
from lsr1_pl.bench.hmr.tables import compare, paired_interval
from lsr1_pl.body.files import OPEN_BODY
from lsr1_pl.cli import main
from lsr1_pl.data import MotionDataModule
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr import ReprojectionObjective
from lsr1_pl.optim import Adam
from lsr1_pl.tasks import HMRTask, load_task

_DATA = {
    "stores": "[open]",
    "validation_subjects": "[]",
    "validation_recordings": "[kick]",
    "test_subjects": "[]",
    "test_recordings": "[walk]",
    "validation_count": "4",
    "batch_size": "4",
}
_EIGHT = ("steps", "evaluation_steps")
_TINY = study._Size(study.Drawn(5, 7), ("clean", "noise 2 %"), 3, 2, 4, 1)
STEPS = 16
"""One more than those that the tables name."""


class InThisProcess:
    """Stands for ``in_rounds``, whose processes start slowly; the study of compute tests it.

    A case that was measured is not measured again.
    """

    def __init__(self) -> None:
        self.found: dict[Case, list[tuple[float, int]]] = {}

    def __call__(
        self, measure: Callable[[Case], tuple[float, int]], cases: Sequence[Case], repeats: int
    ) -> dict[Case, list[tuple[float, int]]]:
        for case in cases:
            if case not in self.found:
                self.found[case] = [measure(case) for _ in range(repeats)]
        return {case: self.found[case] for case in cases}


def trained(root: Path, config: str, name: str, *options: str) -> Path:
    words = ["fit", "--config", config, "--name", name, f"--trainer.default_root_dir={root}"]
    words += ["--trainer.max_steps=1", "--trainer.val_check_interval=1"]
    words += ["--model.init_args.evaluation_steps=3", "--model.init_args.initial_width=8"]
    words += ["--model.init_args.warmup_iterations=0", *options]
    words += [f"--data.init_args.{key}={value}" for key, value in _DATA.items()]
    assert main(words) == 0
    return root / name / "version_0/checkpoints/last.ckpt"


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("runs")
    # Trained with noise, which the clean condition must not inherit.
    noise = "--data.init_args.keypoint_noise=[0.1,0.5]"
    lsr1 = trained(root, "hmr_open", "ours", "--model.init_args.steps=2", noise)
    narrow = "--model.init_args.optimizer.init_args.width=8"
    lgd = trained(root, "lgd_open", "theirs", narrow)
    trained(root, "lgd_open", "eight", narrow, *(f"--model.init_args.{k}=8" for k in _EIGHT))
    return lsr1, lgd


def test_the_study(
    checkpoints: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lsr1, lgd = map(str, checkpoints)
    lgd8 = lgd.replace("theirs", "eight")
    kept = tuple(m for m in UNTRAINED if m.key in ("adam", "adam_metric", "gd_mean"))
    monkeypatch.setattr(study, "QUICK", kept)
    monkeypatch.setattr(study, "_FAST", _TINY)
    monkeypatch.setattr(study, "_STEPS", STEPS)
    monkeypatch.setattr(conditions, "_PRIOR_BATCHES", 2)
    measured = InThisProcess()
    monkeypatch.setattr(hmr_iteration, "in_rounds", measured)
    words = ["bench", "hmr", "--fast", "--out", str(tmp_path / "out")]
    words += ["--lsr1", lsr1, lsr1, "--lgd", lgd, "--fraction", f"0.1={lsr1}"]
    words += ["--lgd-fraction", f"0.1={lgd}", "--lgd8", lgd8]
    assert main(words) == 0
    out = tmp_path / "out"
    assert {p.name for p in out.iterdir()} == {
        *("index.html", "results.csv", "summary.json"),
        *("figure_4.png", "figure_5_9.png", "figure_8.png", "measured"),
        *("figure_4.pdf", "figure_8.pdf"),
    }
    page = (out / "index.html").read_text(encoding="utf-8")
    for title in ("Table 1", "Table 2", "Table 3", "Figure 4", "Figures 5 and 9", "Figure 8"):
        assert title in page
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    methods = {
        "lsr1",
        "lgd",
        "lgd_8",
        "adam",
        "adam_metric",
        "gd_mean",
        "smplify",
        "smplify_initial",
    }
    assert summary["validation"].keys() == summary["test"].keys() == methods
    # The checkpoint that stands for a tenth is the first of each list, and is read at its step.
    shares = summary["results"]["fractions"]
    for label, key in (("L-SR1, 10 %", "lsr1"), ("LGD, 10 %", "lgd")):
        assert shares[label]["test"] == pytest.approx(summary["test"][key], abs=0.01)
    with (out / "results.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    # Two seeds of ours; SMPLify has six states.
    assert len(rows) == 2 * 2 * (2 * (STEPS + 1) + 5 * (STEPS + 1) + 2 * 6)
    _check_against_a_run_of_its_own(checkpoints[0], rows, summary)
    costs = dict(measured.found)
    # The meshes of the same fits are drawn once; all other pictures are drawn again.
    monkeypatch.setattr(study, "draw_cases", lambda *_: out / "figure_5_9.png")
    _check_that_kept_errors_stand_for_a_checkpoint(out, lsr1, lgd, summary)
    assert measured.found == costs


def _check_that_kept_errors_stand_for_a_checkpoint(
    out: Path, lsr1: str, lgd: str, summary: dict[str, Any]
) -> None:
    kept = out / "measured"
    files = [kept / f"{name}-version_0-last.npz" for name in ("ours", "theirs", "eight")]
    assert sorted(kept.iterdir()) == sorted(
        path for npz in files for path in (npz, npz.with_suffix(".csv"))
    )
    ours, theirs, eight = files
    # A checkpoint and what is kept of it are one: together they would be two seeds of the same.
    assert main(["bench", "hmr", "--fast", "--out", str(out), "--lsr1", lsr1, str(ours)]) == 2
    ours, theirs = (path.rename(path.with_stem(f"kept-{path.stem}")) for path in (ours, theirs))
    eight = eight.rename(eight.with_stem(f"kept-{eight.stem}"))
    again = ["bench", "hmr", "--fast", "--out", str(out), "--lsr1", lsr1, str(ours)]
    again += ["--lgd", lgd, "--fraction", f"0.1={ours}", "--lgd-fraction", f"0.1={theirs}"]
    assert main([*again, "--lgd8", str(theirs)]) == 2
    assert main([*again, "--lgd8", str(eight)]) == 0
    repeated = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    for split in ("validation", "test"):
        assert repeated[split] == pytest.approx(summary[split], abs=0.01)
    assert main(["bench", "hmr", "--fast", "--out", str(out), "--lsr1", str(ours)]) == 2


def _check_against_a_run_of_its_own(
    checkpoint: Path, rows: list[dict[str, str]], summary: dict[str, Any]
) -> None:
    task = load_task(checkpoint)
    assert isinstance(task, HMRTask)
    data = MotionDataModule(
        validation_recordings=["kick"],
        test_recordings=["walk"],
        validation_count=5,
        test_count=7,
        batch_size=256,
    )
    curves = {}
    for split, loader in (("validation", data.val_dataloader()), ("test", data.test_dataloader())):
        people = people_of(task, list(loader))
        errors, _ = run_fitter(task.fitter, people, STEPS)
        curves[split] = errors.curve()
        written = [
            float(row["pa_mpjpe_mm"])
            for row in rows
            if (row["condition"], row["split"], row["method"], row["seed"])
            == ("clean", split, "lsr1", "0")
        ]
        np.testing.assert_allclose(written, errors.curve(), rtol=1e-4)
    chosen = int(curves["validation"].argmin())
    assert summary["test"]["lsr1"] == pytest.approx(curves["test"][chosen], rel=1e-4)


def test_gradients_are_counted_and_starts_are_shared(checkpoints: tuple[Path, Path]) -> None:
    task = load_task(checkpoints[0])
    assert isinstance(task, HMRTask)
    data = MotionDataModule(validation_recordings=["kick"], test_recordings=["walk"], test_count=3)
    people = people_of(task, list(data.test_dataloader()))
    starts = states_at(task.fitter.start, people)
    errors, paths = run_fitter(replace(task.fitter, optimizer=Adam(0.01)), people, 4, starts)
    assert errors.pa_mpjpe.shape == errors.reprojection.shape == (5, 3)
    assert errors.evaluations.tolist() == [0, 1, 2, 3, 4]
    torch.testing.assert_close(paths[0][0], starts[0])


def _errors(values: list[list[float]]) -> Errors:
    found = np.array(values)
    return Errors(found, found, np.arange(len(found), dtype=float))


def test_steps_come_from_validation_and_gaps_from_the_same_people() -> None:
    validation = {
        "lsr1": [_errors([[9, 9], [5, 5], [6, 6], [6, 6], [6, 6]])],
        "other": [_errors([[9, 9], [8, 8], [7, 7], [8, 8], [8, 8]])],
    }
    test = {
        "lsr1": [_errors([[9, 9], [4, 8], [1, 1], [1, 1], [1, 1]])],
        "other": [_errors([[9, 9], [3, 3], [6, 10], [2, 2], [2, 4]])],
    }
    rows = compare(validation, test, "lsr1", 0)
    assert rows["lsr1"].steps == (1,)
    assert (rows["lsr1"].test, rows["other"].test) == (6.0, 8.0)
    assert (rows["other"].gap, rows["other"].gap_low, rows["other"].gap_high) == (2.0, 2.0, 2.0)
    assert (rows["lsr1"].rise, rows["other"].at_4, rows["other"].at_15) == (-5.0, 3.0, None)
    spread = compare({"lsr1": validation["lsr1"] * 2}, {"lsr1": test["lsr1"] * 2}, "lsr1", 0)
    assert spread["lsr1"].test_spread == 0.0


def test_a_state_that_is_not_finite_never_wins() -> None:
    errors = _errors([[9, 9], [1, np.inf], [5, 5]])
    assert errors.best_step() == 2
    assert errors.nonfinite == 1


def test_the_interval_covers_the_mean() -> None:
    differences = np.random.default_rng(0).normal(3.0, 1.0, 400)
    low, high = paired_interval(differences, 1)
    assert low < differences.mean() < high
    assert high - low == pytest.approx(2 * 1.96 / 20, rel=0.2)
    assert paired_interval(differences, 1) == (low, high)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--fraction", "10=x"], r"expected SHARE=CKPT with a share in \(0, 1\]"),
        (["--fraction", "x"], "expected SHARE=CKPT"),
        (["--lgd-fraction", "x"], "--lgd-fraction x: expected SHARE=CKPT"),
        (["--fraction", "0.1=hmr_open", "0.10=x"], "10 % is given twice"),
        (["--lsr1", "lgd_open"], "lgd_open: is LGD of 3 updates; this option takes L-SR1"),
        (["--lgd", "hmr_open"], "hmr_open: is L-SR1; this option takes LGD"),
        (["--lgd8", "lgd_open"], "lgd_open: is LGD of 3 updates; this option takes LGD of 8"),
        (["--refining", "hmr_open"], "this option takes L-SR1 from LGD's fits"),
        (["--lsr1", "quadratics"], "trains FunctionTask; expected a checkpoint of HMRTask"),
        (["--lsr1", "nobody"], "nobody: no such file"),
        (["--device", "tpu"], "--device: invalid choice: 'tpu'"),
    ],
)
def test_bad_options_are_named(
    checkpoints: tuple[Path, Path],
    words: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ["--lsr1", str(checkpoints[0]), "--lgd", str(checkpoints[1]), *words]
    assert main(["bench", "hmr", "--out", str(tmp_path / "out"), *given]) == 2

    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_who_is_evaluated_has_trained_nobody(
    checkpoints: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    narrow = "--model.init_args.optimizer.init_args.width=8"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(_DATA, "validation_recordings", "[jump]")
        other = trained(tmp_path, "lgd_open", "other_split", narrow)
    words = ["bench", "hmr", "--out", str(tmp_path / "out"), "--lsr1", str(checkpoints[0])]
    assert main([*words, "--lgd", str(other)]) == 2
    assert "was trained on kick, whom" in capsys.readouterr().err
    small = tmp_path / "small.npz"
    small.write_bytes(OPEN_BODY.read_bytes())
    body = trained(tmp_path, "lgd_open", "other_body", narrow, f"--model.init_args.body={small}")
    assert main([*words, "--lgd", str(body)]) == 2
    assert "their errors cannot stand side by side" in capsys.readouterr().err


def test_the_seed_draws_the_people(checkpoints: tuple[Path, Path]) -> None:
    task = load_task(checkpoints[0])
    assert isinstance(task, HMRTask)

    def seen(seed: int) -> torch.Tensor:
        drawn = conditions.Drawn(2, 3, seed)
        (people,) = conditions.people_under(task, str(checkpoints[0]), drawn, "clean")["test"]
        return people.observation.keypoints

    torch.testing.assert_close(seen(1), seen(1))
    assert not torch.equal(seen(1), seen(2))


def test_a_line_search_counts_the_gradient_at_its_start(checkpoints: tuple[Path, Path]) -> None:
    task = load_task(checkpoints[0])
    assert isinstance(task, HMRTask)
    drawn = conditions.Drawn(1, 1)
    people = conditions.people_under(task, str(checkpoints[0]), drawn, "clean")["test"]
    (method,) = (m for m in UNTRAINED if m.key == "lbfgs")
    counted, taken = 0, ReprojectionObjective.evaluate

    def count(self: ReprojectionObjective, x: torch.Tensor) -> Any:
        nonlocal counted
        counted += 1
        return taken(self, x)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ReprojectionObjective, "evaluate", count)
        fitter = replace(task.fitter, optimizer=method.make(1.0), searches=method.searches)
        errors, _ = run_fitter(fitter, people, 1)
    assert counted > 1
    assert errors.evaluations.tolist() == [0, counted]


def test_every_method_has_a_name() -> None:
    assert label_and_start("smplify") == ("SMPLify", "mean pose")
    with pytest.raises(UserError, match="no such method"):
        label_and_start("nobody")
