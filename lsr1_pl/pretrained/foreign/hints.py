"""What the type hints of a class say of the arguments that a foreign config gives it."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable
from typing import Any


def parameters(owner: type) -> tuple[dict[str, Any], dict[str, Any]]:
    """Type hints and defaults of what makes an object, through ``**options`` of its bases."""
    hints: dict[str, Any] = {}
    defaults: dict[str, Any] = {}
    if hasattr(owner, "_fields"):
        # A NamedTuple is made by __new__.
        return typing.get_type_hints(owner), dict(getattr(owner, "_field_defaults", {}))
    for base in owner.__mro__:
        made: Callable[..., None] | None = vars(base).get("__init__")
        if made is None:
            continue
        try:
            found = typing.get_type_hints(made)
        except (NameError, TypeError):
            found = {}
        signature = inspect.signature(made)
        for name, parameter in list(signature.parameters.items())[1:]:
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                hints.setdefault(name, found.get(name, object))
                defaults.setdefault(name, parameter.default)
        if all(p.kind is not p.VAR_KEYWORD for p in signature.parameters.values()):
            break
    return hints, defaults


def takes_callable(hint: Any) -> bool:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return any(takes_callable(inner) for inner in typing.get_args(hint))
    return typing.get_origin(hint) is Callable


def largest(value: Any) -> int:
    values = value if isinstance(value, (list, tuple)) else [value]
    return max((item for item in values if isinstance(item, int)), default=1)
