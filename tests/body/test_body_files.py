"""Every way to be a malformed body gives one message that helps."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lsr1_pl.body.files import OPEN_BODY, read_body
from lsr1_pl.body.skeleton import LANDMARKS
from lsr1_pl.ground.errors import UserError

Arrays = dict[str, NDArray[np.generic]]
Write = Callable[[Arrays], Path]


def refusal(path: Path, **options: int) -> str:
    with pytest.raises(UserError) as caught:
        read_body(path, **options)
    message = str(caught.value)
    assert path.name in message
    return message


def test_missing_file(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "absent.npz")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    class Boom:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return pytest.fail, ("unpickled",)

    path = tmp_path / "SMPL_MALE.pkl"
    path.write_bytes(pickle.dumps(Boom()))
    assert "pickles are never opened" in refusal(path)


def test_pickled_objects_within_are_not_opened(
    small_body_arrays: Arrays, write_body: Write
) -> None:
    small_body_arrays["weights"] = np.array([{"a": 1}], dtype=object)
    message = refusal(write_body(small_body_arrays))
    assert "'weights'" in message
    assert "plain" in message


def test_a_damaged_file(small_body_arrays: Arrays, write_body: Write) -> None:
    path = write_body(small_body_arrays)
    content = bytearray(path.read_bytes())
    content[200:4000] = bytes(3800)
    path.write_bytes(content)
    assert "body.npz" in refusal(path)


def test_a_truncated_file(small_body_arrays: Arrays, write_body: Write) -> None:
    path = write_body(small_body_arrays)
    path.write_bytes(path.read_bytes()[:5000])
    assert "not an npz" in refusal(path)


@pytest.mark.parametrize(
    "key", ["v_template", "shapedirs", "J_regressor", "weights", "kintree_table", "f"]
)
def test_missing_key(key: str, small_body_arrays: Arrays, write_body: Write) -> None:
    del small_body_arrays[key]
    message = refusal(write_body(small_body_arrays))
    assert f"'{key}' is missing" in message
    assert "of shape (" in message


@pytest.mark.parametrize(
    ("key", "shape", "expected"),
    [
        ("v_template", (60, 2), "(any, 3)"),
        ("shapedirs", (59, 3, 10), "(60, 3, any)"),
        ("shapedirs", (60, 3), "(60, 3, any)"),
        ("posedirs", (60, 3, 486), "(60, 3, 207)"),
        ("J_regressor", (55, 60), "(24, 60)"),
        ("weights", (60, 52), "(60, 24)"),
        ("kintree_table", (2, 52), "(2, 24)"),
        ("f", (0, 3), "(any, 3)"),
        ("landmark_names", (20,), "(21)"),
        ("landmark_vertex_ids", (22,), "(21)"),
    ],
)
def test_wrong_shape(
    key: str,
    shape: tuple[int, ...],
    expected: str,
    small_body_arrays: Arrays,
    write_body: Write,
) -> None:
    dtype = small_body_arrays[key].dtype
    small_body_arrays[key] = np.zeros(shape, dtype=dtype)
    message = refusal(write_body(small_body_arrays))
    assert f"'{key}'" in message
    assert str(shape) in message
    assert expected in message


@pytest.mark.parametrize("key", ["v_template", "shapedirs", "posedirs", "J_regressor", "weights"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite(key: str, value: float, small_body_arrays: Arrays, write_body: Write) -> None:
    small_body_arrays[key].flat[5] = value
    message = refusal(write_body(small_body_arrays))
    assert f"'{key}'" in message
    assert "NaN or infinity in 1 places" in message


@pytest.mark.parametrize("key", ["f", "landmark_vertex_ids"])
@pytest.mark.parametrize("number", [-1, 60])
def test_vertex_out_of_range(
    key: str, number: int, small_body_arrays: Arrays, write_body: Write
) -> None:
    small_body_arrays[key].flat[3] = number
    message = refusal(write_body(small_body_arrays))
    assert f"'{key}'" in message
    assert "expected 0 to 59" in message


def test_wrong_dtype(small_body_arrays: Arrays, write_body: Write) -> None:
    small_body_arrays["f"] = small_body_arrays["f"].astype(np.float64)
    message = refusal(write_body(small_body_arrays))
    assert "'f'" in message
    assert "float64" in message


def test_another_tree(small_body_arrays: Arrays, write_body: Write) -> None:
    small_body_arrays["kintree_table"][0, 5] = 0
    message = refusal(write_body(small_body_arrays))
    assert "'kintree_table'" in message
    assert "give an SMPL body" in message


@pytest.mark.parametrize("root", [-1, 0, 2**32 - 1])
def test_every_way_to_mark_the_root(
    root: int, small_body_arrays: Arrays, write_body: Write
) -> None:
    table = small_body_arrays["kintree_table"].astype(np.int64)
    table[0, 0] = root
    small_body_arrays["kintree_table"] = table
    assert read_body(write_body(small_body_arrays)).num_vertices == 60


@pytest.mark.parametrize("num_betas", [0, 13])
def test_more_betas_than_the_file_has(
    num_betas: int, small_body_arrays: Arrays, write_body: Write
) -> None:
    message = refusal(write_body(small_body_arrays), num_betas=num_betas)
    assert "'shapedirs' has 12" in message
    assert f"num_betas is {num_betas}" in message
    assert "1 to 12" in message


def test_landmarks_are_found_by_name(small_body_arrays: Arrays, write_body: Write) -> None:
    data = read_body(write_body(small_body_arrays))
    names = small_body_arrays["landmark_names"].tolist()
    for name, number in zip(LANDMARKS, data.landmark_vertex_ids, strict=True):
        assert small_body_arrays["landmark_vertex_ids"][names.index(name)] == number


def test_a_missing_landmark_is_named(small_body_arrays: Arrays, write_body: Write) -> None:
    small_body_arrays["landmark_names"][0] = "elbow"
    assert f"lacks {LANDMARKS[-1]};" in refusal(write_body(small_body_arrays))


def test_landmarks_may_be_absent_on_smpl_s_own_mesh_only(
    small_body_arrays: Arrays, write_body: Write
) -> None:
    del small_body_arrays["landmark_names"], small_body_arrays["landmark_vertex_ids"]
    assert "6890 vertices" in refusal(write_body(small_body_arrays))

    small_body_arrays |= {
        "v_template": np.zeros((6890, 3)),
        "shapedirs": np.zeros((6890, 3, 10)),
        "J_regressor": np.zeros((24, 6890)),
        "weights": np.zeros((6890, 24)),
    }
    del small_body_arrays["posedirs"]
    data = read_body(write_body(small_body_arrays))
    assert data.landmark_vertex_ids[0] == 332
    assert data.posedirs is None


def test_keys_that_no_body_needs_are_not_read(small_body_arrays: Arrays, write_body: Write) -> None:
    small_body_arrays["comment"] = np.array({"a": 1}, dtype=object)
    assert read_body(write_body(small_body_arrays)).num_betas == 10


def test_the_open_body_reads() -> None:
    data = read_body(OPEN_BODY)
    np.testing.assert_allclose(data.weights.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(data.J_regressor.sum(1), 1, atol=1e-5)
