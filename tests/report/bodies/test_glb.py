"""GLB of a body: the rules of glTF 2.0, and the ground that it moves over."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lsr1_pl.body import load_body_model
from lsr1_pl.report import write_glb

COMPONENTS = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class Glb:
    """A GLB, read by the specification alone."""

    def __init__(self, path: Path) -> None:
        raw = path.read_bytes()
        magic, version, length = struct.unpack("<4sII", raw[:12])
        assert (magic, version, length) == (b"glTF", 2, len(raw))
        size, kind = struct.unpack("<I4s", raw[12:20])
        assert kind == b"JSON"
        assert size % 4 == 0
        self.json: dict[str, Any] = json.loads(raw[20 : 20 + size])
        rest = raw[20 + size :]
        size, kind = struct.unpack("<I4s", rest[:8])
        assert kind == b"BIN\0"
        assert size == len(rest) - 8
        self.blob = rest[8:]

    def read(self, number: int) -> NDArray[Any]:
        accessor = self.json["accessors"][number]
        view = self.json["bufferViews"][accessor["bufferView"]]
        dtype, width = COMPONENTS[accessor["componentType"]], WIDTHS[accessor["type"]]
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        assert start % np.dtype(dtype).itemsize == 0
        count = accessor["count"] * width
        assert count * np.dtype(dtype).itemsize <= view["byteLength"]
        rows = np.frombuffer(self.blob, dtype, count, start).reshape(-1, width)
        if "min" in accessor:
            np.testing.assert_array_equal(rows.min(axis=0), np.array(accessor["min"], dtype))
            np.testing.assert_array_equal(rows.max(axis=0), np.array(accessor["max"], dtype))
        return rows


def check_rules(glb: Glb) -> None:
    """Of glTF 2.0, those that this kind of file can break."""
    content = glb.json
    assert content["asset"]["version"] == "2.0"
    assert content["buffers"][0]["byteLength"] <= len(glb.blob)
    for view in content["bufferViews"]:
        assert view.get("byteOffset", 0) + view["byteLength"] <= content["buffers"][0]["byteLength"]
    for mesh in content["meshes"]:
        for primitive in mesh["primitives"]:
            attributes = primitive["attributes"]
            assert "min" in content["accessors"][attributes["POSITION"]]
            count = len(glb.read(attributes["POSITION"]))
            assert {len(glb.read(a)) for a in attributes.values()} == {count}
            normals = np.linalg.norm(glb.read(attributes["NORMAL"]), axis=1)
            np.testing.assert_allclose(normals, 1, atol=1e-4)
            indices = glb.read(primitive["indices"])
            assert len(indices) % 3 == 0
            assert int(indices.max()) < count
            assert primitive["material"] < len(content["materials"])
            if "WEIGHTS_0" in attributes:
                np.testing.assert_allclose(glb.read(attributes["WEIGHTS_0"]).sum(1), 1, atol=1e-5)
                assert int(glb.read(attributes["JOINTS_0"]).max()) < 24
    nodes = content["nodes"]
    parents = [child for node in nodes for child in node.get("children", [])]
    assert len(parents) == len(set(parents))
    roots = set(range(len(nodes))) - set(parents)
    assert set(content["scenes"][0]["nodes"]) == roots
    for skin in content["skins"]:
        assert len(glb.read(skin["inverseBindMatrices"])) == len(skin["joints"]) == 24
    for node in nodes:
        if "rotation" in node:
            assert np.linalg.norm(node["rotation"]) == pytest.approx(1, abs=1e-5)
    for animation in content.get("animations", []):
        targets = [(c["target"]["node"], c["target"]["path"]) for c in animation["channels"]]
        assert len(targets) == len(set(targets))
        for channel in animation["channels"]:
            sampler = animation["samplers"][channel["sampler"]]
            times, values = glb.read(sampler["input"]), glb.read(sampler["output"])
            assert "min" in content["accessors"][sampler["input"]]
            assert float(times[0, 0]) >= 0
            assert bool((np.diff(times[:, 0]) > 0).all())
            assert len(values) == len(times)
            if channel["target"]["path"] == "rotation":
                np.testing.assert_allclose(np.linalg.norm(values, axis=1), 1, atol=1e-5)


def test_a_body_that_moves_over_its_ground_keeps_the_rules_of_gltf(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pose = torch.from_numpy(rng.normal(size=(9, 72)) * 0.3)
    root = np.stack([np.linspace(0, 4, 9), np.full(9, 0.9), np.linspace(0, -2, 9)], axis=1)
    times = np.array([0.5, 0.6, 0.7, 1.5, 1.6, 1.7, 1.8, 1.9, 2.0])
    write_glb(tmp_path / "a.glb", load_body_model(), pose, torch.zeros(10), times, root)
    glb = Glb(tmp_path / "a.glb")
    check_rules(glb)
    (animation,) = glb.json["animations"]
    moves = [c for c in animation["channels"] if c["target"]["path"] == "translation"]
    (move,) = moves
    sampler = animation["samplers"][move["sampler"]]
    np.testing.assert_allclose(glb.read(sampler["output"]), root, atol=1e-6)
    np.testing.assert_allclose(glb.read(sampler["input"])[:, 0], times, atol=1e-6)
    assert glb.json["nodes"][move["target"]["node"]]["name"] == "pelvis"
    np.testing.assert_allclose(glb.json["nodes"][0]["translation"], root[0], atol=1e-6)
    ground = next(m for m in glb.json["meshes"] if m["name"] == "ground")
    (rectangle,) = ground["primitives"]
    corners = glb.read(rectangle["attributes"]["POSITION"])
    assert corners.min(axis=0).tolist() == [-1.0, 0.0, -3.0]
    assert corners.max(axis=0).tolist() == [5.0, 0.0, 1.0]
    first, second, third = corners[glb.read(rectangle["indices"])[:3, 0]]
    assert np.cross(second - first, third - first)[1] > 0  # its front is above


def test_a_still_without_a_place_has_neither_ground_nor_animation(tmp_path: Path) -> None:
    write_glb(tmp_path / "a.glb", load_body_model(), torch.zeros(1, 72), torch.zeros(10))
    glb = Glb(tmp_path / "a.glb")
    check_rules(glb)
    assert [mesh["name"] for mesh in glb.json["meshes"]] == ["body"]
    assert "animations" not in glb.json or not glb.json["animations"]
