from __future__ import annotations

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from numpy.typing import NDArray

from lsr1_pl.report.bodies.drawing import Panel, draw_bodies

# A cube whose faces are counter-clockwise seen from outside.
CUBE = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)
SQUARES = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
FACES = np.array([t for a, b, c, d in SQUARES for t in ((a, b, c), (a, c, d))])

GREEN = (0.0, 1.0, 0.0)


def pixels(path: Path) -> NDArray[np.float64]:
    return np.asarray(matplotlib.image.imread(path), dtype=np.float64)[..., :3]


def coloured(image: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where the image has colour; titles and background are grey."""
    found: NDArray[np.bool_] = np.ptp(image, axis=2) > 0.1
    return found


def extent(image: NDArray[np.float64]) -> tuple[int, int]:
    rows, columns = np.nonzero(coloured(image))
    return int(np.ptp(rows)), int(np.ptp(columns))


def test_panels_stand_in_a_grid_on_white(tmp_path: Path) -> None:
    path = draw_bodies(
        tmp_path / "grid.png",
        [[Panel(CUBE, "one", colour=GREEN)] * 2, [(CUBE, "plain pair")]],
        FACES,
    )
    image = pixels(path)
    assert path == tmp_path / "grid.png"
    assert [file.name for file in tmp_path.iterdir()] == ["grid.png"]
    assert image.shape[0] == image.shape[1] == 440
    assert image[0, 0].tolist() == [1, 1, 1]
    half = 220
    for row, column, drawn in ((0, 0, True), (0, 1, True), (1, 0, True), (1, 1, False)):
        cell = image[row * half : (row + 1) * half, column * half : (column + 1) * half]
        assert coloured(cell).any() == drawn


def test_turn_sees_the_left_side_and_tilt_the_top(tmp_path: Path) -> None:
    box = CUBE * (0.2, 1.0, 0.6)  # Half its width, height and depth.

    def seen(name: str, **view: float) -> float:
        path = draw_bodies(tmp_path / name, [[Panel(box, colour=GREEN, **view)]], FACES, dpi=200)
        height, width = extent(pixels(path))
        return height / width

    assert seen("front.png") == pytest.approx(1.0 / 0.2, rel=0.05)
    assert seen("side.png", turn=90) == pytest.approx(1.0 / 0.6, rel=0.05)
    assert seen("top.png", tilt=90) == pytest.approx(0.6 / 0.2, rel=0.05)


def test_left_of_the_body_is_right_of_the_picture(tmp_path: Path) -> None:
    def centre(name: str, turn: float) -> float:
        body = np.concatenate([CUBE * 0.05, CUBE * 0.2 + [1.0, 0, 0]])
        faces = np.concatenate([FACES, FACES + 8])
        image = pixels(draw_bodies(tmp_path / name, [[Panel(body, turn=turn)]], faces))
        return float(np.nonzero(coloured(image))[1].mean()) - image.shape[1] / 2

    assert centre("front.png", 0) > 20
    assert centre("back.png", 180) < -20


def test_near_triangles_cover_far_ones(tmp_path: Path) -> None:
    # Two squares that face the viewer; the near one, drawn first in the list, must win.
    square = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], dtype=float)
    slope = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, -3], [-1, 1, -3]], dtype=float)
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    nearer = np.array([0.0, 0.0, 1.0])
    near_first = np.concatenate([square + nearer, slope - nearer])
    far_first = np.concatenate([slope - nearer, square + nearer])
    both = np.concatenate([faces, faces + 4])
    one = pixels(draw_bodies(tmp_path / "one.png", [[Panel(near_first)]], both))
    two = pixels(draw_bodies(tmp_path / "two.png", [[Panel(far_first)]], both))
    alone = pixels(draw_bodies(tmp_path / "alone.png", [[Panel(near_first)]], faces))
    middle = (len(one) // 2, len(one) // 2 + 9)
    assert one[middle].tolist() == two[middle].tolist()
    np.testing.assert_allclose(one[middle], alone[middle], atol=0.02)


def test_marked_points_show_through_the_mesh(tmp_path: Path) -> None:
    def blue(name: str, points: NDArray[np.float64] | None) -> int:
        panel = Panel(CUBE, colour=(1, 1, 0), points=points)
        image = pixels(draw_bodies(tmp_path / name, [[panel]], FACES))
        return int((image[..., 2] > image[..., 0] + 0.2).sum())

    assert blue("without.png", None) == 0
    assert blue("with.png", np.zeros((1, 3))) > 0


@pytest.mark.parametrize(
    ("rows", "faces", "message"),
    [
        ([], FACES, "nothing to draw"),
        ([[]], FACES, "nothing to draw"),
        ([[(CUBE, "a")]], FACES[:, :2], r"faces has shape \(12, 2\)"),
        ([[(CUBE[:, :2], "a")]], FACES, r"'a' has vertices of shape \(8, 2\)"),
        ([[(CUBE[:7], "a")]], FACES, "largest vertex number"),
    ],
)
def test_bad_input_is_named(tmp_path: Path, rows: list, faces: NDArray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw_bodies(tmp_path / "x.png", rows, faces)
    assert list(tmp_path.iterdir()) == []
