"""The body that ships: what must hold for it to stand in for SMPL."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lsr1_pl.body import BodyModel, load_body_model
from lsr1_pl.body.files import OPEN_BODY, BodyData, read_body
from lsr1_pl.body.skeleton import JOINTS45, LANDMARKS, SMPL_JOINTS

Floats = NDArray[np.float64]

MILLIMETRE = 1e-3
MIRROR = np.array([-1.0, 1.0, 1.0])
FINGERS = ("thumb", "index", "middle", "ring", "pinky")


@pytest.fixture(scope="module")
def data() -> BodyData:
    return read_body(OPEN_BODY)


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body_model("open", dtype=torch.float64)


@pytest.fixture(scope="module")
def place(body: BodyModel) -> dict[str, Floats]:
    """Each of the 45 joints in the mean T-pose."""
    return dict(zip(JOINTS45, joints(body, np.zeros(10)), strict=True))


def joints(body: BodyModel, betas: Floats) -> Floats:
    pose = torch.zeros(1, 72, dtype=torch.float64)
    found: Floats = body.joints(pose, torch.tensor(betas)[None])[0].numpy()
    return found


def mirrored(name: str) -> str:
    side, _, part = name.partition("_")
    if side in ("left", "right"):
        return f"{'right' if side == 'left' else 'left'}_{part}"
    if name in LANDMARKS and name != "nose":
        return name[0].translate(str.maketrans("lrLR", "rlRL")) + name[1:]
    return name


def triangle_areas(vertices: Floats, faces: NDArray[np.int64]) -> Floats:
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    areas: Floats = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    return areas


def surface_rms(offsets: Floats, data: BodyData) -> float:
    """Root mean square over the surface, in the offsets' unit."""
    areas = triangle_areas(data.v_template, data.faces)
    squared = (offsets[data.faces] ** 2).sum(axis=2).mean(axis=1)
    return float(np.sqrt((areas * squared).sum() / areas.sum()))


def test_the_file_is_small() -> None:
    assert OPEN_BODY.stat().st_size < 1_000_000


def test_rows_of_weights_and_regressor_are_averages(data: BodyData) -> None:
    for rows in (data.weights, data.J_regressor):
        assert rows.min() >= 0
        np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-5)


def test_every_joint_moves_skin_and_every_vertex_is_in_a_triangle(data: BodyData) -> None:
    # The collars share all of their skin with shoulders and spine.
    assert (data.weights.max(axis=0) > 0.4).all()
    assert set(data.faces.ravel()) == set(range(data.num_vertices))


def test_the_mesh_is_closed_but_for_few_edges_and_faces_outwards(data: BodyData) -> None:
    faces = data.faces
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    directed, times = np.unique(edges, axis=0, return_counts=True)
    assert times.max() == 1
    assert (triangle_areas(data.v_template, faces) > 0).all()
    opposite = {(b, a) for a, b in directed.tolist()}
    open_edges = [edge for edge in directed.tolist() if tuple(edge) not in opposite]
    assert len(open_edges) < 0.005 * len(edges)
    a, b, c = (data.v_template[faces[:, corner]] for corner in range(3))
    volume = (np.cross(a, b) * c).sum() / 6
    # A person of 1.73 m has 0.06 to 0.09 cubic metres; a mesh turned inside out, fewer than none.
    assert 0.05 < volume < 0.1


@pytest.mark.parametrize("beta", range(-1, 10))
def test_left_mirrors_right_in_every_shape(body: BodyModel, beta: int) -> None:
    betas = np.zeros(10)
    if beta >= 0:
        betas[beta] = 2
    found = joints(body, betas)
    order = [JOINTS45.index(mirrored(name)) for name in JOINTS45]
    assert sorted(order) == list(range(45))
    np.testing.assert_allclose(found[order] * MIRROR, found, atol=MILLIMETRE)


def test_skin_mirrors_too(data: BodyData) -> None:
    order = [SMPL_JOINTS.index(mirrored(name)) for name in SMPL_JOINTS]
    apart = np.abs(data.v_template[:, None] * MIRROR - data.v_template[None, ::1]).max(axis=2)
    other = apart.argmin(axis=1)
    assert apart.min(axis=1).max() < MILLIMETRE
    np.testing.assert_allclose(data.weights[other][:, order], data.weights, atol=1e-3)


def test_it_is_as_tall_as_people(data: BodyData) -> None:
    def height(betas: Floats) -> float:
        return float(np.ptp((data.v_template + data.shapedirs @ betas)[:, 1]))

    assert 1.6 < height(np.zeros(10)) < 1.8
    for beta in np.concatenate([2 * np.eye(10), -2 * np.eye(10)]):
        assert 1.45 < height(beta) < 2.05


def test_the_pelvis_stays_at_the_origin(body: BodyModel) -> None:
    for betas in np.concatenate([np.zeros((1, 10)), 2 * np.eye(10)]):
        assert np.linalg.norm(joints(body, betas)[0]) < 15 * MILLIMETRE


def test_hips_are_as_wide_as_anatomy_says(place: dict[str, Floats]) -> None:
    left, right = place["left_hip"], place["right_hip"]
    assert 0.16 < np.linalg.norm(left - right) < 0.20
    assert 0.03 < place["pelvis"][1] - left[1] < 0.10


def test_it_stands_in_t_pose(data: BodyData, place: dict[str, Floats]) -> None:
    for side, sign in (("left", 1), ("right", -1)):
        arm = np.array([place[f"{side}_{part}"] for part in ("shoulder", "elbow", "wrist", "hand")])
        assert (np.diff(arm[:, 0]) * sign > 0.05).all()
        assert np.ptp(arm[:, 1:], axis=0).max() < 10 * MILLIMETRE
        thigh = place[f"{side}_knee"] - place[f"{side}_hip"]
        assert thigh[1] / np.linalg.norm(thigh) < -0.99
        shin = place[f"{side}_ankle"] - place[f"{side}_knee"]
        assert shin[1] / np.linalg.norm(shin) < -0.99
    spine = [place[name][1] for name in ("pelvis", "spine1", "spine2", "spine3", "neck", "head")]
    assert (np.diff(spine) > 0.03).all()
    assert data.v_template[:, 1].max() > place["head"][1] + 0.1


def test_face_landmarks_are_on_the_face(place: dict[str, Floats]) -> None:
    nose, eye, ear, head = place["nose"], place["leye"], place["lear"], place["head"]
    assert abs(nose[0]) < MILLIMETRE
    assert nose[2] > eye[2] > ear[2]
    assert eye[1] > nose[1] > head[1] - 0.05
    assert 0.05 < 2 * eye[0] < 0.075
    assert 0.13 < 2 * ear[0] < 0.20
    assert abs(ear[1] - eye[1]) < 0.04


@pytest.mark.parametrize(("side", "letter"), [("left", "L"), ("right", "R")])
def test_feet_are_flat_with_landmarks_at_their_ends(
    data: BodyData, place: dict[str, Floats], side: str, letter: str
) -> None:
    ankle, foot = place[f"{side}_ankle"], place[f"{side}_foot"]
    heel, big, small = (place[letter + name] for name in ("Heel", "BigToe", "SmallToe"))
    ground = data.v_template[:, 1].min()
    assert heel[1] < ankle[1] - 0.03
    assert heel[2] < ankle[2] - 0.03
    for point in (heel, big, small):
        assert 0 <= point[1] - ground < 0.04
    assert big[2] > small[2] > foot[2]
    assert abs(small[0]) > abs(big[0]) + 0.04
    assert 0.22 < big[2] - heel[2] < 0.30


@pytest.mark.parametrize(("side", "letter"), [("left", "l"), ("right", "r")])
def test_finger_tips_are_ten_ends_beyond_the_knuckles(
    data: BodyData, place: dict[str, Floats], side: str, letter: str
) -> None:
    wrist, knuckle = place[f"{side}_wrist"], place[f"{side}_hand"]
    tips = np.array([place[letter + name] for name in FINGERS])
    reach = np.linalg.norm(tips - wrist, axis=1)
    assert (reach[1:] > np.linalg.norm(knuckle - wrist) + 0.03).all()
    assert reach.argmax() == FINGERS.index("middle")
    assert 0.16 < reach.max() < 0.22
    # Palms face down and thumbs forward, so that the tips stand in order along z.
    assert (np.diff(tips[:, 2]) < -10 * MILLIMETRE).all()
    for tip in tips:
        # At a tip no skin is farther from the wrist within a finger's width.
        near = np.linalg.norm(data.v_template - tip, axis=1) < 12 * MILLIMETRE
        farthest = np.linalg.norm(data.v_template[near] - wrist, axis=1).max()
        assert farthest < np.linalg.norm(tip - wrist) + 4 * MILLIMETRE


def test_landmarks_are_distinct(data: BodyData) -> None:
    assert len(set(data.landmark_vertex_ids.tolist())) == len(LANDMARKS)


def test_each_of_the_ten_betas_matters(data: BodyData) -> None:
    effects = [surface_rms(data.shapedirs[..., k], data) / MILLIMETRE for k in range(10)]
    assert min(effects) > 3
    assert effects == sorted(effects, reverse=True)
    assert effects[0] < 60


def test_betas_are_independent(data: BodyData) -> None:
    areas = triangle_areas(data.v_template, data.faces)
    per_vertex = np.bincount(data.faces.ravel(), np.repeat(areas / 3, 3))
    weighted = (data.shapedirs * np.sqrt(per_vertex)[:, None, None]).reshape(-1, 10)
    unit = weighted / np.linalg.norm(weighted, axis=0)
    np.testing.assert_allclose(unit.T @ unit, np.eye(10), atol=0.02)


def test_bones_of_the_limbs_keep_their_direction_in_every_shape(body: BodyModel) -> None:
    for betas in np.concatenate([2 * np.eye(10), -2 * np.eye(10)]):
        found = dict(zip(JOINTS45, joints(body, betas), strict=True))
        arm = found["left_wrist"] - found["left_shoulder"]
        leg = found["left_ankle"] - found["left_hip"]
        assert arm[0] / np.linalg.norm(arm) > 0.995
        assert leg[1] / np.linalg.norm(leg) < -0.99


def test_bent_joints_keep_the_skin_whole(body: BodyModel, data: BodyData) -> None:
    pose = torch.zeros(1, 24, 3, dtype=torch.float64)
    for name, turn in (
        ("left_hip", (-1.5, 0, 0)),
        ("left_knee", (1.6, 0, 0)),
        ("left_shoulder", (0, 0, -1.2)),
        ("right_shoulder", (0, 1.3, 0)),
        ("spine2", (0.4, 0.4, 0)),
    ):
        pose[0, SMPL_JOINTS.index(name)] = torch.tensor(turn, dtype=torch.float64)
    betas = torch.zeros(1, 10, dtype=torch.float64)
    posed = body.vertices(pose.flatten(1), betas)[0].numpy()
    edges = np.concatenate([data.faces[:, [0, 1]], data.faces[:, [1, 2]]])
    before = np.linalg.norm(np.diff(data.v_template[edges], axis=1)[:, 0], axis=1)
    after = np.linalg.norm(np.diff(posed[edges], axis=1)[:, 0], axis=1)
    # A vertex that hangs on a wrong bone is torn away by decimetres.
    assert (after - before).max() < 0.06
