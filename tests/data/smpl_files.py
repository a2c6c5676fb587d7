"""SMPL's model files in their owner's format, filled with the open body's arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from legacy_pickles import chumpy, sparse

from lsr1_pl.body.files import OPEN_BODY

VERTICES = 6890


def smpl_arrays(betas: int = 10) -> dict[str, Any]:
    """The open body with SMPL's count of vertices: the last ones are there twice."""
    with np.load(OPEN_BODY) as body:
        arrays = {key: body[key] for key in body.files}
    pick = np.r_[np.arange(len(arrays["v_template"])), np.arange(VERTICES)][:VERTICES]
    regressor = np.zeros((24, VERTICES))
    regressor[:, : arrays["J_regressor"].shape[1]] = arrays["J_regressor"]
    shapes = arrays["shapedirs"][pick]
    tree = arrays["kintree_table"].astype(np.int64)
    tree[0, 0] = 2**32 - 1
    return {
        "v_template": arrays["v_template"][pick].astype(np.float64),
        "shapedirs": np.concatenate([shapes] * (betas // 10), axis=2).astype(np.float64),
        "posedirs": np.zeros((VERTICES, 3, 207)),
        "J_regressor": regressor,
        "weights": arrays["weights"][pick].astype(np.float64),
        "kintree_table": tree.astype(np.uint32),
        "f": arrays["f"].astype(np.uint32),
    }


def as_distributed(arrays: dict[str, Any]) -> dict[str, Any]:
    """With chumpy's and scipy's objects where the owner's pickles have them."""
    wrapped = {key: chumpy(arrays[key]) for key in ("v_template", "shapedirs", "posedirs")}
    more = {"J_regressor": sparse(arrays["J_regressor"]), "bs_style": "lbs", "bs_type": "lrotmin"}
    return {**arrays, **wrapped, **more, "J": chumpy(np.zeros((24, 3)))}
