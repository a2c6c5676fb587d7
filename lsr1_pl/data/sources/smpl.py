"""SMPL's model files and H36M's joint regressor, converted once to plain arrays."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.body.files import read_body
from lsr1_pl.data.motion.shards import sha256
from lsr1_pl.data.sources.legacy_pickle import read_legacy_pickle
from lsr1_pl.data.sources.source_files import entries, spelled
from lsr1_pl.ground.arrays import is_zip, load_npy, load_npz, save_npy
from lsr1_pl.ground.errors import DAMAGED_ARRAYS, UserError
from lsr1_pl.ground.files import check_regular, locked, sweep, written

_KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f")
_GENDERS = {
    "NEUTRAL": re.compile(r"neutral", re.IGNORECASE),
    "FEMALE": re.compile(r"(^|[_\-.])(f|female)([_\-.]|$)", re.IGNORECASE),
    "MALE": re.compile(r"(^|[_\-.])(m|male)([_\-.]|$)", re.IGNORECASE),
}
LICENCE = "SMPL (Loper et al., 2015), https://smpl.is.tue.mpg.de: research, non-commercial"
_WHERE = (
    "expected SMPL's own files, such as basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl or "
    "SMPL_NEUTRAL.pkl, from https://smpl.is.tue.mpg.de"
)


def convert_smpl(src: str | os.PathLike[str], dst: str | os.PathLike[str]) -> dict[str, Path]:
    """Convert SMPL models to ``DST/SMPL_{NEUTRAL,FEMALE,MALE}.npz``, which hold numbers only,
    and of which file they come (``source``, ``source_sha256``, ``licence``).

    Pickles of Python 2 with chumpy arrays, and plain npz, with ten betas or more. Each result is
    read back and checked before it takes its place; files of an earlier conversion are replaced
    one by one, whole.

    Args:
        src: a model file, or a folder (searched to any depth).
        dst: a folder, made if missing.

    Returns:
        Gender -> the file written.

    Raises:
        UserError: no model is there, one's gender is not in its name, two have the same gender,
            or one is damaged, hostile, or not an SMPL body; another process writes there, or the
            disk is full.
    """
    models = _models(Path(src))
    target = Path(dst)
    if target.exists() and not target.is_dir():
        raise UserError(f"{target}: is a file; name a folder")
    arrays = {gender: _read(path) for gender, path in models.items()}
    return {
        gender: _write(target / f"SMPL_{gender}.npz", content, models[gender])
        for gender, content in arrays.items()
    }


def convert_regressor(src: str | os.PathLike[str], dst: str | os.PathLike[str]) -> Path:
    """Check ``J_regressor_h36m.npy``, (17, 6890), and keep it in the folder ``dst``.

    Raises:
        UserError: the file is missing, damaged, or no regressor of SMPL's vertices; another process
            writes there, or the disk is full.
    """
    source, target = Path(src), Path(dst)
    if target.exists() and not target.is_dir():
        raise UserError(f"{target}: is a file; name a folder")
    where = "expected J_regressor_h36m.npy, (17, 6890), as SPIN's data hold it"
    check_regular(source, missing=where)
    try:
        array = load_npy(source)
    except DAMAGED_ARRAYS as error:
        raise UserError(f"{source}: not a readable .npy file ({error}); {where}") from None
    if array.shape != (17, 6890) or array.dtype.kind != "f":
        raise UserError(f"{source}: holds {array.dtype} {array.shape}; {where}")
    sums = array.sum(axis=1)
    if not np.isfinite(array).all() or np.abs(sums - 1).max() > 1e-3:
        raise UserError(
            f"{source}: rows must be finite and add up to 1; they add up to {sums.min():.4g} to "
            f"{sums.max():.4g}; {where}"
        )
    path = target / "J_regressor_h36m.npy"
    with _alone(path) as partial:
        save_npy(partial, array.astype(np.float32))
    return path


@contextmanager
def _alone(path: Path) -> Iterator[Path]:
    """A place to write ``path``, for this process alone."""
    with locked(path, "a conversion"):
        sweep(path)
        with written(path) as partial:
            yield partial


def _models(source: Path) -> dict[str, Path]:
    if source.is_dir():
        unlisted: dict[str, str] = {}
        found = [p for p in sorted(entries(source, unlisted)) if p.suffix in (".pkl", ".npz")]
        for name, why in unlisted.items():
            raise UserError(f"{source / name}: {why}; make it readable, or name one file")
        candidates: Iterable[Path] = [p for p in found if gender_in_name(p) or _looks_like_smpl(p)]
    else:
        candidates = [source]
    models: dict[str, Path] = {}
    for path in candidates:
        gender = gender_in_name(path)
        if gender is None:
            raise UserError(
                f"{path}: its name says neither neutral, female (f) nor male (m); rename it; "
                f"{_WHERE}"
            )
        if gender in models:
            raise UserError(
                f"{source}: {models[gender].name} and {path.name} are both {gender.lower()}; "
                "name one file, or a folder with one model of each gender"
            )
        models[gender] = path
    if not models:
        raise UserError(f"{source}: holds no SMPL model; {_WHERE}")
    return models


def _looks_like_smpl(path: Path) -> bool:
    return "smpl" in path.name.lower() or "basicmodel" in path.name.lower()


def gender_in_name(path: Path) -> str | None:
    """NEUTRAL, FEMALE or MALE, if the name of a body's file says it."""
    return next((g for g, pattern in _GENDERS.items() if pattern.search(path.stem)), None)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    check_regular(path, missing=_WHERE)
    content: dict[str, Any]
    if is_zip(path):
        try:
            content = load_npz(path, _KEYS)
        except DAMAGED_ARRAYS as error:
            raise UserError(
                f"{path}: cannot be read as plain arrays ({error}); take the .pkl of the same "
                f"model; {_WHERE}"
            ) from None
    else:
        content = read_legacy_pickle(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds a {type(content).__name__}, no table of arrays; {_WHERE}")
    missing = [key for key in _KEYS if not isinstance(content.get(key), np.ndarray)]
    if missing:
        raise UserError(f"{path}: keys {', '.join(missing)} are missing or no arrays; {_WHERE}")
    return {key: content[key] for key in _KEYS}


def _write(path: Path, arrays: dict[str, NDArray[Any]], source: Path) -> Path:
    origin = {"source": spelled(source.name), "source_sha256": sha256(source), "licence": LICENCE}
    with _alone(path) as partial:
        np.savez_compressed(partial, **arrays, **origin)  # type: ignore[arg-type]
        try:
            read_body(partial)
        except UserError as error:
            raise UserError(str(error).replace(str(partial), str(source))) from None
    return path
