"""How a task evaluates its fits: how long, beside what, and under which protocols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lsr1_pl.body import BodyModel
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr.evaluation.threedpw import ThreeDPWEvaluation
from lsr1_pl.hmr.people_optimizer import InErrorMetric
from lsr1_pl.optim import BatchedOptimizer
from lsr1_pl.optim.checks import check_counts


@dataclass(frozen=True)
class EvaluationPlan:
    """Says what validation and test of :class:`lsr1_pl.tasks.HMRTask` do.

    Args:
        steps: inner steps of validation and test, at least the K of training.
        baselines: untrained optimisers to test beside the trained one, by the name that tables
            show.
        sample_fits: how many fitted bodies a test keeps for pictures, 0 or more: of its first
            batch, from the best to the worst in even steps.
        protocols: of the evaluation on 3DPW (lgd24, lgd14, spin, vibe, wham, 3dpw-eval); the first
            one selects checkpoints. None for data that are views of known bodies.
        truth_bodies: gender -> the body that is true for it, as far as the protocols need them.
        regressor: path of ``J_regressor_h36m.npy``, as far as they need it.

    Raises:
        UserError: a number is out of its range.
    """

    steps: int = 15
    baselines: Mapping[str, BatchedOptimizer | InErrorMetric] | None = None
    sample_fits: int = 5
    protocols: Sequence[str] = ()
    truth_bodies: Mapping[str, str] | None = None
    regressor: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "protocols", tuple(self.protocols))
        check_counts(self, steps=self.steps)
        if self.sample_fits < 0:
            raise UserError(
                f"EvaluationPlan sample_fits is {self.sample_fits}; it must be 0 or more"
            )

    def threedpw(self, body: BodyModel, num_betas: int) -> ThreeDPWEvaluation | None:
        """The evaluation of fits of ``body`` on 3DPW; None without protocols.

        Raises:
            UserError: a protocol is unknown, or needs a body or the regressor that is not given.
        """
        if not self.protocols:
            return None
        truth = self.truth_bodies or {}, self.regressor
        return ThreeDPWEvaluation(self.protocols, body, *truth, num_betas)
