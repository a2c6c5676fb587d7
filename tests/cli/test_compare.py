"""``lsr1 compare``, on folders as runs and tests leave them, and ``--seeds``."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from lsr1_pl.cli import main

_CONFIG = """
trainer:
  callbacks:
    - class_path: pytorch_lightning.callbacks.ModelCheckpoint
      init_args: {monitor: val/final_value}
"""


def a_run(folder: Path, losses: Sequence[float], final: float) -> None:
    """A version's folder with a loss for each iteration, and one validation at the end."""
    folder.mkdir(parents=True)
    rows = [f"{step},{loss}," for step, loss in enumerate(losses)]
    rows.append(f"{len(losses) - 1},,{final}")
    lines = ["step,train/meta_loss,val/final_value", *rows]
    (folder / "metrics.csv").write_text("\n".join(lines) + "\n")
    (folder / "config.yaml").write_text(_CONFIG)


def a_test(folder: Path, solvers: Mapping[str, Sequence[float]], metric: str = "value") -> None:
    folder.mkdir(parents=True)
    rows = [f"{metric},{s},{k},{v}" for s, curve in solvers.items() for k, v in enumerate(curve)]
    (folder / "curves.csv").write_text("\n".join(["metric,solver,step,value", *rows]) + "\n")


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_two_runs_stand_in_one_figure_one_table_and_one_page(
    empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_run(Path("runs/one/version_0"), [9.0, 9.0], 9.0)
    a_run(Path("runs/one/version_1"), [4.0, 3.0, 2.0], 1.5)
    a_run(Path("runs/two/version_0"), [5.0, 4.5], 2.5)
    a_test(Path("runs/one/test/version_0"), {"ours": [1.0, 0.5], "GD": [1.0, 0.9]})
    a_test(Path("runs/two/test/version_0"), {"ours": [1.0, 0.7], "GD": [1.0, 0.9]})
    assert main(["compare", "one", "runs/two/version_0", "--out", "out"]) == 0
    out = Path("out")
    for name in ("training", "test"):
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (out / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    page = (out / "index.html").read_text()
    assert "one beside two" in page
    assert "runs/one/version_1" in page
    rows = rows_of(out)
    trained = [r for r in rows if (r["metric"], r["line"]) == ("train/meta_loss", "one")]
    assert [(r["step"], float(r["value"])) for r in trained] == [("1", 4.0), ("2", 3.0), ("3", 2.0)]
    lines = {r["line"]: float(r["value"]) for r in rows if r["figure"] == "test"}
    # A baseline that went the same way in both has one line.
    assert lines == {"one: ours": 0.5, "two: ours": 0.7, "GD": 0.9}
    said = capsys.readouterr().out
    assert "least val/final_value" in said.replace("\n", " ") or "val/final_value" in said
    assert "1.5" in said


def test_seeds_become_a_mean_and_a_band(
    empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed, loss in enumerate([1.0, 2.0, 3.0]):
        folder = Path(f"runs/mine/seed_{seed}")
        a_run(folder / "version_0", [loss, loss + 1], loss)
        a_test(folder / "test/version_0", {"ours": [1.0, loss / 10]})
    a_run(Path("runs/mine/seed_1/version_1"), [5.0], 5.0)
    assert main(["compare", "mine", "--out", "out"]) == 0
    rows = rows_of(Path("out"))
    # Of seed 1, the newest version counts; the seeds have the first iteration in common.
    (loss_row,) = [r for r in rows if r["metric"] == "train/meta_loss"]
    assert loss_row["seeds"] == "3"
    assert float(loss_row["value"]) == pytest.approx(3.0)
    assert float(loss_row["high"]) == pytest.approx(5.0)
    (end,) = [r for r in rows if r["figure"] == "test" and r["step"] == "1"]
    assert [float(end[k]) for k in ("value", "low", "high")] == pytest.approx([0.2, 0.1, 0.3])
    said = capsys.readouterr().out
    assert "seeds of mine end at iterations 1 to 2; train/meta_loss is compared until 1" in said


def test_names_solvers_and_further_metrics(
    empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_run(Path("runs/one/version_0"), [4.0], 1.5)
    a_run(Path("runs/one/version_1"), [3.0], 1.5)
    a_test(Path("runs/one/test/version_0"), {"ours": [1.0], "GD": [0.9]})
    words = ["compare", "A=runs/one/version_0", "B=one", "--solver", "ours", "--out", "out"]
    assert main(words) == 0
    assert {r["line"] for r in rows_of(Path("out"))} == {"A", "B", "ours"}
    assert main(["compare", "runs/one/version_0", "runs/one/version_1", "--out", "other"]) == 0
    assert {"one/version_0", "one/version_1"} <= {r["line"] for r in rows_of(Path("other"))}
    capsys.readouterr()
    assert main([*words, "--solver", "ous"]) == 2
    assert "did you mean 'ours'?" in capsys.readouterr().err
    assert main([*words, "--metric", "val/nothing"]) == 2
    assert "--metric val/nothing: no run has logged it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["on"], "did you mean 'one'?"),
        (["runs/one/version_0/metrics.csv"], "is a file"),
        (["empty"], "holds no version_K"),
        (["one", "one"], "comes twice"),
        (["damaged"], "no curves that lsr1 test writes"),
        ([], "required: RUN"),
    ],
)
def test_what_is_no_run_is_named(
    words: list[str], message: str, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_run(Path("runs/one/version_0"), [4.0], 1.5)
    a_run(Path("runs/damaged/version_0"), [4.0], 1.5)
    Path("runs/empty").mkdir()
    a_test(Path("runs/damaged/test/version_0"), {"ours": [1.0]})
    Path("runs/damaged/test/version_0/curves.csv").write_text("metric,solver\nvalue,ours\n")
    assert main(["compare", *words, "--out", "out"]) == 2
    assert message in capsys.readouterr().err
    assert not Path("out").exists()


def test_fits_of_several_seeds_lie_side_by_side(
    empty_folder: Path, tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    fit = ["fit", "--config", "quadratics", *tiny, "--trainer.max_steps=4"]
    assert main([*fit, "--seeds", "3,5"]) == 0
    configs = [Path(f"runs/quadratics/seed_{k}/version_0/config.yaml").read_text() for k in (3, 5)]
    assert ["seed_everything: 3" in configs[0], "seed_everything: 5" in configs[1]] == [True, True]
    assert "lsr1 compare runs/quadratics" in capsys.readouterr().out
    test = ["test", "--config", "quadratics", *tiny, "--ckpt", "best", "--seeds=3,5"]
    assert main(test) == 0
    assert main(["compare", "quadratics"]) == 0
    rows = rows_of(Path("compared"))
    assert {r["seeds"] for r in rows if r["line"] == "L-SR1, L=2"} == {"2"}
    for words, message in (
        (["--seeds=a"], "--seeds a: expected whole numbers"),
        (["--seeds=1,1"], "each once"),
        (["--seeds=1,2", "--seed_everything=3"], "give one of them"),
    ):
        assert main([*fit, *words]) == 2
        assert message in capsys.readouterr().err
    assert main(["test", "--seeds=1,2", "--ckpt=best"]) == 2
    assert "--name NAME" in capsys.readouterr().err
