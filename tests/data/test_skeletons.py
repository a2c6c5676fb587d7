"""Recordings of any skeleton: who is which joint, and that limbs come out where they point."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from skeleton_files import HANGING, IN_A_LINE, KINDS, LAFAN1_AXES, Z_UP, Made, Vector, bvh

from lsr1_pl.body import BodyModel, load_body_model
from lsr1_pl.body.skeleton import SMPL_JOINTS
from lsr1_pl.data import MotionStore, convert_mocap
from lsr1_pl.data.sources.bvh import BVH, read_bvh
from lsr1_pl.data.sources.skeletons.built_in import ALIASES, BUILT_IN
from lsr1_pl.data.sources.skeletons.guessing import guess_map
from lsr1_pl.data.sources.skeletons.map_files import map_for, named_map, read_map
from lsr1_pl.data.sources.skeletons.retarget import Retargeted, retarget
from lsr1_pl.ground.errors import UserError

SHANK = (0.0, -0.1, -1.0)
POSE: dict[str, Vector] = {
    "left_shoulder": (0.0, 1.0, 0.0),
    "right_shoulder": (-0.3, -1.0, 0.0),
    "right_elbow": (0.1, 0.0, 1.0),
    "right_knee": SHANK,
}
"""The left arm up, the right one bent forward, the right knee bent."""
FRAMES = [{}, POSE, {}, POSE]
ZERO_POSES: dict[str, dict[str, Any]] = {
    "T-pose": {},
    "arms hang": {"zero": HANGING},
    "z up": {"axes": Z_UP},
    "z up in its offsets alone": {"axes": Z_UP, "world": np.eye(3)},
    "all bones in a line": {"zero": IN_A_LINE, "axes": LAFAN1_AXES, "world": np.eye(3)},
}


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body_model("open", dtype=torch.float64)


@pytest.fixture(scope="module")
def rest(body: BodyModel) -> np.ndarray:
    return body.rest_joints(torch.zeros(1, 10, dtype=torch.float64))[0].numpy()


def made(tmp_path: Path, kind: Made, **options: Any) -> BVH:
    path = tmp_path / "take.bvh"
    path.write_text(bvh(kind, FRAMES, **options))
    return read_bvh(path)


def bone(body: BodyModel, found: Retargeted, start: str, end: str) -> np.ndarray:
    """(n, 3) unit directions of a bone of the posed body."""
    joints = body.joints(torch.from_numpy(found.poses), torch.zeros(len(found.poses), 10).double())
    along = joints[:, SMPL_JOINTS.index(end)] - joints[:, SMPL_JOINTS.index(start)]
    return torch.nn.functional.normalize(along, dim=1).numpy()


def check_pose(body: BodyModel, found: Retargeted) -> None:
    """The pose of :data:`POSE`, on the right limbs and with the right signs."""
    turn = dict(zip(SMPL_JOINTS, found.poses[1].reshape(24, 3), strict=True))
    assert np.linalg.norm(turn["pelvis"]) < 0.02
    for joint in ("spine1", "spine2", "spine3", "neck", "head"):
        assert np.linalg.norm(turn[joint]) < 0.02, joint
    assert turn["left_shoulder"][2] > 1.0
    assert turn["right_knee"][0] > 1.0
    assert turn["right_elbow"][1] > 0.8
    assert np.linalg.norm(turn["left_knee"]) < 0.25
    for start, end, expected in (
        ("left_shoulder", "left_elbow", (0.0, 1.0, 0.0)),
        ("right_shoulder", "right_elbow", POSE["right_shoulder"]),
        ("right_elbow", "right_wrist", POSE["right_elbow"]),
        ("right_knee", "right_ankle", SHANK),
        ("left_knee", "left_ankle", (0.0, -1.0, 0.0)),
    ):
        direction = bone(body, found, start, end)[1]
        assert direction @ np.array(expected) / np.linalg.norm(expected) > 1 - 1e-6, start


@pytest.mark.parametrize("zero", ZERO_POSES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_skeleton_is_known_and_posed_right(
    kind: str, zero: str, tmp_path: Path, body: BodyModel, rest: np.ndarray
) -> None:
    recording = made(tmp_path, KINDS[kind], **ZERO_POSES[zero])
    joints = map_for(recording.names, recording.parents, list(BUILT_IN.values()), guess=False)
    assert joints.name == kind
    found = retarget(recording, joints, rest)
    check_pose(body, found)
    assert found.read_as.startswith(f"map {kind}, {'z' if zero == 'z up' else 'y'} up, centimetres")
    np.testing.assert_allclose(found.trans[0], (0.10, 0.96, 0.20), atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_every_skeleton_could_be_guessed(
    kind: str, tmp_path: Path, body: BodyModel, rest: np.ndarray
) -> None:
    recording = made(tmp_path, KINDS[kind])
    guessed = guess_map(recording.names, recording.parents)
    known = BUILT_IN[kind].indices(recording.names)
    mine = guessed.indices(recording.names)
    assert mine.joints == {
        role: joint for role, joint in known.joints.items() if "hand" not in role
    }
    assert list(mine.spine) == list(known.spine)
    assert mine.neck[-1:] == known.neck[-1:]


@pytest.mark.parametrize(
    ("scale", "unit"),
    [(0.01, "metres"), (1 / 2.54, "inches"), (10.0, "millimetres"), (1.0, "cent")],
)
def test_units_are_found_by_the_height(
    scale: float, unit: str, tmp_path: Path, rest: np.ndarray
) -> None:
    found = retarget(made(tmp_path, KINDS["mixamo"], scale=scale), BUILT_IN["mixamo"], rest)
    assert f", {unit}" in found.read_as
    np.testing.assert_allclose(found.trans[0], (0.10, 0.96, 0.20), atol=1e-4)


def test_a_lying_body_does_not_turn_the_world(tmp_path: Path, rest: np.ndarray) -> None:
    """In a file with y up somebody lies all the time: the zero pose tells that he does."""
    lying = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    recording = made(tmp_path, KINDS["xsens"], world=lying)
    found = retarget(recording, BUILT_IN["xsens"], rest)
    assert ", y up" in found.read_as
    assert abs(np.linalg.norm(found.poses[0, :3]) - np.pi / 2) < 0.01


@pytest.mark.parametrize(
    ("frame_time", "fps", "rows", "rate"),
    [(1 / 60, None, 2, 30.0), (1 / 60, 30.0, 4, 30.0), (1 / 24, None, 4, 24.0)],
)
def test_frame_rates(
    frame_time: float, fps: float | None, rows: int, rate: float, tmp_path: Path, rest: np.ndarray
) -> None:
    recording = made(tmp_path, KINDS["mixamo"], frame_time=frame_time)
    found = retarget(recording, BUILT_IN["mixamo"], rest, fps)
    assert (len(found.poses), found.fps) == (rows, pytest.approx(rate, abs=0.01))


def test_every_name_of_a_map_leads_to_one() -> None:
    assert named_map("100style").name == "xsens"
    assert set(ALIASES.values()) <= set(BUILT_IN)
    with pytest.raises(UserError, match=r"--map is 'mixamoo'.*did you mean 'mixamo'"):
        named_map("mixamoo")


MAP = """
joints:
  pelvis: base
  spine: [back]
  head: skull
  left_hip: hl
  left_knee: kl
  left_ankle: al
  left_shoulder: sl
  left_elbow: el
  left_wrist: wl
  right_hip: hr
  right_knee: kr
  right_ankle: ar
  right_shoulder: sr
  right_elbow: er
  right_wrist: wr
"""
ODD = Made(
    "base",
    ("back",),
    (),
    "skull",
    {
        f"{side}_{joint}": f"{letter}{side[0]}"
        for side in ("left", "right")
        for joint, letter in zip(
            ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist"),
            "hkatcsew",
            strict=True,
        )
    },
)
"""A skeleton whose names say nothing."""


def test_a_map_of_ones_own(tmp_path: Path, body: BodyModel, rest: np.ndarray) -> None:
    (tmp_path / "own.yaml").write_text(MAP + "up: y\nmetres_per_unit: 0.01\nsubject: '(s[0-9])'\n")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "walk_s7.bvh").write_text(bvh(ODD, FRAMES))
    with pytest.raises(UserError, match="cannot be told by their names: not sure of left_hip"):
        convert_mocap(tmp_path / "in", tmp_path / "out")
    report = convert_mocap(
        tmp_path / "in", tmp_path / "out", joint_map=str(tmp_path / "own.yaml"), licence="mine"
    )
    assert report.read_as == {"map own.yaml, y up, 0.01 m a unit, zero pose": 1}
    store = MotionStore(tmp_path / "out")
    assert (store.recordings[0].subject, store.manifest.licence) == ("s7", "mine")
    poses = store.poses(np.arange(4)).astype(float)
    check_pose(body, Retargeted(poses, poses, 30.0, ""))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("joints: [", "cannot be read"),
        ("bones: {}", "expected the key 'joints'"),
        (MAP + "scale: 2\n", "key 'scale' is unknown; expected joints, up"),
        (MAP.replace("left_knee", "left_kne"), "'left_kne'.*did you mean 'left_knee'"),
        (MAP.replace("  head: skull\n", ""), "key 'joints.head' is missing"),
        (MAP.replace("[back]", "[]"), "key 'joints.spine' is empty"),
        (MAP.replace("skull", "3"), "key 'joints.head' is 3; expected the name"),
        (MAP.replace("skull", "base"), "joint 'base' is named twice"),
        (MAP + "up: x\n", "key 'up' is 'x'; expected y or z"),
        (MAP + "metres_per_unit: 0\n", "key 'metres_per_unit' is 0; expected a number above 0"),
        (MAP + "subject: 's['\n", "key 'subject' is no regular expression"),
        (MAP + "subject: 's'\n", "key 'subject' is 's'; expected a regular expression with one"),
    ],
)
def test_bad_maps_are_named(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        read_map(tmp_path / "own.yaml")
    assert str(caught.value).startswith(f"{tmp_path / 'own.yaml'}: ")


def test_a_map_for_another_skeleton_says_what_lacks(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.bvh").write_text(bvh(KINDS["xsens"], FRAMES))
    with pytest.raises(
        UserError, match=r"lacks the joints LeftArm.* of the map mixamo; it has Hips"
    ):
        convert_mocap(tmp_path / "in", tmp_path / "out", joint_map="mixamo")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ForeArm", "Middle", "not sure of left_elbow"),
        ("Head", "Skull", "not sure of the head"),
        ("Leg_", "Thigh", "not sure of left_knee"),
    ],
)
def test_what_names_do_not_tell_is_no_guess(old: str, new: str, message: str) -> None:
    names, parents = _tree(KINDS["mixamo"])
    names = [name.replace("LeftLeg", "LeftLeg_").replace("RightLeg", "RightLeg_") for name in names]
    with pytest.raises(UserError, match=message):
        guess_map([name.replace(old, new) for name in names], parents)


def test_two_joints_that_would_do_are_no_guess() -> None:
    names, parents = _tree(KINDS["mixamo"])
    for side in ("Left", "Right"):
        parents.append(names.index(f"mixamorig:{side}Leg"))
        names.append(f"mixamorig:{side}_Foot")
    with pytest.raises(
        UserError, match=r"not sure of left_hip to left_ankle: .*LeftFoot or .*_Foot"
    ):
        guess_map(names, parents)


def _tree(kind: Made) -> tuple[list[str], list[int]]:
    rows = kind.joints()
    names = [name for name, _, _ in rows]
    return names, [names.index(parent) if parent else -1 for _, parent, _ in rows]


def test_recordings_of_one_name_are_both_kept(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        frames = FRAMES if folder == "a" else FRAMES[:3]
        (tmp_path / "in" / folder / "walk.bvh").write_text(bvh(KINDS["mixamo"], frames))
    convert_mocap(tmp_path / "in", tmp_path / "out")
    store = MotionStore(tmp_path / "out")
    assert [(r.name, r.rows) for r in store.recordings] == [("walk", 4), ("b/walk", 3)]
