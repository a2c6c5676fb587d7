"""Classical test functions for unconstrained minimisation, each with a start of its own.

Most are of Moré, Garbow and Hillstrom (1981), with their standard starts. No optimiser of the
project is trained on them; the stopping test of ``minimize`` was tried on them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ClassicalProblem:
    """A smooth function, where to start, and what is to be found."""

    name: str
    function: Callable[[Tensor], Tensor]
    """(..., N) -> (...)."""
    start: Sequence[float]
    """N numbers."""
    minima: Sequence[float] = (0.0,)
    """The values of the local minima that count as solved."""

    def x0(self, dtype: torch.dtype = torch.float64) -> Tensor:
        """(N,) the start."""
        return torch.tensor(list(self.start), dtype=dtype)

    def solved(self, value: float, tolerance: float = 1e-8) -> bool:
        """Whether ``value`` is within ``tolerance * (1 + |minimum|)`` of a minimum."""
        near = (abs(value - best) <= tolerance * (1 + abs(best)) for best in self.minima)
        return any(near) or value <= min(self.minima)


def _rosenbrock(x: Tensor) -> Tensor:
    head, tail = x[..., :-1], x[..., 1:]
    return (100 * (tail - head.square()).square() + (1 - head).square()).sum(-1)


def _squares(*residuals: Tensor) -> Tensor:
    total = residuals[0].square()
    for residual in residuals[1:]:
        total = total + residual.square()
    return total


def _beale(x: Tensor) -> Tensor:
    a, b = x.unbind(-1)
    return _squares(1.5 - a * (1 - b), 2.25 - a * (1 - b.square()), 2.625 - a * (1 - b.pow(3)))


def _powell_singular(x: Tensor) -> Tensor:
    a, b, c, d = x.unflatten(-1, (-1, 4)).unbind(-1)
    linear = (a + 10 * b).square() + 5 * (c - d).square()
    return (linear + (b - 2 * c).pow(4) + 10 * (a - d).pow(4)).sum(-1)


def _powell_badly_scaled(x: Tensor) -> Tensor:
    a, b = x.unbind(-1)
    return _squares(1e4 * a * b - 1, (-a).exp() + (-b).exp() - 1.0001)


def _wood(x: Tensor) -> Tensor:
    a, b, c, d = x.unbind(-1)
    return (
        100 * (b - a.square()).square()
        + (1 - a).square()
        + 90 * (d - c.square()).square()
        + (1 - c).square()
        + 10 * (b + d - 2).square()
        + 0.1 * (b - d).square()
    )


def _helical_valley(x: Tensor) -> Tensor:
    a, b, c = x.unbind(-1)
    turn = torch.atan2(b, a) / (2 * math.pi)
    return _squares(10 * (c - 10 * turn), 10 * ((a.square() + b.square()).sqrt() - 1), c)


def _box_3d(x: Tensor) -> Tensor:
    a, b, c = (each.unsqueeze(-1) for each in x.unbind(-1))
    t = 0.1 * torch.arange(1, 11, dtype=x.dtype)
    residual = (-t * a).exp() - (-t * b).exp() - c * ((-t).exp() - (-10 * t).exp())
    return residual.square().sum(-1)


def _trigonometric(x: Tensor) -> Tensor:
    size = x.shape[-1]
    number = torch.arange(1, size + 1, dtype=x.dtype)
    cosines = x.cos().sum(-1, keepdim=True)
    return (size - cosines + number * (1 - x.cos()) - x.sin()).square().sum(-1)


def _brown_badly_scaled(x: Tensor) -> Tensor:
    a, b = x.unbind(-1)
    return _squares(a - 1e6, b - 2e-6, a * b - 2)


def _brown_dennis(x: Tensor) -> Tensor:
    a, b, c, d = (each.unsqueeze(-1) for each in x.unbind(-1))
    t = torch.arange(1, 21, dtype=x.dtype) / 5
    inner = (a + t * b - t.exp()).square() + (c + d * t.sin() - t.cos()).square()
    return inner.square().sum(-1)


def _broyden_tridiagonal(x: Tensor) -> Tensor:
    padded = torch.nn.functional.pad(x, (1, 1))
    residual = (3 - 2 * x) * x - padded[..., :-2] - 2 * padded[..., 2:] + 1
    return residual.square().sum(-1)


def _freudenstein_roth(x: Tensor) -> Tensor:
    a, b = x.unbind(-1)
    return _squares(-13 + a + ((5 - b) * b - 2) * b, -29 + a + ((b + 1) * b - 14) * b)


def _jennrich_sampson(x: Tensor) -> Tensor:
    a, b = (each.unsqueeze(-1) for each in x.unbind(-1))
    t = torch.arange(1, 11, dtype=x.dtype)
    return (2 + 2 * t - ((t * a).exp() + (t * b).exp())).square().sum(-1)


def _bard(x: Tensor) -> Tensor:
    a, b, c = (each.unsqueeze(-1) for each in x.unbind(-1))
    y = x.new_tensor(
        [0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.1, 4.39]
    )
    u = torch.arange(1, 16, dtype=x.dtype)
    v, w = 16 - u, torch.minimum(u, 16 - u)
    return (y - (a + u / (v * b + w * c))).square().sum(-1)


def _kowalik_osborne(x: Tensor) -> Tensor:
    a, b, c, d = (each.unsqueeze(-1) for each in x.unbind(-1))
    y = x.new_tensor(
        [0.1957, 0.1947, 0.1735, 0.16, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246]
    )
    u = x.new_tensor([4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])
    return (y - a * (u.square() + u * b) / (u.square() + u * c + d)).square().sum(-1)


def _biggs_exp6(x: Tensor) -> Tensor:
    a, b, c, d, e, f = (each.unsqueeze(-1) for each in x.unbind(-1))
    t = 0.1 * torch.arange(1, 14, dtype=x.dtype)
    y = (-t).exp() - 5 * (-10 * t).exp() + 3 * (-4 * t).exp()
    model = c * (-t * a).exp() - d * (-t * b).exp() + f * (-t * e).exp()
    return (model - y).square().sum(-1)


def _penalty_1(x: Tensor) -> Tensor:
    return 1e-5 * (x - 1).square().sum(-1) + (x.square().sum(-1) - 0.25).square()


def _variably_dimensioned(x: Tensor) -> Tensor:
    moment = (torch.arange(1, x.shape[-1] + 1, dtype=x.dtype) * (x - 1)).sum(-1)
    return (x - 1).square().sum(-1) + moment.square() + moment.pow(4)


def _brown_almost_linear(x: Tensor) -> Tensor:
    size = x.shape[-1]
    linear = x[..., :-1] + x.sum(-1, keepdim=True) - (size + 1)
    return linear.square().sum(-1) + (x.prod(-1) - 1).square()


def _discrete_boundary_value(x: Tensor) -> Tensor:
    size = x.shape[-1]
    h = 1 / (size + 1)
    t = h * torch.arange(1, size + 1, dtype=x.dtype)
    padded = torch.nn.functional.pad(x, (1, 1))
    residual = 2 * x - padded[..., :-2] - padded[..., 2:] + h * h * (x + t + 1).pow(3) / 2
    return residual.square().sum(-1)


def _himmelblau(x: Tensor) -> Tensor:
    a, b = x.unbind(-1)
    return _squares(a.square() + b - 11, a + b.square() - 7)


def _zakharov(x: Tensor) -> Tensor:
    s = 0.5 * (torch.arange(1, x.shape[-1] + 1, dtype=x.dtype) * x).sum(-1)
    return x.square().sum(-1) + s.square() + s.pow(4)


def _dixon_price(x: Tensor) -> Tensor:
    number = torch.arange(2, x.shape[-1] + 1, dtype=x.dtype)
    valleys = number * (2 * x[..., 1:].square() - x[..., :-1]).square()
    return (x[..., 0] - 1).square() + valleys.sum(-1)


def _cube(x: Tensor) -> Tensor:
    a, b = x.unbind(-1)
    return _squares(10 * (b - a.pow(3)), 1 - a)


def _gaussian(x: Tensor) -> Tensor:
    a, b, c = (each.unsqueeze(-1) for each in x.unbind(-1))
    half = [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521]
    y = x.new_tensor([*half, 0.3989, *half[::-1]])
    t = (8 - torch.arange(1, 16, dtype=x.dtype)) / 2
    return (a * (-b * (t - c).square() / 2).exp() - y).square().sum(-1)


def _log_cosh(x: Tensor) -> Tensor:
    scale = torch.logspace(-1, 1, x.shape[-1], dtype=x.dtype)
    z = (scale * (x - 1)).abs()
    return (z + torch.log1p((-2 * z).exp()) - math.log(2)).sum(-1)


def _exponentials(x: Tensor) -> Tensor:
    return (x.exp() - x).sum(-1)


def _logistic(x: Tensor) -> Tensor:
    size = x.shape[-1]
    rows = torch.arange(4 * size, dtype=x.dtype).unsqueeze(1)
    features = torch.cos((rows + 1) * torch.arange(1, size + 1, dtype=x.dtype) * 1.7 + rows)
    labels = torch.sign(torch.sin(3.1 * rows.squeeze(1) + 0.5))
    margins = labels * (x.unsqueeze(-2) * features).sum(-1)
    return torch.nn.functional.softplus(-margins).sum(-1) + 0.05 * x.square().sum(-1)


def _ill_conditioned(x: Tensor) -> Tensor:
    curvatures = torch.logspace(-3, 3, x.shape[-1], dtype=x.dtype)
    return 0.5 * (curvatures * (x - 2).square()).sum(-1) + 7


def _quartics(x: Tensor) -> Tensor:
    number = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    return (number * (x - 1).pow(4)).sum(-1)


def _alternating(first: float, second: float, size: int) -> list[float]:
    return [first if i % 2 == 0 else second for i in range(size)]


def classical_problems() -> list[ClassicalProblem]:
    """The problems: 2 to 100 variables, starts near and far."""
    of = ClassicalProblem
    trigonometric = [1 / 10] * 10
    size = 20
    h = 1 / (size + 1)
    boundary = [h * i * (h * i - 1) for i in range(1, size + 1)]
    variably = [1 - i / 10 for i in range(1, 11)]
    return [
        of("rosenbrock 2", _rosenbrock, [-1.2, 1.0]),
        of("rosenbrock 10", _rosenbrock, _alternating(-1.2, 1.0, 10), (0.0, 3.986579112347137)),
        of("rosenbrock 2, far", _rosenbrock, [-30.0, 40.0]),
        of("rosenbrock 100", _rosenbrock, [0.5] * 100),
        of("beale", _beale, [1.0, 1.0]),
        of("powell singular", _powell_singular, [3.0, -1.0, 0.0, 1.0]),
        of("powell singular 40", _powell_singular, [3.0, -1.0, 0.0, 1.0] * 10),
        of("powell badly scaled", _powell_badly_scaled, [0.0, 1.0]),
        of("wood", _wood, [-3.0, -1.0, -3.0, -1.0]),
        of("helical valley", _helical_valley, [-1.0, 0.1, 0.0]),
        of("box 3d", _box_3d, [0.0, 10.0, 20.0]),
        of("trigonometric 10", _trigonometric, trigonometric, (0.0, 2.79506e-5)),
        of("brown badly scaled", _brown_badly_scaled, [1.0, 1.0]),
        of("brown and dennis", _brown_dennis, [25.0, 5.0, -5.0, -1.0], (85822.2016263563,)),
        of("broyden tridiagonal 30", _broyden_tridiagonal, [-1.0] * 30),
        of("freudenstein and roth", _freudenstein_roth, [0.5, -2.0], (0.0, 48.98425367924)),
        of("jennrich and sampson", _jennrich_sampson, [0.3, 0.4], (124.3621823556,)),
        of("bard", _bard, [1.0, 1.0, 1.0], (0.00821487730658,)),
        of("kowalik and osborne", _kowalik_osborne, [0.25, 0.39, 0.415, 0.39], (3.0750560385e-4,)),
        of("biggs exp6", _biggs_exp6, [1.0, 2.0, 1.0, 1.0, 1.0, 1.0], (0.0, 5.65564992e-3)),
        of("penalty 1, 10", _penalty_1, [float(i) for i in range(1, 11)], (7.08765146708e-5,)),
        of("variably dimensioned 10", _variably_dimensioned, variably),
        of("brown almost linear 10", _brown_almost_linear, [0.5] * 10, (0.0, 1.0)),
        of("boundary value 20", _discrete_boundary_value, boundary),
        of("himmelblau", _himmelblau, [0.0, 0.0]),
        of("himmelblau, far", _himmelblau, [100.0, -200.0]),
        of("zakharov 10", _zakharov, [1.0] * 10),
        of("dixon and price 10", _dixon_price, [1.0] * 10, (0.0, 2 / 3)),
        of("cube", _cube, [-1.2, 1.0]),
        of("gaussian", _gaussian, [0.4, 1.0, 0.0], (1.12793276961e-8,)),
        of("log cosh 20, far", _log_cosh, [40.0] * 20),
        of("exp(x) - x, far", _exponentials, [30.0, -3.0, 0.5, -1.0, 2.0], (5.0,)),
        of("logistic 20", _logistic, [0.0] * 20, (43.32302154725745,)),
        of("condition 1e6", _ill_conditioned, [0.0] * 30, (7.0,)),
        of("quartics, far", _quartics, [100.0, -50.0, 10.0]),
    ]
