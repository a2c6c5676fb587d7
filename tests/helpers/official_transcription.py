"""The authors' published algorithm, written again from what it computes: dense, plain, slow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from lsr1_pl.optim import LSR1


class PlainNetworks:
    """The three networks by formula, from an LSR1's weights; BatchNorm by the batch, no Dropout."""

    def __init__(self, learned: LSR1) -> None:
        self.weights = dict(learned.named_parameters())

    def __call__(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        latent = self._mlp("encoder", seen)
        return (
            self._mlp("vector_generator", latent).squeeze(1),
            self._mlp("learning_rate_generator", latent).squeeze(1),
        )

    def _mlp(self, name: str, rows: Tensor) -> Tensor:
        rows = self._normalised(f"{name}.layers.1", self._linear(f"{name}.layers.0", rows))
        rows = self._prelu(f"{name}.layers.2", rows)
        for number in (4, 5):
            block = f"{name}.layers.{number}.layers"
            for linear, norm in ((0, 1), (4, 5)):
                rows = self._linear(f"{block}.{linear}", rows)
                rows = self._normalised(f"{block}.{norm}", rows)
                rows = self._prelu(f"{block}.2", rows)
        return self._linear(f"{name}.output", rows)

    def _normalised(self, name: str, rows: Tensor) -> Tensor:
        centred = rows - rows.mean(dim=0)
        unit = centred / torch.sqrt(centred.square().mean(dim=0) + 1e-5)
        return unit * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def _linear(self, name: str, rows: Tensor) -> Tensor:
        return rows @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def _prelu(self, name: str, rows: Tensor) -> Tensor:
        return torch.where(rows > 0, rows, self.weights[f"{name}.weight"] * rows)


@dataclass
class PlainOptimizer:
    """One optimiser with its buffer of the last ``capacity`` vectors, each (B, N)."""

    networks: PlainNetworks
    capacity: int
    gamma1: float
    gamma2: float
    most: float
    stored: list[Tensor] = field(default_factory=list)

    def product(self, y: Tensor) -> Tensor:
        """B y, one problem after another, B as a matrix."""
        if not self.stored:
            return y
        rows = []
        for problem in range(len(y)):
            B = torch.zeros(y.shape[1], y.shape[1], dtype=y.dtype)
            if len(self.stored) < self.capacity:
                B = B + torch.eye(y.shape[1], dtype=y.dtype)
            for vector in self.stored[-self.capacity :]:
                B = B + torch.outer(vector[problem], vector[problem])
            turned = B @ y[problem]
            rows.append(turned / turned.norm() * y[problem].norm())
        return torch.stack(rows)

    def step(self, x: Tensor, p: Tensor, g: Tensor, q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The next point, the direction and the secant residual's mean square (B,)."""
        s = self.product(q.detach())
        residual = (p.detach() - s).square().mean(dim=1)
        seen = torch.stack([x, p, s, g, q], dim=2).detach().reshape(-1, 5)
        vector, out = (part.view_as(x) for part in self.networks(seen))
        self.stored.append(vector)
        rate = torch.clamp(self.gamma1 * torch.exp(self.gamma2 * out), max=self.most)
        direction = self.product(g)
        return x - rate * direction, direction, residual


@dataclass
class Told:
    """What a transcribed unroll did."""

    iterates: Tensor
    directions: Tensor
    residuals: Tensor
    """(K, blocks, B)."""


def transcribe(
    optimizers: Sequence[PlainOptimizer],
    sizes: Sequence[int],
    slope: Callable[[Tensor], Tensor],
    x: Tensor,
    steps: int,
    detach_iterates: bool = False,
) -> Told:
    """``steps`` steps from ``x``; each optimiser has a block of ``sizes`` variables; ``slope``
    gives the gradient, a constant."""
    iterates, directions, residuals = [x], [], []
    g = slope(x).detach()
    p, q = x, g
    for _ in range(steps):
        parts = zip(*(t.split(list(sizes), dim=1) for t in (x, p, g, q)), strict=True)
        moved = [each.step(*part) for each, part in zip(optimizers, parts, strict=True)]
        following = torch.cat([m[0] for m in moved], dim=1)
        iterates.append(following)
        directions.append(torch.cat([m[1] for m in moved], dim=1))
        residuals.append(torch.stack([m[2] for m in moved]))
        if detach_iterates:
            following = following.detach()
        change = slope(following).detach()
        p, q = following - x, change - g
        x, g = following, change
    return Told(torch.stack(iterates), torch.stack(directions), torch.stack(residuals))


def furthest(found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """The largest relative difference; infinite where shapes differ."""
    pairs = list(zip(found, expected, strict=True))
    if any(a.shape != b.shape for a, b in pairs):
        return float("inf")
    with torch.no_grad():
        return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)


def gradient_of(loss: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """The gradient by all parameters, zeros for those that the loss does not know."""
    parts = torch.autograd.grad(loss, parameters, allow_unused=True)
    known = zip(parameters, parts, strict=True)
    return torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for p, g in known])
