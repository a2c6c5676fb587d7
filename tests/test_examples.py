"""The worked examples run, and do what they say."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from PIL import Image

from lsr1_pl.cli import main

EXAMPLES = Path(__file__).parents[1] / "examples"


def numbers(
    name: str, capsys: pytest.CaptureFixture[str], run_name: str = "example"
) -> tuple[str, list[float]]:
    runpy.run_path(str(EXAMPLES / name), run_name=run_name)
    text = capsys.readouterr().out
    return text, [float(word) for word in re.findall(r"[-+]?\d+\.?\d*(?:e-?\d+)?", text)]


def test_every_example_has_a_test() -> None:
    assert sorted(path.name for path in EXAMPLES.glob("*.py")) == [
        "camera_pose.py",
        "draw_fits.py",
        "least_squares.py",
        "meta_train.py",
        "small_network.py",
        "tune_with_optuna.py",
    ]


def test_least_squares(capsys: pytest.CaptureFixture[str]) -> None:
    text, (before, after, error, *_) = numbers("least_squares.py", capsys)
    assert after < 0.011 < before
    assert error < 0.02
    assert "of 100 converged" in text


def test_camera_pose(capsys: pytest.CaptureFixture[str]) -> None:
    text, (before, after, rotation, translation, *_) = numbers("camera_pose.py", capsys)
    assert before > 100
    assert after < 2
    assert rotation < 0.01
    assert translation < 0.05
    assert "converged" in text


def test_small_network(capsys: pytest.CaptureFixture[str]) -> None:
    _, (before, after) = numbers("small_network.py", capsys)
    assert after < 1e-3 < before


def test_meta_train_learns_and_generalises(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["meta_train.py", "--iterations", "20"])
    text, _ = numbers("meta_train.py", capsys, "__main__")
    table = re.findall(r"^(gradient descent|L-.+?) +(\d\.\d.*)$", text, re.MULTILINE)
    last = {name: float(medians.split()[-1]) for name, medians in table}
    assert len(last) == 4
    # Problems of ten variables, where training saw six.
    assert last["L-SR1, after training"] < 0.25 * last["L-SR1, before training"]
    assert last["L-SR1, after training"] < 0.25 * last["gradient descent"]


def test_meta_train_is_one_page_and_needs_no_lightning() -> None:
    text = (EXAMPLES / "meta_train.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 100
    modules = set(re.findall(r"^(?:from|import) (\S+)", text, re.MULTILINE))
    ours = {"lsr1_pl.objectives", "lsr1_pl.optim", "lsr1_pl.optim.lsr1"}
    assert modules == {"__future__", "argparse", "torch", *ours}


def test_draw_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "fits.png"
    monkeypatch.setattr(sys, "argv", ["draw_fits.py", "--out", str(out), "--every", "10"])
    text, _ = numbers("draw_fits.py", capsys, "__main__")
    mean, median = re.findall(r"(\d+\.\d)", text.split("PA-MPJPE")[-1])
    assert float(median) < 100
    assert float(mean) < 120
    # Of the committed picture's size: another one shows other people, or lost its parts.
    committed = EXAMPLES.parent / "docs/assets/fits.png"
    with Image.open(out) as drawn, Image.open(committed) as kept:
        assert drawn.size == kept.size


def test_every_key_of_the_sweep_is_one_of_its_config(capsys: pytest.CaptureFixture[str]) -> None:
    sweep = yaml.safe_load((EXAMPLES / "sweep.yaml").read_text(encoding="utf-8"))
    program, *words = sweep["command"]
    assert program == sweep["program"] == "lsr1"
    assert words.pop() == "${args}"
    values = {
        k: v["values"][-1] if "values" in v else v["min"] for k, v in sweep["parameters"].items()
    }
    flags = [f"--{key}={value}" for key, value in values.items()]
    assert main([*words, *flags, "--print_config"]) == 0
    config = yaml.safe_load(capsys.readouterr().out)
    for key, value in values.items():
        found: Any = config
        for part in key.split("."):
            found = found[part]
        assert found == value, key
    assert sweep["metric"]["name"] == config["trainer"]["callbacks"][0]["init_args"]["monitor"]


class OneTrial:
    """Optuna, as far as the recipe needs it: one trial, of the first or least values."""

    number = 0

    def suggest_float(self, name: str, low: float, high: float, log: bool) -> float:
        return low

    def suggest_categorical(self, name: str, choices: list[Any]) -> Any:
        return choices[0]

    def create_study(self, **options: Any) -> OneTrial:
        return self

    def optimize(self, objective: Any, n_trials: int) -> None:
        self.best_value, self.best_params = objective(self), {"tried": n_trials}


def test_optuna_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = runpy.run_path(str(EXAMPLES / "tune_with_optuna.py"))
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(SystemExit, match="pip install optuna"):
        recipe["main"]([])
    study = OneTrial()
    fake = SimpleNamespace(create_study=study.create_study)
    monkeypatch.setitem(sys.modules, "optuna", fake)  # type: ignore[arg-type]
    small = ["max_steps=4", "val_check_interval=2", "enable_progress_bar=false"]
    tiny = ["data.init_args.batch_size=4", "model.init_args.steps=2"]
    flags = [*(f"--trainer.{word}" for word in small), *(f"--{word}" for word in tiny)]
    recipe["main"](["--trials=1", "--", *flags])
    log = tmp_path / "runs/optuna/trial_0/version_0/metrics.csv"
    assert study.best_value == recipe["least"](log, "val/final_value") < 100
    assert recipe["least"](log, "val/nothing") == float("inf")
    config = yaml.safe_load((log.parent / "config.yaml").read_text())
    assert config["model"]["init_args"]["penalty"]["weight"] == 0.0
    assert f"{study.best_value:.4g}" in capsys.readouterr().out
