"""The body room: skeleton, body model, rotations, camera and alignment. Imports no other room."""

from __future__ import annotations

from lsr1_pl.body.model import BodyModel, load_body_model
from lsr1_pl.body.selection import JointSelection

__all__ = ["BodyModel", "JointSelection", "load_body_model"]
