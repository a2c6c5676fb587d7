"""Nonlinear least squares: one call, any shape of variables, many problems at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lsr1_pl.ground.types import Objective
from lsr1_pl.optim import BatchedOptimizer
from lsr1_pl.optim.bounds import Box
from lsr1_pl.optim.levenberg_marquardt import LevenbergMarquardt
from lsr1_pl.optim.stopping import StoppingTest
from lsr1_pl.pretrained.functional.layout import Layout
from lsr1_pl.pretrained.functional.outcome import Intermediate, Result
from lsr1_pl.pretrained.functional.residuals import HalfSumOfSquares
from lsr1_pl.pretrained.functional.running import Settings, run_to_the_end
from lsr1_pl.pretrained.functional.scipys_words import in_our_words


@in_our_words
def least_squares(
    residuals: Callable[..., Any],
    x0: Any,
    steps: int | None = None,
    tol: float | StoppingTest | None = None,
    *,
    args: Sequence[Any] = (),
    bounds: Any = None,
    callback: Callable[[Intermediate], Any] | None = None,
    seconds: float | None = None,
    trajectory: bool = False,
    differentiable: bool = False,
) -> Result:
    """Minimise half the sum of squared residuals, by the method of Levenberg and Marquardt.

    The value, SciPy's ``cost``, is never above the start's. Jacobians come from automatic
    differentiation. Beyond 300 variables none is formed; conjugate gradients take its products.
    ``evaluations`` counts residuals with their gradient; a Jacobian counts as one, and so does a
    product.

    Args:
        residuals: of torch operations; it gets what ``x0`` is, as tensors. For ``x0`` (B, N) it
            returns (B, M), row b's from row b alone; for a vector (N,), or any nest of dicts, lists
            and tuples of tensors, a tensor of any shape.
        x0: as for :func:`lsr1_pl.minimize`.
        steps: at most; 5000 if None.
        tol: as for :func:`lsr1_pl.minimize`.
        args: given to ``residuals`` after x.
        bounds: as for :func:`lsr1_pl.minimize`.
        callback: as for :func:`lsr1_pl.minimize`.
        seconds: the run ends after the step in which so much time has passed.
        trajectory: whether to keep every point.
        differentiable: whether x has a gradient, as for :func:`lsr1_pl.minimize`; with the whole
            Hessian.

    Raises:
        UserError: ``x0`` is not of floating point tensors; ``residuals`` gives another shape, does
            not depend on x, or is not finite at a start; with ``differentiable``, a problem has not
            converged or x0 is not of torch.
    """

    def parts(layout: Layout, box: Box | None) -> tuple[BatchedOptimizer, Objective]:
        return LevenbergMarquardt(), HalfSumOfSquares(residuals, args, layout)

    settings = Settings(steps, tol, bounds, callback, seconds, trajectory, differentiable)
    return run_to_the_end(x0, parts, settings)
