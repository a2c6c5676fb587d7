"""What the ablations vary: Table 4's rows, and the choices that the paper leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lsr1_pl.optim import SecantPenalty

TABLE_4, OPEN = "Table 4", "choices that the paper leaves open"


@dataclass(frozen=True)
class Variant:
    """One row: what differs from Section 5.1.1's configuration (quadratics.yaml)."""

    name: str
    group: str
    seeds: int
    optimizer: Mapping[str, Any] = field(default_factory=dict)
    task: Mapping[str, Any] = field(default_factory=dict)
    paper: str = ""
    """The paper's validation loss."""


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
)
