"""A trained task, and the data it was trained on, from a checkpoint alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser
from pytorch_lightning import LightningDataModule, LightningModule

from lsr1_pl.errors import UserError, complaints, user_error_within
from lsr1_pl.pretrained import check_weights, checkpoint_config, find_checkpoint

_TRUSTED = ("lsr1_pl.", "torch.optim.")
"""A checkpoint's config names classes, and naming one runs it: only these are."""


def load_task(name_or_path: str | Path) -> LightningModule:
    """The trained task of a shipped name, an exported folder or a checkpoint file; in eval mode.

    Raises:
        UserError: no such checkpoint; it is unusable; or its config names classes from elsewhere.
    """
    path = find_checkpoint(name_or_path)
    task: LightningModule = _instantiate(path, "model", LightningModule, {})
    task.load_state_dict(check_weights(path, task))
    return task.eval()


def load_data(name_or_path: str | Path, **changes: object) -> LightningDataModule:
    """The DataModule that the checkpoint was trained with, with some arguments changed.

    Raises:
        UserError: as :func:`load_task`; or the data are not there.
    """
    path = find_checkpoint(name_or_path)
    data: LightningDataModule = _instantiate(path, "data", LightningDataModule, changes)
    return data


def _instantiate(path: Path, key: str, base: type, changes: Mapping[str, object]) -> Any:
    section = checkpoint_config(path).get(key)
    if not isinstance(section, dict) or "class_path" not in section:
        raise UserError(
            f"{path}: its config has no {key}.class_path; expected what lsr1 fit writes"
        )
    for class_path in _class_paths(section):
        if not class_path.startswith(_TRUSTED):
            raise UserError(
                f"{path}: its config names the class {class_path}; only those of "
                f"{' and '.join(_TRUSTED)} are made from a checkpoint"
            )
    arguments = {**(section.get("init_args") or {}), **changes}
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(base, key)
    try:
        config = parser.parse_object({key: {**section, "init_args": arguments}})
        return parser.instantiate(config)[key]
    except (ArgumentError, ValueError) as error:
        # jsonargparse wraps what a class raises while it is made.
        wrapped = user_error_within(error)
        if wrapped is not None:
            raise wrapped from None
        lines = [f"{path}: its config does not fit:", *complaints(error)]
        raise UserError("\n  ".join(lines)) from None


def _class_paths(section: object) -> Iterator[str]:
    if isinstance(section, Mapping):
        for key, value in section.items():
            if key == "class_path":
                yield str(value)
            else:
                yield from _class_paths(value)
    elif isinstance(section, (list, tuple)):
        for item in section:
            yield from _class_paths(item)
