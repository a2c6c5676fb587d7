"""Reading a body from an SMPL-format npz: every array is checked before anything uses it.

Nothing here unpickles: an npz with pickled objects, and a pickle itself, are refused.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.body.skeleton import (
    LANDMARKS,
    PARENTS,
    SMPL_JOINTS,
    SMPL_LANDMARK_VERTICES,
)
from lsr1_pl.ground.arrays import load_npz
from lsr1_pl.ground.errors import DAMAGED_ARRAYS, UserError
from lsr1_pl.ground.files import check_regular

OPEN_BODY = Path(__file__).with_name("assets") / "open_body.npz"
"""The body that comes with this package, free of licences that bind its user."""

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_SMPL_VERTICES = 6890
_POSE_BLENDSHAPES = 9 * (len(SMPL_JOINTS) - 1)
_KEYS = frozenset(
    {
        *("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f"),
        *("landmark_names", "landmark_vertex_ids"),
    }
)
_CONVERT = (
    "give an npz that holds SMPL's arrays as plain numbers; of SMPL's own files: "
    "lsr1 data convert smpl FOLDER data/smpl"
)
_OTHER_BODIES = {16: "MANO, a hand", 52: "SMPL-H", 55: "SMPL-X"}
"""Bodies of SMPL's family, by how many joints they have."""


@dataclass(frozen=True)
class BodyData:
    """A body's arrays, checked, in double precision; V vertices, F triangles, nb betas."""

    v_template: FloatArray
    """(V, 3) rest vertices of the mean shape, metres."""
    shapedirs: FloatArray
    """(V, 3, nb) metres per unit of each beta."""
    posedirs: FloatArray | None
    """(V, 3, 207) metres per entry of the 23 rotations minus identity; None stands for zero."""
    J_regressor: FloatArray
    """(24, V) rest joints from rest vertices."""
    weights: FloatArray
    """(V, 24) skinning weights."""
    faces: IntArray
    """(F, 3) vertex numbers."""
    landmark_vertex_ids: IntArray
    """(21,) vertex numbers, in the order of `skeleton.LANDMARKS`."""

    @property
    def num_betas(self) -> int:
        """Shape coefficients."""
        return self.shapedirs.shape[2]

    @property
    def num_vertices(self) -> int:
        """Vertices of the mesh."""
        return self.v_template.shape[0]


def read_body(path: str | Path, *, num_betas: int = 10) -> BodyData:
    """Read and check an SMPL-format npz.

    Keys: ``v_template (V,3)``, ``shapedirs (V,3,>=num_betas)``, ``posedirs (V,3,207)`` (may be
    absent: zero), ``J_regressor (24,V)``, ``weights (V,24)``, ``kintree_table (2,24)``,
    ``f (F,3)``, ``landmark_names (21,)`` with ``landmark_vertex_ids (21,)`` (may be absent when
    V = 6890: SMPL's own).

    Raises:
        UserError: the file is missing, is no npz, or a key is missing or malformed; the message
            names the file, the key, what was found and expected, and how to mend it.
    """
    arrays = _Arrays(Path(path))
    _check_tree(arrays)
    v_template = arrays.floats("v_template", (None, 3))
    vertices = len(v_template)
    shapedirs = arrays.floats("shapedirs", (vertices, 3, None))
    if not 1 <= num_betas <= shapedirs.shape[2]:
        raise UserError(
            f"{path}: key 'shapedirs' has {shapedirs.shape[2]} shape coefficients, but num_betas is"
            f" {num_betas}; give a body that has as many, or set num_betas to a number from 1 to"
            f" {shapedirs.shape[2]}"
        )
    posedirs = None
    if "posedirs" in arrays:
        posedirs = arrays.floats("posedirs", (vertices, 3, _POSE_BLENDSHAPES))
    return BodyData(
        v_template=v_template,
        shapedirs=shapedirs[:, :, :num_betas],
        posedirs=posedirs if posedirs is not None and posedirs.any() else None,
        J_regressor=arrays.floats("J_regressor", (len(SMPL_JOINTS), vertices)),
        weights=arrays.floats("weights", (vertices, len(SMPL_JOINTS))),
        faces=arrays.vertex_numbers("f", (None, 3), vertices),
        landmark_vertex_ids=_landmarks(arrays, vertices),
    )


class _Arrays:
    """The arrays of one npz; each way to be malformed has its message."""

    def __init__(self, path: Path) -> None:
        self.path = path
        check_regular(
            path,
            missing=_CONVERT,
        )
        try:
            is_npz = zipfile.is_zipfile(path)
            if is_npz:
                with zipfile.ZipFile(path) as archive:
                    self.keys = [name.removesuffix(".npy") for name in archive.namelist()]
                self.arrays = load_npz(path, _KEYS)
        except DAMAGED_ARRAYS as error:
            raise UserError(
                f"{path}: cannot be read as plain arrays ({error}); copy it again, or {_CONVERT}"
            ) from error
        if not is_npz:
            raise UserError(f"{path}: not an npz file; pickles are never opened here: {_CONVERT}")

    def __contains__(self, key: str) -> bool:
        return key in self.arrays

    def get(self, key: str, shape: tuple[int | None, ...], kinds: str) -> NDArray[np.generic]:
        wanted = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"
        if key not in self.arrays:
            raise UserError(
                f"{self.path}: key '{key}' is missing, expected an array of shape {wanted};"
                f" found keys {', '.join(sorted(self.keys)) or 'none'}; {_CONVERT}"
            )
        array = self.arrays[key]
        fits = array.ndim == len(shape) and all(
            want is None or have == want for have, want in zip(array.shape, shape, strict=True)
        )
        if not fits or 0 in array.shape:
            raise UserError(
                f"{self.path}: key '{key}' has shape {array.shape}, expected {wanted};"
                f" the arrays are not of one SMPL body: convert it again; {_CONVERT}"
            )
        if array.dtype.kind not in kinds:
            raise UserError(
                f"{self.path}: key '{key}' has dtype {array.dtype}, expected"
                f" {'text' if kinds == 'U' else 'numbers'} of shape {wanted}; {_CONVERT}"
            )
        return array

    def floats(self, key: str, shape: tuple[int | None, ...]) -> FloatArray:
        array = self.get(key, shape, "fiu").astype(np.float64)
        if not np.isfinite(array).all():
            raise UserError(
                f"{self.path}: key '{key}' of shape {array.shape} holds NaN or infinity in"
                f" {np.count_nonzero(~np.isfinite(array))} places, expected finite numbers;"
                f" convert the body again; {_CONVERT}"
            )
        return array

    def vertex_numbers(self, key: str, shape: tuple[int | None, ...], vertices: int) -> IntArray:
        array = self.get(key, shape, "iu").astype(np.int64)
        if array.min() < 0 or array.max() >= vertices:
            raise UserError(
                f"{self.path}: key '{key}' of shape {array.shape} names vertices {array.min()} to"
                f" {array.max()}, expected 0 to {vertices - 1} as 'v_template' has {vertices};"
                " give the numbers of this very mesh"
            )
        return array


def _check_tree(arrays: _Arrays) -> None:
    shape = arrays.arrays["kintree_table"].shape if "kintree_table" in arrays else ()
    if len(shape) == 2 and shape[1] in _OTHER_BODIES:
        raise UserError(
            f"{arrays.path}: key 'kintree_table' has shape {shape}: {_OTHER_BODIES[shape[1]]}; "
            f"expected (2, {len(SMPL_JOINTS)}), an SMPL body: take SMPL's own file"
        )
    table = arrays.get("kintree_table", (2, len(SMPL_JOINTS)), "iu").astype(np.int64)
    # The root's parent is stored as 2^32 - 1, -1 or 0, depending on who wrote the file.
    if tuple(table[0, 1:]) != PARENTS[1:]:
        raise UserError(
            f"{arrays.path}: key 'kintree_table' of shape {table.shape} has parents"
            f" {table[0, 1:].tolist()}, expected SMPL's {list(PARENTS[1:])}; SMPL-H, SMPL-X and"
            " other bodies are not read: give an SMPL body"
        )


def _landmarks(arrays: _Arrays, vertices: int) -> IntArray:
    count = len(LANDMARKS)
    if "landmark_names" not in arrays and "landmark_vertex_ids" not in arrays:
        if vertices != _SMPL_VERTICES:
            raise UserError(
                f"{arrays.path}: keys 'landmark_names' and 'landmark_vertex_ids' of shape"
                f" ({count},) are missing; only a body of {_SMPL_VERTICES} vertices may leave them"
                f" out, this one has {vertices}: add the vertex number of each landmark"
            )
        return np.array(SMPL_LANDMARK_VERTICES)
    names = arrays.get("landmark_names", (count,), "U").tolist()
    ids = arrays.vertex_numbers("landmark_vertex_ids", (count,), vertices)
    if set(names) != set(LANDMARKS):
        raise UserError(
            f"{arrays.path}: key 'landmark_names' lacks"
            f" {', '.join(sorted(set(LANDMARKS) - set(names)))}; expected the {count} names"
            f" {', '.join(LANDMARKS)}"
        )
    return ids[[names.index(name) for name in LANDMARKS]]
