"""Mixtures of families: what is drawn, and that a batch depends on its number alone."""

from __future__ import annotations

import pytest
import torch

from lsr1_pl.data import MixtureDataModule, draw_family
from lsr1_pl.data.functions.mixture import FAMILIES
from lsr1_pl.ground.errors import UserError


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_a_batch_of_functions_of_its_seed(family: str) -> None:
    first, again, other = (
        draw_family(family, 5, 6, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert first.x0.shape == (5, 6)
    evaluation = first.objective.evaluate(first.x0)
    assert evaluation.value.shape == (5,)
    assert evaluation.value.dtype == torch.float64
    assert bool(evaluation.gradient.isfinite().all())
    torch.testing.assert_close(again.objective.evaluate(again.x0), evaluation)
    assert not torch.equal(first.x0, other.x0)


def test_least_squares_have_a_solution_and_quadratics_unit_norm() -> None:
    generator = torch.Generator().manual_seed(0)
    tall = draw_family("tall quadratic", 4, 10, generator)
    assert tall.first.shape == (4, 10, 10)
    norms = torch.linalg.matrix_norm(tall.first)
    torch.testing.assert_close(norms, torch.ones_like(norms))
    assert float(torch.linalg.eigvalsh(tall.first).min()) > 0
    condition = draw_family("diagonal quadratic", 4, 10, generator).first
    assert 1 <= float(condition) <= 1e4


def test_batches_go_round_the_families() -> None:
    data = MixtureDataModule(sizes=(3, 5), batch_size=4, seed=7)
    drawn = [data.train_batch(number) for number in range(14)]
    assert [batch.family for batch in drawn] == [*FAMILIES, *FAMILIES]
    assert {batch.x0.shape[1] for batch in drawn} == {3, 5}
    torch.testing.assert_close(data.train_batch(9).x0, drawn[9].x0)
    fixed = list(data.val_dataloader())
    assert len(fixed) == 2 * len(FAMILIES)
    again = MixtureDataModule(sizes=(3, 5), seed=8).val_dataloader()
    for ours, theirs in zip(fixed, again, strict=True):
        torch.testing.assert_close(ours.x0, theirs.x0)
    tests = list(data.test_dataloader())
    assert {batch.x0.shape[1] for batch in tests} == {10, 100}


def test_bad_options_are_named() -> None:
    with pytest.raises(UserError, match="'cubic'"):
        MixtureDataModule(families=["cubic"])
    with pytest.raises(UserError, match="sizes is empty"):
        MixtureDataModule(sizes=())
    with pytest.raises(UserError, match="at least 2"):
        MixtureDataModule(sizes=(1,))
    with pytest.raises(UserError, match="'cubic'"):
        draw_family("cubic", 1, 2, torch.Generator())
