"""The page of ``lsr1 predict``: keypoints and fit in 2D, the body in 3D, the error by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lsr1_pl.ground.files import written
from lsr1_pl.report.bodies.photo import embedded_photo
from lsr1_pl.report.html import render

Floats = NDArray[np.float64]

_BONES: tuple[tuple[int, int], ...] = (
    *((0, 1), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7)),
    *((1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13)),
    *((0, 14), (14, 16), (0, 15), (15, 17)),
)
"""The bones between OpenPose's 18 keypoints."""

FIT_COLOUR = "#d62728"
"""The colour of fitted bones over the keypoints; they are dotted where one was not seen."""

BODY_COLOUR = "#a9bdd9"

_SIZE = 420
"""The side of a plot, in pixels."""


@dataclass(frozen=True)
class FittedPerson:
    """What the page shows of one person."""

    title: str
    status: str
    poor: bool
    """Whether the body is far from the keypoints: then the page marks it."""
    keypoints: Floats
    """(18, 2) detected pixels."""
    seen: NDArray[np.bool_]
    """(18,) which were used."""
    projected: Floats
    """(18, 2) pixels of the fit."""
    vertices: Floats
    """(V, 3) metres, y up."""
    error_by_step: Floats
    """(K + 1,) in units of the keypoints' box."""
    photo: Path | None = None
    """What the keypoints were found in, shown beneath them."""


def write_fit_page(
    path: Path, title: str, summary: str, people: Sequence[FittedPerson], faces: NDArray[np.integer]
) -> None:
    """One self-contained page, which opens offline; written whole or not at all.

    Args:
        path: of the HTML.
        title: of the page.
        summary: below it.
        people: shown one below the other; each adds about 0.3 MB, a photo 0.1 MB more.
        faces: (F, 3) vertex numbers of the body.
    """
    from plotly.offline import get_plotlyjs

    shown = [
        {
            "title": person.title,
            "poor": person.poor,
            "text": f"{person.status}; {int(person.seen.sum())} of {len(person.seen)} keypoints "
            f"seen; reprojection error {person.error_by_step[0]:.4f} at the "
            f"initial estimate, {np.nanmin(person.error_by_step):.4f} at the best step, in units "
            "of the keypoints' box.",
            "plots": [_html(plot) for plot in _plots(person, faces)],
        }
        for person in people
    ]
    text = render(
        "fit_page.html.j2", title=title, summary=summary, people=shown, plotly=get_plotlyjs()
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


def _plots(person: FittedPerson, faces: NDArray[np.integer]) -> list[Any]:
    import plotly.graph_objects as go

    layout = {"height": _SIZE, "margin": {"l": 40, "r": 10, "t": 30, "b": 40}}
    error = go.Figure(layout={**layout, "title": "reprojection error by step"})
    error.add_scatter(y=person.error_by_step, mode="lines+markers", line={"color": "#1f77b4"})
    error.update_xaxes(title="step")
    error.update_yaxes(rangemode="tozero")
    return [_overlay(person, layout), _body(person, faces, layout), error]


def _overlay(person: FittedPerson, layout: dict[str, Any]) -> Any:
    import plotly.graph_objects as go

    seen = person.seen
    overlay = go.Figure(layout={**layout, "title": "detected (dots) and fitted, in pixels"})
    for a, b in _BONES:
        # What no keypoint shows is the model's guess.
        dash = "solid" if seen[[a, b]].all() else "dot"
        overlay.add_scatter(
            x=person.projected[[a, b], 0],
            y=person.projected[[a, b], 1],
            mode="lines",
            line={"color": FIT_COLOUR, "width": 3, "dash": dash},
            showlegend=False,
            hoverinfo="skip",
        )
    overlay.add_scatter(
        x=person.keypoints[seen, 0],
        y=person.keypoints[seen, 1],
        mode="markers",
        marker={"color": "#1b1f24", "size": 8, "line": {"color": "#fff", "width": 1}},
        name="detected",
    )
    # One size of ranges and of the plot, so that the picture is not stretched.
    points = np.concatenate([person.projected, person.keypoints[seen]])
    middle = (points.max(axis=0) + points.min(axis=0)) / 2
    half = (0.55 if person.photo is None else 0.7) * max(float(np.ptp(points, axis=0).max()), 1.0)
    (left, top), (right, bottom) = (middle - half).tolist(), (middle + half).tolist()
    if person.photo is not None:
        overlay.add_layout_image(
            source=embedded_photo(person.photo, (left, top, right, bottom)),
            x=left,
            y=top,
            sizex=right - left,
            sizey=bottom - top,
            xref="x",
            yref="y",
            sizing="stretch",
            layer="below",
        )
        overlay.update_xaxes(showgrid=False)
        overlay.update_yaxes(showgrid=False)
    overlay.update_xaxes(range=[left, right])
    overlay.update_yaxes(range=[bottom, top])
    overlay.update_layout(width=_SIZE, height=_SIZE, margin={"l": 45, "r": 15, "t": 30, "b": 30})
    overlay.update_layout(showlegend=False)
    return overlay


def _body(person: FittedPerson, faces: NDArray[np.integer], layout: dict[str, Any]) -> Any:
    import plotly.graph_objects as go

    # plotly's z is up; the body's is y, and it faces the viewer.
    x, up, towards = np.round(person.vertices, 4).astype(np.float32).T
    # The longest side always fills the scene; plotly's own choice cuts slender bodies off.
    sides = np.maximum(np.ptp(person.vertices, axis=0)[[0, 2, 1]], 1e-6)
    mesh = go.Mesh3d(
        x=x,
        y=-towards,
        z=up,
        i=faces[:, 0].astype(np.int32),
        j=faces[:, 1].astype(np.int32),
        k=faces[:, 2].astype(np.int32),
        color=BODY_COLOUR,
        flatshading=False,
        lighting={"ambient": 0.5, "diffuse": 0.7, "specular": 0.1},
        lightposition={"x": 300, "y": -1000, "z": 500},
        hoverinfo="skip",
    )
    body = go.Figure(mesh, layout={**layout, "title": "the body: drag to turn"})
    hidden = {"visible": False}
    body.update_layout(
        width=_SIZE,
        scene={
            "aspectmode": "manual",
            "aspectratio": dict(zip("xyz", (1.8 * sides / sides.max()).tolist(), strict=True)),
            "xaxis": hidden,
            "yaxis": hidden,
            "zaxis": hidden,
            "camera": {"eye": {"x": 0, "y": -2.6, "z": 0.2}},
        },
    )
    return body
