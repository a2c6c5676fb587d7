"""Fitted people as others take them: smplx's parameters, and motion over a ground."""

from lsr1_pl.hmr.world.ground import above_ground
from lsr1_pl.hmr.world.motion import Motion, Recorded, filled, z_up
from lsr1_pl.hmr.world.placing import PeopleOverGround, lowest_vertices
from lsr1_pl.hmr.world.smplx_parameters import SmplxParameters, smplx_parameters

__all__ = [
    "Motion",
    "PeopleOverGround",
    "Recorded",
    "SmplxParameters",
    "above_ground",
    "filled",
    "lowest_vertices",
    "smplx_parameters",
    "z_up",
]
