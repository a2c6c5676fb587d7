"""The body: skeleton, body model, rotations, camera and alignment."""

from __future__ import annotations

from lsr1_pl.body.camera import PinholeCamera, normalize_keypoints
from lsr1_pl.body.model import BodyModel, load_body_model
from lsr1_pl.body.own import load_own_body
from lsr1_pl.body.procrustes import similarity_align
from lsr1_pl.body.selection import JointSelection

__all__ = [
    "BodyModel",
    "JointSelection",
    "PinholeCamera",
    "load_body_model",
    "load_own_body",
    "normalize_keypoints",
    "similarity_align",
]
