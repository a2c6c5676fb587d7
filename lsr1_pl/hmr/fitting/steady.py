"""Which way people face over time: nobody turns around from one frame to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lsr1_pl.body.rotations import rotation_matrix
from lsr1_pl.data import KeypointBatch
from lsr1_pl.hmr.fitting.people import Fits
from lsr1_pl.hmr.fitting.prediction import DOUBTFUL, FITTED, Prediction
from lsr1_pl.hmr.fitting.views import WHOLE, exchanged

Floats = NDArray[np.float64]

JUMP = 90.0
"""Degrees that a root turns between two frames at least where one of the two fits is wrong."""

_LONGEST_GAP = 3
"""Frames; whoever is away for longer may have turned."""

_LONGEST_RUN = 15
"""Frames between two jumps that may all be wrong; of longer runs those beside a jump."""

_EXCHANGED_COST = 0.1
"""Of a frame whose left and right are exchanged, beside 1 for half a turn of the root: the labels
were followed over time, and are mostly right."""


@dataclass(frozen=True)
class SteadyFits:
    """Fits of people who do not turn around between frames."""

    fits: Fits
    """Status :data:`DOUBTFUL` where a person still jumps."""
    changed: NDArray[np.bool_]
    """(n,) whose fit is another than before."""


def steady_fits(
    fits: Fits,
    batch: KeypointBatch,
    person: NDArray[np.int64],
    moment: NDArray[np.int64],
    fit: Callable[[KeypointBatch], Fits],
) -> SteadyFits:
    """Of whoever turns around between two frames, the fits that turn least.

    A few frames between two jumps, or between a jump and an end, are the ones that may be wrong.
    Each of them has three fits: the given one, one of the labels as they are, and one with left and
    right of the whole body exchanged, which mostly faces the other way. Of all paths through them
    the one of least cost is taken (Viterbi's algorithm): the turns of the root, in halves of a full
    turn, and the logarithm of each objective over the frame's least. Frames that jump even so are
    in doubt.

    Args:
        fits: of n people.
        batch: what the detector saw of them all.
        person: (n,) whose they are.
        moment: (n,) frame numbers.
        fit: fits some of the people by the labels that they have.
    """
    tracks = _tracks(person, moment)
    few = np.zeros(len(person), dtype=np.bool_)
    for track in tracks:
        for pair in _jumps(fits, track):
            run = min(pair, key=len)
            few[run] |= len(run) <= _LONGEST_RUN
    changed = np.zeros(len(person), dtype=np.bool_)
    if few.any():
        rows = np.flatnonzero(few)
        others = [_replaced(fits, rows, each) for each in _labellings(_rows_of(batch, rows), fit)]
        for track in tracks:
            choice = _least_turning([_some(each, track) for each in (fits, *others)], few[track])
            for number, other in enumerate(others, start=1):
                taken = track[choice == number]
                fits = _replaced(fits, taken, _some(other, taken))
                changed[taken] = True
    return SteadyFits(_doubtful(fits, tracks), changed)


def _tracks(person: NDArray[np.int64], moment: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The rows of each person in the order of time, without long gaps."""
    found = []
    for number in np.unique(person):
        rows = np.flatnonzero(person == number)
        rows = rows[np.argsort(moment[rows], kind="stable")]
        found += np.split(rows, np.flatnonzero(np.diff(moment[rows]) > _LONGEST_GAP) + 1)
    return found


def _jumps(fits: Fits, track: NDArray[np.int64]) -> list[tuple[NDArray[np.int64], ...]]:
    """Of each jump of a person the rows before and after it, up to the next one."""
    runs = np.split(track, np.flatnonzero(_turns(fits.prediction.pose[track]) > JUMP) + 1)
    return list(pairwise(runs))


def _turns(pose: Tensor) -> Floats:
    """(T - 1,) degrees between the roots of poses (T, 72) that follow each other."""
    root = rotation_matrix(pose[:, :3].double())
    return _angles(root[:-1], root[1:]).numpy()


def _angles(one: Tensor, other: Tensor) -> Tensor:
    """Degrees between rotations (..., 3, 3); 0 where one is not finite."""
    trace = (one.mT @ other).diagonal(dim1=-2, dim2=-1).sum(dim=-1)
    return torch.rad2deg(((trace - 1) / 2).clamp(-1, 1).acos()).nan_to_num()


def _rows_of(batch: KeypointBatch, rows: NDArray[np.int64]) -> KeypointBatch:
    chosen = torch.from_numpy(rows)
    return KeypointBatch(batch.keypoints[chosen], batch.visibility[chosen])


def _some(fits: Fits, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Fits:
    chosen = torch.from_numpy(rows)
    return Fits(
        Prediction(*(field[chosen] for field in fits.prediction)),
        fits.intrinsics[chosen],
        fits.translation[chosen],
    )


def _labellings(batch: KeypointBatch, fit: Callable[[KeypointBatch], Fits]) -> list[Fits]:
    order = exchanged(WHOLE)
    other = fit(KeypointBatch(batch.keypoints[:, order], batch.visibility[:, order]))
    were = torch.ones_like(other.prediction.exchanged)
    turned = other.prediction._replace(exchanged=were)
    return [fit(batch), replace(other, prediction=turned)]


def _least_turning(candidates: list[Fits], few: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(T,) which of C candidates each frame of a person takes; the first one but for ``few``."""
    roots = torch.stack(
        [rotation_matrix(each.prediction.pose[:, :3].double()) for each in candidates], dim=1
    )
    values = torch.stack([each.prediction.objective.double() for each in candidates], dim=1)
    values = values.nan_to_num(torch.inf, torch.inf).clamp(1e-12, 1e12).log()
    own = (values - values.min(dim=1, keepdim=True).values).numpy()
    own += (
        _EXCHANGED_COST
        * torch.stack([each.prediction.exchanged for each in candidates], dim=1).numpy()
    )
    own[~few, 1:] = np.inf
    turns = _angles(roots[:-1, :, None], roots[1:, None]).numpy() / 180
    cost = own[0]
    came = []
    for turn, now in zip(turns, own[1:], strict=True):
        total = cost[:, None] + turn
        came.append(total.argmin(axis=0))
        cost = total.min(axis=0) + now
    path = [int(cost.argmin())]
    for best in reversed(came):
        path.append(int(best[path[-1]]))
    return np.array(path[::-1])


def _replaced(fits: Fits, rows: NDArray[np.int64], others: Fits) -> Fits:
    """The fits with these rows' exchanged for the others, in their order."""
    whole = _some(fits, np.arange(len(fits.intrinsics)))
    chosen = torch.from_numpy(rows)
    pairs = zip(whole.prediction, others.prediction, strict=True)
    for mine, theirs in (
        *pairs,
        (whole.intrinsics, others.intrinsics),
        (whole.translation, others.translation),
    ):
        mine[chosen] = theirs
    return whole


def _doubtful(fits: Fits, tracks: list[NDArray[np.int64]]) -> Fits:
    """Status :data:`DOUBTFUL` for the shorter side of each jump, or for what is beside it."""
    status = fits.prediction.status.clone()
    for track in tracks:
        for before, after in _jumps(fits, track):
            run = min(before, after, key=len)
            beside = np.array([before[-1], after[0]])
            marked = torch.from_numpy(run if len(run) <= _LONGEST_RUN else beside)
            status[marked] = torch.where(status[marked] == FITTED, DOUBTFUL, status[marked])
    return replace(fits, prediction=fits.prediction._replace(status=status))
