"""COLMAP's ``cameras.txt``: a line a camera, with its model and parameters."""

from __future__ import annotations

from lsr1_pl.data.detections.cameras.camera import Camera, check_distortion, check_intrinsics
from lsr1_pl.ground.errors import UserError

_MODELS: dict[str, tuple[str, ...]] = {
    "SIMPLE_PINHOLE": ("f", "cx", "cy"),
    "PINHOLE": ("fx", "fy", "cx", "cy"),
    "SIMPLE_RADIAL": ("f", "cx", "cy", "k1"),
    "RADIAL": ("f", "cx", "cy", "k1", "k2"),
    "OPENCV": ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2"),
    "FULL_OPENCV": ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"),
}
_BEFORE = 4
"""Words before the parameters: number, model, width, height."""


def read_colmap(where: str, text: str) -> dict[str, Camera]:
    """Each camera by its number.

    Args:
        where: the file, for messages.
        text: what it says.

    Raises:
        UserError: a line is none of COLMAP's, or its model is a fisheye's.
    """
    cameras = {}
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        words = line.split()
        place = f"{where}: camera '{words[0]}'"
        model = words[1] if len(words) > 1 else ""
        names = _MODELS.get(model)
        if names is None:
            known = ", ".join(_MODELS)
            raise UserError(f"{place} is of model '{model}'; expected one of {known}")
        try:
            numbers = [float(word) for word in words[_BEFORE:]]
        except ValueError:
            numbers = []
        if len(numbers) != len(names):
            raise UserError(f"{place}: {model} has the parameters {', '.join(names)}")
        told = dict(zip(names, numbers, strict=True))
        fx, fy = told.get("fx", told.get("f")), told.get("fy", told.get("f"))
        order = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
        cameras[words[0]] = Camera(
            check_intrinsics([fx, fy, told["cx"], told["cy"]], place),
            check_distortion([told.get(name, 0.0) for name in order], place),
        )
    return cameras
