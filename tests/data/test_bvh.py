"""The BVH reader: forward kinematics, and errors with file and line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bvh_files import CHANNELS, bvh_text, column, still

from lsr1_pl.data import read_bvh
from lsr1_pl.ground.errors import UserError


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "take.bvh"
    path.write_text(text)
    return path


def test_forward_kinematics_by_hand(tmp_path: Path) -> None:
    frames = still(2)
    frames[1, :3] = (1.0, 2.0, 3.0)
    frames[1, column("LeftArm")] = 90.0  # about z: the arm along +x turns up, to +y
    recording = read_bvh(written(tmp_path, bvh_text(frames)))
    rotations, positions = recording.world()
    elbow, shoulder = (recording.names.index(n) for n in ("LeftForeArm", "LeftArm"))
    np.testing.assert_allclose(positions[0, elbow] - positions[0, shoulder], [4.9, 0, 0])
    np.testing.assert_allclose(positions[1, elbow] - positions[1, shoulder], [0, 4.9, 0], atol=1e-9)
    np.testing.assert_allclose(positions[1, 0], [1, 2, 3])
    np.testing.assert_allclose(np.linalg.det(rotations), 1.0)


def test_channels_turn_in_the_order_of_the_file(tmp_path: Path) -> None:
    frames = still(1)
    frames[0, column("LeftArm") : column("LeftArm") + 3] = (90.0, 90.0, 0.0)
    recording = read_bvh(written(tmp_path, bvh_text(frames)))
    rotations, _ = recording.world()
    # Rz(90) Ry(90) x: y first takes x to -z, which z leaves alone.
    turned = rotations[0, recording.names.index("LeftArm")] @ np.array([1.0, 0, 0])
    np.testing.assert_allclose(turned, [0, 0, -1], atol=1e-12)


BROKEN = {
    "not a BVH": (lambda t: "hello", "expected HIERARCHY"),
    "no motion": (lambda t: t[: t.index("MOTION")], "without a MOTION"),
    "brace left open": (lambda t: t.replace("}", "", 1), "still open|wrong depth"),
    "brace too many": (lambda t: t.replace("MOTION", "}\nMOTION"), "without its opening"),
    "channel count": (lambda t: t.replace("CHANNELS 3", "CHANNELS 4", 1), "CHANNELS must give"),
    "unknown channel": (lambda t: t.replace("Zrotation", "Wrotation", 1), "Wrotation"),
    "unknown entry": (lambda t: t.replace("OFFSET", "OFSET", 1), "unknown entry 'OFSET'"),
    "joint twice": (lambda t: t.replace("JOINT Spine1", "JOINT Spine", 1), "comes twice"),
    "frames cut": (lambda t: t.rsplit("\n", 2)[0], "was it cut"),
    "no frames": (lambda t: t.replace("Frames: 3", "Frames: 0"), "expected 1 or more"),
    "row too short": (lambda t: t[:-10], r"a frame of \d+ numbers|not a number"),
    "word for number": (lambda t: t.replace("0.000000 0.000000", "0.0 zero", 1), "zero"),
    "nan": (lambda t: t.replace("0.000000 0.000000", "0.0 nan", 1), "not finite"),
    "no frame time": (lambda t: t.replace("Frame Time:", "Time:"), "Frame Time"),
    "frame time zero": (lambda t: t.replace("Frame Time: 0.00", "Frame Time: -0.00"), "above 0"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_file_names_itself_its_line_and_what_is_wrong(case: str, tmp_path: Path) -> None:
    change, message = BROKEN[case]
    text = change(bvh_text(still(3)))
    with pytest.raises(UserError, match=message) as caught:
        read_bvh(written(tmp_path, text))
    assert str(caught.value).startswith(f"{tmp_path / 'take.bvh'}, line ")


def test_missing_and_binary_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.bvh: no such file; expected a BVH"):
        read_bvh(tmp_path / "absent.bvh")
    (tmp_path / "binary.bvh").write_bytes(b"\xff\xfe\x00\x01" * 10)
    with pytest.raises(UserError, match="cannot be read as text"):
        read_bvh(tmp_path / "binary.bvh")


def test_width_of_the_made_recording(tmp_path: Path) -> None:
    assert read_bvh(written(tmp_path, bvh_text(still(1)))).frames.shape == (1, CHANNELS)
