"""Small sound sources of every converter, and the converters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from amass_files import clip, npz, smplh, unpacked
from bvh_files import bvh_text, still
from legacy_pickles import write
from smpl_files import VERTICES, as_distributed, smpl_arrays
from threedpw_files import sequence

from lsr1_pl.data.sources.amass_conversion import convert_amass
from lsr1_pl.data.sources.conversion import convert_cmu
from lsr1_pl.data.sources.smpl import convert_regressor, convert_smpl
from lsr1_pl.data.sources.threedpw import convert_3dpw

KINDS = ("cmu", "amass", "3dpw", "smpl", "regressor")


def make_sources(folder: Path) -> Path:
    """A source of each kind, under its name; the regressor's is a file."""
    for name in ("cmu", "smpl", "3dpw/train", "3dpw/test", "regressor"):
        (folder / name).mkdir(parents=True)
    for name in ("02_01", "02_02"):
        (folder / "cmu" / f"{name}.bvh").write_text(bvh_text(still(8)), encoding="utf-8")
    # One frame each, and long names: the listings are larger than the rows, and are refused last.
    frame = npz(smplh(clip("walk")[:1]))
    subjects = (f"CMU/{'long' * 20}_{i}/{'name' * 20}_poses.npz" for i in range(3))
    unpacked(folder / "amass", dict.fromkeys(subjects, frame))
    for split in ("train", "test"):
        write(folder / "3dpw" / split / "street_00.pkl", sequence(1))
    write(folder / "smpl" / "basicmodel_m_lbs_10_207_0_v1.1.0.pkl", as_distributed(smpl_arrays()))
    rows = np.random.default_rng(0).random((17, VERTICES))
    np.save(folder / "regressor" / "J.npy", rows / rows.sum(axis=1, keepdims=True))
    return folder


def source_of(kind: str, sources: Path) -> Path:
    """What a command names."""
    return sources / kind / "J.npy" if kind == "regressor" else sources / kind


def convert(kind: str, src: str, dst: str) -> None:
    """Run the converter of a kind in this process."""
    if kind == "cmu":
        convert_cmu(src, dst)
    elif kind == "amass":
        convert_amass(src, dst, workers=1)
    elif kind == "3dpw":
        convert_3dpw(src, dst, workers=1)
    elif kind == "smpl":
        convert_smpl(src, dst)
    else:
        convert_regressor(src, dst)
