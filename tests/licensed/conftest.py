"""Look-alikes of the licensed files, as their owners distribute them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "data"))


@pytest.fixture(scope="session")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SMPL's pickles, AMASS's archives, 3DPW's sequences and the H36M regressor."""
    from amass_files import archive, clip, npz, smplh, smplx
    from legacy_pickles import write
    from smpl_files import VERTICES, as_distributed, smpl_arrays
    from threedpw_files import sequence

    folder = tmp_path_factory.mktemp("downloads")
    (folder / "smpl" / "models").mkdir(parents=True)
    content = as_distributed(smpl_arrays())
    for name in ("f", "m", "neutral"):
        write(folder / "smpl" / "models" / f"basicModel_{name}_lbs_10_207_0_v1.0.0.pkl", content)
    archive(
        folder / "amass" / "CMU.tar.bz2",
        {
            "CMU/01/01_01_poses.npz": npz(smplh(clip("walk"))),
            "CMU/01/shape.npz": npz({"betas": np.zeros(16)}),
        },
    )
    kick = {"HumanEva/S1/Kick_stageii.npz": npz(smplx(clip("kick")))}
    archive(folder / "amass" / "HumanEva.tar.bz2", kick)
    for split in ("train", "validation", "test"):
        (folder / "3dpw" / "sequenceFiles" / split).mkdir(parents=True)
        path = folder / "3dpw" / "sequenceFiles" / split / f"{split}_00.pkl"
        write(path, sequence(2 if split == "test" else 1))
    rows = np.random.default_rng(0).random((17, VERTICES))
    np.save(folder / "J_regressor_h36m.npy", rows / rows.sum(axis=1, keepdims=True))
    return folder


@pytest.fixture(scope="session")
def converted(downloads: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder whose ``data`` holds what the converters made of the downloads."""
    from lsr1_pl.data.sources.amass_conversion import convert_amass
    from lsr1_pl.data.sources.smpl import convert_regressor, convert_smpl
    from lsr1_pl.data.sources.threedpw import convert_3dpw

    work = tmp_path_factory.mktemp("work")
    convert_smpl(downloads / "smpl", work / "data" / "smpl")
    convert_regressor(downloads / "J_regressor_h36m.npy", work / "data" / "smpl")
    convert_amass(downloads / "amass", work / "data" / "amass", workers=1)
    convert_3dpw(downloads / "3dpw", work / "data" / "3dpw")
    return work
