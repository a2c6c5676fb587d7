"""L-SR1's three networks without gradients: fewer passes over memory, and rows in chunks.

In evaluation a BatchNorm is an affine map, and so is an encoder's last layer followed by a
generator's first: each is folded into the linear map beside it, exact to rounding. Biases of a
block's last layer, where no PReLU follows it, move on into the layers that read the block, so that
a block adds its product to its input in one pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lsr1_pl.optim.lsr1.networks import BasicBlock, ElementwiseMLP

CHUNK = 2**18
"""Features at a time on a CPU (2,048 rows of width 128): they stay in a core's cache."""

_DEVICE_CHUNK = 2**21
"""Elsewhere: enough to keep a GPU busy, and little memory at any N."""

_LEAST_ROWS = 16
"""Products of fewer rows may sum in another order: a problem alone would not get the same bits as
among others."""


class _Linear(NamedTuple):
    weight: Tensor
    """(out, in)."""
    bias: Tensor
    """(out,)."""

    def __call__(self, rows: Tensor) -> Tensor:
        return torch.addmm(self.bias, rows, self.weight.t())

    def after(self, first: _Linear) -> _Linear:
        """This map of what ``first`` gives."""
        return _Linear(self.weight @ first.weight, self.shifted(first.bias).bias)

    def shifted(self, offset: Tensor) -> _Linear:
        """This map of rows that lack ``offset`` (in,)."""
        return _Linear(self.weight, torch.addmv(self.bias, self.weight, offset))


class _Block(NamedTuple):
    first: _Linear
    slope: Tensor
    second: _Linear
    skip: bool
    second_prelu: bool

    def __call__(self, rows: Tensor) -> Tensor:
        """The block's result; it lacks the bias of ``second`` unless a PReLU follows that."""
        hidden = torch.prelu(self.first(rows), self.slope)
        if self.second_prelu:
            out = torch.prelu(self.second(hidden), self.slope)
            return rows + out if self.skip else out
        weight = self.second.weight.t()
        return torch.addmm(rows, hidden, weight) if self.skip else hidden @ weight

    def lacking(self, offset: Tensor) -> Tensor:
        """(features,) what the result lacks, where the block's input lacked ``offset``."""
        kept = offset if self.skip else torch.zeros_like(offset)
        return kept if self.second_prelu else kept + self.second.bias


class _Layers(NamedTuple):
    """A network up to its last layer."""

    enter: _Linear
    slope: Tensor
    blocks: list[_Block]

    def __call__(self, rows: Tensor) -> Tensor:
        """(R, in) -> (R, hidden), but for the offset that :func:`_folded` gives."""
        rows = torch.prelu(self.enter(rows), self.slope)
        for block in self.blocks:
            rows = block(rows)
        return rows


class FoldedNetworks:
    """An encoder and the generators that read it, as they stand now, in evaluation.

    Args:
        encoder: shared by all.
        generators: each of one output a row.
    """

    def __init__(self, encoder: ElementwiseMLP, generators: Sequence[ElementwiseMLP]) -> None:
        networks = (encoder, *generators)
        self._sources = [t for net in networks for t in (*net.parameters(), *net.buffers())]
        self._versions = self._read_versions()
        self._encoder, offset = _folded(encoder)
        last = _linear(encoder.output).shifted(offset)
        self._branches = []
        for generator in generators:
            layers, offset = _folded(generator)
            layers = layers._replace(enter=layers.enter.after(last))
            self._branches.append((layers, _linear(generator.output).shifted(offset)))

    def still_hold(self) -> bool:
        """Whether no in-place operation has changed the networks since."""
        return self._versions == self._read_versions()

    def __call__(self, rows: Tensor) -> list[Tensor]:
        """(R, in) -> a tensor (R, 1) for each generator."""
        if len(rows) < _LEAST_ROWS:
            few = rows.new_zeros(_LEAST_ROWS - len(rows), rows.shape[1])
            return [out[: len(rows)] for out in self(torch.cat([rows, few]))]
        features = CHUNK if rows.device.type == "cpu" else _DEVICE_CHUNK
        size = max(1, features // len(self._encoder.enter.bias))
        # Small tensors kept from every chunk would leave gaps in the heap that no chunk fits.
        outputs = [rows.new_empty(len(rows), 1) for _ in self._branches]
        for chunk, *places in zip(rows.split(size), *(o.split(size) for o in outputs), strict=True):
            latent = self._encoder(chunk)
            for place, (layers, leave) in zip(places, self._branches, strict=True):
                place.copy_(leave(layers(latent)))
        return outputs

    def _read_versions(self) -> list[int]:
        # Tensors of inference mode have no version, and no operation outside it changes them.
        return [-1 if t.is_inference() else t._version for t in self._sources]


def _folded(network: ElementwiseMLP) -> tuple[_Layers, Tensor]:
    """The layers before the last, and the offset (hidden,) that their result lacks."""
    linear, norm, prelu, _, *blocks = network.layers
    enter, folded = _fold(linear, norm), []
    offset = torch.zeros_like(enter.bias)
    for block in blocks:
        assert isinstance(block, BasicBlock)
        first, first_norm, block_prelu, _, last, last_norm, _ = block.layers
        reading, second = _fold(first, first_norm).shifted(offset), _fold(last, last_norm)
        made = _Block(reading, _slope(block_prelu), second, block.skip, block.second_prelu)
        folded.append(made)
        offset = made.lacking(offset)
    return _Layers(enter, _slope(prelu), folded), offset


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
