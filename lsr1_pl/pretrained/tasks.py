"""A trained task, and the data it was trained on, from a checkpoint alone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser
from pytorch_lightning import LightningDataModule, LightningModule

from lsr1_pl.ground.errors import UserError, complaints, user_error_within
from lsr1_pl.pretrained import (
    config_of,
    find_checkpoint,
    fitting_weights,
    foreign_part,
    limited_memory,
    listed_classes_only,
    read_checkpoint,
)


def load_task(name_or_path: str | Path, *, trust: bool = False) -> LightningModule:
    """The trained task of a shipped name, an exported folder or a checkpoint file; in eval mode.

    Args:
        name_or_path: of the checkpoint.
        trust: whether its config may name classes of any module; naming one runs its code.

    Raises:
        UserError: no such checkpoint; it is unusable; or its config names classes from elsewhere.
    """
    path = find_checkpoint(name_or_path)
    checkpoint = read_checkpoint(path)
    task: LightningModule = _instantiate(path, checkpoint, "model", LightningModule, {}, trust)
    task.load_state_dict(fitting_weights(path, checkpoint, task))
    return task.eval()


def load_data(name_or_path: str | Path, **changes: object) -> LightningDataModule:
    """The DataModule that the checkpoint was trained with, with some arguments changed.

    Raises:
        UserError: as :func:`load_task`; or the data are not there.
    """
    path = find_checkpoint(name_or_path)
    checkpoint = read_checkpoint(path)
    data: LightningDataModule = _instantiate(
        path, checkpoint, "data", LightningDataModule, changes, False
    )
    return data


def _instantiate(
    path: Path,
    checkpoint: Mapping[str, Any],
    key: str,
    base: type,
    changes: Mapping[str, object],
    trust: bool,
) -> Any:
    section = config_of(path, checkpoint).get(key)
    if not isinstance(section, dict) or "class_path" not in section:
        raise UserError(
            f"{path}: its config has no {key}.class_path; expected what lsr1 fit writes"
        )
    if not trust:
        section = foreign_part(path, key, section)
    arguments = {**(section.get("init_args") or {}), **changes}
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(base, key)
    try:
        with ExitStack() as walls:
            if not trust:
                walls.enter_context(listed_classes_only(path))
                walls.enter_context(limited_memory(path, checkpoint["state_dict"]))
            config = parser.parse_object({key: {**section, "init_args": arguments}})
            return parser.instantiate(config)[key]
    except (ArgumentError, ValueError) as error:
        # jsonargparse wraps what a class raises while it is made.
        wrapped = user_error_within(error)
        if wrapped is not None:
            raise wrapped from None
        lines = [f"{path}: its config does not fit:", *complaints(error)]
        raise UserError("\n  ".join(lines)) from None
