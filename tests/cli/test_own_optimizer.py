"""A user's own learned optimiser after its training: loaded, minimised with, set beside others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

import lsr1_pl
from lsr1_pl.bench.functions.more_solvers import trained_solver
from lsr1_pl.cli import main
from lsr1_pl.ground.errors import UserError


def test_it_is_loaded_with_trust_and_serves_wherever_an_optimiser_does(
    own_optimizer: str, empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["fit", "--config", "own.yaml"]) == 0
    with pytest.raises(UserError, match=r"load_pretrained\(path, trust=True\)"):
        lsr1_pl.load_pretrained("runs/own")
    monkeypatch.syspath_prepend(os.getcwd())
    learned = lsr1_pl.load_pretrained("runs/own", trust=True)
    assert type(learned).__name__ == "Rate"
    assert not learned.training
    assert float(learned.rate.detach()) != -2.0
    found = lsr1_pl.minimize(lambda x: x.square().sum(dim=1), torch.ones(2, 3), learned, steps=60)
    assert found.value.max() < 1e-2
    assert type(trained_solver("runs/own", 8, trust=True)) is type(learned)
    # Listed classes load as without trust.
    assert type(lsr1_pl.load_pretrained("lsr1_general", trust=True)).__name__ == "PairLSR1"


def test_a_class_that_is_no_optimiser_or_not_there_is_named(
    own_optimizer: str, empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "--config", "own.yaml"]) == 0
    capsys.readouterr()
    assert main(["export", "runs/own", "out"]) == 0
    assert "test it: lsr1 test --ckpt out --trust_checkpoint true\n" in capsys.readouterr().out
    config = empty_folder / "out" / "config.yaml"
    text = config.read_text()
    config.write_text(text.replace(f"{own_optimizer}.Rate", "nowhere.Rate"))
    with pytest.raises(UserError, match="its module must be importable"):
        lsr1_pl.load_pretrained("out", trust=True)
    config.write_text(
        text.replace(f"{own_optimizer}.Rate", "torch.nn.Identity").replace("first: -2.0", "a: 1")
    )
    with pytest.raises(UserError, match=r"out|Identity"):
        lsr1_pl.load_pretrained("out", trust=True)


def test_the_package_lists_what_it_offers() -> None:
    assert {"minimize", "load_pretrained", "LSR1", "LSR1Optimizer"} <= set(dir(lsr1_pl))
