"""Each format of detectors' files, as its tool writes it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from detected_people import flat, places, standing

from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data import Detections, read_detections, visible
from lsr1_pl.data.detections import sources
from lsr1_pl.data.detections.joints.coco import COCO17
from lsr1_pl.data.detections.joints.mediapipe import BLAZEPOSE33
from lsr1_pl.data.detections.joints.openpose import BODY_25
from lsr1_pl.ground.errors import UserError

HERE, THERE = standing(), standing(300.0)
FACE_OR_LIMB = [row for row in range(18) if COCO18[row] != "neck"]


def coco17(left: float = 0.0) -> np.ndarray:
    return places(COCO17, left)


def instance(left: float = 0.0, **more: Any) -> dict[str, Any]:
    scores = [0.9] * 17
    return {"keypoints": coco17(left).tolist(), "keypoint_scores": scores, **more}


def landmarks(left: float = 0.0) -> list[dict[str, float]]:
    points = places(BLAZEPOSE33, left) / [640, 480]
    return [{"x": u, "y": v, "z": 0.1, "visibility": 0.9} for u, v in points.tolist()]


def ultralytics(left: float = 0.0, **more: Any) -> dict[str, Any]:
    u, v = coco17(left).T.tolist()
    keypoints = {"x": u, "y": v, "visible": [0.9] * 17}
    return {"name": "person", "class": 0, "confidence": 0.8, "keypoints": keypoints, **more}


AT_18 = flat(HERE)
RESULT = {"category_id": 1, "keypoints": flat(coco17()), "score": 2.9}
NAMES = {str(k): name for k, name in enumerate(COCO17)}

ONE_PERSON: dict[str, Any] = {
    "OpenPose 1.3": {"version": 1.3, "people": [{"pose_keypoints_2d": flat(places(BODY_25))}]},
    "OpenPose 1.1": {"version": 1.1, "people": [{"pose_keypoints": AT_18}]},
    "OpenPose 0.1": {"version": 0.1, "people": [{"body_parts": AT_18}]},
    "OpenPose, hands alone": {
        "people": [{"pose_keypoints_2d": AT_18}, {"pose_keypoints_2d": [], "face_keypoints_2d": []}]
    },
    "ControlNet": [{"people": [{"pose_keypoints_2d": AT_18}], "canvas_width": 640}],
    "COCO results": [{"image_id": 1, **RESULT}],
    "AlphaPose": [{"image_id": "0.jpg", **RESULT, "idx": [0.0]}],
    "AlphaPose cmu": {"version": "AlphaPose v0.3", "bodies": [{"joints": AT_18}]},
    "AlphaPose cmu, all": {"0.jpg": {"version": "AlphaPose v0.3", "bodies": [{"joints": AT_18}]}},
    "AlphaPose open, all": {
        "0.jpg": {"version": "AlphaPose v0.3", "people": [{"pose_keypoints_2d": AT_18}]}
    },
    "MMPose inferencer, image": [instance(bbox=[[1.0, 2, 3, 4]], bbox_score=0.9)],
    "MMPose inferencer, video": [{"frame_id": 0, "instances": [instance()]}],
    "MMPose inferencer, returned": {"visualization": [], "predictions": [[instance()]]},
    "MMPose demo": {
        "meta_info": {"keypoint_id2name": NAMES},
        "instance_info": [{"frame_id": 1, "instances": [instance()]}],
    },
    "MMPose 0": [{"keypoints": [[*point, 0.9] for point in coco17().tolist()]}],
    "OpenPifPaf": [{"keypoints": flat(coco17()), "bbox": [1, 2, 3, 4], "category_id": 1}],
    "OpenPifPaf, video": [{"frame": 1, "predictions": [{"keypoints": flat(coco17())}]}],
    "Ultralytics": [ultralytics()],
    "Ultralytics, frames": [[], [ultralytics()]],
    "EasyMocap": {
        "filename": "a.jpg",
        "annots": [{"personID": -1, "keypoints": [[*p, 0.9] for p in places(BODY_25).tolist()]}],
    },
}


def save(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def check_one(found: Detections) -> None:
    np.testing.assert_allclose(found.keypoints[0, FACE_OR_LIMB], HERE[FACE_OR_LIMB])
    assert found.confidence[0, FACE_OR_LIMB].tolist() == [0.9] * 17
    np.testing.assert_allclose(found.keypoints[0, 1], HERE[1], atol=1.01)
    assert len(found.frame) == 1
    assert visible(found).all()


@pytest.mark.parametrize("name", ONE_PERSON)
def test_one_person(name: str, tmp_path: Path) -> None:
    check_one(read_detections(save(tmp_path / "a.json", ONE_PERSON[name])))


@pytest.mark.parametrize("name", ONE_PERSON)
def test_what_is_cut_off_is_refused_with_its_file(name: str, tmp_path: Path) -> None:
    whole = json.dumps(ONE_PERSON[name])
    for wrong in ('"no number"', "[[1]]", "{}", "true"):
        head, _, tail = whole.partition("100.0")
        path = tmp_path / "a.json"
        path.write_text(head + wrong + tail)
        with pytest.raises(UserError, match=r"a\.json"):
            read_detections(path)


@pytest.mark.parametrize(
    "content",
    [
        [{"frame": 0, "landmarks": landmarks()}],
        {"pose_landmarks": [landmarks()]},
        {"poseLandmarks": {"landmark": landmarks()}},
        landmarks(),
        [landmarks()],
        [[landmarks()]],
    ],
)
def test_mediapipe_needs_the_images_size(content: Any, tmp_path: Path) -> None:
    path = save(tmp_path / "a.json", content)
    with pytest.raises(UserError, match="shares of the image; say its size: --image_size"):
        read_detections(path)
    found = read_detections(path, image_size=(640, 480))
    check_one(found)
    assert found.least_confidence == 0.5
    assert found.points == "mediapipe"


def test_people_without_visibility_or_frames_without_people(tmp_path: Path) -> None:
    bare = [{"x": mark["x"], "y": mark["y"]} for mark in landmarks()]
    frames = [{"frame": 7, "landmarks": bare}, {"frame": 8, "landmarks": None}]
    found = read_detections(save(tmp_path / "a.json", frames), image_size=(640, 480))
    assert found.moment.tolist() == [7]
    assert found.confidence.min() == 1


SEVERAL: dict[str, Any] = {
    "AlphaPose": [
        {"image_id": f"{k}.jpg", **RESULT, "keypoints": flat(coco17(left)), "idx": who}
        for k in (10, 9)
        for who, left in ((9, 300.0), (7, 0.0))
    ],
    "MMPose": [
        {"frame_id": k, "instances": [instance(300.0, track_id=9), instance(track_id=7)]}
        for k in (9, 10)
    ],
    "Ultralytics": [
        *([[]] * 9),
        [ultralytics(300.0, track_id=9), ultralytics(track_id=7)],
        [ultralytics(track_id=7), ultralytics(300.0, track_id=9)],
    ],
}


@pytest.mark.parametrize("name", SEVERAL)
def test_the_detectors_numbers_and_the_frames(name: str, tmp_path: Path) -> None:
    found = read_detections(save(tmp_path / "a.json", SEVERAL[name]))
    assert found.moment.tolist() == [9, 9, 10, 10]
    assert found.identified.all()
    left = {7: HERE, 9: THERE}
    for row, who in enumerate(found.person.tolist()):
        np.testing.assert_allclose(
            found.keypoints[row, FACE_OR_LIMB], left[who][FACE_OR_LIMB], atol=1e-9
        )


def test_null_is_not_seen(tmp_path: Path) -> None:
    marks: list[Any] = flat(HERE)
    marks[2] = None
    marks[3:5] = [None, None]
    found = read_detections(save(tmp_path / "a.json", {"people": [{"pose_keypoints_2d": marks}]}))
    assert found.confidence[0, :3].tolist() == [0, 0, 0.9]
    assert visible(found)[0].sum() == 16


def test_joints_in_3d_are_no_keypoints(tmp_path: Path) -> None:
    three = [[u, v, 0.3] for u, v in coco17().tolist()]
    content = [{"keypoints": three, "keypoint_scores": [0.9] * 17}]
    with pytest.raises(UserError, match="joints in 3D are no keypoints"):
        read_detections(save(tmp_path / "a.json", content))
    np.savez(tmp_path / "a.npz", keypoints=np.random.default_rng(0).normal(size=(4, 17, 3)))
    with pytest.raises(UserError, match="joints in 3D are no keypoints"):
        read_detections(tmp_path / "a.npz")


def test_thresholds_go_by_detector(tmp_path: Path) -> None:
    openpose = {"people": [{"pose_keypoints_2d": flat(HERE, 0.05)}]}
    found = read_detections(save(tmp_path / "a.json", openpose))
    assert visible(found).all()
    guessed = [{"image_id": 1, "keypoints": flat(coco17(), 0.05)}]
    found = read_detections(save(tmp_path / "a.json", guessed))
    assert not visible(found).any()
    assert visible(found, 0.01).all()


def deeplabcut(people: int, labelled: bool) -> str:
    lead = 3 if labelled else 1
    names = [name for name in COCO18 if name != "neck"]
    columns = [(f"p{k}", n, c) for k in range(people) for n in names for c in ["x", "y", "l"]]
    long = {"l": "likelihood"}
    gap = "," * (lead - 1)
    lines = ["scorer" + gap + ",DLC" * len(columns)]
    if people > 1:
        lines.append("individuals" + gap + "".join(f",{who}" for who, _, _ in columns))
    lines.append("bodyparts" + gap + "".join(f",{joint}" for _, joint, _ in columns))
    lines.append("coords" + gap + "".join(f",{long.get(c, c)}" for *_, c in columns))
    for frame in (3, 5):
        row = [str(x) for k in range(people) for x in flat(places(names, 300.0 * k))]
        start = f"labeled-data,walk,img{frame:03d}.png" if labelled else str(frame)
        lines.append(",".join([start, *row]))
    return "\n".join(lines).replace(",100.0,20.0,0.9", ",,,") + "\n"


@pytest.mark.parametrize(("people", "labelled"), [(1, False), (2, False), (1, True)])
def test_deeplabcut(people: int, labelled: bool, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(deeplabcut(people, labelled))
    found = read_detections(tmp_path / "a.csv")
    assert found.moment.tolist() == [3] * people + [5] * people
    assert found.person.tolist() == [*range(people)] * 2
    np.testing.assert_array_equal(found.keypoints[0, 2:], HERE[2:])
    assert found.confidence[0, 0] == 0  # The nose's cells are empty.
    (tmp_path / "b.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="no rows 'bodyparts' and 'coords'"):
        read_detections(tmp_path / "b.csv")


def test_ultralytics_labels_are_shares_of_the_image(tmp_path: Path) -> None:
    for frame in (1, 2):
        lines = []
        for who in (4, 2):
            marks = flat(coco17(300.0 * (who == 4)) / [640, 480])
            lines.append(" ".join(map(str, [0, 0.5, 0.5, 0.2, 0.4, *marks, 0.87, who])))
        (tmp_path / f"walk_{frame}.txt").write_text("\n".join(lines) + "\n")
    with pytest.raises(UserError, match="--image_size"):
        read_detections(tmp_path)
    found = read_detections(tmp_path, image_size=(640, 480))
    assert found.person.tolist() == [4, 2, 4, 2]
    np.testing.assert_allclose(found.keypoints[1, FACE_OR_LIMB], HERE[FACE_OR_LIMB])
    (tmp_path / "walk_1.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    assert (
        "walk_1.txt (line 1 is no person)" in read_detections(tmp_path, None, (640, 480)).notes[0]
    )


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_plain_arrays_of_any_set(suffix: str, tmp_path: Path) -> None:
    marks = np.array([flat(places(BODY_25, 2.0 * k)) for k in range(3)]).reshape(3, 25, 3)
    path = tmp_path / f"a.{suffix}"
    np.save(path, marks) if suffix == "npy" else np.savez(path, keypoints=marks)
    found = read_detections(path)
    assert found.moment.tolist() == [0, 1, 2]
    np.testing.assert_allclose(found.keypoints[1, FACE_OR_LIMB], standing(2.0)[FACE_OR_LIMB])
    assert found.confidence.min() == 0.9
    two = marks[:, :, :2].copy()
    two[:, 4] = 0
    np.save(path, two) if suffix == "npy" else np.savez(path, keypoints=two)
    found = read_detections(path)
    assert found.confidence[0].tolist() == [1, 1, 1, 1, 0, *[1] * 13]  # 0, 0 is no place.


def test_arrays_may_say_names_frames_moments_and_people(tmp_path: Path) -> None:
    names = [name for name in COCO18 if "hip" in name or "shoulder" in name or "knee" in name]
    names += ["l_elbow", "r_elbow"]
    points = np.stack(
        [places([n.replace("l_", "left_").replace("r_", "right_") for n in names])] * 2
    )
    np.savez(
        tmp_path / "a.npz",
        keypoints=points,
        names=np.array(names),
        moment=np.array([4, 4]),
        person=np.array([5, 3]),
    )
    found = read_detections(tmp_path / "a.npz")
    assert found.moment.tolist() == [4, 4]
    assert found.person.tolist() == [5, 3]
    row = COCO18.index("right_elbow")
    np.testing.assert_array_equal(found.keypoints[0, row], HERE[row])
    assert found.confidence[0, COCO18.index("right_wrist")] == 0
    np.savez(tmp_path / "b.npz", keypoints=points, names=np.array(names[:3]))
    with pytest.raises(UserError, match="expected 8 texts, a name for each keypoint"):
        read_detections(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", keypoints=points, names=np.array(names), moment=np.ones(3, int))
    with pytest.raises(UserError, match=r"key 'moment'.*expected 2 whole numbers"):
        read_detections(tmp_path / "c.npz")


def test_spins_arrays(tmp_path: Path) -> None:
    marks = np.array([flat(places(BODY_25))]).reshape(1, 25, 3)
    np.savez(
        tmp_path / "a.npz",
        openpose=marks,
        part=np.zeros((1, 24, 3)),
        imgname=np.array(["images/im0007.jpg"]),
    )
    found = read_detections(tmp_path / "a.npz")
    assert found.frame == ["im0007"]
    np.testing.assert_array_equal(found.keypoints[0, FACE_OR_LIMB], HERE[FACE_OR_LIMB])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "a b.mp4",
            r"is a video; expected(.|\n)*--video '.*a b.mp4'(.|\n)*--pose2d human(.|\n)*ffmpeg",
        ),
        ("a.pkl", r"files '\.pkl' are not known"),
    ],
)
def test_other_files_are_refused(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"?")
    with pytest.raises(UserError, match=message):
        read_detections(tmp_path / name)


@pytest.mark.parametrize(("low", "high", "fine"), [(0, 1, True), (-1, 1, False), (0, 640, True)])
def test_shares_of_the_image(low: float, high: float, fine: bool, tmp_path: Path) -> None:
    shares = HERE / 640
    np.savez(tmp_path / "a.npz", keypoints=(shares * (high - low) + low)[None])
    if high == 640:
        np.testing.assert_allclose(read_detections(tmp_path / "a.npz").keypoints[0], HERE)
    if not fine:
        with pytest.raises(UserError, match="from -1 to 1"):
            read_detections(tmp_path / "a.npz", image_size=(640, 640))
        return
    found = read_detections(tmp_path / "a.npz", image_size=(640, 640))
    np.testing.assert_allclose(found.keypoints[0], HERE)


def test_the_size_in_a_file_is_used(tmp_path: Path) -> None:
    points = coco17() / [640, 480]
    images = [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}]
    content = {"images": images, "annotations": [{"image_id": 1, "keypoints": flat(points)}]}
    check_one(read_detections(save(tmp_path / "a.json", content)))


def test_whoever_is_one_point_is_not_seen(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", keypoints=np.full((1, 18, 2), 70.0))
    assert not visible(read_detections(tmp_path / "a.npz")).any()


def test_the_reader_of_the_docs_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[3] / "docs" / "predict.md").read_text(encoding="utf-8")
    (code,) = (b for b in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "FORMAT" in b)
    made: dict[str, Any] = {}
    exec(compile(code, "predict.md", "exec"), made)
    monkeypatch.setattr(sources, "FORMATS", (*sources.FORMATS, made["FORMAT"]))
    people = [[[*point, 0.9] for point in coco17().tolist()]]
    found = read_detections(save(tmp_path / "a.json", {"image": "f_1.jpg", "bodies2d": people}))
    assert found.frame == ["f_1"]
    check_one(found)
