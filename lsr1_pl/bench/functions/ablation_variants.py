"""What the ablations vary: Table 4's rows, and the choices that the paper leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lsr1_pl.bench.published import published_parts
from lsr1_pl.optim import Reads, SecantPenalty
from lsr1_pl.tasks import Unroll

TABLE_4, OPEN = "Table 4", "choices that the paper leaves open"
OFFICIAL = "Table 4 with the authors' published algorithm"

_TEXT: Mapping[str, Any] = {"gamma1": 0.4, "gamma2": 1e-3, "buffer_size": 8}
_TEXT_TASK: Mapping[str, Any] = {"steps": 16}
_PUBLISHED: Mapping[str, Any] = published_parts()
_PUBLISHED_TASK: Mapping[str, Any] = {
    "unroll": Unroll(8, False, clip_sample_gradient=None, divergence_limit=None),
    "penalty": SecantPenalty(10.0, pair="older", norm="mean"),
}


@dataclass(frozen=True)
class Variant:
    """One row: what differs from Section 5.1.1's configuration (quadratics.yaml), or from the
    authors' example (quadratics_official.yaml)."""

    name: str
    group: str
    seeds: int
    optimizer: Mapping[str, Any] = field(default_factory=dict)
    task: Mapping[str, Any] = field(default_factory=dict)
    paper: str = ""
    """The paper's validation loss."""

    @property
    def published(self) -> bool:
        """Whether the row is of the authors' published algorithm."""
        return self.group == OFFICIAL

    def optimizer_arguments(self) -> Mapping[str, Any]:
        """What L-SR1 is made of."""
        return {**(_PUBLISHED if self.published else _TEXT), **self.optimizer}

    def task_arguments(self) -> Mapping[str, Any]:
        """What the task is made of, beside its optimiser."""
        return {**(_PUBLISHED_TASK if self.published else _TEXT_TASK), **self.task}


def _published_row(name: str, inputs: tuple[str, ...], paper: str) -> Variant:
    reads = Reads(inputs=inputs, detached=True)
    return Variant(name, OFFICIAL, 3, {"reads": reads}, paper=paper)


VARIANTS = (
    Variant("as configured", TABLE_4, 3, paper="-2.56 ± 2.80"),
    Variant("width 64", TABLE_4, 3, {"hidden_dim": 64}, paper="-1.90 ± 1.76"),
    Variant("inputs x, g", TABLE_4, 3, {"inputs": ("x", "g")}, paper="-2.09 ± 1.85"),
    Variant("inputs x, d, g", TABLE_4, 3, {"inputs": ("x", "d", "g")}, paper="-2.16 ± 1.95"),
    Variant(
        "inputs x, p, g, q", TABLE_4, 3, {"inputs": ("x", "p", "g", "q")}, paper="-2.51 ± 2.64"
    ),
    Variant("no projection", OPEN, 3, task={"penalty": SecantPenalty(0.0)}),
    Variant(
        "Eq. 9 as printed: current pair, attached",
        OPEN,
        2,
        task={"penalty": SecantPenalty(100.0, pair="current", detached=False)},
    ),
    Variant(
        "current pair, detached",
        OPEN,
        2,
        task={"penalty": SecantPenalty(100.0, pair="current")},
    ),
    Variant(
        "previous pair, attached",
        OPEN,
        2,
        task={"penalty": SecantPenalty(100.0, detached=False)},
    ),
    Variant(
        "relative penalty, weight 1",
        OPEN,
        2,
        task={"penalty": SecantPenalty(1.0, norm="relative")},
    ),
    Variant("B0 = 0 (line 9 as printed)", OPEN, 2, {"initial_curvature": "none"}),
    Variant("B0 scaled by p.q / q.q", OPEN, 2, {"initial_curvature": "scaled"}),
    Variant("no residual skip", OPEN, 2, {"residual": False}),
    Variant("dropout 0.1", OPEN, 2, {"dropout": 0.1}),
    Variant("first-order meta-gradient", OPEN, 2, task={"second_order": False}),
    Variant("BatchNorm momentum 0.01", OPEN, 2, {"norm_momentum": 0.01}),
    Variant("BatchNorm frozen after 200", OPEN, 2, task={"freeze_norm_after": 200}),
    Variant("inputs divided by their RMS", OPEN, 2, {"input_normalization": "rms"}),
    Variant("published, as configured", OFFICIAL, 3, paper="-2.56 ± 2.80"),
    Variant(
        "published, width 64 between the networks",
        OFFICIAL,
        3,
        {"networks": replace(_PUBLISHED["networks"], latent_width=64)},
        paper="-1.90 ± 1.76",
    ),
    _published_row("published, inputs x, g", ("x", "g"), "-2.09 ± 1.85"),
    _published_row("published, inputs x, s, g", ("x", "s", "g"), "-2.16 ± 1.95"),
    _published_row("published, inputs x, p, g, q", ("x", "p", "g", "q"), "-2.51 ± 2.64"),
    Variant("published, no projection", OFFICIAL, 3, task={"penalty": SecantPenalty(0.0)}),
)
