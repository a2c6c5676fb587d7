"""fit, validate, test and predict: LightningCLI with this project's habits."""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentError
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.loggers import CSVLogger, Logger
from pytorch_lightning.utilities.model_helpers import is_overridden

from lsr1_pl.cli.checkpoints import checkpoint_config, newest_last, read_checkpoint
from lsr1_pl.cli.configs import resolve_config
from lsr1_pl.cli.record_config import RecordConfig
from lsr1_pl.errors import UserError
from lsr1_pl.report import IterationProgress

_TRAINER_DEFAULTS = {
    # Inner gradients need autograd in evaluation too.
    "inference_mode": False,
    "enable_model_summary": False,
    "default_root_dir": "runs",
}


class _CLI(LightningCLI):
    """LightningCLI without its own reading of checkpoints: the config has come from there."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_argument(
            "--name", type=str, default="run", help="Of the run: its folder under default_root_dir."
        )

    def _parse_ckpt_path(self) -> None:
        pass

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        config = self.config[self.subcommand]
        root, name = Path(config.trainer.default_root_dir), config.name
        if self.subcommand != "fit":
            name = f"{name}/{self.subcommand}"
        given = self._get(self.config_init, "trainer").logger
        others = given if isinstance(given, list) else [given] if isinstance(given, Logger) else []
        self.csv = CSVLogger(save_dir=root, name=name)
        self.run_folder_is_new = not Path(self.csv.log_dir).exists()
        if self.subcommand != "fit":
            trainer_config = self._get(self.config_init, "trainer")
            trainer_config.callbacks = [
                callback
                for callback in trainer_config.callbacks or []
                if not isinstance(callback, ModelCheckpoint)
            ]
        return super().instantiate_trainer(logger=[self.csv, *others], **kwargs)

    def _run_subcommand(self, subcommand: str) -> None:
        if subcommand == "predict" and not is_overridden("predict_step", self.model):
            raise UserError(f"{type(self.model).__name__} has no prediction; use lsr1 test")
        try:
            super()._run_subcommand(subcommand)
        except Exception as error:
            self._remove_empty_run()
            if isinstance(error, RuntimeError) and "loading state_dict" in str(error):
                raise UserError(_mismatch(self._get(self.config, "ckpt_path"), error)) from None
            raise

    def _prepare_subcommand_kwargs(self, subcommand: str) -> dict[str, Any]:
        kwargs = super()._prepare_subcommand_kwargs(subcommand)
        kwargs["weights_only"] = True
        if subcommand != "fit":
            # Loaded here: the Trainer would want the callbacks that wrote the checkpoint.
            path = kwargs.pop("ckpt_path")
            self.model.load_state_dict(read_checkpoint(Path(path))["state_dict"])
        if subcommand in ("validate", "test"):
            kwargs["verbose"] = False
        return kwargs

    def _remove_empty_run(self) -> None:
        folder = Path(self.csv.log_dir)
        results = [f for f in folder.rglob("*") if f.is_file() and f.name not in _NOT_A_RESULT]
        if self.run_folder_is_new and not results:
            shutil.rmtree(folder, ignore_errors=True)


_NOT_A_RESULT = ("config.yaml", "hparams.yaml", "metrics.csv")


def run_lightning(verb: str, arguments: list[str]) -> int:
    """Run one of Lightning's verbs.

    Raises:
        UserError: a config, key, value, checkpoint or data set that does not fit.
    """
    _quiet_lightning()
    with tempfile.TemporaryDirectory() as scratch:
        prepared = [verb, *_prepare(verb, arguments, Path(scratch))]
        try:
            _build(prepared)
        except ArgumentError as error:
            raise UserError(f"{verb}: {_readable(error)}") from None
    return 0


def _build(arguments: list[str]) -> None:
    # LightningCLI warns where sys.argv and its own arguments are both given.
    program, sys.argv = sys.argv, sys.argv[:1]
    try:
        _CLI(
            LightningModule,
            subclass_mode_model=True,
            subclass_mode_data=True,
            auto_configure_optimizers=False,
            save_config_callback=RecordConfig,
            trainer_defaults={**_TRAINER_DEFAULTS, "callbacks": [IterationProgress()]},
            parser_kwargs=_parser_kwargs(),
            args=arguments,
        )
    finally:
        sys.argv = program


def _parser_kwargs() -> dict[str, Any]:
    each: dict[str, Any] = {"exit_on_error": False}
    return {**each, **{verb: dict(each) for verb in LightningCLI.subcommands()}}


def _prepare(verb: str, arguments: list[str], scratch: Path) -> list[str]:
    """The arguments with configs found, ``--ckpt`` read, and the run named."""
    rest, configs, checkpoint = _split(arguments)
    if "-h" in rest or "--help" in rest:
        return rest
    paths = [resolve_config(name) for name in configs]
    first: list[str] = []
    if checkpoint is not None:
        name = _value_of(rest, "--name") or (paths[0].stem if paths else "run")
        root = Path(_value_of(rest, "--trainer.default_root_dir") or "runs")
        path = newest_last(root / name) if checkpoint == "last" else Path(checkpoint)
        if not paths:
            text = yaml.safe_dump(checkpoint_config(path), sort_keys=False)
            (scratch / "from_checkpoint.yaml").write_text(text, encoding="utf-8")
            first = ["--config", str(scratch / "from_checkpoint.yaml")]
        elif not path.is_file():
            raise UserError(f"--ckpt {path}: no such file")
        rest = [*rest, "--ckpt_path", str(path)]
    elif verb != "fit" and "--print_config" not in rest:
        raise UserError(f"{verb} needs a checkpoint: lsr1 {verb} --ckpt FILE")
    elif not paths:
        raise UserError(f"{verb} needs a config: lsr1 {verb} --config NAME (see lsr1 --help)")
    named = ["--name", paths[0].stem] if paths else []
    return [*first, *named, *(f"--config={path}" for path in paths), *rest]


def _split(arguments: list[str]) -> tuple[list[str], list[str], str | None]:
    """What is neither ``--config`` nor ``--ckpt``; the configs; the checkpoint."""
    rest: list[str] = []
    found: dict[str, list[str]] = {"--config": [], "--ckpt": []}
    aliases = {"-c": "--config", "--ckpt_path": "--ckpt"}
    pending = iter(arguments)
    for argument in pending:
        key, equals, value = argument.partition("=")
        key = aliases.get(key, key)
        if key not in found:
            rest.append(argument)
            continue
        if not equals:
            value = next(pending, "")
        if not value:
            raise UserError(f"{key} needs a value")
        found[key].append(value)
    if len(found["--ckpt"]) > 1:
        raise UserError(f"--ckpt is given {len(found['--ckpt'])} times; give it once")
    return rest, found["--config"], next(iter(found["--ckpt"]), None)


def _value_of(arguments: list[str], key: str) -> str | None:
    for position, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == key:
            return value if equals else next(iter(arguments[position + 1 :]), None)
    return None


def _readable(error: ArgumentError) -> str:
    """jsonargparse's message without the names of its internals."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "\n  ".join(lines)


def _mismatch(path: str, error: RuntimeError) -> str:
    keys = "; ".join(line.strip() for line in str(error).splitlines()[1:4])
    return (
        f"--ckpt {path}: its weights do not fit the configured model ({keys}); "
        "test it with its own config, that is without --config or --model options"
    )


def _quiet_lightning() -> None:
    # Tips, device tables and the like: they would bury the tables that people read.
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    # Batches are drawn in the training process: that takes under a millisecond.
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    warnings.filterwarnings("ignore", message=".*LeafSpec.*", module="pytorch_lightning.*")
