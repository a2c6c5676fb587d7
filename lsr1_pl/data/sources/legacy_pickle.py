"""The one reader of old pickles (SMPL models, 3DPW sequences): it builds arrays and runs nothing.

A pickle is a program. This reader lets it name only what such files need: numpy's array, dtype and
scalar constructors, scipy's sparse matrices and chumpy's arrays; and it hands out inert stand-ins
for these, never numpy, scipy or chumpy themselves. What the stand-ins collected becomes arrays
afterwards, with every size checked. Any other name is refused before anything is called.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.data.sources.pickle_program import RefusedError, check_program
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import check_regular

_LARGEST_FILE = 2**31
_MOST_BYTES = 2**28
"""What a file may expand to, beyond eight times its own size."""
_MOST_DENSE = 2**22
_DEEPEST = 20
_SPARSE = ("csc", "csr", "coo")
_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")


def read_legacy_pickle(path: Path) -> Any:
    """The file's contents as dicts, lists, strings, numbers and arrays; sparse becomes dense.

    Raises:
        UserError: the file is missing, no regular file, damaged, names anything that is not on the
            allow-list, or holds arrays whose sizes contradict their bytes.
    """
    check_regular(path)
    if path.stat().st_size > _LARGEST_FILE:
        raise UserError(f"{path}: larger than 2 GiB; expected an SMPL model or a 3DPW sequence")
    try:
        with path.open("rb") as file:
            check_program(file)
            file.seek(0)
            raw = _Reader(file, encoding="latin1").load()
        if _expanded(raw, {}) > _MOST_BYTES + 8 * path.stat().st_size:
            raise RefusedError("its parts refer to each other to no end")
        return _plain(raw, 0)
    except RefusedError as refusal:
        raise UserError(
            f"{path}: refused, nothing of it was run: {refusal}; expected a pickle of SMPL's or "
            "3DPW's own distribution: download it again from its owner"
        ) from None
    except MemoryError:
        raise UserError(f"{path}: damaged (it claims more data than fits in memory)") from None
    except Exception as error:
        # A damaged pickle can fail in any way that its opcodes can.
        reason = f"{type(error).__name__}: {error}"[:200]
        raise UserError(
            f"{path}: damaged, or no pickle ({reason}); download it again from its owner"
        ) from None


def _expanded(value: Any, known: dict[int, float]) -> float:
    """Bytes, in order of size, once each part stands wherever it is referred to."""
    if isinstance(value, (str, bytes)):
        return 64 + len(value)
    if not isinstance(value, (_Stand, dict, list, tuple)):
        return 64
    if id(value) not in known:
        # What is met again before its size is known contains itself.
        known[id(value)] = math.inf
        inside: list[Any] = list(value) if not isinstance(value, _Stand) else []
        if isinstance(value, _Stand):
            inside = [value.arguments, value.state]
        elif isinstance(value, dict):
            inside += value.values()
        dense = 8 * _MOST_DENSE if isinstance(value, _Sparse) else 64
        known[id(value)] = dense + sum(_expanded(part, known) for part in inside)
    return known[id(value)]


class _Reader(pickle.Unpickler):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # New for each file: what a pickle does to a stand-in must not outlive its reading.
        self._allowed = _stand_ins()

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a name; called before anything of that name is."""
        found = self._allowed.get((module, name))
        if found is None:
            raise RefusedError(f"it names {module}.{name}")
        return found

    def persistent_load(self, pid: Any) -> Any:
        """Never: such objects live outside the file."""
        raise RefusedError("it refers to an object outside the file")


class _Stand:
    """Holds what a pickle says about an object; becomes a value in ``finish``."""

    __slots__ = ("arguments", "state")
    arguments: tuple[Any, ...]
    state: Any

    def __new__(cls, *arguments: Any) -> _Stand:
        made = object.__new__(cls)
        made.arguments = arguments
        made.state = None
        return made

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def finish(self, depth: int) -> Any:
        raise RefusedError("it holds an object of no known kind")


class _DType(_Stand):
    __slots__ = ()

    def finish(self, depth: int) -> np.dtype[Any]:
        code = self.arguments[0] if self.arguments else None
        if not isinstance(code, str) or len(code) > 8:
            raise RefusedError("it holds a dtype that is no plain one")
        order = self.state[1] if isinstance(self.state, tuple) and len(self.state) > 1 else "="
        if isinstance(self.state, tuple) and any(part for part in self.state[2:5]):
            raise RefusedError("it holds a structured dtype")
        dtype = np.dtype(code)
        if dtype.kind not in "biufSU" or dtype.hasobject:
            raise RefusedError(f"it holds an array of dtype {dtype}")
        return dtype.newbyteorder(">") if order == ">" else dtype


class _Array(_Stand):
    __slots__ = ()

    def finish(self, depth: int) -> NDArray[Any]:
        if not isinstance(self.state, tuple) or len(self.state) not in (4, 5):
            raise RefusedError("it holds an array without contents")
        shape, dtype, fortran, data = self.state[-4:]
        if not isinstance(dtype, _DType):
            raise RefusedError("it holds an array without a dtype")
        return _array(shape, dtype.finish(depth), bool(fortran), data)


class _Scalar(_Stand):
    __slots__ = ()

    def finish(self, depth: int) -> Any:
        if len(self.arguments) != 2 or not isinstance(self.arguments[0], _DType):
            raise RefusedError("it holds a scalar without a dtype")
        dtype, data = self.arguments
        return _array((), dtype.finish(depth), False, data)[()]


class _Chumpy(_Stand):
    """chumpy.Ch: a constant array, under ``x``."""

    __slots__ = ()

    def finish(self, depth: int) -> Any:
        if not isinstance(self.state, dict) or "x" not in self.state:
            raise RefusedError("it holds a chumpy object that is no constant array")
        return _plain(self.state["x"], depth + 1)


class _Sparse(_Stand):
    """A scipy.sparse matrix, made dense."""

    __slots__ = ()
    layout = ""

    def finish(self, depth: int) -> NDArray[Any]:
        if not isinstance(self.state, dict):
            raise RefusedError("it holds a sparse matrix without contents")
        state: dict[Any, Any] = {k: _plain(v, depth + 1) for k, v in self.state.items()}
        shape: Any = state.get("_shape", state.get("shape"))
        if not _is_shape(shape) or len(shape) != 2 or math.prod(shape) > _MOST_DENSE:
            raise RefusedError(f"it holds a sparse matrix shaped {shape}")
        parts: list[Any] = [state.get(key) for key in _PARTS[self.layout]]
        if not all(isinstance(part, np.ndarray) and part.ndim == 1 for part in parts):
            raise RefusedError("it holds a sparse matrix whose parts are no vectors")
        data, first, second = parts
        rows, columns = _coordinates(self.layout, first, second, shape)
        if not len(rows) == len(columns) == len(data):
            raise RefusedError("it holds a sparse matrix whose parts differ in length")
        for index, size in ((rows, shape[0]), (columns, shape[1])):
            if len(index) and not (index.min() >= 0 and index.max() < size):
                raise RefusedError("it holds a sparse matrix with entries outside it")
        dense = np.zeros(shape, data.dtype)
        np.add.at(dense, (rows, columns), data)
        return dense


_PARTS = {
    "csc": ("data", "indices", "indptr"),
    "csr": ("data", "indices", "indptr"),
    "coo": ("data", "row", "col"),
}


def _coordinates(
    layout: str, first: NDArray[Any], second: NDArray[Any], shape: tuple[int, int]
) -> tuple[NDArray[Any], NDArray[Any]]:
    if layout == "coo":
        return first, second
    lengths = np.diff(second)
    if len(second) != shape[layout == "csc"] + 1 or second[0] != 0 or (lengths < 0).any():
        raise RefusedError("it holds a sparse matrix whose index pointers are wrong")
    if second[-1] != len(first):
        raise RefusedError("it holds a sparse matrix whose index pointers are wrong")
    major = np.repeat(np.arange(len(lengths)), lengths)
    return (first, major) if layout == "csc" else (major, first)


def _stand_ins() -> dict[tuple[str, str], Any]:
    """(module, name) -> what a pickle gets for it. Both Python 2's names and Python 3's."""

    def fresh(stand: type[_Stand], **attributes: str) -> type[_Stand]:
        return type(stand.__name__, (stand,), {"__slots__": (), **attributes})

    array, dtype, scalar = fresh(_Array), fresh(_DType), fresh(_Scalar)

    def reconstruct(*arguments: Any) -> Any:
        return array()

    def reconstructor(*arguments: Any) -> Any:
        cls = arguments[0] if arguments else None
        if not (isinstance(cls, type) and issubclass(cls, _Stand)):
            raise RefusedError("it rebuilds an object of a class that is not allowed")
        return cls()

    def encode(*arguments: Any) -> bytes:
        text, codec = arguments if len(arguments) == 2 else (None, None)
        if not isinstance(text, str) or codec not in ("latin1", "latin-1"):
            raise RefusedError("it encodes text in a way that is not allowed")
        return text.encode("latin1")

    allowed: dict[tuple[str, str], Any] = {
        ("numpy", "ndarray"): array,
        ("numpy", "dtype"): dtype,
        ("_codecs", "encode"): encode,
        ("chumpy.ch", "Ch"): fresh(_Chumpy),
        ("chumpy", "Ch"): fresh(_Chumpy),
    }
    for module in _MULTIARRAY:
        allowed[module, "_reconstruct"] = reconstruct
        allowed[module, "scalar"] = scalar
    for module in ("copy_reg", "copyreg"):
        allowed[module, "_reconstructor"] = reconstructor
    for module in ("__builtin__", "builtins"):
        allowed[module, "object"] = fresh(_Stand)
    for layout in _SPARSE:
        for module in (f"scipy.sparse.{layout}", f"scipy.sparse._{layout}"):
            allowed[module, f"{layout}_matrix"] = fresh(_Sparse, layout=layout)
    return allowed


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)


def _array(shape: Any, dtype: np.dtype[Any], fortran: bool, data: Any) -> NDArray[Any]:
    # Python 2 wrote bytes as text.
    raw = data.encode("latin1") if isinstance(data, str) else data
    if not _is_shape(shape) or not isinstance(raw, bytes):
        raise RefusedError("it holds an array whose shape or bytes are no such thing")
    if math.prod(shape) * dtype.itemsize != len(raw):
        raise RefusedError(
            f"it holds an array shaped {shape} of {dtype} with {len(raw)} bytes of data"
        )
    flat = np.frombuffer(raw, dtype)
    return flat.reshape(shape, order="F" if fortran else "C").astype(dtype.newbyteorder("="))


def _plain(value: Any, depth: int) -> Any:
    """Stand-ins into arrays, containers with them; exact types only."""
    if depth > _DEEPEST:
        raise RefusedError("it is nested too deeply")
    if isinstance(value, _Stand):
        return value.finish(depth)
    for kind, rebuild in _CONTAINERS.items():
        if type(value) is kind:
            return rebuild(value, depth + 1)
    if value is None or type(value) in (str, bytes, int, float, bool):
        return value
    raise RefusedError(f"it holds an object of type {type(value).__name__}")


_CONTAINERS: dict[type, Callable[[Any, int], Any]] = {
    dict: lambda v, d: {_plain(k, d): _plain(item, d) for k, item in v.items()},
    list: lambda v, d: [_plain(item, d) for item in v],
    tuple: lambda v, d: tuple(_plain(item, d) for item in v),
}
