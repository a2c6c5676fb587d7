"""A sequence with known bodies through ``lsr1 predict``: accuracy with and without smoothing.

    python tests/long/predict_sequence.py --store data/cmu --recordings '08_*' --frames 300
    python tests/long/predict_sequence.py --recordings crawl dance_b getup_faceup kick

Real motion on the open body, one random shape and one random view a recording, a camera 4.5 m away
(focal length 1100 pixels); the keypoints get normal noise of 1 % of their box, and 15 % of them are
lost. Each recording is a person of one OpenPose folder, which ``lsr1 predict`` reads; the result
is compared with the truth over the 14 keypoints without eyes and ears. Acceleration error is the
mean distance of second differences of the joints in the camera's axes, the middle of the hips at 0.
Recordings at another rate are read at 30 frames a second. Prints one JSON object a variant.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lsr1_pl.body import load_body_model
from lsr1_pl.body.calibrated import project_calibrated
from lsr1_pl.body.camera import keypoint_box
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.cli import main as lsr1
from lsr1_pl.data import MotionStore, open_motion_path
from lsr1_pl.data.motion.views import random_betas, random_views
from lsr1_pl.metrics.pa_mpjpe import pa_mpjpe

FPS = 30
INTRINSICS = (1100.0, 1100.0, 960.0, 540.0)
NOISE, LOST, DISTANCE = 0.01, 0.15, 4.5
BODY_KEYPOINTS = 14
HIPS = [COCO18.index("right_hip"), COCO18.index("left_hip")]


def joints_of_recordings(store: Path, patterns: list[str], most: int, seed: int) -> list[Any]:
    """(T, 18, 3) metres of each recording, as a camera sees it."""
    motion = MotionStore(store)
    body = load_body_model()
    generator = torch.Generator().manual_seed(seed)
    found = []
    for recording in motion.recordings:
        if not any(fnmatchcase(recording.name, pattern) for pattern in patterns):
            continue
        step = max(1, round((recording.fps or FPS) / FPS))
        rows = recording.first_row + np.arange(0, recording.rows, step)[:most]
        pose = torch.from_numpy(np.array(motion.poses(rows))).float()
        # One view a recording: what turns its first frame turns them all.
        state = generator.get_state()
        turned = []
        for part in pose.split(1):
            generator.set_state(state)
            turned.append(random_views(part, generator))
        betas = random_betas(1, 10, 1.0, generator).expand(len(pose), 10)
        with torch.no_grad():
            found.append(body.select(COCO18)(torch.cat(turned), betas))
    if not found:
        raise SystemExit(f"{store}: no recording is called {' or '.join(patterns)}")
    # The shortest last, so that nobody's number changes when a recording has ended.
    return sorted(found, key=len, reverse=True)


def write_openpose(folder: Path, people: list[Any], seed: int) -> None:
    """A file a frame; a recording that has ended is no longer in it."""
    generator = np.random.default_rng(seed)
    frames: list[list[dict[str, Any]]] = [[] for _ in range(max(map(len, people)))]
    away = torch.tensor([[0.0, 0.0, DISTANCE]])
    for joints in people:
        intrinsics = torch.tensor(INTRINSICS).expand(len(joints), 4)
        pixels = project_calibrated(joints, away.expand(len(joints), 3), intrinsics)
        _, size = keypoint_box(pixels, torch.ones(pixels.shape[:2]))
        noisy = pixels.numpy() + NOISE * size.numpy() * generator.normal(size=pixels.shape)
        confidence = np.where(generator.random(pixels.shape[:2]) < LOST, 0.0, 0.9)
        triples = np.concatenate([noisy, confidence[..., None]], axis=2)
        for frame, each in enumerate(triples):
            frames[frame].append({"pose_keypoints_2d": each.reshape(-1).tolist()})
    folder.mkdir()
    for number, present in enumerate(frames):
        path = folder / f"frame_{number:06d}_keypoints.json"
        path.write_text(json.dumps({"people": present}), encoding="utf-8")


def errors(fits: Path, people: list[Any]) -> dict[str, float]:
    """Means over all frames, in mm and mm per frame squared."""
    pa, acceleration, jitter = [], [], []
    with np.load(fits / "predictions.npz", allow_pickle=False) as arrays:
        joints, person = torch.from_numpy(arrays["joints"]), arrays["person"]
    for number, truth in enumerate(people):
        fitted = joints[person == number]
        pa.append(pa_mpjpe(fitted[:, :BODY_KEYPOINTS], truth[:, :BODY_KEYPOINTS]))
        second = [
            (each - each[:, HIPS].mean(dim=1, keepdim=True))[:, :BODY_KEYPOINTS].diff(n=2, dim=0)
            for each in (fitted, truth)
        ]
        acceleration.append(1000 * (second[0] - second[1]).norm(dim=-1).mean(dim=1))
        jitter.append(1000 * second[0].norm(dim=-1).mean(dim=1))
    return {
        "pa_mpjpe_mm": round(float(torch.cat(pa).mean()), 1),
        "acceleration_error_mm": round(float(torch.cat(acceleration).mean()), 2),
        "acceleration_mm": round(float(torch.cat(jitter).mean()), 2),
    }


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, default=open_motion_path())
    parser.add_argument("--recordings", nargs="+", default=["kick"])
    parser.add_argument("--frames", type=int, default=300, help="of a recording, at most")
    parser.add_argument("--smooth", type=float, nargs="*", default=[0.02, 0.04, 0.07, 0.1, 0.2])
    parser.add_argument("--ckpt", help="what fits, shipped name or path (that of lsr1 predict)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    people = joints_of_recordings(options.store, options.recordings, options.frames, options.seed)
    print(json.dumps({"recordings": len(people), "frames": sum(map(len, people))}))
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "frames"
        write_openpose(source, people, options.seed)
        for seconds in [None, *options.smooth]:
            out = Path(folder) / f"fits_{seconds}"
            words = ["predict", str(source), "--out", str(out), "--fps", str(FPS)]
            words += [] if seconds is None else ["--smooth", str(seconds)]
            words += [] if options.ckpt is None else ["--ckpt", options.ckpt]
            if lsr1(words) != 0:
                raise SystemExit(1)
            print(json.dumps({"smooth_s": seconds, **errors(out, people)}), flush=True)


if __name__ == "__main__":
    main()
