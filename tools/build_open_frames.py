"""Rebuild ``lsr1_pl/data/assets/open_frames``: the most different poses of CMU's training subjects.

The stores are those of ``lsr1 data convert cmu`` over the subjects that the split open_2026 trains
on; other recordings in them are left out::

    python tools/build_open_frames.py data/cmu data/cmu30 data/cmu_dance30

Frames are chosen one after another, each the farthest from those chosen before (farthest-point
sampling), by the places of the joints against the root and the direction of gravity. The same
stores give the same frames. A report is printed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

_ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_ROOT))

from lsr1_pl.body import load_body_model  # noqa: E402
from lsr1_pl.body.rotations import rotation_matrix  # noqa: E402
from lsr1_pl.data import Motion, MotionStore, Recording, open_frames_path, write_store  # noqa: E402
from lsr1_pl.data.motion.splits import NAMED  # noqa: E402
from lsr1_pl.data.sources.conversion import CMU_ACKNOWLEDGEMENT  # noqa: E402

_EVERY = 3
"""Of the frames at 30 a second: neighbours are all but the same."""
_GRAVITY = 0.5
"""Metres that the direction of gravity counts for: standing and lying are far apart."""

Rows = NDArray[np.int64]


def candidates(store: MotionStore) -> Iterator[tuple[Recording, Rows]]:
    """The recordings that train, and every third of their rows."""
    train = NAMED["open_2026"].train
    for recording in store.recordings:
        if train is not None and train.holds(recording):
            rows = np.arange(recording.first_row, recording.first_row + recording.rows, _EVERY)
            yield recording, rows


def features(poses: NDArray[np.float32]) -> torch.Tensor:
    """(n, 72) poses -> (n, 75) what is compared, in metres."""
    body = load_body_model("open")
    pose = torch.from_numpy(poses)
    gravity = rotation_matrix(pose[:, :3])[:, 1, :] * _GRAVITY
    upright = torch.cat([torch.zeros_like(pose[:, :3]), pose[:, 3:]], dim=1)
    parts = [
        body.joints(p, torch.zeros(len(p), 10))[:, :24].flatten(1) for p in upright.split(4096)
    ]
    return torch.cat([torch.cat(parts), gravity], dim=1)


def farthest(points: torch.Tensor, count: int) -> tuple[Rows, float]:
    """Numbers of ``count`` points, and how far the last was from those before it.

    The first is the point nearest to the mean.
    """
    squared = (points - points.mean(dim=0)).square().sum(dim=1)
    chosen = [int(squared.argmin())]
    nearest = torch.full((len(points),), float("inf"))
    distance = 0.0
    while len(chosen) < count:
        nearest = torch.minimum(nearest, (points - points[chosen[-1]]).square().sum(dim=1))
        chosen.append(int(nearest.argmax()))
        distance = float(nearest.max().sqrt())
    return np.sort(np.array(chosen)), distance


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stores", type=Path, nargs="+", help="of lsr1 data convert cmu")
    parser.add_argument("--count", type=int, default=10_000, help="frames (10000)")
    parser.add_argument("--out", type=Path, default=open_frames_path())
    options = parser.parse_args()
    found = [
        (recording, store.poses(rows))
        for store in map(MotionStore, options.stores)
        for recording, rows in candidates(store)
    ]
    # By name, so that the order of the stores does not matter.
    found.sort(key=lambda each: each[0].name)
    owner = np.repeat(np.arange(len(found)), [len(poses) for _, poses in found])
    poses = np.concatenate([poses for _, poses in found])
    with torch.no_grad():
        chosen, distance = farthest(features(poses), options.count)
    print(f"{len(chosen)} of {len(poses)} frames; the last one is {distance:.3f} m from the others")
    motions = []
    for number, (recording, _) in enumerate(found):
        rows = chosen[owner[chosen] == number]
        if not len(rows):
            continue
        motions.append(
            Motion(
                name=recording.name,
                subject=recording.subject,
                poses=poses[rows],
                # On average: the frames are no sequence.
                fps=round(recording.fps * len(rows) / recording.rows, 3),
                source_frames=recording.rows,
            )
        )
    shutil.rmtree(options.out, ignore_errors=True)
    store = write_store(
        options.out,
        motions,
        source="CMU Graphics Lab Motion Capture Database (mocap.cs.cmu.edu): single frames of the "
        "subjects that the split open_2026 trains on, the most different ones",
        licence=CMU_ACKNOWLEDGEMENT,
        half=True,
    )
    subjects = sorted({recording.subject for recording in store.recordings})
    size = sum(file.stat().st_size for file in options.out.iterdir())
    print(f"{options.out}: {len(store)} frames of {', '.join(subjects)}, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
