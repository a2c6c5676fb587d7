"""L-SR1 as the authors' published code has it, for the studies that set it beside the text's."""

from __future__ import annotations

from typing import Any

from lsr1_pl.optim import (
    FreeVector,
    IdentityUntilFull,
    Networks,
    NormKeepingProduct,
    Rate,
    Reads,
)


def published_parts(width: int = 256, gamma1: float = 0.4, buffer_size: int = 4) -> dict[str, Any]:
    """The arguments of :class:`lsr1_pl.optim.LSR1` that make it the authors' algorithm.

    Args:
        width: of the networks; between two of them it is half as wide. 256 in the authors' code.
        gamma1: the rate that the learned one begins at.
        buffer_size: how many vectors make B.
    """
    return {
        "networks": Networks(
            width, latent_width=width // 2, dropout=0.2, skip=False, second_prelu=True
        ),
        "base": IdentityUntilFull(),
        "product": NormKeepingProduct(),
        "reads": Reads(inputs=("x", "p", "s", "g", "q"), detached=True),
        "vector": FreeVector(initial_scale=1.0),
        "rate": Rate(gamma1, 1e-3, most=10.0),
        "buffer_size": buffer_size,
    }
