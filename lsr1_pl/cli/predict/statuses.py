"""How many fits have which status, in words, for the terminal and the page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lsr1_pl.hmr.fitting.prediction import DIVERGED, DOUBTFUL, FITTED, POOR, TOO_FEW_KEYPOINTS

_MANY_POOR = 0.1
"""The share of poor fits from which on the keypoints, and not the people, are likely the cause. Of
sound keypoints of real motion 2.5 % are poor at most, even with 3 % of noise and no legs."""
_LEAST_POOR = 3


def status_lines(status: Tensor, seen: str) -> list[str]:
    """A line for the terminal on each status but 0 that some fits have.

    Args:
        status: (n,) of the fits.
        seen: what they are made of: ``keypoints`` or ``joints``.
    """
    what = {
        DIVERGED: "diverged (status 1)",
        TOO_FEW_KEYPOINTS: f"have too few {seen} to be fitted (status 2)",
        POOR: "have a poor fit (status 3): see the page",
        DOUBTFUL: "face another way than in the frames around (status 4): see the page",
    }
    counts = {which: int((status == which).sum()) for which in what}
    return [f"{counts[each]} of {len(status)} {what[each]}" for each in what if counts[each]]


def order_notes(status: Tensor) -> list[str]:
    """A note where so many fits are poor that the keypoints may be of another order.

    Args:
        status: (n,) of the fits.
    """
    poor = int((status == POOR).sum())
    tried = poor + int((status == FITTED).sum())
    if poor < _LEAST_POOR or poor < _MANY_POOR * tried:
        return []
    return [
        f"{poor} of {tried} fits are poor, and of sound keypoints under 3 % are. See that the "
        "keypoints are in the order in which they are read (--joints), that each person's are of "
        "one person, and that they are pixels, u before v"
    ]


def fits_in_words(person: NDArray[np.int64], frame: Sequence[str]) -> str:
    """How many fits there are, of how many people in how many frames.

    Args:
        person: (n,) the person's number of each fit.
        frame: n names of frames.
    """
    counts = ((len(np.unique(person)), "person", "people"), (len(set(frame)), "frame", "frames"))
    people, frames = (f"{many} {one if many == 1 else more}" for many, one, more in counts)
    return f"{len(frame)} {'fit' if len(frame) == 1 else 'fits'} of {people} in {frames}"


def status_counts(status: Tensor, seen: str) -> str:
    """The statuses in one list; those but 0 and 3 only where some fits have them.

    Args:
        status: (n,) of the fits.
        seen: what they are made of: ``keypoints`` or ``joints``.
    """
    what = {
        FITTED: "fitted",
        DIVERGED: "diverged",
        TOO_FEW_KEYPOINTS: f"too few {seen}",
        POOR: "poor",
        DOUBTFUL: "in doubt",
    }
    counts = {which: int((status == which).sum()) for which in what}
    told = [
        f"{counts[each]} with status {each} ({what[each]})"
        for each in what
        if counts[each] or each in (FITTED, POOR)
    ]
    return ", ".join(told)
