"""The authors' published checkpoint, by a look-alike: what it becomes, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from official_checkpoint import checkpoint, evaluated, state, write
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr import InitialEstimate
from lsr1_pl.pretrained.official import official_weights

STATE = state()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tensor]:
    return official_weights(write(tmp_path_factory.mktemp("official") / "best.ckpt", STATE))


def test_the_initial_estimate_is_theirs(weights: dict[str, Tensor]) -> None:
    ours = InitialEstimate().eval()
    name = "initial_estimate."
    own = {k.removeprefix(name): v for k, v in weights.items() if k.startswith(name)}
    ours.load_state_dict(own)
    keypoints = torch.rand(5, 18, 2)
    expected = [
        evaluated(STATE, network, keypoints.flatten(1), skip=True)
        for network in ("pose_init_net", "shape_init_net")
    ]
    with torch.no_grad():
        torch.testing.assert_close(ours(keypoints), torch.cat(expected, 1), rtol=1e-4, atol=1e-4)


def test_no_array_of_smpl_is_kept(weights: dict[str, Tensor]) -> None:
    assert not [key for key in weights if "body" in key]
    assert max(value.numel() for value in weights.values()) == 1024 * 1024


def test_lgds_names_of_2021_are_read_too(tmp_path: Path) -> None:
    given = state(sequential=True)
    found = official_weights(write(tmp_path / "best.ckpt", given))
    for ours, key in (("2", "block.4.block.2"), ("6", "block.4.block.6")):
        slope = found[f"initial_estimate.pose.4.layers.{ours}.weight"]
        assert slope == given[f"pose_init_net.{key}.weight"]
    assert found["initial_estimate.betas.6.bias"].shape == (10,)


def without(key: str) -> dict[str, Tensor]:
    return {name: value for name, value in STATE.items() if name != key}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (without("pose_init_net.fc1.bias"), "missing: 'pose_init_net.fc1.bias'"),
        (without("shape_upd_net.get_lr.mlp.mlp2.prelu.weight"), r"missing: .*mlp2\.prelu\.weight"),
        (
            STATE | {"pose_upd_net.enc.fc3.bias": torch.zeros(3)},
            "unknown: 'pose_upd_net.enc.fc3.bias'",
        ),
        (
            STATE | {"pose_upd_net.enc.fc1.weight": torch.zeros(256, 4)},
            r"enc.fc1.weight' is shaped \(256, 4\), expected \(256, 5\)",
        ),
        (STATE | {"shape_init_net.fc2.bias": torch.full((10,), torch.nan)}, "not finite"),
        (STATE | {"shape_init_net.fc2.bias": torch.zeros(10, dtype=torch.long)}, "holds torch.int"),
        (STATE | {"shape_init_net.bn1.running_var": -torch.ones(1024)}, "a variance below 0"),
        ({}, r"missing: 'pose_init_net\.fc1\.weight', .* and \d+ more"),
        (
            {"initial_estimate.pose.0.bias": torch.zeros(2)},
            r"missing: .*; unknown: 'initial_estimate\.pose\.0\.bias'",
        ),
    ],
)
def test_other_keys_are_named(given: dict[str, Tensor], words: str, tmp_path: Path) -> None:
    path = write(tmp_path / "best.ckpt", given)
    with pytest.raises(UserError, match=words) as raised:
        official_weights(path)
    assert str(raised.value).startswith(f"{path}: ")


class Runs:
    """Would call a function when it is unpickled."""

    def __init__(self, call: Callable[..., Any], *arguments: Any) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call, self.arguments


CALLED: list[str] = []


def called(what: str) -> None:
    CALLED.append(what)


def test_nothing_of_the_file_runs(tmp_path: Path) -> None:
    content = checkpoint(STATE)
    content["callbacks"] = {"a": Runs(called, "a"), "b": Runs(eval, "CALLED.append('b')")}
    torch.save(content, tmp_path / "best.ckpt")
    official_weights(tmp_path / "best.ckpt")
    assert not CALLED


@pytest.mark.parametrize(
    "value", [Runs(called, "a"), Runs(Path.touch, Path("made")), Runs(os.remove, "made")]
)
def test_weights_that_a_name_would_build_are_refused(value: Runs, tmp_path: Path) -> None:
    path = tmp_path / "best.ckpt"
    torch.save({"state_dict": {**STATE, "pose_init_net.fc1.bias": value}}, path)
    with pytest.raises(UserError, match=r"which is no tensor|cannot be read safely"):
        official_weights(path)
    assert not CALLED
    assert not Path("made").exists()


def test_files_that_are_none(tmp_path: Path) -> None:
    write(tmp_path / "best.ckpt", STATE)
    whole = (tmp_path / "best.ckpt").read_bytes()
    (tmp_path / "cut.ckpt").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "folder").mkdir()
    torch.save(STATE, tmp_path / "bare.ckpt")
    for name, words in (
        ("none.ckpt", "no such file"),
        ("folder", "is a folder"),
        ("cut.ckpt", "not a checkpoint"),
        ("bare.ckpt", "has no key 'state_dict'"),
    ):
        with pytest.raises(UserError, match=words) as raised:
            official_weights(tmp_path / name)
        assert str(raised.value).startswith(str(tmp_path / name))
        assert "lsr1 fit" not in str(raised.value)
