"""The dashboard of a run on Weights & Biases: one table of its panels and their keys."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Literal, NamedTuple

SECTIONS = ("train", "val", "test", "optim", "perf", "media")
"""The sections, in the order of the page; a key begins with its section's name."""

FITS, BODIES, WORST = "media/fits", "media/bodies", "media/worst"
CURVES = "curves"
"""The place below ``val/`` and ``test/`` where each metric has a chart by inner step."""

SERIES, INNER_STEP = "series", "inner_step"
"""The place below ``test/`` of each solver's numbers by inner step, and the axis that they have."""

Task = Literal["function", "hmr", "general"]
_ALL: tuple[Task, ...] = ("function", "hmr", "general")
_FUNCTION: tuple[Task, ...] = ("function",)
_HMR: tuple[Task, ...] = ("hmr",)
_GENERAL: tuple[Task, ...] = ("general",)


class DashboardPanel(NamedTuple):
    """One panel."""

    section: str
    title: str
    key: str
    """The key of the metric that it shows; a ``*`` at the end stands for several."""
    tasks: tuple[Task, ...]
    """Whose runs log it."""
    kind: Literal["lines", "chart", "media", "scalar"] = "lines"
    """Over training; by inner step; pictures, bodies and tables; the last number alone."""
    error: bool = False
    """Whether a run is judged by its least value."""
    verb: Literal["fit", "test"] = "fit"
    by_inner_step: bool = False
    """Whether the inner step is its axis, and not the iteration of the training."""

    def matches(self, keys: Iterable[str]) -> list[str]:
        """Those of ``keys`` that it shows."""
        return sorted(key for key in keys if fnmatchcase(key, self.key))


def _panel(key: str, title: str, tasks: tuple[Task, ...], **options: object) -> DashboardPanel:
    return DashboardPanel(key.split("/")[0], title, key, tasks, **options)  # type: ignore[arg-type]


PANELS: tuple[DashboardPanel, ...] = (
    _panel("train/meta_loss", "meta-loss", _ALL, error=True),
    _panel("train/secant_residual", "secant term", ("function", "hmr"), error=True),
    _panel("train/value_step_*", "value by inner step", _ALL, error=True),
    _panel("train/nonfinite_share", "share of inner steps to a non-finite value", _ALL),
    _panel("train/safeguarded_share", "share of inner steps that a safeguard changed", _ALL),
    _panel("train/initial_loss", "outer loss of the initial estimate", _HMR, error=True),
    _panel("train/final_loss", "outer loss after the last step", _HMR, error=True),
    _panel("train/evaluations_a_step", "evaluations a step", _GENERAL),
    _panel("val/pa_mpjpe", "PA-MPJPE (mm)", _HMR, error=True),
    _panel("val/pa_mpjpe_step_*", "PA-MPJPE by inner step (mm)", _HMR, error=True),
    _panel("val/reprojection_step_*", "reprojection by inner step (1e-3)", _HMR, error=True),
    _panel("val/nonfinite_states", "non-finite states", _HMR, error=True),
    _panel("val/final_value", "value after the last step", _FUNCTION, error=True),
    _panel("val/value_step_*", "value by inner step", _FUNCTION, error=True),
    _panel("val/secant_residual_step_*", "secant term by inner step", _FUNCTION, error=True),
    _panel("val/newton_cosine_step_*", "cosine with Newton's direction", _FUNCTION),
    _panel("val/log_ratio", "log10 ratio to the skeleton", _GENERAL, error=True),
    _panel(f"val/{CURVES}/value", "value over inner steps", _FUNCTION, kind="chart"),
    _panel(f"val/{CURVES}/pa_mpjpe", "PA-MPJPE over inner steps (mm)", _HMR, kind="chart"),
    _panel("test/pa_mpjpe", "PA-MPJPE (mm)", _HMR, kind="scalar", error=True, verb="test"),
    _panel(
        f"test/{CURVES}/pa_mpjpe",
        "PA-MPJPE over inner steps, every solver (mm)",
        _HMR,
        kind="chart",
        verb="test",
    ),
    _panel(
        f"test/{CURVES}/value",
        "value over inner steps, every solver",
        _FUNCTION,
        kind="chart",
        verb="test",
    ),
    _panel(
        f"test/{SERIES}/*",
        "every metric over inner steps, a line a solver",
        _ALL,
        verb="test",
        by_inner_step=True,
    ),
    _panel("optim/gradient_norm", "norm of the meta-gradient", _ALL),
    _panel("optim/learning_rate", "learning rate", _ALL),
    _panel("optim/skipped_steps", "meta-gradients that were not finite, so far", _ALL),
    _panel("optim/skipped_share", "share of meta-gradients that were not finite", _ALL),
    _panel("perf/fits_per_second", "training fits a second", _ALL),
    _panel("perf/iteration_seconds", "seconds of a meta-iteration", _ALL),
    _panel("perf/val_fits_per_second", "validation fits a second, metrics included", _ALL),
    _panel("perf/peak_memory_mib", "peak memory (MiB)", _ALL),
    _panel(FITS, "eight fits over their keypoints", _HMR, kind="media"),
    _panel(BODIES, "the same eight bodies, to be turned", _HMR, kind="media"),
    _panel(WORST, "the worst 32", _HMR, kind="media"),
)
"""Every panel, in the order of the page."""

GOALS = ("val/pa_mpjpe", "val/final_value", "val/log_ratio", "test/pa_mpjpe")
"""What a sweep may minimise; shown as columns in the list of runs."""


def logged_key(panel: DashboardPanel) -> str:
    """The key under which a run's file has it: W&B keeps a chart's numbers in a table."""
    return f"{panel.key}_table" if panel.kind == "chart" else panel.key


def unfilled(keys: Iterable[str], task: Task, verb: Literal["fit", "test"]) -> list[DashboardPanel]:
    """The panels that a run of this task and verb should fill, and ``keys`` do not."""
    there = list(keys)
    expected = [p for p in PANELS if task in p.tasks and p.verb == verb]
    return [p for p in expected if not p._replace(key=logged_key(p)).matches(there)]
