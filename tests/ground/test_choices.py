"""A misspelt choice is refused, with the known ones and the nearest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from lsr1_pl.ground.choices import choices_checked, unknown_choice
from lsr1_pl.ground.errors import UserError


@choices_checked
@dataclass(frozen=True)
class Options:
    """A dataclass with choices of several kinds."""

    one: Literal["red", "green"] = "red"
    maybe: Literal["red", "green"] | None = None
    mode: bool | Literal["fast"] = False
    word: str | Literal["auto"] = "auto"


@choices_checked
class Plain:
    """A class with a choice."""

    def __init__(self, count: int, colour: Literal["red", "green"] = "red") -> None:
        self.count, self.colour = count, colour


@pytest.mark.parametrize(
    "given",
    [
        {"one": "green"},
        {"maybe": "red"},
        {"maybe": None},
        {"mode": True},
        {"mode": "fast"},
        {"word": "anything"},
    ],
)
def test_known_choices_pass(given: dict[str, Any]) -> None:
    name, value = next(iter(given.items()))
    assert getattr(Options(**given), name) == value


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"one": "gren"},
            r"Options one is 'gren'; choose from 'red', 'green'; did you mean 'green'",
        ),
        ({"one": None}, "Options one is None"),
        ({"maybe": "rad"}, "did you mean 'red'"),
        ({"mode": "fats"}, "did you mean 'fast'"),
    ],
)
def test_unknown_choices_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Options(**given)


def test_by_position_and_in_any_class() -> None:
    assert Plain(1, "green").colour == "green"
    with pytest.raises(UserError, match="Plain colour is 'blue'"):
        Plain(1, "blue")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="missing"):
        Plain()  # type: ignore[call-arg]


def test_a_choice_that_is_like_no_other_gets_no_guess() -> None:
    assert str(unknown_choice("a", "zzz", ["red"])) == "a is 'zzz'; choose from 'red'"
