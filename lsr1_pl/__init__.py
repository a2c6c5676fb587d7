"""L-SR1: learned symmetric-rank-one preconditioning, with PyTorch Lightning."""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["LSR1", "__version__"]

if TYPE_CHECKING:
    from lsr1_pl.optim import LSR1


def __getattr__(name: str) -> object:
    # Lazy, so that `lsr1 --help` and `lsr1 --version` do not wait for torch.
    if name == "LSR1":
        from lsr1_pl.optim import LSR1

        return LSR1
    raise AttributeError(f"module 'lsr1_pl' has no attribute {name!r}")
