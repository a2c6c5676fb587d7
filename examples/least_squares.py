"""Fit two exponentials to each of 100 noisy decays: a batch of nonlinear least squares."""

from __future__ import annotations

import torch

import lsr1_pl

times = torch.linspace(0, 4, 60, dtype=torch.float64)


def decays(x: torch.Tensor) -> torch.Tensor:
    """(B, 4) amplitudes and logarithms of rates -> (B, 60) values."""
    amplitudes, rates = x[:, :2], x[:, 2:].exp()
    return (amplitudes.unsqueeze(2) * torch.exp(-rates.unsqueeze(2) * times)).sum(dim=1)


generator = torch.Generator().manual_seed(0)
truth = torch.tensor([2.0, 1.0, 1.0, -1.0], dtype=torch.float64)
truth = truth + 0.1 * torch.randn(100, 4, generator=generator, dtype=torch.float64)
noise = 0.01 * torch.randn(100, 60, generator=generator, dtype=torch.float64)
measured = decays(truth) + noise


def objective(x: torch.Tensor) -> torch.Tensor:
    """(B, 4) -> (B,) mean squared residuals."""
    return (decays(x) - measured).square().mean(dim=1)


x0 = torch.tensor([1.5, 1.5, 0.5, -0.5], dtype=torch.float64).repeat(100, 1)
found = lsr1_pl.minimize(objective, x0, steps=200)

print(f"residual {found.values[0].mean().sqrt():.4f} -> {found.value.mean().sqrt():.4f}")
print(f"median error of the parameters: {(found.x - truth).abs().median():.4f}")
print(f"{sum(s == 'converged' for s in found.status)} of 100 converged")
