"""The parts of the run on a GPU, those of most worth first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

Row = Mapping[str, object]
"""What one measurement found, by the name of its column."""


class Setting(NamedTuple):
    """What a part is run with."""

    device: str
    """``cpu`` or ``cuda``."""
    fast: bool
    """Whether sizes are those of a toy: all code runs, and no number means anything."""
    seconds: float
    """How long the part may take; then it is stopped."""
    folder: Path
    """A free place for files of the part's own."""


class Measurement(NamedTuple):
    """One line of a part, which is measured when it is called for."""

    what: str
    measure: Callable[[], Row]


class Part(NamedTuple):
    """One part: what it shows, and how much of the time it gets."""

    title: str
    share: float
    """Of the time, beside the shares of the parts that have yet to run."""

    def measurements(self, name: str, setting: Setting) -> Iterator[Measurement]:
        """Those of the module ``name`` of this room, in the order of their worth."""
        found: Iterator[Measurement] = import_module(f"lsr1_pl.bench.gpu.{name}").measurements(
            setting
        )
        return found


PARTS: dict[str, Part] = {
    "parity": Part("The same as in double precision on the CPU", 45),
    "waiting": Part("Hidden synchronisations", 20),
    "table_3": Part("Table 3: an inner iteration of 256 fits", 45),
    "figures_6_and_7": Part("Figures 6 and 7: a step over the number of variables", 45),
    "training_steps": Part("Meta-training steps: eager, compiled, CUDA graphs", 90),
    "long_training": Part("Quadratics, 10,000 meta-training iterations", 60),
    "hmr_batch": Part("A training step of hmr.yaml at batch 512", 30),
    "minimizing": Part("minimize beside torch.optim.LBFGS", 40),
    "fits": Part("Fits a second", 20),
    "trainings": Part("Trainings by lsr1 fit", 75),
}
"""By name, which is that of the part's module."""
