"""Trained optimisers of other papers load as L-SR1 does, without trust."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lsr1_pl import load_pretrained, minimize
from lsr1_pl.cli import main


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ("lstm", "CoordinatewiseLSTM"),
        ("mlp", "MomentumMLP"),
        ("transformer", "RankOneTransformer"),
        ("bfgs", "LearnedBFGS"),
    ],
)
def test_a_trained_one_loads_and_minimises(
    config: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    few = ["--trainer.max_steps", "2", "--trainer.val_check_interval", "1"]
    assert main(["fit", "--config", f"quadratics_{config}.yaml", "--name", "own", *few]) == 0
    learned = load_pretrained("runs/own")
    assert type(learned).__name__ == name
    assert not learned.training
    (best,) = tmp_path.glob("runs/own/version_*/checkpoints/best.ckpt")
    weights = torch.load(best, weights_only=True)["state_dict"]
    for key, weight in learned.state_dict().items():
        assert torch.equal(weight, weights[f"optimizer.{key}"])
    found = minimize(lambda x: (x**2).sum(dim=1), torch.ones(2, 3), learned, steps=50)
    assert bool((found.value < 3).all())
