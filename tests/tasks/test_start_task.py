"""The task that trains a start, driven by a Trainer and by the command as a user drives it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from quick_trainer import trainer

from lsr1_pl.cli import main
from lsr1_pl.data import Mirrored, MotionDataModule, PartsOfOthers
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr import GivenStart, LiftedEstimate, observe_detections
from lsr1_pl.optim import Adam
from lsr1_pl.tasks import HMRTask, StartTask, Unroll, load_task

UNROLL = Unroll(steps=2, second_order=False)
SMALL = LiftedEstimate(width=64, blocks=1, mirrored=False)


def data(**options: Any) -> MotionDataModule:
    defaults: dict[str, Any] = {
        "batch_size": 64,
        "validation_recordings": ["walk"],
        "test_recordings": ["kick"],
        "validation_count": 12,
        "test_count": 12,
        "augmentation": [Mirrored(), PartsOfOthers()],
    }
    return MotionDataModule(**{**defaults, **options})


def task(**options: Any) -> StartTask:
    torch.manual_seed(0)
    return StartTask(**{"start": SMALL, **options})


def loss_of(model: StartTask, module: MotionDataModule) -> float:
    model.log = lambda *args, **kwargs: None  # type: ignore[method-assign]
    batches = [module.train_batch(number) for number in range(100, 104)]
    with torch.no_grad():
        return sum(float(model.training_step(batch, 0)) for batch in batches) / len(batches)


def test_training_lowers_the_loss_and_the_error() -> None:
    model, module = task(), data()
    model.initial_estimate.centre_on(module.train_batch(0).pose)
    quiet = trainer(max_steps=60)
    (before,) = quiet.validate(model, module, verbose=False)
    first = loss_of(task(), module)
    trained = task()
    training = trainer(max_steps=60, limit_val_batches=0)
    training.fit(trained, module)
    (after,) = quiet.validate(trained, module, verbose=False)
    assert after["val/pa_mpjpe"] < before["val/pa_mpjpe"] - 10
    assert loss_of(trained, module) < 0.8 * first


def test_it_measures_how_it_errs() -> None:
    model, module = task(), data()
    trainer(max_steps=2, limit_val_batches=0).fit(model, module)
    assert int(model.initial_error.batches) == 2
    moment = model.initial_error.second_moment
    assert torch.isfinite(moment).all()
    # A root that was taken for one a turn away would count up to 2 pi of error in each component.
    assert moment[:3, :3].trace() < torch.pi**2 + 1


def test_a_frozen_network_is_refused() -> None:
    with pytest.raises(UserError, match=r"start\.frozen is true"):
        task(start=LiftedEstimate(width=16, frozen=True))


WORDS = [
    "--model.init_args.start.init_args.width=16",
    "--model.init_args.start.init_args.blocks=1",
    "--data.init_args.stores=[open]",
    "--data.init_args.validation_subjects=[]",
    "--data.init_args.validation_recordings=[walk]",
    "--data.init_args.test_subjects=[]",
    "--data.init_args.test_recordings=[kick]",
    "--data.init_args.batch_size=8",
    "--data.init_args.validation_count=4",
    "--data.init_args.test_count=4",
    "--trainer.val_check_interval=2",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fit(*words: str) -> Path:
    assert main(["fit", *words]) == 0
    return Path("runs/start_open/version_0/checkpoints")


def test_the_command_trains_goes_on_exactly_and_tests(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin = ["--config", "start_open.yaml", *WORDS]
    whole = fit(*begin, "--trainer.max_steps=4", "--trainer.default_root_dir=whole")
    whole = Path("whole") / whole.relative_to("runs")
    half = fit(*begin, "--trainer.max_steps=2")
    assert main(["fit", "--ckpt", str(half / "last.ckpt"), "--trainer.max_steps=4"]) == 0
    one, two = (torch.load(p / "last.ckpt", weights_only=True) for p in (whole, half))
    for key, value in one["state_dict"].items():
        assert torch.equal(value, two["state_dict"][key]), key
    capsys.readouterr()
    assert main(["test", "--ckpt", str(half / "best.ckpt")]) == 0
    said = capsys.readouterr()
    assert re.fullmatch(r"test/pa_mpjpe \d+\.\d+\n", said.out)
    (logged,) = Path("runs/start_open/test/version_0").glob("metrics.csv")
    assert "test/pa_mpjpe" in logged.read_text()
    assert said.err == ""


def test_people_are_fitted_from_a_trained_start(folder: Path) -> None:
    half = fit("--config", "start_open.yaml", *WORDS, "--trainer.max_steps=2")
    trained = load_task(half / "last.ckpt")
    assert isinstance(trained, StartTask)
    start = LiftedEstimate(16, 1, mirrored=False, frozen=True, weights=str(half / "last.ckpt"))
    model = HMRTask(Adam(0.01), start=start, unroll=UNROLL)  # type: ignore[arg-type]
    start.take_weights({"initial_estimate": model.initial_estimate}, model.initial_error)
    assert torch.equal(model.initial_error.second_moment, trained.initial_error.second_moment)
    seen = observe_detections(torch.rand(3, 18, 2), torch.ones(3, 18))
    fit_of = model.fitter.fit(seen, 2)
    assert torch.equal(fit_of.iterates[0], trained.initial_estimate.estimate(seen))
    assert isinstance(GivenStart(fit_of.iterates[0])(seen), torch.Tensor)


def test_the_config_names_every_augmentation_once(folder: Path) -> None:
    half = fit("--config", "start_open.yaml", *WORDS, "--trainer.max_steps=1")
    config = yaml.safe_load((half.parent / "config.yaml").read_text())
    parts = [part["class_path"] for part in config["data"]["init_args"]["augmentation"]]
    assert len(parts) == len(set(parts)) == 9
