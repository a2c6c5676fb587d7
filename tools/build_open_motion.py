"""Rebuild ``lsr1_pl/data/assets/open_motion`` from the motion clips of DeepMimic.

The clips are read from the wheel of the PyPI package `pybullet` (3.2.7)::

    pip download --no-deps pybullet==3.2.7
    python tools/build_open_motion.py pybullet-3.2.7-*.whl

The same wheel gives the same store. A report is printed.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

_ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_ROOT))

from lsr1_pl.body.skeleton import SMPL_JOINTS  # noqa: E402
from lsr1_pl.data import Motion, open_motion_path, write_store  # noqa: E402

Floats = NDArray[np.float64]

_FPS = 30.0
_CLIP = re.compile(r"data/motions/(?:humanoid3d_|walker/)(\w+)\.txt$")
_FROM_DEEPMIMIC = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
"""DeepMimic has x forward, y up, z right; SMPL x left, y up, z forward."""
_BALLS = {
    "root": 4,
    "chest": 8,
    "neck": 12,
    "right_hip": 16,
    "right_ankle": 21,
    "right_shoulder": 25,
    "left_hip": 30,
    "left_ankle": 35,
    "left_shoulder": 39,
}
"""Column of each ball joint's quaternion (w, x, y, z) in a frame."""
_HINGES = {"right_knee": 20, "right_elbow": 29, "left_knee": 34, "left_elbow": 43}
"""Column of each hinge's angle about z, in radians."""
_SPINE = ("spine1", "spine2", "spine3")
_NECK = ("neck", "head")
_ARM_TO_T_POSE = {"left": -90.0, "right": 90.0}
"""Degrees about z from SMPL's horizontal arm to DeepMimic's hanging one."""


def clips(wheel: Path) -> Iterator[tuple[str, Floats]]:
    """Name and frames (n, 44) of each clip, sorted by name."""
    with zipfile.ZipFile(wheel) as archive:
        found = {m[1]: name for name in archive.namelist() if (m := _CLIP.search(name))}
        for clip in sorted(found):
            yield clip, np.array(json.loads(archive.read(found[clip]))["Frames"], dtype=float)


def rotations(frames: Floats) -> dict[str, Rotation]:
    """SMPL's local rotations at the clip's own times; joints that are not named stay still."""
    turns = {}
    for name, column in _BALLS.items():
        wxyz = frames[:, column : column + 4]
        turns[name] = Rotation.from_quat(wxyz[:, [1, 2, 3, 0]])
    for name, column in _HINGES.items():
        turns[name] = Rotation.from_rotvec(frames[:, column, None] * np.array([0.0, 0.0, 1.0]))
    change = Rotation.from_matrix(_FROM_DEEPMIMIC)
    local = {name: change * turn * change.inv() for name, turn in turns.items()}
    for side, degrees in _ARM_TO_T_POSE.items():
        hang = Rotation.from_euler("z", degrees, degrees=True)
        local[f"{side}_shoulder"] = local[f"{side}_shoulder"] * hang
        local[f"{side}_elbow"] = hang.inv() * local[f"{side}_elbow"] * hang
    local["pelvis"] = local.pop("root")
    chest, neck = local.pop("chest"), local.pop("neck")
    # SMPL's spine and neck have several joints where DeepMimic's have one: equal shares.
    local |= {name: chest ** (1 / len(_SPINE)) for name in _SPINE}
    local |= {name: neck ** (1 / len(_NECK)) for name in _NECK}
    return local


def motion(name: str, frames: Floats) -> Motion:
    """One clip as a motion at 30 frames a second."""
    times = np.concatenate([[0.0], np.cumsum(frames[:-1, 0])])
    wanted = np.arange(int(times[-1] * _FPS + 1e-6) + 1) / _FPS
    poses = np.zeros((len(wanted), len(SMPL_JOINTS), 3))
    for joint, turns in rotations(frames).items():
        poses[:, SMPL_JOINTS.index(joint)] = Slerp(times, turns)(wanted).as_rotvec()
    places = frames[:, 1:4] @ _FROM_DEEPMIMIC.T
    trans = np.stack([np.interp(wanted, times, axis) for axis in places.T], axis=1)
    return Motion(
        name=name,
        subject="deepmimic",
        poses=poses.reshape(len(wanted), -1),
        fps=_FPS,
        source_frames=len(frames),
        trans=trans,
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path, help="pybullet-3.2.7-*.whl")
    parser.add_argument("--out", type=Path, default=open_motion_path())
    options = parser.parse_args()
    shutil.rmtree(options.out, ignore_errors=True)
    store = write_store(
        options.out,
        (motion(name, frames) for name, frames in clips(options.wheel)),
        source="DeepMimic motion clips (Peng et al. 2018), from the PyPI package pybullet 3.2.7",
        licence="DeepMimic: MIT, Copyright (c) 2018 Xue Bin Peng. pybullet: zlib.",
    )
    for recording in store.recordings:
        print(f"{recording.name:16s} {recording.rows:4d} rows of {recording.source_frames} frames")
    size = sum(file.stat().st_size for file in options.out.iterdir())
    print(f"{options.out}: {len(store)} rows, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
