"""Trained optimisers, ready to use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

import lsr1_pl
from lsr1_pl.ground.choices import did_you_mean
from lsr1_pl.ground.errors import UserError
from lsr1_pl.optim import (
    LSR1,
    CoordinatewiseLSTM,
    FamilyOptimizer,
    LearnedBFGS,
    MomentumMLP,
    PairLSR1,
    RankOneTransformer,
)
from lsr1_pl.optim.lsr1.assembly import assembled
from lsr1_pl.pretrained.checkpoints import (
    NAMED,
    WEIGHTS_FILE,
    check_weights,
    config_of,
    fitting_weights,
    read_checkpoint,
)
from lsr1_pl.pretrained.foreign.trust import foreign_part
from lsr1_pl.pretrained.own_optimizer import own_optimizer

_PREFIX = "optimizer."
_CLASSES: dict[str, type[nn.Module]] = {
    "lsr1_pl.LSR1": LSR1,
    **{
        f"lsr1_pl.optim.{kind.__name__}": kind
        for kind in (
            *(LSR1, PairLSR1),
            *(CoordinatewiseLSTM, LearnedBFGS, MomentumMLP, RankOneTransformer),
            FamilyOptimizer,
        )
    },
}


def load_pretrained(name_or_path: str | Path, *, trust: bool = False) -> Any:
    """The trained optimiser of a shipped name, a run's or exported folder, or a checkpoint file.

    In eval mode, and in single precision; ``.double()`` makes it serve double.

    Args:
        name_or_path: of the checkpoint; a run's folder stands for its best.
        trust: whether its config may name a class of any module, such as an optimiser of one's
            own; naming one runs its code.

    Raises:
        UserError: no such checkpoint; it is unusable; or it holds an optimiser that is
            not this package's, and is not trusted.
    """
    path = find_checkpoint(name_or_path)
    checkpoint = read_checkpoint(path)
    section = _model_section(config_of(path, checkpoint)).get("optimizer")
    class_path = section.get("class_path") if isinstance(section, dict) else None
    # A family's optimiser may hold one of the user's own.
    listed = class_path in _CLASSES and _CLASSES.get(str(class_path)) is not FamilyOptimizer
    if trust and isinstance(section, dict) and not listed:
        own: Any = own_optimizer(path, section)
        own.load_state_dict(fitting_weights(path, checkpoint, own, _PREFIX))
        return own.eval()
    if not isinstance(section, dict) or class_path not in _CLASSES:
        raise UserError(
            f"{path}: its config's model.init_args.optimizer is none of {sorted(_CLASSES)}; "
            "expected a checkpoint of a task that trains one of them. If it is an optimiser of "
            "yours, or of someone whom you trust: load_pretrained(path, trust=True), or "
            "--trust_checkpoint true"
        )
    section = foreign_part(path, "model.init_args.optimizer", section)
    try:
        # Without memory first: the weights must fit before a size that is a lie takes any.
        with torch.device("meta"):
            shapes = _made(path, section)
        weights = fitting_weights(path, checkpoint, shapes, _PREFIX)
        learned = _made(path, section)
        learned.load_state_dict(weights)
    except (TypeError, ValueError, RuntimeError, OverflowError, AttributeError) as error:
        raise UserError(f"{path}: its config makes no {class_path} ({error})") from None
    return learned.eval()


def _made(path: Path, section: dict[str, Any]) -> Any:
    """The optimiser that a section of a listed class makes, without knowledge."""
    kind = _CLASSES[section["class_path"]]
    if kind is FamilyOptimizer:
        # Its parts are classes within classes, all of which the list knows.
        return own_optimizer(path, section)
    return kind(**assembled(kind, section.get("init_args") or {}))


def load_optimizer(name_or_path: str | Path) -> LSR1:
    """:func:`load_pretrained`, of the paper's L-SR1 alone.

    Raises:
        UserError: as there; or the checkpoint holds another optimiser.
    """
    learned = load_pretrained(name_or_path)
    if not isinstance(learned, LSR1):
        raise UserError(f"{name_or_path}: holds a {type(learned).__name__}; expected an LSR1")
    return learned


def find_checkpoint(name_or_path: str | Path) -> Path:
    """The file or exported folder of a path, the best of a run's folder, or a shipped checkpoint.

    A run's folder is ``runs/NAME``, which stands for its newest version with a checkpoint, or one
    of its versions; where a run kept no ``best.ckpt``, its ``last.ckpt`` is meant.

    Raises:
        UserError: there is none of these.
    """
    path = Path(name_or_path)
    if not path.exists() and (shipped_folder() / str(name_or_path) / WEIGHTS_FILE).is_file():
        return shipped_folder() / str(name_or_path)
    if not path.exists():
        known = shipped()
        raise UserError(
            f"{name_or_path}: no such file, and no such checkpoint is shipped; shipped are "
            f"{', '.join(known) or 'none'}{did_you_mean(name_or_path, known)}"
        )
    return _of_run(path) if path.is_dir() and not (path / WEIGHTS_FILE).exists() else path


def _of_run(folder: Path) -> Path:
    """The best checkpoint of a run's folder or of one of its versions; else the folder itself."""
    for name in reversed(NAMED):
        found = [*folder.glob(f"checkpoints/{name}.ckpt")]
        found += folder.glob(f"version_*/checkpoints/{name}.ckpt")
        if found:
            return max(found, key=lambda path: path.stat().st_mtime)
    return folder


def take_weights(source: str | None, **parts: nn.Module) -> None:
    """Give modules the weights that stand in the checkpoint ``source``, if any, under their names.

    Raises:
        UserError: no such checkpoint, or its weights do not fit.
    """
    if source is None:
        return
    path = find_checkpoint(source)
    for name, module in parts.items():
        module.load_state_dict(check_weights(path, module, f"{name}."))


def shipped_folder() -> Path:
    """The folder of the trained optimisers that come with the package."""
    package = Path(lsr1_pl.__file__).parent
    inside = package / "checkpoints"
    # In a source checkout they stand beside the package; a wheel carries them inside it.
    return inside if inside.is_dir() else package.parent / "checkpoints"


def shipped() -> list[str]:
    """The names of the trained optimisers that come with the package."""
    return sorted(path.parent.name for path in shipped_folder().glob(f"*/{WEIGHTS_FILE}"))


def _model_section(config: dict[str, Any]) -> dict[str, Any]:
    model = config.get("model")
    arguments = model.get("init_args") if isinstance(model, dict) else None
    return arguments if isinstance(arguments, dict) else {}
