"""SMPL model files in their owner's format, filled with the open body's arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from legacy_pickles import Call, Global, write
from smpl_files import VERTICES, as_distributed, smpl_arrays

from lsr1_pl.body import load_body_model
from lsr1_pl.cli import main
from lsr1_pl.data.sources.smpl import convert_regressor, convert_smpl
from lsr1_pl.ground.errors import UserError


@pytest.fixture(scope="module")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("SMPL") / "models"
    folder.mkdir()
    content = as_distributed(smpl_arrays())
    for name in ("basicModel_f_lbs_10_207_0_v1.0.0", "basicmodel_m_lbs_10_207_0_v1.0.0"):
        write(folder / f"{name}.pkl", content)
    (folder / "readme.txt").write_text("hello", encoding="utf-8")
    return folder


def test_models_of_a_folder(
    distribution: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "convert", "smpl", str(distribution.parent), str(tmp_path / "smpl")]) == 0
    assert "SMPL_FEMALE.npz: SMPL, female" in capsys.readouterr().out
    files = sorted(path.name for path in (tmp_path / "smpl").iterdir())
    assert files == ["SMPL_FEMALE.npz", "SMPL_MALE.npz"]
    with np.load(tmp_path / "smpl" / "SMPL_MALE.npz", allow_pickle=False) as converted:
        for key, array in smpl_arrays().items():
            np.testing.assert_array_equal(converted[key], array)
    body = load_body_model(str(tmp_path / "smpl" / "SMPL_MALE.npz"))
    pose, betas = torch.zeros(1, 72), torch.zeros(1, 10)
    assert body.vertices(pose, betas).shape == (1, VERTICES, 3)


def test_more_betas_and_npz(tmp_path: Path) -> None:
    np.savez(tmp_path / "SMPL_NEUTRAL.npz", **smpl_arrays(betas=300))
    (path,) = convert_smpl(tmp_path / "SMPL_NEUTRAL.npz", tmp_path / "out").values()
    with np.load(path) as converted:
        assert converted["shapedirs"].shape == (VERTICES, 3, 300)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("SMPL_NEUTRAL.pkl", {"weights": None}, "weights"),
        ("SMPL_NEUTRAL.pkl", {"weights": np.full((VERTICES, 24), np.nan)}, "NaN"),
        ("SMPL_NEUTRAL.pkl", {"posedirs": np.zeros((VERTICES, 3, 459))}, "posedirs"),
        ("model.pkl", {}, "rename it"),
        ("SMPL_NEUTRAL.pkl", {"x": Call(Global("os", "getcwd"), ())}, "os.getcwd"),
    ],
)
def test_bad_models_leave_nothing(
    name: str, change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    source = write(tmp_path / name, {**as_distributed(smpl_arrays()), **change})
    with pytest.raises(UserError, match=words) as raised:
        convert_smpl(source, tmp_path / "out")
    assert name in str(raised.value)
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True


def test_a_folder_without_or_with_two_models(distribution: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"smpl\.is\.tue\.mpg\.de"):
        convert_smpl(tmp_path / "empty", tmp_path / "out")
    for name in ("SMPL_MALE.pkl", "basicmodel_m_lbs_10_207_0_v1.1.0.pkl"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(UserError, match="both male"):
        convert_smpl(tmp_path, tmp_path / "out")


def regressor() -> Any:
    array = np.random.default_rng(0).random((17, VERTICES))
    return array / array.sum(axis=1, keepdims=True)


def test_regressor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "J_regressor_h36m.npy"
    np.save(source, regressor())
    assert main(["data", "convert", "regressor", str(source), str(tmp_path / "out")]) == 0
    assert "17 joints" in capsys.readouterr().out
    kept = np.load(tmp_path / "out" / source.name)
    np.testing.assert_allclose(kept, regressor(), rtol=1e-6)


@pytest.mark.parametrize(
    "array",
    [regressor()[:, :100], 2 * regressor(), np.full((17, VERTICES), np.nan), np.arange(3)],
)
def test_bad_regressors(array: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "J.npy", array)
    with pytest.raises(UserError, match=r"J_regressor_h36m\.npy"):
        convert_regressor(tmp_path / "J.npy", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "J.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(UserError, match="not a readable"):
        convert_regressor(tmp_path / "J.npy", tmp_path / "out")
