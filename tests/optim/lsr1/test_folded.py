"""The networks without gradients against the modules that they are folded from."""

import copy
from dataclasses import replace

import pytest
import torch

from lsr1_pl.objectives import DiagonalQuadratic
from lsr1_pl.optim import LSR1, unroll
from lsr1_pl.optim.lsr1 import folded as folding
from lsr1_pl.optim.lsr1.folded import FoldedNetworks


def trained_looking(seed: int, **options: bool) -> LSR1:
    """Running statistics, gains, shifts and slopes away from their defaults."""
    torch.manual_seed(seed)
    optimizer = LSR1(hidden_dim=8, **options).double()
    for module in optimizer.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2.0)
            torch.nn.init.normal_(module.weight)
            torch.nn.init.normal_(module.bias)
        elif isinstance(module, torch.nn.PReLU):
            torch.nn.init.uniform_(module.weight, -1, 1)
    return optimizer.eval()


@pytest.mark.parametrize("residual", [True, False])
def test_folded_networks_are_the_modules(residual: bool) -> None:
    optimizer = trained_looking(0, residual=residual)
    generators = (optimizer.vector_generator, optimizer.learning_rate_generator)
    rows = torch.randn(50, 5, dtype=torch.float64)
    with torch.no_grad():
        found = FoldedNetworks(optimizer.encoder, generators)(rows)
        latent = optimizer.encoder(rows)
        for output, generator in zip(found, generators, strict=True):
            torch.testing.assert_close(output, generator(latent), rtol=1e-10, atol=1e-10)


def test_rows_are_independent_of_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    optimizer = trained_looking(1)
    networks = FoldedNetworks(optimizer.encoder, [optimizer.vector_generator])
    rows = torch.randn(23, 5, dtype=torch.float64)
    with torch.no_grad():
        (whole,) = networks(rows)
        monkeypatch.setattr(folding, "CHUNK", 7)
        (parts,) = networks(rows)
    torch.testing.assert_close(parts, whole, rtol=1e-12, atol=1e-12)


def test_a_step_follows_weights_that_change_behind_its_back() -> None:
    optimizer = trained_looking(2)
    x = torch.ones(2, 3, dtype=torch.float64)
    with torch.no_grad():
        before = unroll(optimizer, DiagonalQuadratic(10.0), x, 2).iterates
        optimizer.learning_rate_generator.output.bias.data += 5.0
        optimizer.rate = replace(optimizer.rate, gamma2=1.0)
        after = unroll(optimizer, DiagonalQuadratic(10.0), x, 2).iterates
    assert not torch.allclose(before[1:], after[1:])


@torch.no_grad()
def test_a_fold_does_not_outlive_a_change_within_a_run() -> None:
    optimizer, objective = trained_looking(4), DiagonalQuadratic(10.0)
    x = torch.ones(2, 3, dtype=torch.float64)
    state = optimizer.step(optimizer.init(x, objective.evaluate(x)), objective)
    for change in (
        lambda: optimizer.vector_generator.output.bias.add_(1.0),
        lambda: optimizer.encoder.layers[1].running_mean.mul_(2.0),
        lambda: optimizer.load_state_dict(trained_looking(5).state_dict()),
    ):
        before = optimizer.step(state, objective).iterate
        change()
        after = optimizer.step(state, objective).iterate
        assert not torch.allclose(after, before)
        fresh = copy.deepcopy(optimizer)
        fresh.init(x, objective.evaluate(x))
        torch.testing.assert_close(after, fresh.step(state, objective).iterate)


def test_networks_made_in_inference_mode_are_folded() -> None:
    with torch.inference_mode():
        optimizer = trained_looking(6)
    x = torch.ones(2, 3, dtype=torch.float64)
    with torch.no_grad():
        assert unroll(optimizer, DiagonalQuadratic(10.0), x, 2).iterates.isfinite().all()


def test_folded_networks_run_in_a_lower_precision() -> None:
    optimizer = trained_looking(7).float()
    rows = torch.randn(50, 5)
    generators = (optimizer.vector_generator, optimizer.learning_rate_generator)
    with torch.no_grad():
        full = FoldedNetworks(optimizer.encoder, generators)(rows)
        with torch.autocast("cpu", torch.bfloat16):
            low = FoldedNetworks(optimizer.encoder, generators)(rows)
    for a, b in zip(low, full, strict=True):
        torch.testing.assert_close(a.float(), b, rtol=0, atol=0.1 * float(b.abs().max()))
        assert not torch.equal(a.float(), b)


def test_steps_with_and_without_gradients_agree() -> None:
    optimizer = trained_looking(3)
    x = torch.randn(4, 6, dtype=torch.float64)
    plain = unroll(optimizer, DiagonalQuadratic(10.0), x, 3).iterates
    with torch.no_grad():
        folded = unroll(optimizer, DiagonalQuadratic(10.0), x, 3).iterates
    torch.testing.assert_close(folded, plain, rtol=1e-9, atol=1e-9)


def test_a_row_alone_gets_the_bits_that_it_gets_among_others() -> None:
    torch.manual_seed(0)
    optimizer = LSR1(hidden_dim=128).eval()
    folded = FoldedNetworks(
        optimizer.encoder, (optimizer.vector_generator, optimizer.learning_rate_generator)
    )
    rows = torch.randn(96, 5)
    with torch.no_grad():
        among = folded(rows)
        for count in (1, 2, 5, 15):
            alone = folded(rows[:count])
            assert all(torch.equal(a, b[:count]) for a, b in zip(alone, among, strict=True))
