"""A converter killed at any moment leaves the old state or the new one, and starts again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from amass_files import archive, clip, npz, smplh
from bvh_files import bvh_text, still
from driven import Ask, driven
from legacy_pickles import write
from smpl_files import as_distributed, smpl_arrays
from threedpw_files import sequence

from lsr1_pl.body.files import read_body
from lsr1_pl.data import MotionStore

DRIVER = Path(__file__).parent / "killed_conversion.py"
KILLS = 8


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    for name in ("cmu", "smpl", "3dpw/train", "3dpw/test"):
        (folder / name).mkdir(parents=True)
    for name in ("02_01", "02_02"):
        (folder / "cmu" / f"{name}.bvh").write_text(bvh_text(still(8)), encoding="utf-8")
    content = as_distributed(smpl_arrays())
    write(folder / "smpl" / "basicmodel_m_lbs_10_207_0_v1.1.0.pkl", content)
    recordings = {f"CMU/01/01_0{i}_poses.npz": npz(smplh(clip("walk"))) for i in (1, 2)}
    archive(folder / "amass" / "CMU.tar.bz2", recordings)
    for split in ("train", "test"):
        write(folder / "3dpw" / split / "street_00.pkl", sequence(2))
    return folder


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """One process for all kinds: its start takes longer than its kills."""
    with driven(DRIVER) as asked:
        yield asked


@pytest.mark.parametrize("kind", ["cmu", "smpl", "amass", "3dpw"])
def test_a_killed_conversion_leaves_all_or_nothing(
    kind: str, sources: Path, ask: Ask, tmp_path: Path
) -> None:
    assert ask(kind, str(sources / kind), str(tmp_path), KILLS) == f"{kind}\n"
    killed = sorted(tmp_path.glob("killed_*"))
    assert len(killed) == KILLS
    for destination in (*killed, tmp_path / "again"):
        for manifest in destination.rglob("manifest.json"):
            if not any(part.startswith(".") for part in manifest.relative_to(tmp_path).parts):
                MotionStore(manifest.parent).verify()
        for model in destination.rglob("SMPL_*.npz"):
            if not model.name.startswith("."):
                read_body(model)
                with np.load(model, allow_pickle=False) as content:
                    assert str(content["source"]).startswith("basicmodel_m")
    # The last one was killed, too, and then run to its end in the same place.
    again = tmp_path / "again"
    assert list(again.rglob("manifest.json")) or list(again.rglob("SMPL_MALE.npz"))
    assert not [path for path in again.rglob("*") if ".partial" in path.name]
