"""A trained optimiser of a family, taken apart: each part alone, and all together."""

from __future__ import annotations

from torch import nn

from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives.families import (
    ArmFamily,
    DeblurringFamily,
    GaussianProcessFamily,
    ProblemFamily,
)
from lsr1_pl.optim import BatchedOptimizer, FamilyOptimizer, FeatureAimedLSR1
from lsr1_pl.optim.minimize import guarded
from lsr1_pl.pretrained import load_pretrained

FAMILIES: dict[str, type[ProblemFamily]] = {
    "arm": ArmFamily,
    "gaussian_process": GaussianProcessFamily,
    "deblurring": DeblurringFamily,
}
"""The families of the study, by the name of their option and of their shipped checkpoint."""
SKELETON = "no part: the skeleton"


def trained_on(family: str, name_or_path: str) -> FamilyOptimizer:
    """The checkpoint of an optimiser of this family.

    Raises:
        UserError: it holds none, or one of problems of another size.
    """
    optimizer = load_pretrained(name_or_path)
    expected = FAMILIES[family]
    given = (getattr(optimizer, "variables", None), getattr(optimizer, "features", None))
    if not isinstance(optimizer, FamilyOptimizer) or given != (
        expected.variables,
        expected.features,
    ):
        raise UserError(
            f"--{family.replace('_', '-')} {name_or_path}: holds a {type(optimizer).__name__} of "
            f"{given[0]} variables and {given[1]} features; expected a FamilyOptimizer of "
            f"{expected.variables} and {expected.features}, as configs/{family}.yaml trains"
        )
    return optimizer


def taken_apart(optimizer: FamilyOptimizer) -> dict[str, BatchedOptimizer]:
    """Solvers by the parts that they have; the other parts are as without learning."""
    inner = optimizer.optimizer
    steps = "vectors" if isinstance(inner, FeatureAimedLSR1) else "scalars"
    learned = isinstance(inner, nn.Module) and any(True for _ in inner.parameters())
    skeleton = optimizer.skeleton()
    solvers: dict[str, BatchedOptimizer] = {SKELETON: skeleton}
    if optimizer.start is not None:
        solvers["start"] = _with(optimizer, True, False, skeleton)
    if optimizer.metric is not None:
        solvers["metric"] = _with(optimizer, False, True, skeleton)
    if learned:
        solvers[steps] = guarded(_with(optimizer, False, False, inner))
    if optimizer.start is not None and optimizer.metric is not None:
        solvers["start, metric"] = _with(optimizer, True, True, skeleton)
    if learned:
        everything = [
            *(["start"] if optimizer.start is not None else []),
            *(["metric"] if optimizer.metric is not None else []),
            steps,
        ]
        solvers.setdefault(", ".join(everything), optimizer)
    return solvers


def _with(
    optimizer: FamilyOptimizer, start: bool, metric: bool, inner: BatchedOptimizer
) -> FamilyOptimizer:
    """The same knowledge, of the start, of the metric, or of both, around other steps."""
    made = FamilyOptimizer(optimizer.variables, optimizer.features, optimizer=inner)
    made.start = optimizer.start if start else None
    made.metric = optimizer.metric if metric else None
    return made.eval()
