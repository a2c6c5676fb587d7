"""Two processes that convert into one place at the same time: one whole result, nothing beside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conversion_sources import KINDS, convert, make_sources, source_of
from forks import Talk, talking

from lsr1_pl.body.files import read_body
from lsr1_pl.data import MotionStore
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import locked

DRIVER = Path(__file__).with_name("rival_conversion.py")
ROUNDS = 8
RESULTS = {
    "cmu": ["manifest.json"],
    "amass": ["manifest.json"],
    "3dpw": ["test/manifest.json", "train/manifest.json"],
    "smpl": ["SMPL_MALE.npz"],
    "regressor": ["J_regressor_h36m.npy"],
}
HELD = {"cmu": "", "amass": "", "3dpw": "train", "smpl": "SMPL_MALE.npz"}
"""What a conversion holds, below its destination."""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sources(tmp_path_factory.mktemp("rivals") / "sources")


@pytest.fixture(scope="module")
def rivals() -> Iterator[list[Talk]]:
    with talking(DRIVER) as one, talking(DRIVER) as other:
        for rival in (one, other):
            assert rival.answers.readline() == "ready\n"
        yield [one, other]


@pytest.mark.parametrize("kind", KINDS)
def test_two_at_once(kind: str, sources: Path, rivals: list[Talk], tmp_path: Path) -> None:
    for number in range(ROUNDS):
        place = tmp_path / str(number)
        target = place / "out"
        line = json.dumps([kind, str(source_of(kind, sources)), str(target)]) + "\n"
        for rival in rivals:
            rival.given.write(line)
            rival.given.flush()
        ends = [json.loads(rival.answers.readline()) for rival in rivals]
        assert 0 in [code for code, _ in ends], ends
        for code, message in ends:
            assert code in (0, 2), message
            held = "of another process writes there" in message
            assert code == 0 or held or "not an empty folder" in message, message
        for result in RESULTS[kind]:
            check(target / result)
        assert not [path for path in place.rglob("*") if path.name.startswith(".")]


def check(result: Path) -> None:
    """The file, or the store of this manifest, is whole."""
    if result.name == "manifest.json":
        MotionStore(result.parent).verify()
    elif result.suffix == ".npz":
        read_body(result)
    else:
        assert np.load(result).shape == (17, 6890)


@pytest.mark.parametrize("kind", HELD)
def test_a_held_destination_is_refused_untouched(kind: str, sources: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    source = str(source_of(kind, sources))
    with locked(target / HELD[kind], "a conversion"):
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(UserError, match="a conversion of another process writes there"):
            convert(kind, source, str(target))
        assert sorted(tmp_path.rglob("*")) == before
    convert(kind, source, str(target))
    for result in RESULTS[kind]:
        check(target / result)


@pytest.mark.parametrize("kind", HELD)
def test_what_a_killed_conversion_left_is_removed(kind: str, sources: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    held = target / HELD[kind]
    left = held.with_name(f".{held.stem}.partial-1-0123abcd{held.suffix}")
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"half")
    convert(kind, str(source_of(kind, sources)), str(target))
    assert not left.exists()
