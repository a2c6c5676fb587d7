"""The worked examples run, and do what they say."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def numbers(name: str, capsys: pytest.CaptureFixture[str]) -> tuple[str, list[float]]:
    runpy.run_path(str(EXAMPLES / name))
    text = capsys.readouterr().out
    return text, [float(word) for word in re.findall(r"[-+]?\d+\.?\d*(?:e-?\d+)?", text)]


def test_every_example_has_a_test() -> None:
    assert sorted(path.name for path in EXAMPLES.glob("*.py")) == [
        "camera_pose.py",
        "least_squares.py",
        "small_network.py",
    ]


def test_least_squares(capsys: pytest.CaptureFixture[str]) -> None:
    text, (before, after, error, *_) = numbers("least_squares.py", capsys)
    assert after < 0.011 < before
    assert error < 0.02
    assert "of 100 converged" in text


def test_camera_pose(capsys: pytest.CaptureFixture[str]) -> None:
    text, (before, after, rotation, translation, *_) = numbers("camera_pose.py", capsys)
    assert before > 100
    assert after < 2
    assert rotation < 0.01
    assert translation < 0.05
    assert "converged" in text


def test_small_network(capsys: pytest.CaptureFixture[str]) -> None:
    _, (before, after) = numbers("small_network.py", capsys)
    assert after < 1e-3 < before
