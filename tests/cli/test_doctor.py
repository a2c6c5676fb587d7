"""lsr1 doctor: what it finds, what it says about the rest, and its exit code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lsr1_pl.cli import main
from lsr1_pl.data import Motion, write_store


def store(path: Path) -> Path:
    poses = np.zeros((5, 72))
    write_store(path, [Motion("a", "a", poses, 30.0, 5)], source="made up", licence="none")
    return path


def test_without_data_it_says_where_everything_comes_from(
    empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    assert "6512 vertices" in printed
    assert "20 recordings, 1200 rows" in printed
    for words in (
        "SMPL, neutral (missing), SMPL, female (missing)",
        "lsr1 data convert amass FOLDER_OF_TAR_BZ2 data/amass",
        "lsr1 data convert 3dpw sequenceFiles data/3dpw",
        "lsr1 data convert regressor J_regressor_h36m.npy data/smpl",
        "lsr1 data convert cmu FOLDER_OF_BVH data/cmu",
    ):
        assert words in printed, words
    assert list(empty_folder.iterdir()) == []


def test_a_config_can_run_or_not(empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--config", "hmr_open"]) == 0
    assert "hmr_open has all that it needs" in capsys.readouterr().out
    assert main(["doctor", "--config", "quadratics"]) == 0
    assert main(["doctor", "--config", "hmr_open_benchmark"]) == 1
    printed = capsys.readouterr().out
    assert "hmr_open_benchmark cannot run" in printed
    assert "mocap.cs.cmu.edu" in printed
    store(empty_folder / "data" / "cmu")
    assert main(["doctor", "--config", "hmr_open_benchmark", "--verify"]) == 0
    assert "checksums verified" in capsys.readouterr().out


def test_broken_assets_are_found(empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store(empty_folder / "data" / "cmu")
    (shard,) = (empty_folder / "data" / "cmu").glob("*.npy")
    array = np.load(shard)
    np.save(shard, array + 1)
    # Sizes alone still fit.
    assert main(["doctor"]) == 0
    assert main(["doctor", "--verify"]) == 1
    assert "SHA-256" in capsys.readouterr().out
    (empty_folder / "data" / "smpl").mkdir()
    (empty_folder / "data" / "smpl" / "SMPL_MALE.npz").write_bytes(b"x")
    np.save(empty_folder / "data" / "smpl" / "J_regressor_h36m.npy", np.zeros((3, 3)))
    assert main(["doctor"]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "SMPL, male (broken)" in printed
    assert "H36M regressor (broken)" in printed


def test_unknown_config(empty_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--config", "none"]) == 2
    assert "packaged are" in capsys.readouterr().err


def test_a_config_of_former_keywords_needs_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    former = Path(__file__).parents[1] / "pretrained/former_task_configs/hmr.yaml"
    said = []
    for config in ("hmr.yaml", str(former)):
        assert main(["doctor", "--config", config]) == 1
        said.append(capsys.readouterr().out.replace(config, ""))
    assert "J_regressor_h36m" in said[0]
    assert said[0] == said[1]
