"""Meta-training of human mesh recovery from where LGD ends, by the name that it had as a task."""

from __future__ import annotations

from typing import Any

from lsr1_pl.hmr import LGD, InErrorMetric
from lsr1_pl.hmr.former import lgd_fits
from lsr1_pl.optim import LSR1
from lsr1_pl.tasks.hmr import HMRTask


class RefiningTask(HMRTask):
    """:class:`HMRTask` whose start is :class:`lsr1_pl.hmr.LGDFits`.

    Args:
        optimizer: as in :class:`HMRTask`.
        first: LGD, of the shape that ``initial_weights`` trained.
        first_steps: updates of LGD, 1 or more.
        options: of :class:`HMRTask`, or its former keywords, such as ``initial_weights``.

    Raises:
        UserError: the initial estimate is to train along, or a number is out of its range.
    """

    kept_elsewhere = (*HMRTask.kept_elsewhere, "first", "baselines")

    def __init__(
        self,
        optimizer: LSR1 | InErrorMetric,
        first: LGD | None = None,
        first_steps: int = 4,
        **options: Any,
    ) -> None:
        given = {"first": first, "first_steps": first_steps, **options}
        super().__init__(optimizer, **lgd_fits(given))
