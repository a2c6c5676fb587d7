"""fit, validate and test: LightningCLI with this project's habits."""

from __future__ import annotations

import math
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

import torch
import yaml
from jsonargparse import Namespace
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint, ProgressBar
from pytorch_lightning.cli import ArgsType, LightningArgumentParser, LightningCLI
from pytorch_lightning.loggers import CSVLogger, Logger
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from lsr1_pl.cli.training.arguments import (
    DEFAULT_NAME,
    DEFAULT_ROOT,
    Prepared,
    prepare_arguments,
    run_path,
)
from lsr1_pl.cli.training.checkpoint_io import WholeCheckpointIO
from lsr1_pl.cli.training.interrupt import SavesWhenInterrupted
from lsr1_pl.cli.training.messages import config_error, say_left_out
from lsr1_pl.cli.training.next_command import next_command
from lsr1_pl.cli.training.record_config import RecordConfig
from lsr1_pl.cli.training.resume import LastCheckpoint, RunFolder, check_no_way_out, folder_of_last
from lsr1_pl.cli.training.resumed_state import ResumedState, SoundOptimizers, saved_step
from lsr1_pl.cli.training.run_log import ContinuedCSVLogger, SilentLogger, own_folder
from lsr1_pl.cli.training.seeds import each_seed, run_seeds
from lsr1_pl.cli.training.wandb_log import WandbSettings, finish_wandb, start_wandb
from lsr1_pl.ground.console import plain
from lsr1_pl.ground.errors import UserError, complaints, user_error_within
from lsr1_pl.pretrained import fitting_weights, limited_memory, listed_classes_only
from lsr1_pl.report import (
    IterationProgress,
    StepTable,
    WandbDashboard,
    quiet_lightning,
    short,
)

_TRAINER_DEFAULTS = {
    # Inner gradients need autograd in evaluation too.
    "inference_mode": False,
    "enable_model_summary": False,
    "default_root_dir": DEFAULT_ROOT,
}
_HALVES = ("16-true", "bf16-true", "transformer-engine", "transformer-engine-float16")
"""Precisions in which everything is kept in 16 bits or fewer."""
_ONE_ROW = "Expected more than 1 value per channel when training"
"""How torch's BatchNorm refuses a single row."""


class _CLI(LightningCLI):
    """LightningCLI whose checkpoint was read before parsing, and whose runs have their folder."""

    def __init__(self, prepared: Prepared, **kwargs: Any) -> None:
        self.prepared = prepared
        self.checkpoint_io: WholeCheckpointIO | None = None
        self.last: LastCheckpoint | None = None
        super().__init__(LightningModule, args=prepared.words, **kwargs)

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]
        """The verb that runs, less the options that this class sets itself.

        A parser takes a tenth of a second to make, and the other verbs need none.
        """
        own = {"ckpt_path", "weights_only", "verbose", "return_predictions"}
        verb = self.prepared.words[0]
        return {verb: LightningCLI.subcommands()[verb] | own}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """The options that are not Lightning's."""
        parser.add_argument(
            "--name", type=str | None, help="Of the run: its folder under default_root_dir."
        )
        parser.add_argument(
            "--ckpt", type=str | None, help="A checkpoint; or last, best: the newest of this name."
        )
        parser.add_argument(
            "--trust_checkpoint",
            type=bool,
            default=False,
            help="Take all that a checkpoint says: code, places to write to, connections.",
        )
        parser.add_argument(
            "--matmul_precision",
            type=Literal["highest", "high", "medium"],
            default="highest",
            help="Of float32 products: high is TF32, where the GPU has it.",
        )
        parser.add_argument(
            "--wandb", type=WandbSettings | None, default=None, help="Log to W&B, too."
        )

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse ``args`` alone (Lightning's warns when the process has words of its own).

        The verb's parser does it: the one above it would check every value two more times.
        """
        assert isinstance(args, list)
        verb, *words = args
        if any(word.startswith("--print") for word in words):
            # The parser above prints what it was asked for with --print_config.
            self.config = parser.parse_args(args)
        else:
            parsed = self._parser(verb).parse_args(words)
            self.config = Namespace({"subcommand": verb, verb: parsed})

    def _dump_config(self) -> None:
        """Lightning's, which would check all values again that have just been parsed."""
        if hasattr(self, "config_dump"):
            return
        with warnings.catch_warnings():
            # jsonargparse 4.53 has another name for skip_none, which 4.52 does not know.
            warnings.simplefilter("ignore", DeprecationWarning)
            text = self.parser.dump(
                self.config, skip_link_targets=False, skip_none=False, skip_validation=True
            )
        self.config_dump = yaml.safe_load(text)[self.subcommand]

    def instantiate_classes(self) -> None:
        """Lightning's; what a foreign config asks for is held against the file's weights."""
        source = self.prepared.source
        if source is None:
            super().instantiate_classes()
            return
        try:
            with limited_memory(source, self.prepared.checkpoint["state_dict"]):
                super().instantiate_classes()
        except (ValueError, TypeError, RuntimeError, MisconfigurationException) as error:
            # A class refuses values that are of the right kind, each in a way of its own.
            raise user_error_within(error) or UserError(
                f"{source}: its config makes no training ({next(iter(complaints(error)), '')}); "
                "say what is wrong yourself, with a flag or --config"
            ) from None

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """The Trainer with its loggers and callbacks; makes no folder yet."""
        torch.set_float32_matmul_precision(self._get(self.config_init, "matmul_precision"))
        trainer = self._get(self.config_init, "trainer")
        if str(trainer.precision) in _HALVES:
            # A step is the small difference of large numbers; networks alone bear less precision.
            raise UserError(
                f"trainer.precision is {trainer.precision}: iterates and B need 32 bits; take "
                "bf16-mixed (networks alone in bfloat16), 32-true or 64-true"
            )
        fit = self.subcommand == "fit"
        callbacks = list(trainer.callbacks or [])
        if fit and trainer.enable_checkpointing is not False:
            self.last = LastCheckpoint()
            callbacks += [self.last, SavesWhenInterrupted(self.last)]
        if not fit:
            callbacks = [c for c in callbacks if not isinstance(c, ModelCheckpoint)]
        if trainer.enable_progress_bar is not False and not any(
            isinstance(c, ProgressBar) for c in callbacks
        ):
            callbacks.append(IterationProgress())
        settings = self._get(self.config_init, "wandb")
        if settings is not None:
            callbacks.append(WandbDashboard(settings.pictures_every))
        trainer.callbacks = callbacks
        keeps = trainer.enable_checkpointing is not False and not trainer.barebones
        if trainer.logger is False and fit and keeps:
            kwargs["logger"] = [self._csv_logger(SilentLogger)]
        elif trainer.logger is not False:
            given = trainer.logger if isinstance(trainer.logger, list) else [trainer.logger]
            others = [logger for logger in given if isinstance(logger, Logger)]
            kwargs["logger"] = [self._csv_logger(), *others]
        if fit:
            given = trainer.plugins or []
            others = given if isinstance(given, list) else [given]
            self.checkpoint_io = WholeCheckpointIO()
            kwargs["plugins"] = [*others, self.checkpoint_io]
        return super().instantiate_trainer(**kwargs)

    def _csv_logger(self, kind: type[ContinuedCSVLogger] = ContinuedCSVLogger) -> CSVLogger:
        config = self.config[self.subcommand]
        if self.subcommand == "fit" and config.ckpt:
            folder = folder_of_last(Path(config.ckpt))
            if folder is not None:
                if not self.prepared.trusted:
                    check_no_way_out(folder.path)
                step = saved_step(Path(config.ckpt), self.prepared.checkpoint)
                return kind(folder, until_step=step)
        run = run_path(config.trainer.default_root_dir or DEFAULT_ROOT, self._name())
        if self.subcommand != "fit":
            run = run / str(self.subcommand)
        return kind(RunFolder(run.parent, run.name))

    def _name(self) -> str:
        given = self._get(self.config, "name")
        # An empty name is the user's own, and refused where its folder is made.
        return DEFAULT_NAME if given is None else str(given)

    def _prepare_subcommand_kwargs(self, subcommand: str) -> dict[str, Any]:
        kwargs = super()._prepare_subcommand_kwargs(subcommand)
        checkpoint = self._get(self.config, "ckpt")
        if checkpoint:
            weights = fitting_weights(Path(checkpoint), self.prepared.checkpoint, self.model)
            if subcommand == "fit":
                if Path(checkpoint).is_dir():
                    raise UserError(
                        f"--ckpt {checkpoint}: an exported folder holds weights only; fit goes on "
                        "from the last.ckpt of a run"
                    )
                self._resume(Path(checkpoint))
                kwargs |= {"ckpt_path": checkpoint, "weights_only": True}
            else:
                # Loaded here: the Trainer would want the callbacks that wrote the checkpoint.
                self.model.load_state_dict(weights)
        if subcommand in ("validate", "test"):
            kwargs["verbose"] = False
        return kwargs

    def _resume(self, path: Path) -> None:
        """Have the Trainer load what of the checkpoint is sound."""
        folder = folder_of_last(path)
        own = None if folder is None else folder.path
        resumed = ResumedState(path, self.prepared.checkpoint, own, self.prepared.trusted)
        taken = resumed.taken(self.trainer)
        assert self.checkpoint_io is not None
        self.checkpoint_io.hold(path, taken)
        self.trainer.callbacks.insert(0, SoundOptimizers(path, taken))  # type: ignore[attr-defined]
        say_left_out(path, "state", resumed.left_out)

    def _run_subcommand(self, subcommand: str) -> None:
        settings = self._get(self.config_init, "wandb")
        if subcommand == "fit" and self._is_finished():
            return
        with own_folder(self.trainer, lock=subcommand == "fit") as folder:
            if settings is not None:
                run = start_wandb(settings, subcommand, self._name(), folder)
                self.trainer.loggers = [*self.trainer.loggers, run]
            try:
                super()._run_subcommand(subcommand)
            except SystemExit:
                # How Lightning ends after Ctrl-C.
                if self.trainer.interrupted:
                    raise KeyboardInterrupt(self._how_to_go_on()) from None
                raise
            except (ValueError, RuntimeError) as error:
                if _ONE_ROW not in str(error):
                    raise
                raise UserError(self._one_row()) from None
            finally:
                if settings is not None:
                    finish_wandb()

    def _is_finished(self) -> bool:
        """Whether the checkpoint has done all steps already, which is then said."""
        most, checkpoint = self.trainer.max_steps, self._get(self.config, "ckpt")
        if not checkpoint or most < 1 or Path(checkpoint).is_dir():
            return False
        done = saved_step(Path(checkpoint), self.prepared.checkpoint)
        if done < most:
            return False
        print(
            plain(
                f"{short(checkpoint)} has finished: {done} of {most} iterations are done; to go on "
                f"from there, ask for more: --trainer.max_steps {2 * done}"
            )
        )
        return True

    def _how_to_go_on(self) -> str:
        """Where an interrupted training was saved, and how it goes on; empty if nowhere."""
        path = Path(str(self.trainer.log_dir)) / "checkpoints" / "last.ckpt"
        if self.last is None or self.last.saved_at < 0 or not path.is_file():
            return ""
        return f"saved at iteration {self.last.saved_at}; go on: {next_command('fit', path)}"

    def _one_row(self) -> str:
        data = self._get(self.config, "data")
        given = getattr(getattr(data, "init_args", None), "batch_size", "so small")
        return (
            f"data.init_args.batch_size is {given}: a BatchNorm of the model gets one row in a "
            "training batch, and cannot train on the spread of one; take at least 2 (or, of "
            "functions, more variables)"
        )

    def after_fit(self) -> None:
        """Say where the results are."""
        if not self.trainer.is_global_zero:
            return
        for callback in self.trainer.checkpoint_callbacks:
            if isinstance(callback, ModelCheckpoint) and callback.best_model_score is not None:
                test = next_command("test", Path(callback.best_model_path))
                score = float(callback.best_model_score)
                if math.isfinite(score):
                    print(plain(f"Best: {callback.monitor} {score:.4g}; test it: {test}"))
                else:
                    print(plain(f"Best: none, as {callback.monitor} was never finite"))
        logger = self.trainer.logger
        if isinstance(logger, CSVLogger):
            what = "Checkpoints" if isinstance(logger, SilentLogger) else "Log and checkpoints"
            print(plain(f"{what}: {short(logger.log_dir)}"))

    def after_validate(self) -> None:
        """Say what was measured, where no table of steps does."""
        self._say_metrics()

    def after_test(self) -> None:
        """Say what was measured, where no table of steps does."""
        self._say_metrics()

    def _say_metrics(self) -> None:
        callbacks = self.trainer.callbacks  # type: ignore[attr-defined]
        if not self.trainer.is_global_zero or any(isinstance(c, StepTable) for c in callbacks):
            return
        for name, value in self.trainer.callback_metrics.items():
            print(plain(f"{name} {float(value):.5g}"))


def run_lightning(verb: str, arguments: Sequence[str]) -> int:
    """Run one of Lightning's verbs.

    Raises:
        UserError: a config, key, value, checkpoint or data set that does not fit.
    """
    seeds = each_seed(verb, arguments)
    if seeds is not None:
        run_seeds(verb, seeds, run_lightning)
        return 0
    # A config may name classes of the user's own folder; last, so that nothing is shadowed.
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    prepared = prepare_arguments(verb, arguments)
    source = prepared.source
    if source is not None:
        say_left_out(source, "config", prepared.left_out)
    guard = nullcontext() if source is None else listed_classes_only(source, arguments)
    with warnings.catch_warnings(), guard:
        quiet_lightning()
        try:
            _CLI(
                prepared,
                subclass_mode_model=True,
                subclass_mode_data=True,
                auto_configure_optimizers=False,
                save_config_callback=RecordConfig,
                seed_everything_default=0,
                trainer_defaults=_TRAINER_DEFAULTS,
                parser_kwargs=_parser_kwargs(verb),
            )
        except MisconfigurationException as error:
            raise UserError(f"{verb}: {error}") from None
        except Exception as error:
            # jsonargparse wraps what a class raises while it is built from the config.
            found = config_error(verb, prepared.configs, error)
            if found is None:
                raise
            raise found from None
    return 0


def _parser_kwargs(verb: str) -> dict[str, Any]:
    return {"prog": "lsr1", "exit_on_error": False, verb: {"exit_on_error": False}}
