"""Trained checkpoints of the human mesh recovery study, and the errors that are kept of them.

What a checkpoint reached lies beside the report, a file each, and may stand for it in a later run:
a row is added without measuring, or even having, the checkpoints of the others.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lsr1_pl.bench.hmr.people import Errors, run_fitter
from lsr1_pl.ground.arrays import Array, load_npz
from lsr1_pl.ground.errors import DAMAGED_ARRAYS, UserError
from lsr1_pl.ground.files import written
from lsr1_pl.hmr import LGD, LGDFits
from lsr1_pl.hmr.evaluation import KnownPeople
from lsr1_pl.pretrained import find_checkpoint, history_of
from lsr1_pl.tasks import HMRTask, load_task

_UNIT = 0.01
"""Millimetres that an error is rounded to where it is kept."""
_NOT_FINITE = np.iinfo(np.uint16).max
_SAME_PEOPLE = 1e-5
"""A tolerance in sides of the box: two machines agree far better, two seeds far worse."""
_CHECKPOINTS = "checkpoints"


LSR1_KIND, REFINING_KIND, LGD_KIND = "L-SR1", "L-SR1 from LGD's fits", "LGD"


@dataclass
class Learned:
    """A trained checkpoint, or what an earlier run kept of it.

    Args:
        name: as the user gave it: a path, or a shipped name.
        kind: the method, as :func:`_kind` calls it.
        task: None where only its errors are known.
        parameters: of its networks, the initial estimate's included.
        known: condition, split -> errors that need no measuring.
        seen: condition, split -> :func:`_summary` of the people whom they are of.
    """

    name: str
    kind: str
    task: HMRTask | None
    parameters: int
    known: dict[tuple[str, str], Errors] = field(default_factory=dict)
    seen: dict[tuple[str, str], float] = field(default_factory=dict)

    @property
    def trained(self) -> HMRTask:
        """The task.

        Raises:
            UserError: only its errors are known.
        """
        if self.task is None:
            raise UserError(
                f"{self.name}: holds errors alone, and the first of --lsr1 and of --lgd is drawn "
                "and timed: name a checkpoint there"
            )
        return self.task

    def errors(
        self, condition: str, split: str, people: Sequence[KnownPeople], steps: int
    ) -> Errors:
        """Its errors after each of ``steps`` steps on these people, known or measured now.

        Raises:
            UserError: they are not among those that were kept, and its networks are not here.
        """
        place, seen = (condition, split), _summary(people)
        if self.task is not None and place not in self.known:
            self.known[place] = run_fitter(self.task.fitter, people, steps)[0]
            self.seen[place] = seen
        found = self.known.get(place)
        if found is None:
            raise UserError(f"{self.name}: holds no errors on {condition} ({split})")
        wanted = (steps + 1, sum(len(each) for each in people))
        same = abs(self.seen[place] - seen) <= _SAME_PEOPLE
        if found.pa_mpjpe.shape != wanted or not same:
            raise UserError(
                f"{self.name}: its errors on {condition} ({split}) are of other people or steps "
                f"({found.pa_mpjpe.shape} states and people, {wanted} here); expected a file of "
                "this study at the same size and with the same data"
            )
        return found

    def keep(self, folder: Path) -> None:
        """Write its errors, and the curves of its training, into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, Array] = {
            "parameters": np.array(self.parameters),
            "kind": np.array(self.kind),
        }
        for (condition, split), errors in self.known.items():
            start = f"{condition}/{split}"
            arrays[f"{start}/pa_mpjpe"] = _rounded(errors.pa_mpjpe)
            arrays[f"{start}/reprojection"] = errors.reprojection.mean(axis=1)
            arrays[f"{start}/evaluations"] = errors.evaluations
            arrays[f"{start}/seen"] = np.array(self.seen[condition, split])
        path = folder / f"{kept_name(self.name)}.npz"
        with written(path) as partial:
            # numpy 1 takes savez's allow_pickle for one more array.
            np.savez_compressed(partial, **arrays)  # type: ignore[arg-type]
        history = self.history()
        copy = path.with_suffix(".csv")
        if history is not None and not (copy.is_file() and copy.samefile(history)):
            with written(copy) as partial:
                shutil.copyfile(history, partial)

    def history(self) -> Path | None:
        """The curves of its training, where they are there."""
        if self.task is not None:
            return history_of(find_checkpoint(self.name))
        beside = Path(self.name).with_suffix(".csv")
        return beside if beside.is_file() else None


def find_learned(name: str) -> Learned:
    """A checkpoint of an :class:`HMRTask`, or the ``.npz`` that an earlier run kept of one.

    Raises:
        UserError: there is neither, or it is damaged.
    """
    if name.endswith(".npz"):
        return _kept(Path(name))
    task = load_task(name)
    if not isinstance(task, HMRTask):
        raise UserError(f"{name}: trains {type(task).__name__}; expected a checkpoint of HMRTask")
    return Learned(name, _kind(task), task, sum(p.numel() for p in task.parameters()))


def _kind(task: HMRTask) -> str:
    if isinstance(task.optimizer, LGD):
        return f"{LGD_KIND} of {task.steps} updates"
    return REFINING_KIND if isinstance(task.start, LGDFits) else LSR1_KIND


def _kept(path: Path) -> Learned:
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected errors that lsr1 bench hmr kept")
    try:
        arrays = load_npz(path)
        kind, parameters = str(arrays.pop("kind")), int(arrays.pop("parameters"))
        found = Learned(str(path), kind, None, parameters)
        for start in sorted({key.rpartition("/")[0] for key in arrays}):
            condition, split = start.split("/")
            place = (condition, split)
            found.known[place] = _restored(start, arrays)
            found.seen[place] = float(arrays[f"{start}/seen"])
    except DAMAGED_ARRAYS as error:
        raise UserError(
            f"{path}: is not what lsr1 bench hmr keeps of a checkpoint ({error}); "
            "measure the checkpoint again"
        ) from None
    return found


def _restored(start: str, arrays: Mapping[str, Array]) -> Errors:
    stored = arrays[f"{start}/pa_mpjpe"]
    reprojection, evaluations = (
        np.asarray(arrays[f"{start}/{key}"], dtype=np.float64)
        for key in ("reprojection", "evaluations")
    )
    if stored.dtype != np.uint16 or stored.ndim != 2:
        raise ValueError(f"{start}: pa_mpjpe is {stored.dtype} of shape {stored.shape}")
    if not reprojection.shape == evaluations.shape == (len(stored),):
        raise ValueError(
            f"{start}: {len(stored)} states, but reprojection is of shape {reprojection.shape} "
            f"and evaluations of {evaluations.shape}"
        )
    errors = np.where(stored == _NOT_FINITE, np.inf, stored * _UNIT)
    return Errors(errors, reprojection[:, None], evaluations)


def _rounded(errors: NDArray[np.float64]) -> NDArray[np.uint16]:
    hundredths = np.where(np.isfinite(errors), errors / _UNIT, 0.0).round()
    kept = np.minimum(hundredths, _NOT_FINITE - 1).astype(np.uint16)
    return np.where(np.isfinite(errors), kept, np.uint16(_NOT_FINITE))


def _summary(people: Sequence[KnownPeople]) -> float:
    """A sum over all keypoints, each with a weight of its own, so that exchanged ones count."""
    keypoints = torch.cat([each.observation.keypoints.flatten(1).double() for each in people])
    return float((keypoints @ torch.linspace(0, 1, keypoints.shape[1]).double()).mean())


def kept_name(name: str) -> str:
    """What the file of a checkpoint is called, without its ending.

    ``runs/NAME/version_0/checkpoints/best.ckpt`` is ``NAME-version_0-best``.
    """
    path = Path(name)
    if path.suffix != ".ckpt":
        return path.name.removesuffix(".npz")
    run = [part for part in path.parent.parts if part != _CHECKPOINTS][-2:]
    return "-".join([*run, path.stem])
