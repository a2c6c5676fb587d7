"""Start points on one function."""

from __future__ import annotations

import pytest
import torch

from lsr1_pl.data import StartsDataModule
from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import Rosenbrock


def test_batches_depend_on_seed_and_step_alone() -> None:
    one, same, other = (StartsDataModule(Rosenbrock(), seed=s) for s in (1, 1, 2))
    assert torch.equal(one.train_batch(3).x0, same.train_batch(3).x0)
    assert not torch.equal(one.train_batch(3).x0, one.train_batch(4).x0)
    assert not torch.equal(one.train_batch(3).x0, other.train_batch(3).x0)
    (first,), (second,) = one.val_dataloader(), other.val_dataloader()
    assert torch.equal(first.x0, second.x0)
    (test,) = one.test_dataloader()
    assert not torch.equal(first.x0, test.x0)


def test_distributions() -> None:
    uniform = StartsDataModule(Rosenbrock(), batch_size=200, radius=2.0).train_batch(0)
    assert uniform.x0.shape == (200, 100)
    assert 1.99 < float(uniform.x0.abs().max()) <= 2.0
    assert float(uniform.x0.std()) == pytest.approx(2 / 3**0.5, rel=0.02)
    normal = StartsDataModule(Rosenbrock(), batch_size=200, radius=2.0, distribution="normal")
    assert float(normal.train_batch(0).x0.std()) == pytest.approx(2.0, rel=0.02)


def test_bad_options_are_named() -> None:
    with pytest.raises(UserError, match="radius"):
        StartsDataModule(Rosenbrock(), radius=0.0)
    with pytest.raises(UserError, match="batch_size"):
        StartsDataModule(Rosenbrock(), batch_size=0)
