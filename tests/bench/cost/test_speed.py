"""lsr1 bench speed: what is timed does the same work on both sides."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lsr1_pl.bench.cost import speed, speed_cases
from lsr1_pl.bench.cost.hmr_iteration import Case as CostCase
from lsr1_pl.bench.cost.hmr_iteration import Cost
from lsr1_pl.cli import main


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PEOPLE": 3,
        "_PROBLEMS": 4,
        "_STEPS": 2,
        "_WIDTH": 4,
        "TRAINING_PEOPLE": 3,
        "_HMR_STEPS": 1,
    }.items():
        monkeypatch.setattr(speed_cases, name, value)


def find(key: str) -> speed_cases.Case:
    return next(case for case in speed_cases.cases(fast=True) if case.key == key)


@pytest.mark.parametrize("key", ["body_forward_ratio", "body_gradient_ratio", "body_second_ratio"])
def test_both_bodies_give_the_same(key: str) -> None:
    ours, theirs = (call() for call in find(key).make("cpu"))
    if isinstance(ours, Tensor):
        ours, theirs = (ours,), (theirs,)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=2e-4, atol=2e-4 * float(b.abs().max()))


def test_both_meshes_are_the_same() -> None:
    (vertices, joints), reference = (call() for call in find("mesh_ratio").make("cpu"))
    torch.testing.assert_close(vertices, reference.vertices, rtol=0, atol=1e-5)
    torch.testing.assert_close(joints, reference.joints, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("key", "tolerance"),
    [
        ("hmr_training_ratio", 1e-4),
        ("hmr_open_training_ratio", 1e-4),
        ("hmr_training_bfloat16_ratio", 2e-2),
    ],
)
def test_both_training_steps_of_mesh_recovery_have_one_loss(
    key: str, tolerance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses: list[Tensor] = []
    backward = Tensor.backward
    monkeypatch.setattr(
        Tensor, "backward", lambda self: (losses.append(self.detach()), backward(self))[1]
    )
    for call in find(key).make("cpu"):
        torch.manual_seed(0)  # Of the dropout of the initial estimate.
        call()
    torch.testing.assert_close(losses[0], losses[1], rtol=tolerance, atol=0)


def test_lines_of_bfloat16_need_its_matrix_units() -> None:
    keys = {case.key for case in speed_cases.cases(fast=False) if case.bfloat16}
    assert keys == {
        f"{name}_training_{how}ratio"
        for name in ("hmr", "hmr_open")
        for how in ("bfloat16_", "compiled_bfloat16_")
    }


def test_a_ratio_is_of_the_side_that_is_to_be_faster() -> None:
    timed = speed._Timed([1.0, 2.0], [3.0, 8.0])
    assert timed.ratios(find("mesh_ratio")) == [3.0, 4.0]
    assert timed.ratios(find("inference_step_over_matmul")) == [1 / 3, 0.25]


def test_the_study_writes_what_it_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = [find("mesh_ratio"), find("hmr_training_ratio")]
    monkeypatch.setattr(speed, "cases", lambda fast: kept)
    monkeypatch.setattr(speed, "seconds_of", lambda call, device: (call(), 0.5)[1])
    monkeypatch.setattr(speed, "_process", lambda command: 0.25)

    def measure(cases: list[CostCase], repeats: int) -> dict[CostCase, Cost]:
        return {case: Cost(1.0 if case.body == "joints only" else 6.0, 1, 6, 7) for case in cases}

    monkeypatch.setattr(speed.hmr_iteration, "measure", measure)
    assert main(["bench", "speed", "--fast", "--out", str(tmp_path)]) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["mesh_ratio"] == 1.0
    assert summary["hmr_iteration_ratio_lsr1"] == 6.0
    assert (tmp_path / "results.csv").read_text().count("\n") == 1 + len(kept) + 2
    assert "no" in capsys.readouterr().out


def test_a_device_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "speed", "--device", "tpu"]) == 2
    assert "invalid choice: 'tpu'" in capsys.readouterr().err
    assert main(["bench", "speed", "--threads", "0"]) == 2
    assert "must be 1 or more" in capsys.readouterr().err
