"""A user's own body: what is no SMPL body, or does not stand as one, is refused by name."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lsr1_pl.body import load_own_body
from lsr1_pl.body.files import OPEN_BODY
from lsr1_pl.ground.errors import UserError

Arrays = dict[str, NDArray[np.generic]]
Spoil = Callable[[Arrays], None]


def open_arrays() -> Arrays:
    with np.load(OPEN_BODY, allow_pickle=False) as body:
        return {key: body[key] for key in body.files}


def refusal(tmp_path: Path, arrays: Arrays) -> str:
    path = tmp_path / "mine.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"mine\.npz") as caught:
        load_own_body(path)
    return str(caught.value)


def _in_centimetres(a: Arrays) -> None:
    a["v_template"] = a["v_template"] * 100


def _lying(a: Arrays) -> None:
    a["v_template"] = a["v_template"][:, [0, 2, 1]] * np.array([1, -1, 1])


def _mirrored(a: Arrays) -> None:
    a["v_template"] = a["v_template"] * np.array([-1, 1, 1])


def _backwards(a: Arrays) -> None:
    a["v_template"] = a["v_template"] * np.array([-1, 1, -1])


def _facing_back_with_sides_right(a: Arrays) -> None:
    a["v_template"] = a["v_template"] * np.array([1, 1, -1])


def _other_order_of_joints(a: Arrays) -> None:
    a["J_regressor"] = a["J_regressor"][::-1].copy()


def _regressor_of_something_else(a: Arrays) -> None:
    a["J_regressor"] = a["J_regressor"] * 0.5


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_in_centimetres, "give it in metres"),
        (_lying, "with y up"),
        (_mirrored, "left_hip is not to the left of right_hip"),
        (_backwards, "left_hip is not to the left of right_hip"),
        (_facing_back_with_sides_right, "are not before its heel"),
        (_other_order_of_joints, "SMPL's order of joints"),
        (_regressor_of_something_else, "'J_regressor' add up to 0.5"),
    ],
)
def test_a_body_that_does_not_stand_as_smpl_is_refused(
    spoil: Spoil, says: str, tmp_path: Path
) -> None:
    arrays = open_arrays()
    spoil(arrays)
    assert says in refusal(tmp_path, arrays)


@pytest.mark.parametrize(("joints", "name"), [(52, "SMPL-H"), (55, "SMPL-X"), (16, "MANO")])
def test_other_bodies_of_the_family_are_named(joints: int, name: str, tmp_path: Path) -> None:
    vertices = 50
    arrays: Arrays = {
        "v_template": np.zeros((vertices, 3)),
        "shapedirs": np.zeros((vertices, 3, 20)),
        "posedirs": np.zeros((vertices, 3, 9 * (joints - 1))),
        "J_regressor": np.zeros((joints, vertices)),
        "weights": np.zeros((vertices, joints)),
        "kintree_table": np.zeros((2, joints), dtype=np.int64),
        "f": np.zeros((9, 3), dtype=np.int64),
    }
    message = refusal(tmp_path, arrays)
    assert f": {name}" in message
    assert "take SMPL's own file" in message


def test_fewer_betas_than_are_fitted(tmp_path: Path) -> None:
    arrays = open_arrays()
    arrays["shapedirs"] = arrays["shapedirs"][:, :, :6]
    message = refusal(tmp_path, arrays)
    assert "has 6 shape coefficients, but num_betas is 10; give a body that has as many" in message


def test_a_pickle_is_told_how_it_is_converted(tmp_path: Path) -> None:
    path = tmp_path / "SMPL_MALE.pkl"
    path.write_bytes(pickle.dumps({"v_template": 1}))
    with pytest.raises(UserError, match="lsr1 data convert smpl FOLDER data/smpl"):
        load_own_body(path)


def test_more_betas_are_left_out(tmp_path: Path) -> None:
    arrays = open_arrays()
    arrays["shapedirs"] = np.concatenate([arrays["shapedirs"]] * 3, axis=2)
    path = tmp_path / "mine.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]
    assert load_own_body(path).num_betas == 10
