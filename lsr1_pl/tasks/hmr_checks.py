"""What the arguments of human mesh recovery's task must satisfy together."""

from __future__ import annotations

from lsr1_pl.ground.errors import UserError
from lsr1_pl.tasks.unrolling import Unroll


def check_arguments(
    unroll: Unroll,
    evaluation_steps: int,
    sample_fits: int,
    warmup_iterations: int,
    freeze_initial_estimate: bool,
) -> None:
    """Arguments of :class:`lsr1_pl.tasks.HMRTask`.

    Raises:
        UserError: one is out of its range, or two contradict each other.
    """
    if evaluation_steps < unroll.steps:
        raise UserError(
            f"HMRTask evaluation_steps is {evaluation_steps}; it must reach steps, {unroll.steps}"
        )
    if unroll.safeguard:
        raise UserError(
            "HMRTask unroll.safeguard is true; people are fitted by steps as they are: set it false"
        )
    if sample_fits < 0:
        raise UserError(f"HMRTask sample_fits is {sample_fits}; it must be 0 or more")
    if freeze_initial_estimate and warmup_iterations > 0:
        raise UserError(
            f"HMRTask warmup_iterations is {warmup_iterations} and freeze_initial_estimate true: "
            "the warm-up trains nothing but the initial estimate; set warmup_iterations 0"
        )
