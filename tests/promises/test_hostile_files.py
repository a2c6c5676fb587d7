"""Mutated files of every kind, and files made to exhaust memory: read, or named."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import fuzz_readers
import numpy as np
import pytest
import torch

from lsr1_pl.cli import main
from lsr1_pl.data.sources.legacy_pickle import read_legacy_pickle
from lsr1_pl.ground.arrays import load_npz
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.plain_yaml import load_yaml
from lsr1_pl.pretrained import read_checkpoint


def test_mutations_are_read_or_named(tmp_path: Path) -> None:
    found = fuzz_readers.run(25, seed=1, folder=tmp_path)
    assert {name: result["how"] for name, result in found.items() if "how" in result} == {}
    assert len(found) >= 15
    for name, result in found.items():
        assert result["grown_mib"] < 512
        # The samples at least are read, and something is refused.
        assert result["read"] > 0
        assert result.get("named", 0) > 0 or name in ("config YAML", "command")


def test_the_fuzzer_sees_what_a_reader_may_not_do(tmp_path: Path) -> None:
    def hostile(folder: Path) -> None:
        match (folder / "a").read_bytes()[:1]:
            case b"w":
                (folder.parent / "outside").write_text("x")
            case b"c":
                raise KeyError("a crash")
            case b"m":
                bytearray(3 * 2**30)

    kind = fuzz_readers.Kind([b"read", b"write", b"crash", b"memory"], "a", hostile)
    result = fuzz_readers.fuzz("x", kind, 4, 0, tmp_path / "work", tmp_path / "found")
    assert result["broken"] == 3
    assert any("wrote to" in how for how in result["how"])
    assert any("KeyError" in how for how in result["how"])
    assert any("MemoryError" in how for how in result["how"])
    assert len(list((tmp_path / "found").glob("*.txt"))) == 3


def with_claims(size: int, shape: tuple[int, ...]) -> io.BytesIO:
    """An npz of one array whose header claims a shape, and whose directory a size, if not 0."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": shape}
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.npy", header.getvalue() + bytes(80))
    raw = bytearray(buffer.getvalue())
    if size:
        entry = raw.rindex(b"PK\x01\x02")
        raw[entry + 24 : entry + 28] = struct.pack("<I", size)
    return io.BytesIO(bytes(raw))


@pytest.mark.parametrize(
    ("size", "shape", "message"),
    [
        (0, (10**8,), "claims float64 of shape"),
        (0, (2**62, 4), "claims float64 of shape"),
        (3 * 2**30, (10,), "its arrays take 3072 MiB"),
    ],
)
def test_arrays_that_claim_more_than_they_are(
    size: int, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        load_npz(with_claims(size, shape))
    assert load_npz(with_claims(0, (10,)))["a"].shape == (10,)


def shared_lists() -> bytes:
    """A pickle of under 200 bytes that stands for 10^18 lists."""
    value: list[Any] = []
    for _ in range(9):
        value = [value] * 100
    return pickle.dumps(value, protocol=2)


PICKLES = {
    "a memo of 4 GiB": b"\x80\x02]r\xff\xff\xff\x1f.",
    "lists of lists": shared_lists(),
    "a list of itself": b"\x80\x02]q\x00h\x00a.",
    "bytes that are not there": b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"x.",
}


@pytest.mark.parametrize("name", PICKLES)
def test_pickles_that_would_exhaust_memory(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.pkl"
    path.write_bytes(PICKLES[name])
    with pytest.raises(UserError, match=r"bad\.pkl: (refused|damaged)"):
        read_legacy_pickle(path)


def test_yaml_whose_aliases_multiply() -> None:
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]\n" for k in range(1, 9)
    )
    with pytest.raises(ValueError, match="stand for more than"):
        load_yaml(laughs)
    with pytest.raises(ValueError, match="stand for more than"):
        load_yaml("&a [*a]")
    with pytest.raises(ValueError, match="no YAML"):
        load_yaml("!!python/object/apply:os.system [touch hacked]")
    assert load_yaml("a: &a [1, 2]\nb: *a") == {"a": [1, 2], "b": [1, 2]}


def test_checkpoints_that_are_larger_than_their_file(tmp_path: Path) -> None:
    path = tmp_path / "bad.ckpt"
    torch.save({"state_dict": {"a": torch.ones(1).expand(10**12)}}, path)
    with pytest.raises(UserError, match="more numbers than the file has"):
        read_checkpoint(path)
    torch.save({"state_dict": {"a": torch.zeros(10**6)}}, path)
    packed = tmp_path / "packed.ckpt"
    with (
        zipfile.ZipFile(path) as plain,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in plain.namelist():
            archive.writestr(name, plain.read(name))
    with pytest.raises(UserError, match="it is compressed"):
        read_checkpoint(packed)
    torch.save({"state_dict": {"a": "text"}}, path)
    with pytest.raises(UserError, match="no tensor"):
        read_checkpoint(path)


def test_frames_named_to_escape_stay_in_the_output_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["../../outside", "/tmp/outside", "a/b", "a_b", "x" * 999, "\x00", "é" * 200]
    draw = np.random.default_rng(0)
    entries = [{"image_id": name, "keypoints": draw.uniform(0, 500, 51).tolist()} for name in names]
    work = tmp_path / "deep" / "work"
    work.mkdir(parents=True)
    monkeypatch.chdir(work)
    (work / "people.json").write_text(json.dumps(entries))
    assert main(["predict", "people.json", "--out", "out", "--obj", "--steps", "1"]) == 0
    assert len(list((work / "out" / "meshes").glob("*.obj"))) == len(names)
    outside = [p for p in tmp_path.rglob("*") if p.is_file() and work / "out" not in p.parents]
    assert outside == [work / "people.json"]
