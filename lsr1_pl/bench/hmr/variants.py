"""What the ablations of human mesh recovery vary: a ladder of departures, and steps aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lsr1_pl.hmr import FittingProblem, InErrorMetric, LossWeights, NetworkEstimate
from lsr1_pl.optim import LSR1, SecantPenalty
from lsr1_pl.tasks import Unroll

_START = NetworkEstimate(frozen=True)
_UNROLL = Unroll(steps=8, second_order=False, clip_sample_gradient=None)

LADDER, ASIDE = "ladder", "one step aside from the last rung"

_PRINTED: Mapping[str, Any] = {
    "hidden_dim": 32,
    "buffer_size": 4,
    "gamma1": 0.1,
    "gamma2": 0.001,
}
_BOUNDED: Mapping[str, Any] = {"gamma2": 0.5, "output_limit": 3.0, "input_normalization": "rms"}
_ADAM: Mapping[str, Any] = {**_BOUNDED, "initial_curvature": "rms"}
_AVERAGED: Mapping[str, Any] = {
    **_ADAM,
    "gradient_memory": 0.5,
    "inputs": ("x", "p", "d", "g", "q", "b0g", "b0m"),
}
_TOP: Mapping[str, Any] = {**_AVERAGED, "problem_inputs": True, "embedding": 8, "variables": 82}
_MEAN: Mapping[str, Any] = {"problem": FittingProblem(1.0), "penalty": SecantPenalty(0.0)}
_JOINTS: Mapping[str, Any] = {**_MEAN, "loss_weights": LossWeights(0.3, 3.0, 0.3, 0.05)}
_SQUARES: Mapping[str, Any] = {**_JOINTS, "problem": FittingProblem(1.0, "rms")}
_ABSOLUTE: Mapping[str, Any] = {"problem": FittingProblem(1.0, "absolute", 3e-4)}
_LAST: Mapping[str, Any] = {**_SQUARES, "problem": FittingProblem(1.0, "rms", 3e-4)}


@dataclass(frozen=True)
class Variant:
    """One row: how L-SR1 and its task are made, and on which data."""

    name: str
    group: str
    optimizer: Mapping[str, Any] = field(default_factory=dict)
    task: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    metric: bool = True
    start: NetworkEstimate = _START
    unroll: Unroll = _UNROLL

    def make(self) -> LSR1 | InErrorMetric:
        """The optimiser, untrained."""
        learned = LSR1(**{**_PRINTED, **self.optimizer})
        return InErrorMetric(learned) if self.metric else learned


def _aside(
    name: str, *, metric: bool = True, unroll: Unroll = _UNROLL, **changes: Mapping[str, Any]
) -> Variant:
    return Variant(
        name,
        ASIDE,
        {**_TOP, **changes.get("optimizer", {})},
        {**_LAST, **changes.get("task", {})},
        changes.get("data", {}),
        metric,
        unroll=unroll,
    )


VARIANTS = (
    Variant(
        "as printed, at width 32",
        LADDER,
        task={"problem": FittingProblem(36.0), "penalty": SecantPenalty(1.0)},
        metric=False,
    ),
    Variant(
        "a mean times 2, inputs by their RMS, no secant penalty",
        LADDER,
        {"input_normalization": "rms"},
        {**_MEAN, "problem": FittingProblem(2.0)},
        metric=False,
    ),
    Variant(
        "in the metric, B0 by Polyak",
        LADDER,
        {"input_normalization": "rms", "initial_curvature": "polyak", "gamma1": 0.6},
        _MEAN,
    ),
    Variant(
        "wider, bounded rates",
        LADDER,
        {**_BOUNDED, "initial_curvature": "polyak", "gamma1": 0.6},
        _MEAN,
    ),
    Variant("B0 by Adam's diagonal", LADDER, _ADAM, _MEAN),
    Variant("averaged gradients", LADDER, _AVERAGED, _MEAN),
    Variant("loss on the joints", LADDER, _AVERAGED, _JOINTS),
    Variant("embeddings, problem inputs", LADDER, _TOP, _JOINTS),
    Variant("residual by root mean square", LADDER, _TOP, _SQUARES),
    Variant("prior around the estimate", LADDER, _TOP, _LAST),
    _aside("residual absolute, as printed", task=_ABSOLUTE),
    _aside("without the metric", metric=False, optimizer={"gamma1": 0.02}),
    _aside("without embeddings", optimizer={"embedding": 0}),
    _aside("without problem inputs", optimizer={"problem_inputs": False}),
    _aside("width 64", optimizer={"hidden_dim": 64}),
    _aside("L = 1", optimizer={"buffer_size": 1}),
    _aside("L = 8", optimizer={"buffer_size": 8}),
    _aside("K = 15", unroll=replace(_UNROLL, steps=15)),
    _aside("second order", unroll=replace(_UNROLL, second_order=True)),
    _aside(
        "secant penalty 0.01, relative",
        task={"penalty": SecantPenalty(0.01, norm="relative")},
    ),
    _aside("detached inputs", optimizer={"detach_inputs": True}),
    _aside("trained with noise of 0 to 2 %", data={"keypoint_noise": (0.0, 0.02)}),
)
