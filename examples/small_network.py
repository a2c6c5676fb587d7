"""Train a small network on its whole data set, as torch.optim.LBFGS would."""

from __future__ import annotations

import torch

import lsr1_pl

torch.manual_seed(0)
inputs = torch.linspace(-3, 3, 200, dtype=torch.float64).unsqueeze(1)
targets = torch.sin(2 * inputs) * torch.exp(-0.2 * inputs.square())

network = torch.nn.Sequential(
    torch.nn.Linear(1, 20), torch.nn.Tanh(), torch.nn.Linear(20, 1)
).double()
optimizer = lsr1_pl.LSR1Optimizer(
    network.parameters(), lsr1_pl.load_pretrained("lsr1_general").double()
)


def closure() -> torch.Tensor:
    """The loss, with its gradient."""
    optimizer.zero_grad()
    loss = (network(inputs) - targets).square().mean()
    loss.backward()
    return loss


first = float(optimizer.step(closure))
for _ in range(300):
    last = float(optimizer.step(closure))
print(f"mean squared error {first:.4f} -> {last:.6f}")
