"""Meta-training of human mesh recovery from where LGD ends, beyond the paper."""

from __future__ import annotations

from typing import Any

from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr import LGD, InErrorMetric, LGDStart, ProjectedBody, Start
from lsr1_pl.optim import LSR1
from lsr1_pl.pretrained import take_weights
from lsr1_pl.tasks.hmr import HMRTask

_TRUSTED_BATCHES = 4


class RefiningTask(HMRTask):
    """L-SR1 that begins at the fits of a trained LGD, which stays as it is.

    The error that the metric and the prior know is the one of LGD's fits, measured while training.

    Args:
        optimizer: as in :class:`HMRTask`.
        first: LGD, of the shape that ``initial_weights`` trained: its initial estimate and its
            updates are taken from there.
        first_steps: updates of LGD, 1 or more; each takes a gradient.
        options: of :class:`HMRTask`; ``freeze_initial_estimate`` must be true.

    Raises:
        UserError: the initial estimate is to train along, there are no updates, or no
            ``initial_weights``.
    """

    kept_elsewhere = (*HMRTask.kept_elsewhere, "first")

    def __init__(
        self, optimizer: LSR1 | InErrorMetric, first: LGD, first_steps: int = 4, **options: Any
    ) -> None:
        if first_steps < 1:
            raise UserError(f"RefiningTask first_steps is {first_steps}; it must be 1 or more")
        super().__init__(optimizer, **options)
        if not self.freeze_initial_estimate:
            raise UserError(
                "RefiningTask freeze_initial_estimate is false; LGD was trained on its estimates: "
                "set it true"
            )
        if self.initial_weights is None:
            raise UserError(
                "RefiningTask initial_weights is missing: name a checkpoint of LGD, as lgd_open"
            )
        self.first = first.requires_grad_(False)
        self.first_steps = first_steps

    def on_fit_start(self) -> None:
        """LGD's weights, unless this run is resumed."""
        super().on_fit_start()
        if self.global_step == 0:
            take_weights(self.initial_weights, optimizer=self.first)
            # The error of the initial estimate, until LGD's own has been seen a few times.
            self.initial_error.doubt(_TRUSTED_BATCHES)

    @property
    def start(self) -> Start:
        """LGD's fits, from its initial estimates."""
        body = ProjectedBody(self.joints_of, self.camera)
        return LGDStart(super().start, self.first, self.first_steps, body)
