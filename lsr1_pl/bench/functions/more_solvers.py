"""Trained optimisers that a user adds to a study: ``--solver NAME=CKPT``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim import LSR1, BatchedOptimizer
from lsr1_pl.pretrained import load_pretrained


def added_solvers(words: Sequence[str], parts: int = 1) -> dict[str, list[str]]:
    """The checkpoints of each solver that ``--solver`` names, ``parts`` of each.

    Args:
        words: each ``NAME=CKPT``, or ``NAME=CKPT,CKPT,...`` with one checkpoint a part.
        parts: how many checkpoints a study needs of a solver; one alone serves every part.

    Raises:
        UserError: a word has another form, or a name comes twice.
    """
    found: dict[str, list[str]] = {}
    for word in words:
        name, equals, rest = word.partition("=")
        checkpoints = rest.split(",")
        if not name or not equals or not all(checkpoints) or len(checkpoints) not in (1, parts):
            many = "" if parts == 1 else f", or {parts} checkpoints with commas between"
            raise UserError(f"--solver {word}: expected NAME=CKPT{many}")
        if name in found:
            raise UserError(f"--solver {word}: {name} comes twice; give each solver its own name")
        found[name] = checkpoints * parts if len(checkpoints) == 1 else checkpoints
    return found


def trained_solver(name_or_path: str, buffer_size: int, trust: bool = False) -> BatchedOptimizer:
    """A trained optimiser of any class, in evaluation; an L-SR1 keeps ``buffer_size`` vectors.

    Args:
        name_or_path: of its checkpoint.
        buffer_size: L.
        trust: whether the checkpoint may name a class of any module, which runs its code.
    """
    if trust and os.getcwd() not in sys.path:
        # The user's own classes lie in the folder that lsr1 is started from, as for fit and test.
        sys.path.append(os.getcwd())
    learned: BatchedOptimizer = load_pretrained(name_or_path, trust=trust)
    if isinstance(learned, LSR1):
        return learned.with_buffer_size(buffer_size).eval()
    return learned
