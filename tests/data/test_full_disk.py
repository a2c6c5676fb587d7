"""A disk that is full at any moment of a conversion: one message, nothing half, no work lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from conversion_sources import KINDS, make_sources, source_of
from driven import Ask, driven

from lsr1_pl.data import MotionStore

DRIVER = Path(__file__).with_name("limited_conversion.py")
WRITERS = {
    "cmu": ["out: "],
    "amass": [".converting/00000.npy: ", ".converting/00000.json: ", "out: "],
    "3dpw": ["out/train: "],
    "smpl": ["SMPL_MALE.npz: "],
    "regressor": ["J_regressor_h36m.npy: "],
}
"""What messages name: each place that is written of its own."""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sources(tmp_path_factory.mktemp("full") / "sources")


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """One process for all kinds: its start takes longer than its tries."""
    with driven(DRIVER) as asked:
        yield asked


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_is_named_and_leaves_nothing_half(
    kind: str, sources: Path, ask: Ask, tmp_path: Path
) -> None:
    tries = json.loads(ask(kind, str(source_of(kind, sources)), str(tmp_path)))
    assert len(tries) >= 3
    for limit, found in tries.items():
        assert found["code"] == 2, (limit, found["message"])
        assert "cannot be written" in found["message"]
        assert "make room" in found["message"]
        assert "Traceback" not in found["message"]
        # Whole parts alone may stay, and these are used again.
        assert all(".converting/" in name for name in found["left"]), found["left"]
        assert not [name for name in found["left"] if ".partial" in name or ".lock" in name]
        assert found["used"] == [name for name in found["left"] if found["listed"][name]]
        assert found["again"] == 0, (limit, found["message"])
        for manifest in (tmp_path / limit / "out").rglob("manifest.json"):
            MotionStore(manifest.parent).verify()
    for writer in WRITERS[kind]:
        assert any(writer in found["message"] for found in tries.values()), writer
    if kind == "amass":
        assert any(len(found["used"]) == 6 for found in tries.values())
