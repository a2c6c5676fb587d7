"""Keypoints in which u and v are mixed up are noted; people who stand, lie or turn are not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from detected_people import standing
from numpy.typing import NDArray

from lsr1_pl.data.detections.upright import upright_notes

Points = NDArray[np.float64]

SEEN = np.ones((10, 18), dtype=bool)


def crowd(count: int = 10) -> Points:
    return np.stack([standing(left=30 * k) for k in range(count)])


def lying(people: Points) -> Points:
    return people[..., ::-1]


def hanging(people: Points) -> Points:
    return people * [1, -1] + [0, 1080]


def test_people_who_stand_need_no_word() -> None:
    assert upright_notes(crowd(), SEEN) == []


def test_u_and_v_exchanged() -> None:
    (note,) = upright_notes(lying(crowd()), SEEN)
    assert note.startswith("10 of 10 people lie on their side")
    assert "u and v are exchanged: expected u, to the right, before v, down" in note


def test_v_that_counts_upwards() -> None:
    (note,) = upright_notes(hanging(crowd()), SEEN)
    assert note.startswith("10 of 10 people stand on their head")
    assert "v counts upwards: expected v down" in note


@pytest.mark.parametrize("turned", [lying, hanging])
def test_a_few_who_stand_are_no_doubt_and_three_of_ten_are(
    turned: Callable[[Points], Points],
) -> None:
    people = turned(crowd())
    people[:2] = crowd()[:2]
    assert upright_notes(people, SEEN)[0].startswith("8 of 10 people")
    people[2] = crowd()[2]
    assert upright_notes(people, SEEN) == []


@pytest.mark.parametrize("unseen", [1, 8, 11])
def test_who_shows_no_torso_does_not_count(unseen: int) -> None:
    seen = SEEN.copy()
    seen[0, unseen] = False
    # Nine tell: too few for a word.
    assert upright_notes(lying(crowd()), seen) == []
    (note,) = upright_notes(lying(crowd(11)), np.concatenate([seen, SEEN[:1]]))
    assert note.startswith("10 of 10 people")
