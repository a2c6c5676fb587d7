"""Foreign names in matplotlib's figures."""

from __future__ import annotations

from lsr1_pl.ground.console import plain


def as_written(text: object) -> str:
    """``text`` for a title or a label, drawn as it stands.

    matplotlib takes what is between two dollar signs for mathematics, raises where it is none, and
    leaves a label out of the legend if it begins with an underscore.
    """
    name = plain(text).replace("$", r"\$")
    return f" {name}" if name.startswith("_") else name
