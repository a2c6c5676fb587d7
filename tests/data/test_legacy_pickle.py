"""The restricted reader: good files equal their arrays, hostile ones run nothing."""

from __future__ import annotations

import contextlib
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from legacy_pickles import Call, Global, chumpy, dumps, new_object, sparse, write

from lsr1_pl.data.sources.legacy_pickle import read_legacy_pickle
from lsr1_pl.ground.errors import UserError

GENERATOR = np.random.default_rng(0)
SPARSE = np.where(GENERATOR.random((5, 9)) < 0.3, GENERATOR.random((5, 9)), 0.0)
ARRAYS: list[Any] = [
    GENERATOR.random((3, 4, 2)),
    np.asfortranarray(GENERATOR.random((3, 5))),
    GENERATOR.integers(0, 2**32, (2, 6)).astype(np.uint32),
    np.array([True, False]),
    np.array(["a", "bc"]).astype("S2"),
    np.zeros((0, 3), np.float32),
    np.array(2.5),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
@pytest.mark.parametrize("wrap", [lambda a: a, chumpy], ids=["array", "chumpy"])
def test_arrays_are_read_as_they_were(array: Any, wrap: Any, tmp_path: Path) -> None:
    content = read_legacy_pickle(write(tmp_path / "a.pkl", {"key": wrap(array)}))
    assert content["key"].dtype == array.dtype
    np.testing.assert_array_equal(content["key"], array)


@pytest.mark.parametrize("layout", ["csc", "csr", "coo"])
def test_sparse_matrices_become_dense(layout: str, tmp_path: Path) -> None:
    content = read_legacy_pickle(write(tmp_path / "a.pkl", {"J": sparse(SPARSE, layout)}))
    np.testing.assert_array_equal(content["J"], SPARSE)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
def test_what_python_3_writes_is_read_too(protocol: int, tmp_path: Path) -> None:
    import scipy.sparse

    value = {"a": ARRAYS[0], "J": scipy.sparse.csc_matrix(SPARSE), "n": [1, 2.5, None, (True, "é")]}
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    content = read_legacy_pickle(path)
    np.testing.assert_array_equal(content["a"], ARRAYS[0])
    np.testing.assert_array_equal(content["J"], SPARSE)
    assert content["n"] == value["n"]


def test_lists_numbers_text_and_scalars(tmp_path: Path) -> None:
    value = {"genders": ["m", "f"], "n": 3, "x": np.float64(0.5), "sequence": "downtown_\xe9"}
    assert read_legacy_pickle(write(tmp_path / "a.pkl", value)) == value


def run(module: str, name: str, *arguments: Any) -> Call:
    return Call(Global(module, name), arguments)


TOUCH = "touch hacked"
GETATTR = run("__builtin__", "getattr", Global("os", "path"), "join")
F8 = np.dtype("f8")


def array_of(shape: Any, dtype: Any, data: Any) -> Call:
    arguments = (Global("numpy", "ndarray"), (0,), "b")
    state = (1, shape, dtype, 0, data)
    return Call(Global("numpy.core.multiarray", "_reconstruct"), arguments, state)


def dtype_of(code: Any, state: Any = (3, "<", None, None, None, -1, -1, 0)) -> Call:
    return Call(Global("numpy", "dtype"), (code, 0, 1), state)


def csc(**changes: Any) -> Call:
    state = {
        "data": np.ones(2),
        "indices": np.array([0, 1]),
        "indptr": np.array([0, 1, 2]),
        "_shape": (2, 2),
    }
    return new_object("scipy.sparse.csc", "csc_matrix", {**state, **changes})


HOSTILE: dict[str, Any] = {
    "os.system": run("os", "system", TOUCH),
    "posix.system": run("posix", "system", TOUCH),
    "nt.system": run("nt", "system", TOUCH),
    "subprocess.Popen": run("subprocess", "Popen", ["touch", "hacked"]),
    "subprocess.check_output": run("subprocess", "check_output", ["touch", "hacked"]),
    "builtins.eval": run("builtins", "eval", "open('hacked', 'w')"),
    "__builtin__.eval": run("__builtin__", "eval", "open('hacked', 'w')"),
    "builtins.exec": run("builtins", "exec", "open('hacked', 'w')"),
    "builtins.open": run("builtins", "open", "hacked", "w"),
    "builtins.__import__": run("builtins", "__import__", "os"),
    "builtins.getattr": GETATTR,
    "getattr chain": Call(run("__builtin__", "getattr", GETATTR, "x"), ("y",)),  # type: ignore[arg-type]
    "operator.attrgetter": run("operator", "attrgetter", "system"),
    "functools.partial": run("functools", "partial", Global("os", "system"), TOUCH),
    "importlib": run("importlib", "import_module", "os"),
    "runpy": run("runpy", "run_path", "hacked.py"),
    "numpy.load": run("numpy", "load", "other.npy"),
    "numpy.f2py": run("numpy.f2py", "compile", "x"),
    "numpy.testing exec": run("numpy.testing._private.utils", "runstring", "x", {}),
    "numpy.core attribute": run("numpy.core.multiarray", "_reconstruct.__globals__"),
    "scipy elsewhere": run("scipy.sparse.csc", "os.system", TOUCH),
    "chumpy elsewhere": new_object("chumpy.ch", "MatVecMult", {}),
    "torch storage": run("torch.storage", "_load_from_bytes", b"x"),
    "nested in a list": [[run("os", "system", TOUCH)]],
    "nested in a state": chumpy(run("os", "system", TOUCH)),  # type: ignore[arg-type]
    "as a dict's key": {(run("os", "system", TOUCH),): 1},
    "class of one's own": new_object("lsr1_pl.data.sources.legacy_pickle", "_Reader", {}),
    "codecs.decode": run("_codecs", "decode", b"x", "zlib"),
    "another codec": run("_codecs", "encode", "x", "zlib"),
    "rebuilt object": run("copy_reg", "_reconstructor", Global("__builtin__", "object"), 1, 2),
    "object array": array_of((1,), dtype_of("O8"), [run("os", "system", TOUCH)]),
    "object dtype": array_of((1,), dtype_of("O8"), b"12345678"),
    "structured dtype": array_of(
        (1,), dtype_of("V8", (3, "|", None, ("a",), {}, 8, 1, 0)), b"8" * 8
    ),
    "long dtype": array_of((1,), dtype_of("f8," * 900), b"8" * 8),
    "dtype of a number": array_of((1,), dtype_of(8), b"8" * 8),
    "shape lies": array_of((10**12,), F8, b"12345678"),
    "negative shape": array_of((-1,), F8, b"12345678"),
    "shape of text": array_of("ab", F8, b"12345678"),
    "too little data": array_of((2,), F8, b"12345678"),
    "no dtype": array_of((1,), "f8", b"12345678"),
    "array without a state": Call(
        Global("numpy.core.multiarray", "_reconstruct"), (Global("numpy", "ndarray"), (0,), "b")
    ),
    "sparse outside": csc(indices=np.array([0, 7])),
    "sparse negative": csc(indices=np.array([0, -1])),
    "sparse pointers": csc(indptr=np.array([0, 2, 1])),
    "sparse huge": csc(_shape=(10**7, 10**7)),
    "sparse parts": csc(data=3),
    "chumpy without x": new_object("chumpy.ch", "Ch", {"y": 1}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles_are_refused_and_run_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "bad.pkl", {"key": HOSTILE[name]})
    with pytest.raises(UserError, match=r"bad\.pkl: (refused|damaged)"):
        read_legacy_pickle(path)
    assert os.listdir(tmp_path) == ["bad.pkl"]


def test_there_are_enough_of_them() -> None:
    assert len(HOSTILE) >= 30


def test_a_hostile_file_leaves_the_reader_as_it_was(tmp_path: Path) -> None:
    # BUILD on a name, not on an object: sets attributes of what the name stands for.
    name = b"cnumpy.core.multiarray\n_reconstruct\n"
    raw = b"\x80\x02" + name + b"N}(X\x08\x00\x00\x00__name__X\x01\x00\x00\x00xu\x86b."
    (tmp_path / "bad.pkl").write_bytes(raw)
    with pytest.raises(UserError):
        read_legacy_pickle(tmp_path / "bad.pkl")
    good = read_legacy_pickle(write(tmp_path / "good.pkl", {"key": ARRAYS[0]}))
    np.testing.assert_array_equal(good["key"], ARRAYS[0])


WHOLE = dumps({"a": ARRAYS[0], "J": sparse(SPARSE), "v": chumpy(ARRAYS[1]), "n": [1, "x"]})


@pytest.mark.parametrize("length", [0, 1, 2, 10, len(WHOLE) // 2, len(WHOLE) - 1])
def test_cut_files_are_named(length: int, tmp_path: Path) -> None:
    (tmp_path / "cut.pkl").write_bytes(WHOLE[:length])
    with pytest.raises(UserError, match=r"cut\.pkl"):
        read_legacy_pickle(tmp_path / "cut.pkl")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=6))
def test_mutated_files_are_read_or_named(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    raw = bytearray(WHOLE)
    for position, byte in changes:
        raw[position] = byte
    path = tmp_path_factory.getbasetemp() / "mutated.pkl"
    path.write_bytes(raw)
    # Anything but a UserError fails the test.
    with contextlib.suppress(UserError):
        read_legacy_pickle(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_legacy_pickle(tmp_path / "none.pkl")
