"""Lightning's state in a checkpoint, looked through before a training goes on with it.

Damaged state that an exact resume cannot do without is an error. Other state is left out, and that
is said. Of a checkpoint that the user does not trust, no state names a place outside the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytorch_lightning
import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback, ModelCheckpoint

from lsr1_pl.cli.training.optimizer_state import sound_optimizer, sound_schedule
from lsr1_pl.cli.training.resume import RANDOM_STATE
from lsr1_pl.cli.training.state_values import alike, harmless, is_count
from lsr1_pl.ground.console import plain
from lsr1_pl.ground.errors import UserError
from lsr1_pl.pretrained import CONFIG_KEY

_VERSION = "pytorch-lightning_version"
_UNUSED = (
    # Only loading a class from a checkpoint reads these; the command builds it from the config.
    *("hyper_parameters", "datamodule_hyper_parameters", "hparams_name", "datamodule_hparams_name"),
    *("hparams_type", "datamodule_hparams_type", "native_amp_scaling_state", CONFIG_KEY, _VERSION),
)
_HANDLED = ("state_dict", "epoch", "global_step", "loops", "callbacks", RANDOM_STATE)
_CHECKED_LATER = ("optimizer_states", "lr_schedulers")
_SHOWN = 60


@dataclass
class ResumedState:
    """What a training takes of a checkpoint.

    Args:
        path: the checkpoint.
        given: its content.
        folder: the version's folder that the training goes on in; None for another one.
        trusted: whether the user trusts the file.
    """

    path: Path
    given: Mapping[str, Any]
    folder: Path | None
    trusted: bool
    left_out: dict[str, str] = field(default_factory=dict)
    """What could not be used, and why."""

    def taken(self, trainer: Trainer) -> dict[str, Any]:
        """A sound checkpoint for a Trainer that has not begun.

        Raises:
            UserError: what a training cannot go on without is missing or damaged.
        """
        state: dict[str, Any] = {
            "state_dict": self.given["state_dict"],
            # Its migrations would walk what nobody has looked through; the structure is held
            # against this release's instead.
            _VERSION: pytorch_lightning.__version__,
            "epoch": self._count("epoch"),
            "global_step": self._count("global_step"),
            "loops": {"fit_loop": self._loops(trainer)},
            "callbacks": self._callbacks(trainer),
        }
        random_state = self._random_state()
        if random_state is not None:
            state[RANDOM_STATE] = random_state
        for key in _CHECKED_LATER:
            value = self.given.get(key)
            if not isinstance(value, list) or not harmless(value):
                raise self._damaged(key)
            state[key] = value
        state.update(self._others(trainer))
        return state

    def _count(self, key: str) -> int:
        value = self.given.get(key)
        if not is_count(value):
            raise self._damaged(key)
        return value

    def _loops(self, trainer: Trainer) -> dict[str, Any]:
        loops = self.given.get("loops")
        given = loops.get("fit_loop") if isinstance(loops, dict) else None
        template = trainer.fit_loop.state_dict()
        if not isinstance(given, dict):
            raise self._damaged("loops")
        taken: dict[str, Any] = {}
        for key, expected in template.items():
            value = given.get(key)
            if not isinstance(value, dict) or not harmless(value):
                raise self._damaged(f"loops.fit_loop.{key}")
            if key == "state_dict":
                # Of loaders that can be resumed; they are the user's own.
                taken[key] = value
                continue
            if not alike(expected, value, counts=True):
                raise self._damaged(f"loops.fit_loop.{key}")
            taken[key] = value
        return taken

    def _random_state(self) -> Any:
        value = self.given.get(RANDOM_STATE)
        if value is None:
            return None
        try:
            torch.Generator().set_state(value[0])
            sound = all(part.dtype == torch.uint8 and part.dim() == 1 for part in value)
        except (TypeError, RuntimeError, IndexError, KeyError, AttributeError):
            sound = False
        if sound:
            return value
        self.left_out["the random state"] = "it is damaged; dropout and data draw other numbers"
        return None

    def _callbacks(self, trainer: Trainer) -> dict[str, Any]:
        given = self.given.get("callbacks")
        if not isinstance(given, dict):
            self.left_out["the state of callbacks"] = "it is damaged; the best score starts anew"
            return {}
        if self.trusted:
            return given
        taken: dict[str, Any] = {}
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            key = callback.state_key
            key = key if key in given else callback._legacy_state_key
            if key not in given:
                continue
            why = self._unusable(callback, given[key])
            if why is None:
                taken[key] = given[key]
            elif why:
                name = type(callback).__name__
                self.left_out[f"the state of {name}"] = f"{why}; it starts anew"
        return taken

    def _unusable(self, callback: Callback, state: Any) -> str | None:
        """Why a callback's state is not taken; empty where that needs no word."""
        if isinstance(callback, ModelCheckpoint):
            if self.folder is None:
                # Its files belong to the version that wrote them.
                return ""
            return _unusable_files(state, self.folder / "checkpoints")
        if not harmless(state):
            return "it is damaged, or names a place"
        if type(callback).__module__.startswith("pytorch_lightning."):
            try:
                template = callback.state_dict()
            except Exception:
                return None
            if not alike(template, state):
                return "it is damaged"
        return None

    def _others(self, trainer: Trainer) -> dict[str, Any]:
        """The state of the data module, the precision, or a class of the user's own."""
        known = (*_UNUSED, *_HANDLED, *_CHECKED_LATER)
        precision = trainer.precision_plugin
        taken: dict[str, Any] = {}
        for key, value in self.given.items():
            if key in known:
                continue
            name = plain(key)[:_SHOWN]
            if key == type(precision).__qualname__:
                if alike(precision.state_dict(), value):
                    taken[key] = value
                else:
                    self.left_out[name] = "it is not of this precision; its scale starts anew"
            elif self.trusted or (isinstance(key, str) and harmless(value)):
                taken[key] = value
            else:
                self.left_out[name] = "it is no plain state, or names a place"
        return taken

    def _damaged(self, key: str) -> UserError:
        return damaged(self.path, key)


def saved_step(path: Path, checkpoint: Mapping[str, Any]) -> int:
    """The iteration after which a checkpoint was written.

    Raises:
        UserError: it does not say.
    """
    step = checkpoint.get("global_step")
    if not is_count(step):
        raise damaged(path, "global_step")
    return step


def damaged(path: Path, key: str) -> UserError:
    """The error for state that a training cannot go on without."""
    return UserError(
        f"--ckpt {path}: its {plain(key)} is missing or damaged, or not of this config and "
        "release, so that training cannot go on exactly; name another checkpoint of the run, such "
        "as --ckpt best, or start a new run"
    )


def _unusable_files(state: Any, folder: Path) -> str | None:
    """Why the state of ModelCheckpoint is not taken, whose files must all lie in ``folder``."""
    keys = {
        *("monitor", "best_model_score", "best_model_path", "current_score", "dirpath"),
        *("best_k_models", "kth_best_model_path", "kth_value", "last_model_path"),
    }
    if not isinstance(state, dict) or set(state) != keys:
        return "it is damaged"
    best = state["best_k_models"]
    if not isinstance(best, dict) or not all(map(_score, best.values())):
        return "it is damaged"
    if not all(_score(state[key]) for key in ("best_model_score", "current_score", "kth_value")):
        return "it is damaged"
    if not harmless({"monitor": state["monitor"]}):
        return "it is damaged"
    if state["dirpath"] != str(folder):
        return "it is of another folder"
    paths = [state[key] for key in ("best_model_path", "kth_best_model_path", "last_model_path")]
    if not all(path == "" or _within(path, folder) for path in paths):
        return "it names files outside the run"
    if not all(_within(path, folder) for path in best):
        return "it names files outside the run"
    return None


def _score(value: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return value.numel() == 1 and value.is_floating_point()
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _within(path: Any, folder: Path) -> bool:
    """Whether it is a checkpoint's local, absolute path in ``folder``, links followed."""
    if not isinstance(path, str) or not path.startswith(str(folder)) or "\0" in path:
        return False
    if "::" in path or "://" in path or not path.endswith(".ckpt"):
        return False
    try:
        found = Path(path).resolve()
    except (OSError, RuntimeError):
        return False
    return folder in found.parents and (found.is_file() or not found.exists())


class SoundOptimizers(Callback):
    """Holds a checkpoint's meta-optimiser and schedule against those that were just made.

    Args:
        path: the checkpoint, for messages.
        state: what the Trainer will load from; its two lists are replaced by what is taken.
    """

    def __init__(self, path: Path, state: dict[str, Any]) -> None:
        self._path, self._state = path, state

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check, before the Trainer loads.

        Raises:
            UserError: the state does not fit.
        """
        given = self._state["optimizer_states"]
        schedules = self._state["lr_schedulers"]
        configs = trainer.lr_scheduler_configs
        if len(given) != len(trainer.optimizers):
            raise damaged(self._path, "optimizer_states")
        if len(schedules) != len(configs):
            raise damaged(self._path, "lr_schedulers")
        steps = max(self._state["global_step"], self._state["epoch"]) + 1
        for position, optimizer in enumerate(trainer.optimizers):
            if not sound_optimizer(optimizer, given[position]):
                raise damaged(self._path, f"optimizer_states[{position}]")
        for position, config in enumerate(configs):
            taken = sound_schedule(config.scheduler, schedules[position], steps)
            if taken is None:
                raise damaged(self._path, f"lr_schedulers[{position}]")
            schedules[position] = taken
