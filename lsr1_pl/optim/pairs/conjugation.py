"""How secant pairs are combined such that each is conjugate to all newer ones.

Each of three routines is right for its case: one that autograd can follow and a GPU can run, and
two in NumPy. Those two give the same numbers to the bit, since a problem must not depend on its
neighbours: they take the same sums in the same order.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_Array: TypeAlias = NDArray[Any]

_LEAST_CURVATURE = 1e-8
"""The least curvature of a combined pair, in units of its raw one's."""
_AT_ONCE = 256
"""So many problems' matrices stay in the processor's cache."""


def combinations(products: Tensor, trust: Tensor) -> tuple[Tensor, Tensor]:
    """C, which makes conjugated pairs ``u = C p``, and C times ``products``: (B, L, L) each.

    Args:
        products: (B, L, L), ``p_i . q_j`` of the raw pairs, newest last.
        trust: (B, L, L) in [0, 1], how much of pair i's component along pair j is taken out, for j
            newer than i.
    """
    if products.requires_grad or trust.requires_grad or products.device.type != "cpu":
        return _of_tensors(products, trust)
    # What is not finite is not kept.
    with np.errstate(all="ignore"):
        if len(products) == 1:
            made, images = _of_one(products[0].numpy(), trust[0].numpy())
            return torch.from_numpy(made)[None], torch.from_numpy(images)[None]
        parts = zip(products.split(_AT_ONCE), trust.split(_AT_ONCE), strict=True)
        found = [_of_many(part.numpy(), trusted.numpy()) for part, trusted in parts]
    made, images = (np.concatenate(each) for each in zip(*found, strict=True))
    return torch.from_numpy(made), torch.from_numpy(images)


def _of_tensors(products: Tensor, trust: Tensor) -> tuple[Tensor, Tensor]:
    capacity = products.shape[1]
    older = torch.eye(capacity, dtype=products.dtype, device=products.device).expand_as(products)
    rows, images, curvatures = [], [], []
    for i in reversed(range(capacity)):
        row = older[:, i]
        image = torch.bmm(row.unsqueeze(1), products).squeeze(1)
        curvature = (image * row).sum(dim=1, keepdim=True)
        kept = curvature > _LEAST_CURVATURE
        share = trust[:, :i, i] * image[:, :i] / torch.where(kept, curvature, 1)
        share = torch.where(kept, share, 0)
        older = torch.baddbmm(older[:, :i], share.unsqueeze(2), row.unsqueeze(1), alpha=-1)
        rows.append(row)
        images.append(image)
        curvatures.append(curvature)
    made, image, curvature = (torch.stack(each[::-1], 1) for each in (rows, images, curvatures))
    kept = curvature > _LEAST_CURVATURE
    scale = torch.where(kept, curvature, 1).rsqrt()
    return torch.where(kept, made * scale, 0), torch.where(kept, image * scale, 0)


def _of_one(products: _Array, trust: _Array) -> tuple[_Array, _Array]:
    """Of one problem, (L, L) each."""
    capacity = len(products)
    # Side by side: what is taken from a row of C is taken from its image, too.
    both = np.zeros((capacity, 2 * capacity), products.dtype)
    both[:, :capacity] = products
    both[range(capacity), range(capacity, 2 * capacity)] = 1
    scales = np.zeros(capacity, products.dtype)
    for i in reversed(range(capacity)):
        row = both[i]
        curvature = (row[i:capacity] * row[capacity + i :]).cumsum()[-1]
        if not curvature > _LEAST_CURVATURE:
            row[:] = 0
            continue
        inverse = 1 / curvature
        scales[i] = inverse
        share = trust[:i, i] * row[:i]
        share *= inverse
        both[:i] -= np.multiply.outer(share, row)
    both *= np.sqrt(scales)[:, None]
    return both[:, capacity:], both[:, :capacity]


def _of_many(products: _Array, trust: _Array) -> tuple[_Array, _Array]:
    """The same of many, who stand innermost: small matrices one by one take far longer."""
    images = np.array(products.transpose(1, 2, 0), order="C")
    trusted = np.array(trust.transpose(2, 1, 0), order="C")
    capacity = len(images)
    made, taken = np.zeros_like(images), np.empty_like(images)
    made[range(capacity), range(capacity)] = 1
    scales = np.empty_like(images[0])
    for i in reversed(range(capacity)):
        image, row = images[i], made[i, i:]
        curvature = (image[i:] * row).cumsum(axis=0)[-1]
        kept = curvature > _LEAST_CURVATURE
        inverse = scales[i] = 1 / curvature
        if not kept.all():
            image[:], row[:] = np.where(kept, image, 0), np.where(kept, row, 0)
            inverse = scales[i] = np.where(kept, inverse, 0)
        share = trusted[i, :i] * image[:i]
        share *= inverse
        images[:i] -= np.multiply(share[:, None], image, out=taken[:i])
        made[:i, i:] -= np.multiply(share[:, None], row, out=taken[:i, i:])
    scales = np.sqrt(scales)[:, None]
    made *= scales
    images *= scales
    return made.transpose(2, 0, 1), images.transpose(2, 0, 1)
