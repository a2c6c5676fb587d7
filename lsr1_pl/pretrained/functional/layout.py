"""What a user minimises over, and the rows (B, N) that stand for it."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten

from lsr1_pl.ground.errors import UserError

_SERVED = (torch.float32, torch.float64)


class Layout:
    """How rows (B, N) stand for ``x0``: a vector, a batch of them, or a nest of tensors.

    Numbers of several precisions become the widest of them. NumPy's arrays are read as tensors.

    Raises:
        UserError: there is no tensor, an empty one, one that is not of float32 or float64, or
            tensors of several devices; or a single one of more than two dimensions.
    """

    def __init__(self, x0: Any) -> None:
        given, self._spec = tree_flatten(x0)
        if not given:
            raise UserError("x0 holds no tensor; give at least one")
        self._numpy = [isinstance(leaf, np.ndarray) for leaf in given]
        leaves = [_tensor(leaf) for leaf in given]
        if len({leaf.device for leaf in leaves}) > 1:
            raise UserError("x0 mixes devices; give tensors of one")
        self.single = single = given[0] is x0
        self.batched = single and leaves[0].ndim == 2
        if single and leaves[0].ndim > 2:
            raise UserError(
                f"x0 is shaped {tuple(leaves[0].shape)}; expected (B, N) for B problems or (N,) "
                "for one; wrap a tensor of another shape in a list"
            )
        self._shapes = [leaf.shape for leaf in leaves]
        dtype = reduce(torch.promote_types, (leaf.dtype for leaf in leaves))
        rows = [leaf.detach().to(dtype, copy=True) for leaf in leaves]
        self.flat = rows[0] if self.batched else torch.cat([r.reshape(-1) for r in rows])[None]
        """(B, N) the starts."""

    @property
    def any_numpy(self) -> bool:
        """Whether any part of ``x0`` is an array of NumPy."""
        return any(self._numpy)

    def shaped(self, x: Tensor) -> Any:
        """(B, N) -> tensors in the user's structure."""
        if self.single:
            return x if self.batched else x[0].reshape(self._shapes[0])
        return self._unflatten(x if self.batched else x[0], ())

    def shaped_path(self, x: Tensor) -> Any:
        """(K + 1, B, N) -> tensors in the user's structure, K + 1 first."""
        return self._unflatten(x if self.batched else x[:, 0], (len(x),))

    def handed_back(self, nest: Any) -> Any:
        """Tensors in the user's structure -> what the user gave: NumPy's arrays where they were."""
        leaves = tree_flatten(nest)[0]
        kinds = [
            leaf.detach().cpu().numpy().copy() if numpy else leaf
            for leaf, numpy in zip(leaves, self._numpy, strict=True)
        ]
        return tree_unflatten(kinds, self._spec)

    def rows_of(self, gradient: Any) -> Tensor:
        """A gradient in the user's structure -> (B, N).

        Raises:
            UserError: its structure or shapes are not those of ``x0``.
        """
        leaves = tree_flatten(gradient)[0]
        shapes = [tuple(np.shape(leaf)) for leaf in leaves]
        if len(leaves) != len(self._shapes) or shapes != [tuple(s) for s in self._shapes]:
            raise UserError(
                f"jac gave a gradient of shape {_words(shapes)}; expected that of x0, "
                f"{_words([tuple(s) for s in self._shapes])}"
            )
        like = self.flat
        rows = [torch.as_tensor(leaf, dtype=like.dtype, device=like.device) for leaf in leaves]
        if self.batched:
            return rows[0].detach()
        return torch.cat([row.detach().reshape(-1) for row in rows])[None]

    def bound(self, given: Any, name: str, free: float) -> Tensor:
        """(N,) or (B, N) a bound: None, a number, an array for every problem, or shaped as ``x0``.

        Raises:
            UserError: it is of another shape.
        """
        if isinstance(given, (list, tuple)) and self.single:
            entries = [free if each is None else each for each in given]
            given = torch.tensor(entries, dtype=self.flat.dtype)
        if given is None or isinstance(given, (int, float)):
            return torch.full_like(self.flat, free if given is None else given)
        leaves = tree_flatten(given)[0]
        try:
            rows = [torch.as_tensor(leaf).to(self.flat) for leaf in leaves]
            if self.batched:
                return rows[0].expand_as(self.flat)
            pairs = zip(rows, self._shapes, strict=True)
            return torch.cat([row.expand(shape).reshape(-1) for row, shape in pairs])[None]
        except (TypeError, ValueError, RuntimeError, IndexError):
            shapes = _words([tuple(np.shape(leaf)) for leaf in leaves])
            raise UserError(
                f"the {name} bound is of shape {shapes}; expected None, a number, or the shape of "
                f"x0, {_words([tuple(s) for s in self._shapes])}"
            ) from None

    def _unflatten(self, x: Tensor, lead: tuple[int, ...]) -> Any:
        if self.batched:
            return tree_unflatten([x], self._spec)
        parts = x.split([shape.numel() for shape in self._shapes], dim=-1)
        shaped = [p.reshape((*lead, *s)) for p, s in zip(parts, self._shapes, strict=True)]
        return tree_unflatten(shaped, self._spec)


def _tensor(leaf: Any) -> Tensor:
    if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "fiubc":
        leaf = torch.from_numpy(np.ascontiguousarray(leaf))
    if not isinstance(leaf, Tensor) or not leaf.is_floating_point():
        kind = leaf.dtype if isinstance(leaf, (Tensor, np.ndarray)) else type(leaf).__name__
        raise UserError(
            f"x0 holds {kind}; expected tensors or NumPy arrays of floating point numbers, as "
            "torch.tensor([0.0, 1.0]) or np.array([0.0, 1.0])"
        )
    if leaf.dtype not in _SERVED:
        raise UserError(
            f"x0 holds {leaf.dtype}, in which a minimum is not found; give float32 or float64"
        )
    if leaf.layout != torch.strided:
        raise UserError("x0 holds a sparse tensor; give x0.to_dense()")
    if leaf.numel() == 0:
        raise UserError(f"x0 holds a tensor shaped {tuple(leaf.shape)}, which is empty")
    return leaf


def _words(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes)) or "nothing"
