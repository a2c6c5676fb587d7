"""YAML that may come from anywhere: plain values only, and none that grows when it is walked."""

from __future__ import annotations

from typing import Any

import yaml

_MOST_CHARACTERS = 2**20
_MOST_VALUES = 100_000


def load_yaml(text: str) -> Any:
    """The values of a YAML document, with its aliases resolved.

    Raises:
        ValueError: it is no YAML, too long, or its aliases stand for more than 100,000 values, or
            for themselves.
    """
    if len(text) > _MOST_CHARACTERS:
        raise ValueError(f"longer than {_MOST_CHARACTERS >> 20} MiB; expected a config")
    try:
        content = yaml.safe_load(text)
        if _count(content, {}) > _MOST_VALUES:
            raise ValueError(f"its aliases stand for more than {_MOST_VALUES} values")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        if mark is not None and "'\\t'" in str(error.problem):
            raise ValueError(
                f"no YAML: line {mark.line + 1} is indented with a tab; indent with spaces"
            ) from None
        raise ValueError(f"no YAML ({error})") from None
    except (yaml.YAMLError, ArithmeticError, RecursionError, AttributeError, TypeError) as error:
        raise ValueError(f"no YAML ({error})") from None
    return content


def _count(value: Any, known: dict[int, float]) -> float:
    """How many values there are without aliases: each shared one counts wherever it is named."""
    if not isinstance(value, (dict, list, set, tuple)):
        return 1
    if id(value) not in known:
        # What is met again before it is counted contains itself.
        known[id(value)] = float("inf")
        inside = [*value, *value.values()] if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_count(item, known) for item in inside)
    return known[id(value)]
