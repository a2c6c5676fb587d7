"""The gradient of a minimiser by what its function depends on (the implicit function theorem)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Objective
from lsr1_pl.optim.bounds import Box
from lsr1_pl.optim.conjugate_gradients import conjugate_gradients
from lsr1_pl.optim.minimize import Minimum, Status

_SOUND = 1e-4
"""The largest error of conjugate gradients, relative to the right side, that gives a gradient."""


def attached(found: Minimum, objective: Objective, box: Box | None) -> Tensor:
    """The points (B, N) with a gradient by all that ``objective`` depends on but x.

    At a minimum ``g(x(w), w) = 0``, so that ``dx/dw = -H^-1 dg/dw``. Variables at a bound stay.

    Raises:
        UserError: a problem has not converged; or, as the gradient is taken, its Hessian is
            singular there, or not positive.
    """
    bad = [i for i, each in enumerate(found.status) if each is not Status.CONVERGED]
    if bad:
        raise UserError(
            f"differentiable: problem {bad[0]} of {len(found.status)} ended as "
            f"{found.status[bad[0]].value} ({found.reason[bad[0]]}); the gradient of a minimiser "
            "exists at a minimum only: give more steps, or differentiate lsr1_pl.optim.unroll"
        )
    if not torch.is_grad_enabled():
        return found.x
    point = found.x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(objective.value(point).sum(), point, create_graph=True)
    gradient = gradient + 0 * point  # of linear functions too
    free = None if box is None else box.free(found.x, gradient.detach())
    made: Tensor = _Minimiser.apply(gradient, point, free)
    return made


class _Minimiser(torch.autograd.Function):
    """x, whose derivative by the gradient there is minus the inverse Hessian."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, point: Tensor, free: Tensor | None) -> Tensor:
        ctx.graph = gradient, point, free
        return point.detach().clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, v: Tensor) -> tuple[Tensor, None, None]:
        gradient, point, free = ctx.graph

        def product(u: Tensor) -> Tensor:
            (image,) = torch.autograd.grad(gradient, point, u, retain_graph=True)
            return image if free is None else torch.where(free, image, 0)

        v = v if free is None else torch.where(free, v, 0)
        tolerance = torch.finfo(v.dtype).eps ** 0.75
        solved = conjugate_gradients(product, v, tolerance, 10 * v.shape[1] + 100)
        worst = float(solved.error.max())
        if not worst <= _SOUND:
            raise UserError(
                "the gradient of a minimiser could not be found: the Hessian of problem "
                f"{int(solved.error.argmax())} is singular there, or too ill-conditioned, or not "
                f"positive (conjugate gradients ended at a relative error of {worst:.0e})"
            )
        return -solved.x, None, None
