"""L-SR1: learned symmetric-rank-one preconditioning, with PyTorch Lightning."""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = [
    "LSR1",
    "LSR1Optimizer",
    "__version__",
    "least_squares",
    "load_pretrained",
    "minimize",
]

if TYPE_CHECKING:
    from lsr1_pl.optim import LSR1, LSR1Optimizer
    from lsr1_pl.pretrained import least_squares, load_pretrained, minimize

_HOME = {
    "LSR1": "lsr1_pl.optim",
    "LSR1Optimizer": "lsr1_pl.optim",
    "least_squares": "lsr1_pl.pretrained",
    "load_pretrained": "lsr1_pl.pretrained",
    "minimize": "lsr1_pl.pretrained",
}


def __getattr__(name: str) -> object:
    # Lazy, so that `lsr1 --help` and `lsr1 --version` do not wait for torch.
    if name in _HOME:
        import importlib

        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'lsr1_pl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
