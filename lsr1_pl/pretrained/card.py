"""The card of an exported checkpoint: what it knows of its training, and what a person must add."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lsr1_pl import __version__
from lsr1_pl.pretrained.curves import Curves

CARD_FILE = "README.md"

_SHOWN_VALIDATIONS = 5
_UNKNOWN = "not recorded"


class _Choice(NamedTuple):
    """What ModelCheckpoint says of a checkpoint."""

    monitor: str
    here: float
    best: float


def card(
    name: str,
    checkpoint: Mapping[str, Any],
    config: Mapping[str, Any],
    history: Path | None,
    *,
    half: bool,
) -> str:
    """Markdown in the form of the shipped cards; [Fill in: ...] marks what it does not know.

    Args:
        name: of the exported folder.
        checkpoint: as Lightning wrote it.
        config: the run's.
        history: its curves by step, a CSV.
        half: whether large tensors are stored in half precision.
    """
    model, data = _section(config, "model"), _section(config, "data")
    choice = _choice(checkpoint.get("callbacks"))
    state = checkpoint["state_dict"]
    count = sum(tensor.numel() for key, tensor in state.items() if _is_weight(key, tensor))
    optimizer = _arguments(model).get("optimizer")
    precision = "half precision (tensors of more than 10,000 numbers)" if half else "full precision"
    lightning = checkpoint.get("pytorch-lightning_version", _UNKNOWN)
    lines = [
        f"# {name}",
        "",
        f"{_class(optimizer)} in {_class(model)}, {count:,} weights. [Fill in: what it is for.]",
        "",
        f"- **Trained by** `lsr1 fit --config {config.get('name', _UNKNOWN)}.yaml`, seed "
        f"{config.get('seed_everything', _UNKNOWN)}; `config.yaml` holds every key. [Fill in: "
        "machine and time.]",
        f"- **Data**: {_class(data)}{_listed(_arguments(data))}.",
        f"- **Iterations**: {_iterations(checkpoint, config)}.",
        f"- **Chosen**: {_chosen(choice)}",
        f"- **Has validation settled?** [Fill in: yes or no.]{_validations(choice, history)}"
        f"{_skipped(state)}",
        "- **On the test set**: [Fill in: `lsr1 test --ckpt` of this folder prints it.]",
        f"- **Stored** in {precision}.",
        f"- **Versions**: written by pytorch-lightning {lightning}; exported by lsr1_pl "
        f"{__version__} with torch {torch.__version__}.",
        "- **Licence**: [Fill in: of the weights, and of what they were trained on.]",
    ]
    return "\n".join(lines) + "\n"


def _section(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    section = config.get(key)
    return section if isinstance(section, dict) else {}


def _arguments(section: Mapping[str, Any]) -> Mapping[str, Any]:
    return _section(section, "init_args")


def _class(section: Any) -> str:
    """A class of the config, and the optimiser that it wraps, if it does."""
    if not isinstance(section, dict) or "class_path" not in section:
        return _UNKNOWN
    wrapped = _arguments(section).get("optimizer")
    within = f" of {_class(wrapped)}" if "Metric" in section["class_path"] and wrapped else ""
    return f"`{section['class_path']}`{within}"


def _listed(arguments: Mapping[str, Any]) -> str:
    given = {key: value for key, value in arguments.items() if value not in (None, [], {})}
    return "".join(f", {key} {value}" for key, value in given.items())


def _is_weight(key: str, tensor: Tensor) -> bool:
    """Not a count, such as BatchNorm's of its batches."""
    return tensor.is_floating_point() and not key.endswith(("running_mean", "running_var"))


def _iterations(checkpoint: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    step = checkpoint.get("global_step")
    most = _section(config, "trainer").get("max_steps")
    taken = f"{step:,}" if isinstance(step, int) else _UNKNOWN
    planned = f" of the config's {most:,}" if isinstance(most, int) and most > 0 else ""
    return f"{taken}{planned}"


def _choice(callbacks: Any) -> _Choice | None:
    for state in callbacks.values() if isinstance(callbacks, dict) else ():
        if not isinstance(state, dict):
            continue
        monitor = state.get("monitor")
        here, best = state.get("current_score"), state.get("best_model_score")
        if monitor and here is not None and best is not None:
            try:
                return _Choice(str(monitor), float(here), float(best))
            except (TypeError, ValueError, RuntimeError):
                # Damaged: the card says that it does not know.
                return None
    return None


def _chosen(choice: _Choice | None) -> str:
    if choice is None:
        return "[Fill in: how.]"
    which = "the best so far" if choice.here == choice.best else f"the best was {choice.best:.4g}"
    return f"`{choice.monitor}` was {choice.here:.4g} at its validation, {which}."


def _validations(choice: _Choice | None, history: Path | None) -> str:
    values = [] if choice is None or history is None else Curves(history).column(choice.monitor)[1]
    if not values:
        return ""
    last = ", ".join(f"{value:.4g}" for value in values[-_SHOWN_VALIDATIONS:])
    return f" The last of {len(values)} validations: {last}."


def _skipped(state: Mapping[str, Tensor]) -> str:
    skipped = state.get("skipped_steps")
    return "" if skipped is None else f" Meta-steps skipped: {int(skipped):,}."
