"""lsr1 bench gpu: every part at toy size on the CPU, and that no part can spoil the others."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lsr1_pl import optim
from lsr1_pl.bench.cost import speed_cases
from lsr1_pl.bench.gpu import parity, parts, trainings
from lsr1_pl.bench.gpu.catalogue import OPTIMIZERS
from lsr1_pl.bench.gpu.parts import PARTS, Measurement, Part, Setting
from lsr1_pl.bench.gpu.running import STOPPED, Outcome, kept, measure_all, run_part
from lsr1_pl.cli import main

Study = Callable[..., tuple[list[dict[str, str]], dict[str, Any]]]


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setting:
    monkeypatch.setattr(speed_cases, "_STEPS", 1)
    monkeypatch.setattr(speed_cases, "_WIDTH", 4)
    return Setting("cpu", True, 10.0, tmp_path / "files")


@pytest.mark.parametrize("name", [name for name in PARTS if name != "trainings"])
def test_every_part_runs_whole(name: str, toy: Setting, tmp_path: Path) -> None:
    measure_all(name, toy, tmp_path / "part.json")
    outcome = kept(tmp_path / "part.json")
    assert outcome is not None
    assert (outcome.ended, outcome.errors) == ("whole", 0), outcome
    assert outcome.rows
    assert all(row.get("agrees", "yes") == "yes" for row in outcome.rows)


def test_every_optimiser_is_compared() -> None:
    like = torch.zeros(1, 4)
    compared = {type(make(like)).__name__ for make in OPTIMIZERS.values()}
    every = {
        name
        for name in optim.__all__
        if inspect.isclass(each := getattr(optim, name))
        and issubclass(each, optim.BatchedOptimizer)
        and not inspect.isabstract(each)
    }
    # Of people alone: the training step of hmr_open_lifted compares it.
    assert every == compared | {"GaussNewton"}


def test_a_device_that_is_wrong_is_seen() -> None:
    def compute(device: str, dtype: torch.dtype, context: object) -> tuple[list[Tensor], ...]:
        exact = torch.ones(3, dtype=torch.float64)
        off = 1e-4 if device == "meta" else 1e-7
        return [exact], [exact * (1 + (off if dtype == torch.float32 else 0))]

    assert parity._compare(compute, "cpu")["agrees"] == "yes"
    assert parity._compare(compute, "meta")["agrees"] == "NO"


def test_what_fails_leaves_its_error_and_the_rest(
    toy: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def failing() -> dict[str, object]:
        seen.append(json.loads((tmp_path / "a.json").read_text())["rows"])
        raise ValueError("no memory")

    def measurements(self: Part, name: str, setting: Setting) -> Iterator[Measurement]:
        yield Measurement("first", lambda: {"ms": 1.0})
        yield Measurement("second", failing)
        yield Measurement("third", lambda: {"ms": 3.0})
        raise RuntimeError("no more")

    monkeypatch.setattr(parts.Part, "measurements", measurements)
    measure_all("fits", toy, tmp_path / "a.json")
    outcome = kept(tmp_path / "a.json")
    assert outcome is not None
    assert seen == [[{"what": "first", "ms": 1.0}]]
    assert outcome.ended == "failed: RuntimeError: no more"
    assert [row.get("error") for row in outcome.rows] == [None, "ValueError: no memory", None]


def test_the_study(study: Study, toy: Setting, tmp_path: Path) -> None:
    out = tmp_path / "out"
    # Its time is over before its process has begun; left alone, it would end whole.
    stopped = run_part("long_training", toy._replace(seconds=0.0), tmp_path / "long.json")
    assert stopped.ended == STOPPED
    out.mkdir()
    Outcome("cpu", False, 1.0, "whole").keep(out / "fits.json")
    rows, results = study("gpu", out, "--device", "cpu", "--only", "long_training")
    assert {row["part"] for row in rows} == {"long_training"}
    # That of another size is not taken for one of this run.
    assert list(results) == ["long_training"]
    assert results["long_training"]["ended"] == "whole"
    assert "minutes of 10,000" in (out / "index.html").read_text(encoding="utf-8")


SMALLER = {
    "start_open.yaml": (
        *("data.init_args.batch_size=4", "data.init_args.validation_count=4"),
        "model.init_args.start.init_args.width=8",
    ),
    "profiles_quadratics_official.yaml": (
        *("model.init_args.unroll.steps=2", "model.init_args.evaluate.steps=2"),
        "model.init_args.optimizer.init_args.networks.width=8",
    ),
}


@pytest.mark.parametrize("config", trainings._CONFIGS)
def test_the_trainings(config: str, toy: Setting) -> None:
    smaller = [f"--{word}" for word in SMALLER[config]]
    assert main([*trainings.command(config, toy, 100.0), *smaller]) == 0
    assert trainings.last_logged(toy.folder)["step"] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only", "party"], "did you mean 'parity'?"),
        (["--minutes", "0"], "--minutes 0: expected more than 0"),
    ],
)
def test_bad_options(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["bench", "gpu", "--device", "cpu", "--out", str(out), *words]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "gpu", "--out", str(tmp_path / "out")]) == 2
    assert "use --device cpu" in capsys.readouterr().err
