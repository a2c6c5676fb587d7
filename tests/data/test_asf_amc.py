"""ASF/AMC: a skeleton and a recording of it, as a BVH's joints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lsr1_pl.body.skeleton import SMPL_JOINTS
from lsr1_pl.data import MotionStore, convert_cmu
from lsr1_pl.data.sources.asf_amc import read_amc, read_asf, skeleton_of
from lsr1_pl.ground.errors import UserError

_BONES = """
lhipjoint 1 -1 0 2.5 0,0,0 -
lfemur 0.342 -0.94 0 7.5 0,0,20 rx,ry,rz
ltibia 0.342 -0.94 0 7.5 0,0,20 rx
lfoot 0.07 -0.2 0.97 2.2 -90,0,20 rx,rz
ltoes 0 0 1 1.1 -90,0,20 rx
rhipjoint -1 -1 0 2.5 0,0,0 -
rfemur -0.342 -0.94 0 7.5 0,0,-20 rx,ry,rz
rtibia -0.342 -0.94 0 7.5 0,0,-20 rx
rfoot -0.07 -0.2 0.97 2.2 -90,0,-20 rx,rz
rtoes 0 0 1 1.1 -90,0,-20 rx
lowerback 0 1 0 2 0,0,0 rx,ry,rz
upperback 0 1 0 2 0,0,0 rx,ry,rz
thorax 0 1 0 2 0,0,0 rx,ry,rz
lowerneck 0 1 0 1.7 0,0,0 rx,ry,rz
upperneck 0 1 0 1.7 0,0,0 rx,ry,rz
head 0 1 0 1.7 0,0,0 rx,ry,rz
lclavicle 1 0.3 0 3.5 0,0,0 ry,rz
lhumerus 1 0 0 5 180,-30,-90 rx,ry,rz
lradius 1 0 0 3.4 180,-30,-90 rx
lwrist 1 0 0 1.7 0,90,90 ry
lfingers 1 0 0 0.6 180,0,90 rx
rclavicle -1 0.3 0 3.5 0,0,0 ry,rz
rhumerus -1 0 0 5 180,30,90 rx,ry,rz
rradius -1 0 0 3.4 180,30,90 rx
rwrist -1 0 0 1.7 0,-90,-90 ry
rfingers -1 0 0 0.6 180,0,-90 rx
"""
_TREE = """root lhipjoint rhipjoint lowerback
lhipjoint lfemur
lfemur ltibia
ltibia lfoot
lfoot ltoes
rhipjoint rfemur
rfemur rtibia
rtibia rfoot
rfoot rtoes
lowerback upperback
upperback thorax
thorax lowerneck lclavicle rclavicle
lowerneck upperneck
upperneck head
lclavicle lhumerus
lhumerus lradius
lradius lwrist
lwrist lfingers
rclavicle rhumerus
rhumerus rradius
rradius rwrist
rwrist rfingers"""
_FREEDOM = {
    words[0]: [] if words[6] == "-" else words[6].split(",")
    for words in map(str.split, _BONES.split("\n"))
    if words
}


def asf() -> str:
    """A skeleton with the bones and the axes of CMU's."""
    lines = [":version 1.10", ":units", "  mass 1.0", "  length 0.45", "  angle deg", ":root"]
    lines += ["  order TX TY TZ RX RY RZ", "  axis XYZ", "  position 0 0 0", "  orientation 0 0 0"]
    lines += [":bonedata"]
    for words in map(str.split, _BONES.split("\n")):
        if words:
            name, x, y, z, length, axis, dof = words
            lines += ["  begin", "    id 1", f"    name {name}", f"    direction {x} {y} {z}"]
            lines += [f"    length {length}", f"    axis {axis.replace(',', ' ')} XYZ"]
            lines += [f"    dof {dof.replace(',', ' ')}", "    limits (-1 1)"] if dof != "-" else []
            lines += ["  end"]
    return "\n".join([*lines, ":hierarchy", "  begin", *_TREE.split("\n"), "  end"]) + "\n"


def amc(frames: list[dict[str, list[float]]]) -> str:
    """A recording; bones that a frame does not name are not turned."""
    lines = ["#!OML:ASF", ":FULLY-SPECIFIED", ":DEGREES"]
    for number, frame in enumerate(frames, 1):
        lines.append(str(number))
        for bone, values in {"root": [0, 17, 0, 0, 0, 0], **dict.fromkeys(_FREEDOM)}.items():
            if bone == "root" or _FREEDOM[bone]:
                given = frame.get(bone, values or [0.0] * len(_FREEDOM.get(bone, [])))
                lines.append(" ".join([bone, *(f"{value:g}" for value in given)]))
    return "\n".join(lines) + "\n"


def written(folder: Path, frames: list[dict[str, list[float]]]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "09.asf").write_text(asf())
    (folder / "09_01.amc").write_text(amc(frames))
    return folder / "09_01.amc"


BENT = {"rtibia": [60.0], "lradius": [80.0], "root": [1.0, 17.0, 2.0, 0.0, 90.0, 0.0]}


def test_bones_are_joints_at_their_starts(tmp_path: Path) -> None:
    path = written(tmp_path / "in", [{}, BENT])
    recording = read_amc(path, read_asf(path.with_name("09.asf")), 120.0)
    assert recording.frame_time == pytest.approx(1 / 120)
    _, places = recording.world()
    at = {name: places[:, index] for index, name in enumerate(recording.names)}
    np.testing.assert_allclose(at["root"], [[0, 17, 0], [1, 17, 2]], atol=1e-9)
    zero = np.array([0.342, -0.94, 0.0]) / np.hypot(0.342, 0.94)
    np.testing.assert_allclose(at["lfoot"][0] - at["ltibia"][0], 7.5 * zero, atol=1e-9)
    # The knee bends about its bone's own x axis, across the bone: the foot goes back.
    shank = at["rfoot"][1] - at["rtibia"][1]
    # The root is turned by 90 degrees about y: forward is +x, so that back is -x.
    assert shank[0] == pytest.approx(-7.5 * np.sin(np.radians(60)))
    np.testing.assert_allclose(recording.ends[recording.names.index("head")], (0, 1.7, 0))


def test_cmu_converts_with_knees_and_elbows_bent_their_way(tmp_path: Path) -> None:
    written(tmp_path / "in", [BENT] * 9)
    report = convert_cmu(tmp_path / "in", tmp_path / "out")
    assert report.read == {"09_01.amc": 3}
    assert report.read_as == {"map asf, y up, inches of 0.45, zero pose": 1}
    store = MotionStore(tmp_path / "out")
    pose = store.poses(np.array([0])).reshape(24, 3)
    turn = dict(zip(SMPL_JOINTS, pose, strict=True))
    assert turn["right_knee"][0] == pytest.approx(np.radians(60), abs=0.1)
    # CMU's elbows bend up and forward; what is up becomes the forearm's pronation.
    assert turn["left_elbow"][1] < -0.8
    assert np.linalg.norm(turn["left_elbow"]) == pytest.approx(np.radians(80), abs=0.3)
    assert np.linalg.norm(turn["left_knee"]) < 0.1
    assert np.linalg.norm(turn["right_elbow"]) < 0.2
    assert turn["pelvis"][1] == pytest.approx(np.pi / 2, abs=1e-3)
    assert (store.recordings[0].subject, store.recordings[0].fps) == ("09", 30.0)
    slower = convert_cmu(tmp_path / "in", tmp_path / "slower", fps=60.0)
    assert slower.read == {"09_01.amc": 5}


def test_a_last_frame_that_is_cut_is_left_out_and_said(tmp_path: Path) -> None:
    path = written(tmp_path / "in", [{}, {}, {}])
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-3]) + "\n")
    report = convert_cmu(tmp_path / "in", tmp_path / "out")
    assert report.left_out == {"09_01.amc": "is cut in frame 3; 1 left out"}
    assert report.source_frames == 2


BROKEN: dict[str, tuple[str, Callable[[str], str], str]] = {
    "no bones": ("asf", lambda t: t.split(":hierarchy")[0], "no bones in a :hierarchy"),
    "unknown bone": ("asf", lambda t: t.replace("lfoot ltoes", "lfoot ltoe"), "'ltoe' is not in"),
    "two parents": ("asf", lambda t: t.replace("rfoot rtoes", "rfoot ltoes"), "hangs on two"),
    "odd axis": ("asf", lambda t: t.replace("-90 0 20 XYZ", "-90 0 20 XYY"), "axis order 'XYY'"),
    "odd dof": ("asf", lambda t: t.replace("dof rx rz", "dof rx rw"), "dof rx rw; expected"),
    "word": ("asf", lambda t: t.replace("length 7.5", "length long", 1), "not a number"),
    "cut early": ("amc", lambda t: t.replace("rtibia 0\n", "", 1), "frame 1 lacks.*'rtibia'"),
    "twice": ("amc", lambda t: t.replace("rtibia 0", "ltibia 0", 1), "'ltibia' comes twice"),
    "stranger": ("amc", lambda t: t.replace("rtibia 0", "tail 0", 1), "unknown bone 'tail'"),
    "too few": ("amc", lambda t: t.replace("lfemur 0 0 0", "lfemur 0 0", 1), "2 numbers; expected"),
    "infinite": ("amc", lambda t: t.replace("rtibia 0", "rtibia inf", 1), "not finite"),
    "empty": ("amc", lambda t: "", "no whole frame"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_name_themselves_and_what_is_wrong(case: str, tmp_path: Path) -> None:
    suffix, change, message = BROKEN[case]
    path = written(tmp_path / "in", [{}, {}])
    broken = path if suffix == "amc" else path.with_name("09.asf")
    broken.write_text(change(broken.read_text()))
    with pytest.raises(UserError, match=message) as caught:
        read_amc(path, read_asf(path.with_name("09.asf")), 120.0)
    assert str(caught.value).startswith(str(broken))


def test_a_recording_finds_its_skeleton_by_name(tmp_path: Path) -> None:
    for name in ("09.asf", "10.asf"):
        (tmp_path / name).touch()
    assert skeleton_of(tmp_path / "10_04.amc").name == "10.asf"
    with pytest.raises(UserError, match="fits none of the skeletons"):
        skeleton_of(tmp_path / "11_01.amc")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"no \*\.asf beside it"):
        skeleton_of(tmp_path / "empty" / "09_01.amc")
