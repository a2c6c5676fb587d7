"""The page of people fitted in space: the joints and the body from the front, the side, in 3D."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.ground.files import written
from lsr1_pl.report.html import render

Floats = NDArray[np.float64]
_BONES = (
    *((0, 1), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7)),
    *((1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13)),
    *((0, 14), (14, 16), (0, 15), (15, 17)),
)
"""The bones between OpenPose's 18 keypoints."""
_FIT_COLOUR, _BODY_COLOUR = "#d62728", "#a9bdd9"
_SIZE = 380
_DOTS = {"color": "#1b1f24", "size": 8, "line": {"color": "#fff", "width": 1}}


@dataclass(frozen=True)
class View:
    """A camera's keypoints of a person, and the fit in its image."""

    title: str
    keypoints: Floats
    """(18, 2) pixels; NaN where not seen."""
    projected: Floats
    """(18, 2) pixels."""


@dataclass(frozen=True)
class SpacePerson:
    """What the page shows of one person: metres, y up, x to the body's left, facing z."""

    title: str
    text: str
    poor: bool
    """Whether the body is far from the joints: then the page marks it."""
    given: Floats
    """(G, 3) joints that are there."""
    fitted: Floats
    """(18, 3) the fitted body's, in OpenPose's order."""
    vertices: Floats
    """(V, 3)."""
    views: Sequence[View] = field(default_factory=tuple)


def write_space_page(
    path: Path, title: str, summary: str, people: Sequence[SpacePerson], faces: NDArray[np.integer]
) -> None:
    """One self-contained page, which opens offline; written whole or not at all.

    Args:
        path: of the HTML.
        title: of the page.
        summary: below it.
        people: shown one below the other.
        faces: (F, 3) vertex numbers of the body.
    """
    from plotly.offline import get_plotlyjs

    shown = [
        {
            "title": person.title,
            "poor": person.poor,
            "text": person.text,
            "plots": [_html(plot) for plot in _plots(person, faces)],
        }
        for person in people
    ]
    text = render(
        "space_page.html.j2", title=title, summary=summary, people=shown, plotly=get_plotlyjs()
    )
    with written(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _html(figure: Any) -> str:
    text: str = figure.to_html(
        full_html=False,
        include_plotlyjs=False,
        config={"displayModeBar": False, "responsive": True},
    )
    return text


def _plots(person: SpacePerson, faces: NDArray[np.integer]) -> list[Any]:
    # From the front the body's left is to the right; from its left, its front is to the left.
    front = _flat("from the front, metres", person.given, person.fitted, (0, 1), up=True)
    side = _flat("from its left, metres", person.given, person.fitted, (2, 1), up=True, flip=True)
    views = [
        _flat(view.title, view.keypoints, view.projected, (0, 1), up=False) for view in person.views
    ]
    return [front, side, _body(person, faces), *views]


def _flat(
    title: str,
    given: Floats,
    fitted: Floats,
    axes: tuple[int, int],
    *,
    up: bool,
    flip: bool = False,
) -> Any:
    import plotly.graph_objects as go

    dots = given[np.isfinite(given).all(axis=1)][:, axes]
    lines = fitted[:, axes]
    figure = go.Figure()
    for a, b in _BONES:
        figure.add_scatter(
            x=lines[[a, b], 0],
            y=lines[[a, b], 1],
            mode="lines",
            line={"color": _FIT_COLOUR, "width": 3},
            hoverinfo="skip",
        )
    figure.add_scatter(x=dots[:, 0], y=dots[:, 1], mode="markers", marker=_DOTS, name="given")
    points = np.concatenate([dots, lines])
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    middle, half = (low + high) / 2, 0.55 * max(float((high - low).max()), 1e-6)
    across = [middle[0] - half, middle[0] + half]
    upright = [middle[1] - half, middle[1] + half]
    figure.update_xaxes(range=across[::-1] if flip else across)
    figure.update_yaxes(range=upright if up else upright[::-1])
    figure.update_layout(
        width=_SIZE,
        height=_SIZE,
        title=title,
        showlegend=False,
        margin={"l": 45, "r": 15, "t": 40, "b": 30},
    )
    return figure


def _body(person: SpacePerson, faces: NDArray[np.integer]) -> Any:
    import plotly.graph_objects as go

    # plotly's z is up; the body's is y, and it faces the viewer.
    x, up, towards = np.round(person.vertices, 4).astype(np.float32).T
    mesh = go.Mesh3d(
        x=x,
        y=-towards,
        z=up,
        i=faces[:, 0].astype(np.int32),
        j=faces[:, 1].astype(np.int32),
        k=faces[:, 2].astype(np.int32),
        color=_BODY_COLOUR,
        opacity=0.6,
        hoverinfo="skip",
    )
    given = person.given
    dots = go.Scatter3d(
        x=given[:, 0],
        y=-given[:, 2],
        z=given[:, 1],
        mode="markers",
        marker={"color": "#1b1f24", "size": 3},
        hoverinfo="skip",
    )
    hidden = {"visible": False}
    body = go.Figure([mesh, dots])
    body.update_layout(
        width=_SIZE,
        height=_SIZE,
        title="the body and the joints given: drag to turn",
        showlegend=False,
        margin={"l": 0, "r": 0, "t": 40, "b": 0},
        scene={
            "aspectmode": "data",
            "xaxis": hidden,
            "yaxis": hidden,
            "zaxis": hidden,
            "camera": {"eye": {"x": 0, "y": -2.0, "z": 0.2}},
        },
    )
    return body
