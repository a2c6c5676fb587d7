"""L-SR1's three networks without gradients: fewer passes over memory, and rows in chunks.

In evaluation a BatchNorm is an affine map, and so is an encoder's last layer followed by a
generator's first: each is folded into the linear map beside it, exact to rounding. The fold takes
the time of a few hundred rows, so it is made anew at every step and never goes stale.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lsr1_pl.optim.networks import BasicBlock, ElementwiseMLP

CHUNK = 16_384
"""Rows at a time: their features fit a core's cache, and need little memory at any N."""


class _Linear(NamedTuple):
    weight: Tensor
    """(out, in)."""
    bias: Tensor
    """(out,)."""

    def __call__(self, rows: Tensor) -> Tensor:
        return torch.addmm(self.bias, rows, self.weight.t())

    def after(self, first: _Linear) -> _Linear:
        """This map of what ``first`` gives."""
        return _Linear(self.weight @ first.weight, torch.mv(self.weight, first.bias) + self.bias)


class _Block(NamedTuple):
    first: _Linear
    slope: Tensor
    second: _Linear
    residual: bool

    def __call__(self, rows: Tensor) -> Tensor:
        out = self.second(torch.prelu(self.first(rows), self.slope))
        return out.add_(rows) if self.residual else out


class FoldedNetworks:
    """An encoder and the generators that read it, as they stand now, in evaluation.

    Args:
        encoder: shared by all.
        generators: each of one output a row.
    """

    def __init__(self, encoder: ElementwiseMLP, generators: Sequence[ElementwiseMLP]) -> None:
        self._enter, self._slope, self._blocks = _folded(encoder)
        last = _linear(encoder.output)
        self._branches = []
        for generator in generators:
            enter, slope, blocks = _folded(generator)
            self._branches.append((enter.after(last), slope, blocks, _linear(generator.output)))

    def __call__(self, rows: Tensor) -> list[Tensor]:
        """(R, in) -> a tensor (R, 1) for each generator."""
        parts = [self._chunk(chunk) for chunk in rows.split(CHUNK)]
        return [torch.cat(outputs) for outputs in zip(*parts, strict=True)]

    def _chunk(self, rows: Tensor) -> list[Tensor]:
        latent = _through(rows, self._enter, self._slope, self._blocks)
        return [
            leave(_through(latent, enter, slope, blocks))
            for enter, slope, blocks, leave in self._branches
        ]


def _through(rows: Tensor, enter: _Linear, slope: Tensor, blocks: Sequence[_Block]) -> Tensor:
    rows = torch.prelu(enter(rows), slope)
    for block in blocks:
        rows = block(rows)
    return rows


def _folded(network: ElementwiseMLP) -> tuple[_Linear, Tensor, list[_Block]]:
    linear, norm, prelu, _, *blocks = network.layers
    return _fold(linear, norm), _slope(prelu), [_fold_block(block) for block in blocks]


def _fold_block(block: nn.Module) -> _Block:
    assert isinstance(block, BasicBlock)
    linear, norm, prelu, _, last, last_norm, _ = block.layers
    return _Block(_fold(linear, norm), _slope(prelu), _fold(last, last_norm), block.residual)


def _slope(prelu: nn.Module) -> Tensor:
    assert isinstance(prelu, nn.PReLU)
    return prelu.weight


def _fold(linear: nn.Module, norm: nn.Module) -> _Linear:
    assert isinstance(linear, nn.Linear)
    assert isinstance(norm, nn.BatchNorm1d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    shift = torch.addcmul(norm.bias, linear.bias - norm.running_mean, scale)
    return _Linear(linear.weight * scale.unsqueeze(1), shift)


def _linear(linear: nn.Linear) -> _Linear:
    return _Linear(linear.weight, linear.bias)
