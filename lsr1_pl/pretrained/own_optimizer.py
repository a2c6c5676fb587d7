"""Optimisers of a user's own class, from a checkpoint that the user trusts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from torch import nn

from lsr1_pl.ground.errors import UserError, complaints, user_error_within
from lsr1_pl.optim import BatchedOptimizer

_KEY = "optimizer"


def own_optimizer(path: Path, section: Mapping[str, Any]) -> BatchedOptimizer:
    """What a config's section makes, whatever class it names: that runs the code of its module.

    Args:
        path: of the checkpoint, for messages.
        section: ``class_path`` and ``init_args``.

    Raises:
        UserError: there is no such class, it refuses its arguments, or it is no optimiser.
    """
    # minimize and load_pretrained of listed classes do without it.
    from jsonargparse import ArgumentError, ArgumentParser

    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(nn.Module, _KEY)
    try:
        made = parser.instantiate(parser.parse_object({_KEY: dict(section)}))[_KEY]
    except (ArgumentError, ValueError, TypeError) as error:
        wrapped = user_error_within(error)
        if wrapped is not None:
            raise wrapped from None
        lines = [f"{path}: its config makes no optimiser:", *complaints(error)]
        lines.append("its module must be importable: start from the folder that it lies in")
        raise UserError("\n  ".join(lines)) from None
    missing = [name for name in ("init", "step") if not callable(getattr(made, name, None))]
    if missing:
        raise UserError(
            f"{path}: {section.get('class_path')} has no {' and no '.join(missing)}; expected an "
            "optimiser as lsr1_pl.optim.BatchedOptimizer describes it"
        )
    return cast(BatchedOptimizer, made)
