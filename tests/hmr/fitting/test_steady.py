"""Nobody turns around between two frames: such fits are mended, or said to be in doubt."""

from __future__ import annotations

import math

import numpy as np
import torch

from lsr1_pl.data import KeypointBatch
from lsr1_pl.hmr.fitting.people import Fits
from lsr1_pl.hmr.fitting.prediction import DOUBTFUL, FITTED, Prediction
from lsr1_pl.hmr.fitting.steady import SteadyFits, steady_fits
from lsr1_pl.hmr.fitting.views import WHOLE, exchanged

Degrees = list[float]


def facing(degrees: Degrees, objective: float = 0.01) -> Fits:
    """Bodies that are turned about the vertical by so much."""
    count = len(degrees)
    pose = torch.zeros(count, 72)
    pose[:, 1] = torch.deg2rad(torch.tensor(degrees))
    prediction = Prediction(
        pose,
        torch.zeros(count, 10),
        torch.zeros(count, 18, 3),
        torch.zeros(count, 3),
        torch.full((count,), FITTED),
        torch.full((count,), 0.005),
        torch.full((count,), objective),
        torch.zeros(count, dtype=torch.bool),
    )
    return Fits(prediction, torch.zeros(count, 4), torch.zeros(count, 3))


def steady(
    degrees: Degrees,
    other: float | None,
    moment: list[int] | None = None,
    person: list[int] | None = None,
    objective: float = 0.01,
) -> tuple[SteadyFits, list[int]]:
    """The steady fits, where a fit of the other labelling faces ``other``; and who was fitted."""
    count = len(degrees)
    keypoints = torch.rand(count, 18, 2, generator=torch.Generator().manual_seed(0))
    batch = KeypointBatch(keypoints, torch.ones(count, 18))
    fitted = []

    def fit(some: KeypointBatch) -> Fits:
        assert other is not None, "nobody was to be fitted again"
        order = exchanged(WHOLE)
        rows = []
        for each in some.keypoints:
            same = (keypoints == each).all(dim=2).all(dim=1)
            glass = (keypoints[:, order] == each).all(dim=2).all(dim=1)
            rows.append(int((same | glass).nonzero()[0]))
            turned = bool(glass.any())
        fitted.extend(rows)
        if turned:
            return facing([other] * len(rows), objective)
        return facing([degrees[row] for row in rows])

    return (
        steady_fits(
            facing(degrees),
            batch,
            np.array(person or [0] * count),
            np.array(moment or range(count)),
            fit,
        ),
        fitted,
    )


def angles(found: SteadyFits) -> list[int]:
    return [round(math.degrees(float(x))) for x in found.fits.prediction.pose[:, 1]]


def test_a_frame_that_faces_away_is_mended() -> None:
    found, fitted = steady([0, 10, 20, -160, 40, 50, 60], other=30)
    assert angles(found) == [0, 10, 20, 30, 40, 50, 60]
    assert found.changed.tolist() == [k == 3 for k in range(7)]
    assert found.fits.prediction.exchanged.tolist() == [k == 3 for k in range(7)]
    assert found.fits.prediction.status.tolist() == [FITTED] * 7
    assert set(fitted) == {3}


def test_a_frame_that_no_labelling_mends_is_in_doubt() -> None:
    found, _ = steady([0, 10, 20, -160, 40, 50, 60], other=-150)
    assert angles(found)[3] == -160
    assert found.fits.prediction.status.tolist() == [DOUBTFUL if k == 3 else 0 for k in range(7)]
    # A body that is steady but far from the keypoints is no better.
    found, _ = steady([0, 10, 20, -160, 40, 50, 60], other=30, objective=10.0)
    assert angles(found)[3] == -160


def test_of_long_runs_those_beside_the_jump_are_in_doubt() -> None:
    found, _ = steady([0.0] * 20 + [180.0] * 30, other=0)
    assert not found.changed.any()
    assert np.flatnonzero(found.fits.prediction.status.numpy() == DOUBTFUL).tolist() == [19, 20]


def test_who_turns_slowly_or_was_away_is_left_alone() -> None:
    slowly, _ = steady([0, 60, 120, 180], other=None)
    away, _ = steady([0, 0, 180, 180], other=None, moment=[0, 1, 9, 10])
    two, _ = steady([0, 180, 0, 180], other=None, moment=[0, 0, 1, 1], person=[3, 5, 3, 5])
    for found in (slowly, away, two):
        assert not found.changed.any()
        assert not bool(found.fits.prediction.status.any())
