"""Pickles as Python 2 wrote them, chumpy's and scipy's classes included, without either at hand."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Global:
    """A name that the pickle refers to, as Python 2 code would have."""

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name


class Call:
    """``function(*arguments)``, then ``__setstate__(state)``."""

    def __init__(self, function: Global, arguments: tuple[Any, ...], state: Any = None) -> None:
        self.function = function
        self.arguments = arguments
        self.state = state


def new_object(module: str, name: str, state: Any) -> Call:
    """An instance of a class, as protocols 0 and 1 wrote it."""
    arguments = (Global(module, name), Global("__builtin__", "object"), None)
    return Call(Global("copy_reg", "_reconstructor"), arguments, state)


def chumpy(array: NDArray[Any]) -> Call:
    return new_object("chumpy.ch", "Ch", {"x": array, "_dirty_vars": None, "_itr": None})


def sparse(array: NDArray[Any], layout: str = "csc") -> Call:
    import scipy.sparse

    matrix = getattr(scipy.sparse, f"{layout}_matrix")(array)
    state = {
        key: getattr(matrix, key)
        for key in ("data", "indices", "indptr", "row", "col")
        if hasattr(matrix, key)
    }
    return new_object(
        f"scipy.sparse.{layout}",
        f"{layout}_matrix",
        {**state, "_shape": array.shape, "maxprint": 50},
    )


def dumps(value: Any) -> bytes:
    """A protocol 2 pickle, strings as Python 2's byte strings."""
    return b"\x80\x02" + _encode(value) + b"."


def write(path: Path, value: Any) -> Path:
    path.write_bytes(dumps(value))
    return path


def _text(text: str | bytes) -> bytes:
    raw = text if isinstance(text, bytes) else text.encode("latin1")
    return b"T" + len(raw).to_bytes(4, "little") + raw


def _tuple(items: tuple[Any, ...]) -> bytes:
    return b"(" + b"".join(_encode(item) for item in items) + b"t"


def _encode(value: Any) -> bytes:
    if isinstance(value, Global):
        return b"c" + f"{value.module}\n{value.name}\n".encode()
    if isinstance(value, Call):
        made = _encode(value.function) + _tuple(value.arguments) + b"R"
        return made if value.state is None else made + _encode(value.state) + b"b"
    if isinstance(value, np.dtype):
        order = "|" if value.itemsize == 1 or value.kind in "S" else "<"
        code = f"{value.kind}{value.itemsize}"
        state = (3, order, None, None, None, -1, -1, 0)
        return _encode(Call(Global("numpy", "dtype"), (code, 0, 1), state))
    if isinstance(value, np.ndarray):
        fortran = value.flags.f_contiguous and not value.flags.c_contiguous
        raw = value.tobytes("F" if fortran else "C")
        arguments = (Global("numpy", "ndarray"), (0,), "b")
        state = (1, value.shape, value.dtype, int(fortran), raw)
        return _encode(Call(Global("numpy.core.multiarray", "_reconstruct"), arguments, state))
    if isinstance(value, np.generic):
        scalar = Global("numpy.core.multiarray", "scalar")
        return _encode(Call(scalar, (value.dtype, value.tobytes())))
    if isinstance(value, dict):
        items = b"".join(_encode(k) + _encode(v) for k, v in value.items())
        return b"}(" + items + b"u"
    if isinstance(value, list):
        return b"](" + b"".join(_encode(item) for item in value) + b"e"
    if isinstance(value, tuple):
        return _tuple(value)
    if isinstance(value, (str, bytes)):
        return _text(value)
    # What Python 3 writes for numbers and None at protocol 2 is what Python 2 wrote.
    return pickle.dumps(value, protocol=2)[2:-1]
