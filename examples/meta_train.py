"""Meta-train an optimiser from nothing: the whole idea on one page, with torch alone.

The optimiser is L-SR1 with fresh random networks. It runs K steps on a batch of random quadratics.
The meta-loss says how good these steps were, and AdamW changes the networks by its gradient. What
comes out is tested on problems of another size, which no training step has seen.

    python examples/meta_train.py                    # half a minute on one core
    python examples/meta_train.py --iterations 20    # a quick look
"""

from __future__ import annotations

import argparse

import torch
from torch import Tensor

from lsr1_pl.objectives import Quadratic
from lsr1_pl.optim import LBFGS, LSR1, BatchedOptimizer, GradientDescent, unroll
from lsr1_pl.optim.lsr1 import Networks, Rate, Reads, SecantUnitVector

UNROLL = 8  # K, the steps that one training iteration looks at
PRINTED = (1, 2, 4, 8, 16)  # the steps that the table shows


def draw(count: int, size: int, generator: torch.Generator) -> tuple[Quadratic, Tensor]:
    """Draw ``count`` random quadratics of ``size`` variables, and a start point for each."""
    A = torch.randn(count, size + 2, size, generator=generator)
    H = A.mT @ A
    H = H / torch.linalg.matrix_norm(H, ord=2, keepdim=True)  # the largest curvature is 1
    b = torch.randn(count, size, generator=generator)
    return Quadratic(H, b), torch.randn(count, size, generator=generator)


def suboptimality(values: Tensor, objective: Quadratic) -> Tensor:
    """(K + 1, B) values -> (K, B): what is left, after each step, of the way to the minimum."""
    return (values[1:] - objective.minimum()) / (values[0] - objective.minimum())


def meta_train(optimizer: LSR1, iterations: int, generator: torch.Generator) -> None:
    """Change the networks of ``optimizer`` so that its steps get better."""
    meta_optimizer = torch.optim.AdamW(optimizer.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(meta_optimizer, iterations)
    optimizer.train()
    for iteration in range(iterations):
        objective, x0 = draw(64, 6, generator)
        trajectory = unroll(optimizer, objective, x0, UNROLL, divergence_limit=10.0)
        # The loss of every step counts. The logarithm makes easy and hard problems count alike.
        loss = suboptimality(trajectory.values, objective).clamp(min=1e-6).log10().mean()
        # The learned projection: a secant penalty |p - B q|^2 teaches B the curvature.
        loss = loss + 0.01 * trajectory.secant_residuals.clamp(max=1.0).mean()
        meta_optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(optimizer.parameters(), 1.0)
        if torch.isfinite(norm):
            meta_optimizer.step()
        schedule.step()
        if iteration % 50 == 0 or iteration == iterations - 1:
            print(f"iteration {iteration:4d}: meta-loss {loss.item():+.3f}")
    optimizer.eval()


def tested(optimizer: BatchedOptimizer) -> list[float]:
    """Test an optimiser on 256 fresh problems of 10 variables: the median after some steps."""
    objective, x0 = draw(256, 10, torch.Generator().manual_seed(1))
    with torch.no_grad():
        trajectory = unroll(optimizer, objective, x0, max(PRINTED))
    medians = suboptimality(trajectory.values, objective).median(dim=1).values
    return [float(medians[step - 1]) for step in PRINTED]


def main() -> None:
    """Train, and print what was reached before and after."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iterations", type=int, default=300)
    iterations = parser.parse_args().iterations

    torch.manual_seed(0)
    optimizer = LSR1(
        networks=Networks(width=32),  # the paper's are of width 128
        reads=Reads(normalization="rms"),  # the networks see no scale of a problem ...
        vector=SecantUnitVector(limit=3.0),  # ... and B has the unit of an inverse Hessian
        rate=Rate(gamma1=1.0, gamma2=0.5, limit=3.0),  # untrained: gradient descent at rate 1
    )
    rows = {"gradient descent": tested(GradientDescent(learning_rate=1.0))}
    rows["L-BFGS"] = tested(LBFGS(history_size=8))
    rows["L-SR1, before training"] = tested(optimizer.eval())
    meta_train(optimizer, iterations, torch.Generator().manual_seed(0))
    rows["L-SR1, after training"] = tested(optimizer)

    print("\nWhat is left of the way to the minimum after so many steps, median of 256 problems:")
    print(" " * 24 + "".join(f"{step:>9d}" for step in PRINTED))
    for name, medians in rows.items():
        print(f"{name:24s}" + "".join(f"{median:9.4f}" for median in medians))


if __name__ == "__main__":
    main()
