"""What ``lsr1 predict`` leaves in its folder, whatever the input's names and the disk's room."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shown_page import page_data

from lsr1_pl.cli import main
from lsr1_pl.cli.predict.meshes import mesh_names
from lsr1_pl.cli.predict.motion import MOST_ANIMATED, animated_people
from lsr1_pl.data import read_detections
from lsr1_pl.ground.errors import UserError

STANDING = (
    *((31, 7), (36, -3), (22, -3), (43, 0), (1, 0), (65, 57), (-22, 58), (91, 116), (-34, 121)),
    *((111, 161), (-41, 179), (41, 172), (1, 174), (34, 263), (13, 267), (4, 336), (27, 380)),
)
"""COCO's 17 keypoints of somebody, in pixels."""


def person(left: float = 900.0) -> list[float]:
    return [float(x) for u, v in STANDING for x in (left + u, 400 + v, 2)]


def coco(path: Path, names: list[Any], people: int = 1) -> Path:
    """A file of images of these names, with so many people in each."""
    images = [{"id": k, "file_name": name} for k, name in enumerate(names)]
    annotations = [
        {"image_id": k, "keypoints": person(300.0 * (number + 1))}
        for k in range(len(names))
        for number in range(people)
    ]
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    return path


def predict(source: Path, out: Path, *words: str) -> set[str]:
    """Names of the files in ``out`` afterwards."""
    assert main(["predict", str(source), "--out", str(out), "--steps", "1", *words]) == 0
    return {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}


HOSTILE = st.text(st.characters(codec=None), max_size=8) | st.sampled_from(
    [
        "../../x",
        "/etc/passwd",
        "..",
        "",
        "a",
        "A",
        "a_000001",
        "a_000000_00",
        "x" * 300,
        "[/b]",
        "$",
    ]
)


@given(st.lists(st.tuples(HOSTILE, st.integers(0, 2)), max_size=12))
def test_mesh_names_are_unique_and_stay_in_the_folder(fits: list[tuple[str, int]]) -> None:
    names = mesh_names([frame for frame, _ in fits], [number for _, number in fits])
    assert len({name.lower() for name in names}) == len(fits)
    for name in names:
        assert re.fullmatch(r"[A-Za-z0-9_.-]{0,250}_\d\d\.obj", name)
        assert Path("folder", name).parent == Path("folder")


def test_ordinary_mesh_names_are_the_frame_and_the_person() -> None:
    assert mesh_names(["f_1", "f_1", "f_2"], [0, 1, 0]) == [
        "f_1_00.obj",
        "f_1_01.obj",
        "f_2_00.obj",
    ]


def test_equal_stems_in_two_folders_are_two_frames_and_two_meshes(tmp_path: Path) -> None:
    source = coco(tmp_path / "a.json", ["clipA/000000.jpg", "clipB/000000.jpg", "clipB/000001.jpg"])
    names = predict(source, tmp_path / "out", "--obj")
    assert {name for name in names if name.endswith(".obj")} == {
        "meshes/clipA_000000.jpg_000000_00.obj",
        "meshes/clipB_000000.jpg_000001_01.obj",
        "meshes/000001_01.obj",
    }
    with np.load(tmp_path / "out" / "predictions.npz", allow_pickle=False) as fits:
        frames = fits["frame"].tolist()
    assert frames == ["clipA/000000.jpg", "clipB/000000.jpg", "000001"]


def test_a_second_run_replaces_the_results_of_the_first_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "out"
    two = coco(tmp_path / "two.json", ["a1.jpg", "a2.jpg"], people=2)
    first = predict(two, out, "--obj", "--bvh")
    ends = (".glb", ".bvh", "_poses.npz")
    assert first >= {f"person_0{k}{end}" for k in range(2) for end in ends} | {"meshes/a2_01.obj"}
    own = {"notes.txt", "person_mine.glb", "person_00.txt", "person_7.bvh", "meshes/table.obj"}
    for name in own:
        (out / name).write_text("mine")
    second = predict(coco(tmp_path / "one.json", ["a.jpg"]), out, "--obj")
    motion = {"person_00.glb", "person_00_poses.npz"}
    assert second - own == {"predictions.npz", "index.html", "meshes/a_00.obj"} | motion
    assert own <= second
    third = predict(tmp_path / "one.json", out, "--glb", "none")
    assert third - own == {"predictions.npz", "index.html", "person_00_poses.npz"}


def test_what_only_looks_like_a_result_stays_in_a_folder_without_results(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "person_07.glb").write_text("mine")
    names = predict(coco(tmp_path / "one.json", ["a.jpg"]), tmp_path / "out")
    assert "person_07.glb" in names


def test_glb_one_is_of_whoever_is_in_most_frames() -> None:
    numbers = np.array([0, 1, 2, 1, 2, 1])
    assert animated_people(numbers, "one") == [1]
    assert animated_people(numbers, "none") == []
    assert animated_people(numbers, "each") == animated_people(numbers, None) == [0, 1, 2]
    crowd = np.concatenate([np.arange(2000), np.arange(1900, 2000)])
    assert MOST_ANIMATED == 100
    assert animated_people(crowd, None) == list(range(1900, 2000))
    assert len(animated_people(crowd, "each")) == 2000


def test_a_crowd_gets_a_bounded_number_of_animations_and_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in ("verb", "motion"):
        monkeypatch.setattr(f"lsr1_pl.cli.predict.{module}.MOST_ANIMATED", 2)
    source = coco(tmp_path / "a.json", ["a.jpg"], people=3)
    names = predict(source, tmp_path / "out")
    assert {name for name in names if name.endswith(".glb")} == {"person_00.glb", "person_01.glb"}
    assert "of the 2 people who are in most frames, of 3; --glb each" in capsys.readouterr().out
    assert "person_02.glb" in predict(source, tmp_path / "out", "--glb", "each")
    assert "of the 2 people" not in capsys.readouterr().out


FULL = """
import resource, signal, sys
from lsr1_pl.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for room, glb in zip(sys.argv[3:], ("one", "one", "none")):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(room), resource.RLIM_INFINITY))
    words = ["predict", sys.argv[1], "--out", sys.argv[2], "--steps", "1", "--glb", glb]
    print(main(words), file=sys.stderr)
"""


def test_a_full_disk_names_the_file_and_keeps_what_was_there(tmp_path: Path) -> None:
    source, out = coco(tmp_path / "a.json", ["a.jpg"]), tmp_path / "out"
    out.mkdir()
    (out / "predictions.npz").write_text("of an earlier run")
    # A limit on the size of a file stands for the disk; it is reached in the first, ... output.
    rooms = {"predictions.npz": 2000, "person_00.glb": 100_000, "index.html": 150_000}
    words = [sys.executable, "-c", FULL, str(source), str(out), *map(str, rooms.values())]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path)
    lines = done.stderr.splitlines()
    assert len(lines) == 2 * len(rooms), done.stderr
    for file, message, code in zip(rooms, lines[::2], lines[1::2], strict=True):
        assert message.startswith(f"lsr1: {out / file}: cannot be written (File too large); make")
        assert code == "2"
    assert [path.name for path in out.iterdir()] == ["predictions.npz"]
    assert (out / "predictions.npz").read_text() == "of an earlier run"


def test_pipes_and_devices_are_no_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = coco(tmp_path / "a.json", ["a.jpg"])
    frames = tmp_path / "frames"
    frames.mkdir()
    names = ("a.npz", "b.json", "c.jpg", "frames/d.json", "camera.json", "camera.npz", "c.yaml")
    for name in names:
        os.mkfifo(tmp_path / name)
    inputs = [[str(tmp_path / name)] for name in names[:4]]
    cameras = [[str(source), "--intrinsics", str(tmp_path / name)] for name in names[4:6]]
    commands = [["predict", *words] for words in (*inputs, *cameras, [str(frames)], ["/dev/zero"])]
    commands += [["doctor", "--config", str(tmp_path / "c.yaml")]]
    commands += [["fit", "--config", str(tmp_path / "c.yaml")]]
    os.mkfifo(tmp_path / "run.wandb")
    commands += [["dashboard", "--check", str(tmp_path / where)] for where in ("", "run.wandb")]
    signal.alarm(120)  # Whoever opens a pipe waits for ever.
    try:
        for words in commands:
            out = [] if words[0] != "predict" else ["--out", str(tmp_path / "out")]
            assert main([*words, *out]) == 2, words
            assert "is no regular file" in capsys.readouterr().err, words
    finally:
        signal.alarm(0)
    assert not (tmp_path / "out").exists()


def test_names_that_no_file_can_hold_are_spelled_out(tmp_path: Path) -> None:
    names = ["\ud800<b>.jpg", "\x1b[2J\u202e$x$.jpg", "[red].jpg"]
    found = predict(coco(tmp_path / "a.json", names), tmp_path / "out", "--obj")
    assert sum(name.endswith(".obj") for name in found) == 3
    with np.load(tmp_path / "out" / "predictions.npz", allow_pickle=False) as fits:
        frames = fits["frame"].tolist()
    assert frames == ["\\ud800<b>", "\x1b[2J\u202e$x$", "[red]"]
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "<b>" not in page
    shown = page_data(tmp_path / "out")["frames"]["names"]
    assert shown == ["\\ud800<b>", "\\x1b[2J\\u202e$x$", "[red]"]
    assert "\x1b" not in page.split("<h1>")[1]


def test_a_file_name_that_is_no_utf_8_is_spelled_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = coco(tmp_path / os.fsdecode(b"caf\xe9.json"), ["a.jpg"])
    out = tmp_path / os.fsdecode(b"out\xe9")
    assert "index.html" in predict(source, out)
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "Bodies fitted to caf\\udce9.json" in page
    assert "out\\udce9" in capsys.readouterr().out


def test_surrogates_in_image_numbers_and_endless_names(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"image_id": "\udfff", "keypoints": person()}]))
    assert read_detections(path).frame == ["\\udfff"]
    path.write_text(json.dumps([{"image_id": "x" * 10_000, "keypoints": person()}]))
    with pytest.raises(UserError, match="name of frame 0 is of 10000 characters"):
        read_detections(path)
