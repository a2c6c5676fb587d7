"""How a licensee repeats the authors' figure, on look-alikes: their checkpoint, SMPL and 3DPW."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from legacy_pickles import write as write_pickle
from lgd_npz import threedpw, write_npz
from official_checkpoint import evaluated, parameters, state, write
from threedpw_files import sequence
from torch import Tensor

from lsr1_pl.cli import main
from lsr1_pl.ground.plain_yaml import load_yaml
from lsr1_pl.hmr import observe_detections
from lsr1_pl.pretrained.checkpoints import read_exported
from lsr1_pl.pretrained.tasks import load_task
from lsr1_pl.tasks import HMRTask

STATE = state()
FEW = [
    "--data.init_args.test_stride=30",
    "--model.init_args.unroll.steps=2",
    "--model.init_args.evaluate.steps=3",
]


@pytest.fixture
def work(converted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a licensee works: SMPL, 3DPW and the regressor are converted, AMASS is not there."""
    (tmp_path / "data").mkdir()
    for name in ("smpl", "3dpw"):
        (tmp_path / "data" / name).symlink_to(converted / "data" / name)
    write(tmp_path / "best-model.ckpt", STATE)
    monkeypatch.chdir(tmp_path)
    assert main(["data", "convert", "official", "best-model.ckpt", "data/official"]) == 0
    return tmp_path


def test_the_task_is_theirs(work: Path) -> None:
    """Every network of the loaded task gives what theirs give, and none has other parameters."""
    task = load_task("data/official")
    assert isinstance(task, HMRTask)
    count = sum(p.numel() for p in task.optimizer.pose.parameters())
    assert count == sum(p.numel() for p in task.optimizer.betas.parameters()) == 898_187
    # Each of our initial estimate's blocks has two PReLUs of its own, where theirs use one twice.
    ours = sum(p.numel() for p in task.parameters() if p.requires_grad)
    assert (ours, parameters(STATE)) == (10_373_490, 10_373_486)
    rows = torch.randn(7, 128)
    keypoints = torch.rand(3, 18, 2)
    with torch.no_grad():
        for name, theirs in (("pose", "pose_upd_net"), ("betas", "shape_upd_net")):
            learned = task.optimizer.get_submodule(name)
            for part, key, features in (
                ("encoder", "enc", 5),
                ("vector_generator", "get_v.mlp", 128),
                ("learning_rate_generator", "get_lr.mlp", 128),
            ):
                given = rows[:, :features]
                found = learned.get_submodule(part)(given)
                expected = evaluated(STATE, f"{theirs}.{key}", given, skip=False)
                torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
        estimates = [
            evaluated(STATE, network, keypoints.flatten(1), skip=True)
            for network in ("pose_init_net", "shape_init_net")
        ]
        found = task.initial_estimate(keypoints)
        torch.testing.assert_close(found, torch.cat(estimates, 1), rtol=1e-4, atol=1e-4)


def preconditioned(vectors: list[Tensor], full: bool, y: Tensor) -> Tensor:
    """Their B y, per person: the norm of y is kept; the identity goes when the buffer is full."""
    if not vectors:
        return y
    total = torch.zeros_like(y) if full else y
    for v in vectors:
        total = total + v * (v * y).sum(dim=1, keepdim=True)
    return total * y.norm(dim=1, keepdim=True) / total.norm(dim=1, keepdim=True)


def test_a_fit_is_theirs(work: Path) -> None:
    """Seven steps from their keys alone, in float64, both optimisers beside each other."""
    steps, most = 7, 4
    given = {key: value.double() for key, value in STATE.items()}
    task = load_task("data/official").double()
    assert isinstance(task, HMRTask)
    seen = observe_detections(torch.rand(3, 18, 2).double(), torch.ones(3, 18).double())
    fitter = task.fitter
    with torch.no_grad():
        x = fitter.start(seen)
    objective = fitter.objective(seen, x)
    iterates = [x]
    former: tuple[Tensor, Tensor] | None = None
    vectors: dict[str, list[Tensor]] = {"pose_upd_net": [], "shape_upd_net": []}
    for _ in range(steps):
        gradient = objective.evaluate(x).gradient.detach()
        p, q = (x, gradient) if former is None else (x - former[0], gradient - former[1])
        former, moved = (x, gradient), []
        for name, block in (("pose_upd_net", slice(72)), ("shape_upd_net", slice(72, 82))):
            kept = vectors[name]
            full = len(kept) >= most
            own = [part[:, block] for part in (x, p, gradient, q)]
            s = preconditioned(kept[-most:], full, own[3])
            features = torch.stack([own[0], own[1], s, own[2], own[3]], dim=2).flatten(0, 1)
            latent = evaluated(given, f"{name}.enc", features, skip=False)
            shape = own[0].shape
            v = evaluated(given, f"{name}.get_v.mlp", latent, skip=False).view(shape)
            kept.append(v)
            d = preconditioned(kept[-most:], len(kept) >= most, own[2])
            exponent = evaluated(given, f"{name}.get_lr.mlp", latent, skip=False).view(shape)
            rate = (0.1 * (0.001 * exponent).exp()).clamp_max(10.0)
            moved.append(own[0] - rate * d)
        x = torch.cat(moved, dim=1)
        iterates.append(x)
    found = fitter.fit(seen, steps).iterates
    torch.testing.assert_close(found, torch.stack(iterates), rtol=1e-9, atol=1e-9)
    assert (found[-1] - found[0]).abs().max() > 0.1


def test_what_is_written(work: Path) -> None:
    folder = Path("data/official")
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "config.yaml",
        "model.safetensors",
    ]
    content = read_exported(folder)
    assert not [key for key in content["state_dict"] if "body" in key]
    config = load_yaml((folder / "config.yaml").read_text(encoding="utf-8"))
    assert config["model"]["init_args"]["evaluate"]["protocols"] == ["lgd14"]
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "best-model.ckpt" in card
    assert "51.58" in card


def test_it_is_tested_on_3dpw(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", "--ckpt", "data/official", *FEW]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "PA-MPJPE (mm), lgd14" in printed
    assert "truth of the male body" in printed
    assert "lgd24" not in printed
    assert "Adam" not in printed


def test_it_is_tested_on_lgds_files(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("3DPW_valid.npz", "3DPW_test.npz"):
        source = write_npz(work / name, threedpw({"street_00": sequence(1)}))
        assert main(["data", "convert", "3dpw", str(source), "data/lgd"]) == 0
    place = "--data.init_args.threedpw=data/lgd"
    capsys.readouterr()
    assert main(["test", "--ckpt", "data/official", place, *FEW]) == 0
    assert "PA-MPJPE (mm), lgd14" in " ".join(capsys.readouterr().out.split())
    stored = "--model.init_args.evaluate.protocols=[lgd24]"
    assert main(["test", "--ckpt", "data/official", place, stored, *FEW]) == 2
    assert "the store of 3DPW holds none" in " ".join(capsys.readouterr().err.split())


def test_bad_input_is_refused_and_nothing_is_written(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy("best-model.ckpt", "other.ckpt")
    write(
        Path("lacking.ckpt"), {k: v for k, v in STATE.items() if k != "pose_upd_net.enc.fc2.bias"}
    )
    write_pickle(Path("pickle.ckpt"), {"state_dict": {}})
    for name, target, words in (
        ("lacking.ckpt", "new", "missing: 'pose_upd_net.enc.fc2.bias'"),
        ("pickle.ckpt", "new", "not a checkpoint"),
        ("none.ckpt", "new", "no such file"),
        ("other.ckpt", "data/official", "exists and is not an empty folder"),
    ):
        assert main(["data", "convert", "official", name, target]) == 2
        assert words in " ".join(capsys.readouterr().err.split())
        assert not Path("new").exists()
