"""No class of the room takes a misspelt choice: whatever is annotated as one is held to it."""

from __future__ import annotations

import inspect
from typing import Any, Literal, get_args, get_origin

import pytest

import lsr1_pl.optim
from lsr1_pl.ground.choices import argument_hints
from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim import LSR1, Identity


def choices() -> list[tuple[type, str]]:
    """Every argument of a public class whose annotation holds a Literal."""
    found = []
    for name in lsr1_pl.optim.__all__:
        owner = getattr(lsr1_pl.optim, name)
        if not inspect.isclass(owner) or "__init__" not in dir(owner):
            continue
        for argument, hint in argument_hints(owner).items():
            members = (hint, *get_args(hint))
            if any(get_origin(member) is Literal for member in members):
                found.append((owner, argument))
    return found


def test_the_search_finds_choices() -> None:
    found = {f"{owner.__name__}.{argument}" for owner, argument in choices()}
    assert {"LBFGS.line_search", "BFGS.line_search", "Reads.normalization"} <= found
    assert {"Runner.compiled", "SecantPenalty.pair", "SecantPenalty.norm"} <= found


@pytest.mark.parametrize(("owner", "argument"), choices())
def test_a_misspelt_choice_is_refused(owner: type, argument: str) -> None:
    with pytest.raises(UserError, match=f"{owner.__name__} {argument} is 'bogus'; choose from"):
        owner(**{argument: "bogus"})


@pytest.mark.parametrize("given", ["AdamDiagonal", Identity, None])
def test_a_part_must_be_an_object(given: Any) -> None:
    with pytest.raises(UserError, match=r"LSR1 base is .*; expected one of .*AdamDiagonal"):
        LSR1(base=given)
