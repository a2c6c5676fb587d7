"""A run's own folder: one process makes it, one fit writes to it, and its log is gone on with."""

from __future__ import annotations

import csv
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, cast

from pytorch_lightning import Trainer
from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.loggers.csv_logs import ExperimentWriter
from pytorch_lightning.utilities import rank_zero_only
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from lsr1_pl.cli.training.resume import RunFolder
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import MEND, locked, remove_partials, written
from lsr1_pl.pretrained import METRICS_FILE, Curves

_VERSION = re.compile(r"version_([0-9]+)")


class ContinuedCSVLogger(CSVLogger):
    """A CSVLogger with a version of its own, or that goes on in the log of an earlier one.

    The first to ask for ``version`` makes its folder, in the process of rank 0 alone; the others
    learn it by :meth:`take_version`.

    Args:
        folder: where to log; without a version, in the next free one.
        until_step: logged rows of this step and later are dropped: training that goes on from a
            checkpoint of that step will log them again.
    """

    def __init__(self, folder: RunFolder, until_step: int = 0) -> None:
        super().__init__(save_dir=folder.root, name=folder.name, version=folder.version)
        self._until_step = until_step
        self.made = False
        """Whether this process made the version's folder."""

    @property
    def version(self) -> int | str:
        """``version_K``; the process of rank 0 makes its folder, so that no other run takes it."""
        if self._version is None and _is_rank_zero():
            self._version = make_version(Path(self.root_dir))
            self.made = True
        return super().version

    def take_version(self, folder: Path) -> None:
        """Log to the ``folder`` that the process of rank 0 has made."""
        self._version = folder.name

    @property
    def experiment(self) -> ExperimentWriter:
        """The writer, after the usable rows that are in its file already."""
        if self._experiment is None and _is_rank_zero():
            writer = _Writer(log_dir=self.log_dir)
            path = Path(writer.metrics_file_path)
            if os.path.lexists(path):
                writer.metrics_keys = _rewrite(path, before_step=self._until_step)
            self._experiment = writer
        return cast(ExperimentWriter, super().experiment)


class SilentLogger(ContinuedCSVLogger):
    """Logs nothing: it only knows the run's folder, for its config and checkpoints."""

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        """Nothing."""

    def log_hyperparams(self, params: Any = None) -> None:
        """Nothing."""

    def save(self) -> None:
        """Nothing."""


class _Writer(ExperimentWriter):
    """Lightning's, which keeps the file that is there, and changes its first line safely."""

    def _check_log_dir_exists(self) -> None:
        """Nothing: Lightning's own deletes the file."""

    def _rewrite_with_new_header(self, fieldnames: list[str]) -> None:
        _rewrite(Path(self.metrics_file_path), names=fieldnames)


def _rewrite(
    path: Path, names: list[str] | None = None, before_step: int | None = None
) -> list[str]:
    """Write the usable rows of a log under its sorted names, or ``names``, which it returns.

    What cannot be used is said in one line on stderr, and a copy of the file is kept beside it.
    """
    curves = Curves(path)
    names = names or sorted(curves.names) or ["step"]
    with written(path) as partial:
        with partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            for row in curves:
                if before_step is None or int(row["step"]) < before_step:
                    writer.writerow(row)
        if curves.unusable():
            copy = _free_name(path)
            with written(copy) as other:
                shutil.copyfile(path, other)
            curves.report(f"training goes on without it; the file is kept as {copy.name}")
    return names


def _free_name(path: Path) -> Path:
    """``metrics.damaged_K.csv`` beside ``metrics.csv``, the first that is free."""
    number = 0
    while os.path.lexists(copy := path.with_name(f"{path.stem}.damaged_{number}{path.suffix}")):
        number += 1
    return copy


def make_version(run: Path) -> str:
    """Make the next free ``version_K`` in the folder of a run, for this process alone.

    Raises:
        UserError: it cannot be made; the message names ``run``.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
        taken = [_VERSION.fullmatch(path.name) for path in run.iterdir()]
        number = max((int(match[1]) for match in taken if match), default=-1) + 1
        while True:
            with suppress(FileExistsError):
                # Makes the run's folder too: a run that ended just now may have removed it.
                (run / f"version_{number}").mkdir(parents=True)
                return f"version_{number}"
            number += 1
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{run}: the run's folder cannot be made ({reason}); {MEND}") from None


@contextmanager
def own_folder(trainer: Trainer, *, lock: bool) -> Iterator[Path]:
    """The folder that ``trainer`` writes to; taken away again if bad input ends what never began.

    Args:
        trainer: has its loggers.
        lock: whether to hold the folder, as a fit does, which ``--ckpt last`` may go on with.

    Raises:
        UserError: another fit writes there.
    """
    logger = trainer.logger
    ours = isinstance(logger, ContinuedCSVLogger)
    above = Path(logger.root_dir if isinstance(logger, ContinuedCSVLogger) else _root(trainer))
    new = [folder for folder in (above, *above.parents) if not folder.exists()]
    folder = Path(str(trainer.log_dir)).resolve()
    try:
        with _held(folder) if lock and ours and _is_rank_zero() else nullcontext():
            yield folder
    except (UserError, MisconfigurationException):
        if isinstance(logger, ContinuedCSVLogger) and logger.made:
            new = [folder, *new]
        if _is_rank_zero():
            _remove_fruitless(new)
        raise


def _root(trainer: Trainer) -> str:
    return str(trainer.default_root_dir)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    mend = "wait for its end, or go on from best.ckpt (--ckpt best), which starts a version anew"
    with locked(folder / METRICS_FILE, "a fit", mend):
        for place in (folder, folder / "checkpoints"):
            remove_partials(place)
        yield


def _remove_fruitless(new: list[Path]) -> None:
    """Remove folders that were made, the inmost first, unless there are results in it."""
    if not new or [f for f in new[0].rglob("*") if f.suffix in (".ckpt", ".png")]:
        return
    shutil.rmtree(new[0], ignore_errors=True)
    for parent in new[1:]:
        # Another run may have begun in it.
        with suppress(OSError):
            parent.rmdir()


def _is_rank_zero() -> bool:
    return bool(rank_zero_only.rank == 0)  # type: ignore[attr-defined]
