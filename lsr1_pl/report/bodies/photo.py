"""A piece of a photo, small enough to stand in a page."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from lsr1_pl.data import load_photo

_MOST_SIDE = 840
_QUALITY = 80


def embedded_photo(path: Path, box: tuple[float, float, float, float]) -> str:
    """A JPEG data URI of the photo within ``box``, scaled down to 840 pixels a side at most.

    Args:
        path: of the photo.
        box: left, top, right, bottom in pixels; beyond the photo it is white.

    Raises:
        UserError: the photo cannot be read.
    """
    import PIL.Image

    image = PIL.Image.fromarray(load_photo(path))
    sides = box[2] - box[0], box[3] - box[1]
    scale = min(1.0, _MOST_SIDE / max(sides))
    width, height = (max(1, round(scale * side)) for side in sides)
    canvas = PIL.Image.new("RGB", (width, height), "white")
    left, top = max(box[0], 0.0), max(box[1], 0.0)
    right, bottom = min(box[2], image.width), min(box[3], image.height)
    if left < right and top < bottom:
        part = image.resize(
            (max(1, round(scale * (right - left))), max(1, round(scale * (bottom - top)))),
            PIL.Image.Resampling.LANCZOS,
            box=(left, top, right, bottom),
        )
        canvas.paste(part, (round(scale * (left - box[0])), round(scale * (top - box[1]))))
    file = io.BytesIO()
    canvas.save(file, "JPEG", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")
