"""Weights of each problem's own in the linear layers of an optimiser, without a copy of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from lsr1_pl.ground.errors import UserError

_INSTEAD = "train it by backpropagation, that is without strategies"


class PerturbedLinears:
    """The linear layers of an optimiser, whose weights can be perturbed problem by problem.

    Args:
        optimizer: its trainable parameters must be the weights and biases of ``nn.Linear``; each
            of these layers must be called with a problem in each row of its input.

    Raises:
        UserError: it trains another parameter, or none.
    """

    def __init__(self, optimizer: nn.Module) -> None:
        self._name = type(optimizer).__name__
        layers = {n: m for n, m in optimizer.named_modules() if isinstance(m, nn.Linear)}
        linear = {id(p) for layer in layers.values() for p in layer.parameters(recurse=False)}
        self._layers = {
            name: layer
            for name, layer in layers.items()
            if any(p.requires_grad for p in layer.parameters())
        }
        self.parameters: list[nn.Parameter] = []
        """What trains, in the order of the columns of a perturbation."""
        for name, parameter in optimizer.named_parameters():
            if not parameter.requires_grad:
                continue
            if id(parameter) not in linear:
                raise UserError(
                    f"strategies: {self._name} trains {name}, which is of no torch.nn.Linear, and "
                    f"only these can have weights of each problem's own; {_INSTEAD}"
                )
            self.parameters.append(parameter)
        if not self.parameters:
            raise UserError(f"strategies: {self._name} has no parameter that trains")

    def split(self, rows: Tensor) -> list[Tensor]:
        """(..., P) -> for each parameter its part (..., *shape)."""
        parts = rows.split([p.numel() for p in self.parameters], dim=-1)
        return [
            part.reshape(*rows.shape[:-1], *p.shape)
            for part, p in zip(parts, self.parameters, strict=True)
        ]

    @contextmanager
    def by(self, noise: Tensor) -> Iterator[None]:
        """Within it, row r of every input meets the weights plus row r of ``noise`` (R, P).

        Raises:
            UserError: a layer was called with another number of rows, or was not called at all.
        """
        own = dict(zip(map(id, self.parameters), self.split(noise), strict=True))
        silent = set(self._layers)
        handles = []
        try:
            for name, layer in self._layers.items():
                hook = _Perturbing(f"{self._name}.{name}", len(noise), own, name, silent)
                handles.append(layer.register_forward_hook(hook))
            yield
        finally:
            for handle in handles:
                handle.remove()
        if silent:
            raise UserError(
                f"strategies: no step of {self._name} calls its layer {min(silent)}, so that what "
                f"its weights do cannot be measured; {_INSTEAD}"
            )


class _Perturbing:
    """A forward hook: ``W x + b`` becomes ``(W + E_r) x + (b + e_r)`` in row r."""

    def __init__(
        self, place: str, rows: int, own: Mapping[int, Tensor], name: str, silent: set[str]
    ) -> None:
        self._place, self._rows, self._own = place, rows, own
        self._name, self._silent = name, silent

    def __call__(self, layer: nn.Linear, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        (x,) = inputs
        if x.ndim < 2 or len(x) != self._rows:
            raise UserError(
                f"strategies: {self._place} reads {tuple(x.shape)} of {self._rows} problems; "
                f"expected a problem in each row, ({self._rows}, ..., {layer.in_features}). If "
                f"this is meant so, {_INSTEAD}"
            )
        self._silent.discard(self._name)
        rows = output.reshape(self._rows, -1, layer.out_features)
        weight = self._own.get(id(layer.weight))
        if weight is not None:
            flat = x.reshape(self._rows, -1, layer.in_features)
            rows = rows + torch.bmm(flat, weight.to(flat).mT).to(rows)
        bias = self._own.get(id(layer.bias))
        if bias is not None:
            rows = rows + bias.to(rows).unsqueeze(1)
        return rows.reshape(output.shape)
