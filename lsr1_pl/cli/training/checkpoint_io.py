"""Checkpoints that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import written


class WholeCheckpointIO(TorchCheckpointIO):
    """Writes beside the place, then renames: a kill or a full disk leaves the last good file.

    Lightning's own writes to the system's temporary folder and moves, which is a copy where that
    is another disk: cut short, it leaves neither the old file nor the new one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._held: tuple[Path, dict[str, Any]] | None = None

    def hold(self, path: Path, content: dict[str, Any]) -> None:
        """Give ``content`` for the checkpoint at ``path``: it was read and looked through."""
        self._held = path, content

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Any = lambda storage, location: storage,
        weights_only: bool | None = None,
    ) -> dict[str, Any]:
        """What is held for ``path``, if anything is; else Lightning's reading, of weights only."""
        if self._held is not None and Path(path) == self._held[0]:
            return self._held[1]
        return super().load_checkpoint(path, map_location, weights_only=True)

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        """Save ``checkpoint`` at ``path``.

        Raises:
            UserError: it cannot be written; what was at ``path`` is still there.
        """
        target = Path(path)
        try:
            with written(target, durable=True) as partial, partial.open("wb") as file:
                torch.save(checkpoint, file)
        except (OSError, RuntimeError, UserError) as error:
            # torch wraps what its zip writer meets in a RuntimeError.
            kept = "the one before it is kept" if target.is_file() else "there is none yet"
            raise UserError(
                f"{target}: the checkpoint cannot be written ({_reason(error)}); {kept}. Make "
                "room, or name a folder that can be written with --trainer.default_root_dir; then "
                "go on with --ckpt last"
            ) from error


def _reason(error: Exception) -> str:
    """The first line of the system's own error, where :func:`written` has named it."""
    cause = error.__cause__ if isinstance(error, UserError) and error.__cause__ else error
    return (str(cause).splitlines() or [type(cause).__name__])[0]
