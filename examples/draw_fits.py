"""Fit bodies to the keypoints of two motions that no training saw, and draw how the fits get there.

    python examples/draw_fits.py --out fits.png

Each row is a person, at the quarter, the half and three quarters of the order by final error, so
that nobody picks the people. Left the truth with the keypoints that the fit is given (noise of 1 %
of the box, 15 % of the keypoints lost), then the fit over these keypoints after 1, 2 and all steps,
then the fit and the truth from the side, which the fit has never seen.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch

from lsr1_pl.body import PinholeCamera, load_body_model
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.cli import main as lsr1
from lsr1_pl.data import MotionStore, open_motion_path
from lsr1_pl.metrics import pa_mpjpe
from lsr1_pl.report import Panel, draw_bodies

RECORDINGS = ("dance_b", "kick")
NOISE, LOST = 0.01, 0.15
EVALUATED = 14  # keypoints, without eyes and ears
TRUTH, FIT = (0.72, 0.85, 0.72), (0.70, 0.80, 0.95)


def true_poses() -> torch.Tensor:
    """(n, 72) every frame of the recordings."""
    store = MotionStore(open_motion_path())
    rows = [
        np.arange(recording.first_row, recording.first_row + recording.rows)
        for recording in store.recordings
        if recording.name in RECORDINGS
    ]
    return torch.from_numpy(np.array(store.poses(np.concatenate(rows)))).float()


def detections(joints: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (n, 18, 2) as a detector might give them, and confidences (n, 18)."""
    generator = np.random.default_rng(0)
    pixels = PinholeCamera(1000.0, 320.0, 240.0, 4.5).project(joints).numpy()
    box = np.ptp(pixels, axis=1, keepdims=True).max(axis=2, keepdims=True)
    pixels = pixels + NOISE * box * generator.normal(size=pixels.shape)
    return pixels, (generator.random(pixels.shape[:2]) >= LOST).astype(float)


def predicted(people: Path, folder: Path, *options: str) -> dict[str, np.ndarray]:
    """What ``lsr1 predict`` writes."""
    lsr1(["predict", str(people), "--out", str(folder), "--vertices", *options])
    with np.load(folder / "predictions.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def over_keypoints(fits: dict[str, np.ndarray], n: int, title: str) -> Panel:
    """The body of person n as the image shows it, with the keypoints that counted."""
    at = fits["vertices"][n] * [1, -1, -1] + fits["translation"][n]
    fx, fy, cx, cy = fits["intrinsics"][n]
    depth = fx * fits["vertices"][n, :, 2] / fits["translation"][n, 2]
    u, v = fx * at[:, 0] / at[:, 2] + cx, fy * at[:, 1] / at[:, 2] + cy
    seen = fits["keypoints"][n][fits["seen"][n]]
    marks = np.column_stack([seen[:, 0], -seen[:, 1], np.full(len(seen), depth.max())])
    return Panel(np.column_stack([u, -v, depth]), title, colour=FIT, points=marks)


def main() -> None:
    """Fit, and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("fits.png"))
    parser.add_argument("--every", type=int, default=1, help="of so many frames, one (1)")
    options = parser.parse_args()
    body = load_body_model()
    pose = true_poses()[:: options.every]
    betas = torch.zeros(len(pose), 10)
    joints = body.select(COCO18)(pose, betas)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keypoints, confidence = detections(joints)
        np.savez(folder / "people.npz", keypoints=keypoints, confidence=confidence)
        first = predicted(folder / "people.npz", folder / "1", "--steps", "1")
        early = predicted(folder / "people.npz", folder / "2", "--steps", "2")
        last = predicted(folder / "people.npz", folder / "all")
    fitted = torch.from_numpy(last["joints"])[:, :EVALUATED]
    error = pa_mpjpe(fitted, joints[:, :EVALUATED])
    order = error.argsort()
    print(
        f"PA-MPJPE of {len(pose)} people: mean {error.mean():.1f} mm, median {error.median():.1f}"
    )
    truth = body.vertices(pose, betas).numpy()
    steps = last["error_by_step"].shape[1] - 1
    rows = []
    for share in (0.25, 0.5, 0.75):
        n = int(order[int(share * len(order))])
        # Pixels a metre, so that all bodies of a row are of one scale.
        scale = last["intrinsics"][n, 0] / last["translation"][n, 2]
        rows.append(
            [
                over_keypoints(first, n, "after 1 step"),
                over_keypoints(early, n, "after 2 steps"),
                over_keypoints(last, n, f"after {steps} steps"),
                Panel(scale * last["vertices"][n], f"its side: {error[n]:.0f} mm", 90.0, FIT),
                Panel(scale * truth[n], "the truth's side", 90.0, TRUTH),
            ]
        )
    draw_bodies(options.out, rows, body.faces.numpy(), size=1.5, dpi=120, rows_alone=True)


if __name__ == "__main__":
    main()
