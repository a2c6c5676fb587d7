"""Values of a training's state: whether they are plain, and of the form of a sound example."""

from __future__ import annotations

import re
from typing import Any, TypeGuard

import torch

_WORD = re.compile(r"[\w .:,+=()-]{0,200}")
_METRIC = re.compile(r"[\w][\w .,=()+-]*(?:/[\w][\w .,=()+-]*){0,5}")
_DEEPEST = 20
_MOST = 1_000_000
_LARGEST_COUNT = 2**53
_LARGEST_NUMBER = 2**64


def is_count(value: Any) -> TypeGuard[int]:
    """A whole number that something was counted to."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_COUNT


def harmless(value: Any) -> bool:
    """Whether there are only numbers, tensors and words in it, and nothing that could be a path.

    A metric's name may hold a slash, under the key ``monitor``.
    """
    return _is_harmless(value, "", 0, [0])


def _is_harmless(value: Any, key: object, depth: int, seen: list[int]) -> bool:
    seen[0] += 1
    if depth > _DEEPEST or seen[0] > _MOST:
        return False
    if value is None or isinstance(value, (bool, float)):
        return True
    if isinstance(value, int):
        return abs(value) <= _LARGEST_NUMBER
    if isinstance(value, torch.Tensor):
        return value.layout == torch.strided
    if isinstance(value, str):
        pattern = _METRIC if key == "monitor" else _WORD
        return pattern.fullmatch(value) is not None and ".." not in value
    if isinstance(value, dict):
        return all(
            isinstance(name, (str, int)) and _is_harmless(item, name, depth + 1, seen)
            for name, item in value.items()
        )
    if isinstance(value, (list, tuple)):
        return all(_is_harmless(item, key, depth + 1, seen) for item in value)
    return False


def alike(template: Any, given: Any, *, counts: bool = False) -> bool:
    """Whether a value has the form of ``template``: the same keys, lengths and kinds of numbers.

    Args:
        template: of a state that was just made.
        given: of a file. Keys that the template lacks are no fault.
        counts: whether numbers must be counts.
    """
    if isinstance(template, dict):
        if not isinstance(given, dict):
            return False
        return all(
            key in given and alike(expected, given[key], counts=counts)
            for key, expected in template.items()
        )
    if isinstance(template, (list, tuple)):
        if not isinstance(given, (list, tuple)) or len(given) != len(template):
            return False
        return all(alike(t, g, counts=counts) for t, g in zip(template, given, strict=True))
    if isinstance(template, bool):
        return isinstance(given, bool)
    if isinstance(template, (int, float)):
        if isinstance(given, bool):
            return False
        return is_count(given) if counts else _is_number(given)
    if isinstance(template, torch.Tensor):
        return _is_number(given) or (
            isinstance(given, torch.Tensor) and given.shape == template.shape
        )
    if isinstance(template, str):
        return bool(template == given)
    return given is None or _is_number(given) or isinstance(given, (bool, torch.Tensor))


def _is_number(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return value.numel() == 1
    return isinstance(value, (int, float)) and not isinstance(value, bool)
