"""``lsr1 predict``: a photo, a known camera, people tracked and smoothed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from shown_page import page_array, page_data

from lsr1_pl.body import load_body_model
from lsr1_pl.body.calibrated import project_calibrated
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.cli import main
from lsr1_pl.data import MotionStore, open_motion_path
from lsr1_pl.data.detections.joints.mediapipe import SETS
from lsr1_pl.data.detections.photos import FindPerson

FRAMES = 10
CAMERA = {"fx": 1000.0, "fy": 1020.0, "cx": 640.0, "cy": 360.0}


@pytest.fixture(scope="module")
def pixels() -> tuple[np.ndarray, torch.Tensor]:
    """(2, T, 18, 2) of two people who walk past each other, and where they are (2, T, 3)."""
    store = MotionStore(open_motion_path())
    (recording,) = (r for r in store.recordings if r.name == "walk")
    rows = np.arange(recording.first_row, recording.first_row + FRAMES)
    pose = torch.from_numpy(np.array(store.poses(rows))).float()
    joints = load_body_model().select(COCO18)(pose, torch.zeros(FRAMES, 10))
    aside = torch.linspace(-0.5, 0.5, FRAMES)
    zero = torch.zeros(FRAMES)
    near = torch.stack([aside, zero, zero + 4], dim=1)
    far = torch.stack([-aside, zero, zero + 6], dim=1)
    places = torch.stack([near, far])
    intrinsics = torch.tensor(list(CAMERA.values())).expand(FRAMES, 4)
    seen = [project_calibrated(joints, place, intrinsics).numpy() for place in places]
    return np.stack(seen), places


@pytest.fixture(scope="module")
def folder(
    pixels: tuple[np.ndarray, torch.Tensor], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """OpenPose's files, the two in another order in every second frame."""
    folder = tmp_path_factory.mktemp("crossing")
    generator = np.random.default_rng(0)
    for frame in range(FRAMES):
        both = pixels[0][:, frame] + generator.normal(size=(2, 18, 2)) * 3
        triples = np.concatenate([both, np.ones((2, 18, 1))], axis=2)
        people = [{"pose_keypoints_2d": each.reshape(-1).tolist()} for each in triples]
        text = json.dumps({"people": people[:: -1 if frame % 2 else 1]})
        (folder / f"f_{frame}_keypoints.json").write_text(text)
    (folder / "camera").mkdir()
    (folder / "camera" / "camera.json").write_text(json.dumps(CAMERA))
    return folder


def documented() -> dict[str, str]:
    """Key -> shape and type, as docs/predict.md lists them."""
    page = (Path(__file__).parents[2] / "docs" / "predict.md").read_text(encoding="utf-8")
    (section,) = (part for part in page.split("\n## ") if "\n| `error_by_step` |" in part)
    return dict(re.findall(r"^\| `(\w+)` \| (\(n.*?) \|", section, re.MULTILINE))


def predict(*words: str) -> dict[str, np.ndarray]:
    out = words[words.index("--out") + 1]
    assert main(["predict", *words]) == 0
    with np.load(Path(out) / "predictions.npz", allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}


def test_people_are_tracked_placed_and_smoothed(
    folder: Path, pixels: tuple[np.ndarray, torch.Tensor], tmp_path: Path
) -> None:
    camera = ["--intrinsics", str(folder / "camera" / "camera.json")]
    plain = predict(str(folder), "--out", str(tmp_path / "plain"), *camera, "--track")
    words = [str(folder), "--out", str(tmp_path / "smooth"), *camera, "--track", "--smooth", "0.1"]
    smooth = predict(*words)
    np.testing.assert_allclose(plain["intrinsics"], [list(CAMERA.values())] * 2 * FRAMES)
    np.testing.assert_array_equal(plain["moment"], np.repeat(np.arange(FRAMES), 2))
    for person, truth in enumerate(pixels[1].numpy()):
        rows = plain["person"] == person
        assert rows.sum() == FRAMES
        # How far a person is depends on how tall: nothing in the image says it.
        far, true = plain["translation"][rows], truth
        np.testing.assert_allclose(far[:, 2] / true[:, 2], 1, atol=0.2)
        assert np.corrcoef(far[:, 0], true[:, 0])[0, 1] > 0.99
        steps = [np.diff(fits["joints"][rows], n=2, axis=0).std() for fits in (plain, smooth)]
        assert steps[1] < 0.5 * steps[0]
        assert np.ptp(smooth["betas"][rows], axis=0).max() < 1e-5
    page = (tmp_path / "smooth" / "index.html").read_text(encoding="utf-8")
    assert "Smoothed over time by 0.1 s" in page
    assert "The camera is the given one" in page
    assert sorted(path.name for path in (tmp_path / "smooth").glob("*.glb")) == [
        "person_00.glb",
        "person_01.glb",
    ]


def test_a_photo_ends_on_a_page(
    pixels: tuple[np.ndarray, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = tmp_path / "street.jpg"
    PIL.Image.new("RGB", (1280, 720), (10, 200, 30)).save(photo)
    one, two = pixels[0][:, 0]
    found = [one, one, two]  # The second is looked for beside paint of two shades.

    @contextmanager
    def stand_in() -> Iterator[FindPerson]:
        def find(image: np.ndarray) -> np.ndarray | None:
            if not found:
                return None
            marks = np.zeros((33, 3))
            for (u, v), name in zip(found.pop(), COCO18, strict=True):
                if name != "neck":
                    marks[SETS[0].rows[name]] = u / 1280, v / 720, 0.9
            return marks

        yield find

    monkeypatch.setattr("lsr1_pl.data.detections.reading.mediapipe_person", stand_in)
    camera = ["--intrinsics", *map(str, CAMERA.values())]
    fits = predict(str(photo), "--out", str(tmp_path / "out"), *camera)
    assert fits["frame"].tolist() == ["street.jpg"] * 2
    assert fits["seen"].all()
    neck, shoulders = (
        COCO18.index("neck"),
        [COCO18.index(f"{s}_shoulder") for s in ("left", "right")],
    )
    middle = fits["keypoints"][:, shoulders].mean(axis=1)
    np.testing.assert_allclose(fits["keypoints"][:, neck], middle)
    assert np.abs(fits["projected"] - fits["keypoints"]).mean() < 10
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert page.count("jpeg;base64,") == 1
    assert (
        page_array(page_data(tmp_path / "out")["rows"]["seen"], "<u4").tolist() == [2**18 - 1] * 2
    )


def test_the_file_is_as_documented(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fits = predict(str(folder), "--out", "fits", "--steps", "3", "--vertices")
    sizes = {"n": 2 * FRAMES, "K + 1": 4, "V": 6512}
    listed = documented()
    assert set(fits) == set(listed)
    for key, text in listed.items():
        shape, kind = re.fullmatch(r"\((.*)\)(.*)", text).groups()  # type: ignore[union-attr]
        expected = [sizes.get(each) or int(each) for each in re.split(r",\s*", shape.rstrip(","))]
        assert list(fits[key].shape) == expected, key
        wanted = kind.strip(", ")
        assert fits[key].dtype.kind == "U" if wanted == "str" else fits[key].dtype == wanted, key
    page = (Path(__file__).parents[2] / "docs" / "predict.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (code,) = (block for block in blocks if "np.allclose(uv" in block)
    exec(compile(code, "predict.md", "exec"), {})
