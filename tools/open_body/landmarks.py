"""smplx's 21 landmark vertices, found by shape on the mean T-pose."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.body.skeleton import LANDMARKS
from open_body.makehuman import Floats, Source
from open_body.mesh import Carrier

_FINGERS = ("thumb", "index", "middle", "ring", "pinky")


def landmark_vertices(
    source: Source, carrier: Carrier, mean: Floats, skin: Floats, eye: NDArray[np.bool_]
) -> dict[str, int]:
    """Vertex number of each landmark, in the order of `LANDMARKS`.

    Args:
        source: names the bones.
        carrier: of the mesh.
        mean: (V, 3) mean T-pose.
        skin: (V, nb) weights over the source's bones.
        eye: (V,) vertices of the eyeballs.
    """
    left = mean[:, 0] >= 0

    def moved_by(*bones: str) -> NDArray[np.bool_]:
        share = skin[:, [source.bones.index(bone) for bone in bones]].sum(axis=1)
        chosen: NDArray[np.bool_] = (share > 0.5) & left
        return chosen

    def farthest(among: NDArray[np.bool_], direction: tuple[float, float, float]) -> int:
        return int(np.argmax(np.where(among, mean @ np.array(direction), -np.inf)))

    def tip(bone: str) -> int:
        """The vertex of this last bone that is farthest from the bone before it."""
        before = skin[:, source.bones.index(source.bones[source.parents[source.bones.index(bone)]])]
        start = np.average(mean[left], axis=0, weights=before[left] ** 2)
        distance = np.linalg.norm(mean - start, axis=1)
        return int(np.argmax(np.where(moved_by(bone), distance, -np.inf)))

    ground = mean[:, 1].min()
    below_eyes = mean[eye, 1].mean() - mean[:, 1]
    head = left & (below_eyes < 0.08) & ~eye
    heel = moved_by("foot.L") & (mean[:, 1] < ground + 0.03)
    found = {
        "nose": farthest(head & carrier.seam & (below_eyes < 0.06), (0, 0, 1)),
        "leye": farthest(eye & left, (0, 0, 1)),
        "lear": farthest(head, (1, 0, 0)),
        "LBigToe": tip("toe1-2.L"),
        "LSmallToe": tip("toe5-3.L"),
        "LHeel": farthest(heel, (0, -0.3, -1)),
    }
    found |= {f"l{name}": tip(f"finger{i}-3.L") for i, name in enumerate(_FINGERS, start=1)}
    return {name: _either_side(name, found, carrier) for name in LANDMARKS}


def _either_side(name: str, found: dict[str, int], carrier: Carrier) -> int:
    if name in found:
        return found[name]
    left = ("L" if name[0] == "R" else "l") + name[1:]
    return int(carrier.mirrored[found[left]])
