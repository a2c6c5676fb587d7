"""One number is one person, whatever order a detector gives."""

from __future__ import annotations

import time

import numpy as np
import pytest

from lsr1_pl.data import Detections
from lsr1_pl.hmr.fitting.tracking import _distances, _Track, track_people

BODY = np.random.default_rng(0).uniform(0, 200, size=(18, 2)) * [0.4, 1.0]


def scene(
    frames: int, paths: list[tuple[float, float]], gone: dict[int, range], seed: int
) -> tuple[Detections, np.ndarray, np.ndarray]:
    """People who start at u and move by a step a frame, shuffled; and who is who."""
    generator = np.random.default_rng(seed)
    points, seen, frame, moment, person, who = [], [], [], [], [], []
    for now in range(frames):
        order = generator.permutation(len(paths))
        present = [k for k in order if now not in gone.get(int(k), range(0))]
        for place, k in enumerate(present):
            start, step = paths[k]
            at = BODY + [start + step * now, 100.0] + generator.normal(size=(18, 2)) * 2
            visible = generator.random(18) > 0.2
            points.append(np.where(visible[:, None], at, np.nan))
            seen.append(visible)
            frame.append(f"f_{now}")
            moment.append(now)
            person.append(place)
            who.append(k)
    visible = np.array(seen)
    detections = Detections(
        np.array(points), visible * 0.9, frame, np.array(person), np.array(moment)
    )
    return detections, visible, np.array(who)


def same_partition(a: np.ndarray, b: np.ndarray) -> bool:
    return len(set(zip(a.tolist(), b.tolist(), strict=True))) == len(set(a)) == len(set(b))


@pytest.mark.parametrize("seed", range(5))
def test_people_who_cross_keep_their_numbers(seed: int) -> None:
    # From one frame to the next, two of the same shape change places: only their motion tells.
    paths = [(0.0, 16.0), (656.0, -16.0), (1200.0, -3.0)]
    detections, seen, who = scene(45, paths, {}, seed)
    assert not same_partition(detections.person, who)
    tracked = track_people(detections, seen)
    assert same_partition(tracked.person, who)
    assert tracked.frame == detections.frame
    assert set(tracked.person.tolist()) == {0, 1, 2}


def test_who_is_away_for_a_while_comes_back_and_for_long_is_new() -> None:
    paths = [(0.0, 5.0), (900.0, 0.0)]
    detections, seen, who = scene(60, paths, {0: range(20, 30)}, 1)
    assert same_partition(track_people(detections, seen).person, who)
    assert len(set(track_people(detections, seen, longest_gap=5).person)) == 3


def test_a_person_without_a_keypoint_is_nobody_known() -> None:
    detections, seen, _ = scene(3, [(0.0, 5.0), (900.0, 0.0)], {}, 1)
    seen[2] = False
    numbers = track_people(detections, seen).person
    assert len(set(numbers)) == 3
    assert (numbers == numbers[2]).sum() == 1


def plain_distance(track: _Track, keypoints: np.ndarray, seen: np.ndarray, now: int) -> float:
    """The definition, one person and one track at a time."""
    common = track.known & seen
    if not common.any():
        return float("inf")
    side = np.ptp(track.keypoints[track.known], axis=0).max()
    expected = track.keypoints + track.velocity * (now - track.moment)
    off = np.linalg.norm(expected[common] - keypoints[common], axis=1)
    return float(np.median(off) / max(side, 1.0))


def test_distances_are_the_definition_to_the_last_bit() -> None:
    generator = np.random.default_rng(0)
    tracks = [
        _Track(
            number,
            generator.uniform(0, 900, (18, 2)),
            generator.random(18) > 0.3 * (number % 4),
            int(generator.integers(0, 5)),
            generator.normal(size=2),
        )
        for number in range(30)
    ]
    tracks[3].known[:] = False
    seen = generator.random((40, 18)) > generator.random((40, 1))
    seen[7] = False
    keypoints = np.where(seen[:, :, None], generator.uniform(0, 900, (40, 18, 2)), np.nan)
    keypoints[0, ~seen[0]] = 1e300
    plain = [
        [plain_distance(track, *person, 6) for track in tracks]
        for person in zip(keypoints, seen, strict=True)
    ]
    np.testing.assert_array_equal(_distances(tracks, keypoints, seen, 6), plain)


def test_a_crowd_is_tracked_in_seconds() -> None:
    paths = [(130.0 * person, 3.0) for person in range(300)]
    detections, seen, who = scene(6, paths, {}, 1)
    begun = time.perf_counter()
    tracked = track_people(detections, seen)
    # One pair at a time it takes half a minute.
    assert time.perf_counter() - begun < 8
    assert same_partition(tracked.person, who)
