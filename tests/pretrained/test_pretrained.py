"""Exported checkpoints and shipped optimisers."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest
import torch
import yaml

from lsr1_pl.cli import main
from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import DiagonalQuadratic
from lsr1_pl.objectives.families import ArmFamily, ArmPose, hand_pose
from lsr1_pl.optim import LBFGS, PairLSR1, unroll
from lsr1_pl.pretrained import (
    export_checkpoint,
    load_optimizer,
    load_pretrained,
    minimize,
    read_checkpoint,
    shipped,
    shipped_folder,
)
from lsr1_pl.tasks import HMRTask, load_task

HALF = {"rtol": 1e-3, "atol": 1e-3}

TINY = [
    "--trainer.max_steps=2",
    "--trainer.val_check_interval=2",
    "--data.init_args.batch_size=4",
    "--data.init_args.evaluation_count=3",
    "--model.init_args.steps=2",
    "--model.init_args.optimizer.init_args.hidden_dim=8",
]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("run")
    arguments = ["fit", "--config", "quadratics", f"--trainer.default_root_dir={root}", *TINY]
    assert main(arguments) == 0
    return root / "quadratics/version_0/checkpoints/last.ckpt"


def test_export_keeps_weights_and_config_alone(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "deep" / "tiny"
    assert main(["export", str(checkpoint), str(folder)]) == 0
    assert {path.name for path in folder.iterdir()} == {
        "README.md",
        "config.yaml",
        "history.csv",
        "model.safetensors",
    }
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]
    whole, exported = read_checkpoint(checkpoint), read_checkpoint(folder)
    assert whole["state_dict"].keys() == exported["state_dict"].keys()
    assert all(torch.equal(v, exported["state_dict"][k]) for k, v in whole["state_dict"].items())
    config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    assert "default_root_dir" not in config["trainer"]
    capsys.readouterr()
    root = f"--trainer.default_root_dir={tmp_path}"
    assert main(["test", "--ckpt", str(checkpoint), root, "--name=a"]) == 0
    assert main(["test", "--ckpt", str(folder), root, "--name=b"]) == 0
    a, b = (tmp_path / name / "test/version_0/curves.csv" for name in "ab")
    assert a.read_text() == b.read_text()


def test_the_card_says_what_the_checkpoint_knows(checkpoint: Path, tmp_path: Path) -> None:
    export_checkpoint(checkpoint, tmp_path / "tiny", half=True)
    path = tmp_path / "tiny/README.md"
    text = path.read_text(encoding="utf-8")
    score = torch.load(checkpoint, weights_only=True)["callbacks"]
    (best,) = [s["best_model_score"] for s in score.values() if s and "best_model_score" in s]
    weights = sum(p.numel() for p in load_pretrained(tmp_path / "tiny").parameters())
    for part in (
        "# tiny\n",
        f"`lsr1_pl.optim.LSR1` in `lsr1_pl.tasks.FunctionTask`, {weights:,} weights",
        "`lsr1 fit --config quadratics.yaml`, seed 0",
        "`lsr1_pl.data.QuadraticsDataModule`, size 2",
        "**Iterations**: 2 of the config's 2.",
        f"`val/final_value` was {float(best):.4g} at its validation, the best so far",
        "The last of 1 validations: ",
        "Meta-steps skipped: 0.",
        "half precision",
        f"torch {torch.__version__}",
    ):
        assert part in text, part
    shipped_cards = (shipped_folder() / "hmr_open/README.md").read_text(encoding="utf-8")
    for field in ("Trained by", "Data", "Iterations", "Chosen", "Has validation settled?"):
        assert f"**{field}**" in text
        assert f"**{field}**" in shipped_cards
    path.write_text("# Filled in\n", encoding="utf-8")
    export_checkpoint(tmp_path / "tiny", tmp_path / "copy")
    assert (tmp_path / "copy/README.md").read_text(encoding="utf-8") == "# Filled in\n"


def test_export_in_half_precision_and_its_curves(checkpoint: Path, tmp_path: Path) -> None:
    run = tmp_path / "run/checkpoints"
    run.mkdir(parents=True)
    stored = torch.load(checkpoint, weights_only=True)
    stored["state_dict"] = {"large": torch.randn(101, 100), "small": torch.randn(100, 100)}
    torch.save(stored, run / "best.ckpt")
    with (run.parent / "metrics.csv").open("w", encoding="utf-8") as file:
        file.write("step,train/meta_loss,val/final_value,other\n")
        file.writelines(f"{n},{n / 7},,1\n" for n in range(2000))
        file.write("2000,,-3.5,\n")
    assert main(["export", str(run / "best.ckpt"), str(tmp_path / "half"), "--half"]) == 0
    state = read_checkpoint(tmp_path / "half")["state_dict"]
    assert {key: value.dtype for key, value in state.items()} == {
        "large": torch.float16,
        "small": torch.float32,
    }
    torch.testing.assert_close(state["large"].float(), stored["state_dict"]["large"], **HALF)
    lines = (tmp_path / "half/history.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "step,train/meta_loss,val/pa_mpjpe,val/final_value,val/log_ratio"
    assert lines[-1] == "2000,,,-3.5,"
    assert 400 < len(lines) < 600
    stored["state_dict"]["large"] *= 1e6
    torch.save(stored, run / "best.ckpt")
    with pytest.raises(UserError, match="large holds numbers beyond half precision"):
        export_checkpoint(run / "best.ckpt", tmp_path / "none", half=True)
    assert not (tmp_path / "none").exists()


def test_an_export_has_the_permissions_that_the_user_gives(
    checkpoint: Path, tmp_path: Path
) -> None:
    for umask in (0o022, 0o077, 0o002):
        folder = tmp_path / f"{umask:03o}"
        before = os.umask(umask)
        try:
            export_checkpoint(checkpoint, folder)
        finally:
            os.umask(before)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o777 & ~umask
        modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert modes == {0o666 & ~umask}


def test_a_damaged_log_stops_no_export(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(checkpoint.parent.parent, run)
    log = run / "metrics.csv"
    whole = log.read_text()
    names = whole.splitlines()[0].split(",")
    bad = ",".join("5" if name == "step" else "no number" for name in names)
    log.write_bytes(whole.encode() + bad.encode() + b"\r\n\xff\x00\x1b[31m\n7,7")
    assert main(["export", str(run / "checkpoints" / "last.ckpt"), str(tmp_path / "out")]) == 0
    assert "2 of its" in capsys.readouterr().err
    history = (tmp_path / "out" / "history.csv").read_text(encoding="utf-8")
    export_checkpoint(checkpoint, tmp_path / "sound")
    assert history == (tmp_path / "sound" / "history.csv").read_text(encoding="utf-8")
    assert capsys.readouterr().err == ""
    (tmp_path / "out" / "history.csv").write_bytes(bytes(range(256)))
    (tmp_path / "out" / "README.md").unlink()
    assert main(["export", str(tmp_path / "out"), str(tmp_path / "again")]) == 0
    assert "history.csv: cannot be used" in capsys.readouterr().err


def test_loading_gives_the_trained_optimiser(checkpoint: Path, tmp_path: Path) -> None:
    export_checkpoint(checkpoint, tmp_path / "tiny")
    a, b = load_optimizer(checkpoint), load_optimizer(tmp_path / "tiny")
    assert not a.training
    x0 = torch.rand(3, 4)
    with torch.no_grad():
        one, other = (unroll(o, DiagonalQuadratic(), x0, 3).iterates for o in (a, b))
    assert torch.equal(one, other)
    weights = read_checkpoint(checkpoint)["state_dict"]
    assert torch.equal(a.encoder.output.weight, weights["optimizer.encoder.output.weight"])


def test_bad_folders_and_names_are_named(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="shipped are"):
        load_optimizer("no such name")
    export_checkpoint(checkpoint, tmp_path / "tiny")
    with pytest.raises(UserError, match="exists and is not an empty folder"):
        export_checkpoint(checkpoint, tmp_path)
    (tmp_path / "tiny/model.safetensors").write_bytes(b"\xff" * 64)
    with pytest.raises(UserError, match="cannot be read"):
        load_optimizer(tmp_path / "tiny")
    (tmp_path / "tiny/model.safetensors").unlink()
    with pytest.raises(UserError, match=r"holds no model\.safetensors"):
        load_optimizer(tmp_path / "tiny")


def test_an_optimiser_of_another_class_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    export_checkpoint(checkpoint, tmp_path / "tiny")
    config = yaml.safe_load((tmp_path / "tiny/config.yaml").read_text(encoding="utf-8"))
    config["model"]["init_args"]["optimizer"]["class_path"] = "os.system"
    (tmp_path / "tiny/config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    with pytest.raises(UserError, match=r"is none of"):
        load_optimizer(tmp_path / "tiny")


_SAME_ESTIMATE = ("hmr_open", "lgd_open")
_FITTING = (*_SAME_ESTIMATE, "hmr_open_lifted")
"""Whole tasks: with the 8.6 million weights of the initial estimates, and LGD's own 8.9 million."""


_FAMILIES = ("arm", "deblurring", "gaussian_process")


@pytest.mark.parametrize("name", shipped())
def test_shipped_checkpoints_have_a_card_and_no_machine_s_paths(name: str) -> None:
    folder = shipped_folder() / name
    card = (folder / "README.md").read_text(encoding="utf-8")
    for word in ("lsr1 fit", "seed", "iterations", "validation"):
        assert word in card, word
    megabytes = {"hmr_open": 17, "hmr_open_lifted": 16, "lgd_open": 34}.get(name, 10)
    assert (folder / "model.safetensors").stat().st_size < megabytes * 2**20
    config = (folder / "config.yaml").read_text(encoding="utf-8")
    assert "/tmp" not in config
    assert "/home" not in config


def test_the_shipped_optimiser_for_all_functions_is_the_default() -> None:
    optimizer = load_pretrained("lsr1_general")
    assert isinstance(optimizer, PairLSR1)
    assert bool((optimizer.output.weight.abs() > 0.01).any())
    for dtype in (torch.float32, torch.float64):
        found = minimize(lambda x: (x - 3).square().sum(), torch.zeros(4, dtype=dtype))
        torch.testing.assert_close(found.x, torch.full((4,), 3.0, dtype=dtype))
    with pytest.raises(UserError, match="expected an LSR1"):
        load_optimizer("lsr1_general")


@pytest.mark.parametrize("name", sorted(set(shipped()) - {*_FITTING, *_FAMILIES, "lsr1_general"}))
def test_shipped_optimisers(name: str) -> None:
    optimizer = load_optimizer(name)
    assert sum(p.numel() for p in optimizer.parameters()) == 252_555


def test_the_shipped_arm_solves_what_it_never_saw_by_name() -> None:
    fresh = ArmFamily().sample(24, torch.Generator().manual_seed(11))
    value = fresh.objective.value
    found = minimize(value, fresh.x0.double(), "arm", steps=25, features=fresh.features)
    theirs = minimize(value, fresh.x0.double(), LBFGS(8, line_search="strong_wolfe"), steps=25)
    better = found.value < theirs.value
    assert float(better.double().mean()) > 0.6
    assert bool((found.value <= value(fresh.x0.double())).all())
    one = minimize(
        lambda q: ArmPose(*hand_pose(fresh.x0[:1].double())).value(q[None])[0],
        fresh.x0[0].double(),
        "arm",
        steps=3,
        features=fresh.features[0].tolist(),
    )
    assert one.x.shape == (7,)
    with pytest.raises(UserError, match=r"got none; give features \(B, 12\)"):
        minimize(value, fresh.x0, "arm")
    with pytest.raises(UserError, match="problems of 7 variables; x0 has 3"):
        minimize(lambda x: x.sum(dim=1), torch.ones(24, 3), "arm", features=fresh.features)
    with pytest.raises(UserError, match="features are no numbers"):
        minimize(value, fresh.x0, "arm", features="twelve")
    with pytest.raises(UserError, match="PairLSR1 reads none"):
        minimize(value, fresh.x0, features=fresh.features)
    with pytest.raises(UserError, match="bounds are served by PairLSR1 alone"):
        minimize(value, fresh.x0, "arm", features=fresh.features, bounds=(-3, 3))


def test_shipped_fitters_share_their_initial_estimate() -> None:
    ours, theirs = map(load_task, _SAME_ESTIMATE)
    assert isinstance(ours, HMRTask)
    assert isinstance(theirs, HMRTask)
    for one, other in zip(
        ours.initial_estimate.parameters(), theirs.initial_estimate.parameters(), strict=True
    ):
        assert torch.equal(one, other)
    assert sum(p.numel() for p in theirs.parameters()) == 17_449_144
    assert all(p.dtype == torch.float32 for p in ours.parameters())


def test_everything_that_the_studies_need_is_shipped() -> None:
    names = ["quadratics", *(f"profiles_{f}" for f in ("quadratics", "rosenbrock", "rastrigin"))]
    assert {f"{n}{suffix}" for n in names for suffix in ("", "_unprojected")} <= set(shipped())


def test_fit_cannot_go_on_from_an_export(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export_checkpoint(checkpoint, tmp_path / "tiny")
    root = f"--trainer.default_root_dir={tmp_path}"
    fit = ["fit", "--config", "quadratics", "--ckpt", str(tmp_path / "tiny"), root, *TINY]
    assert main(fit) == 2
    assert "last.ckpt" in capsys.readouterr().err
