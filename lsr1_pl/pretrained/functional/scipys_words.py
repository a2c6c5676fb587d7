"""What people write who come from SciPy or torch, and what to write here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import signature
from typing import ParamSpec, TypeVar

from lsr1_pl.ground.choices import did_you_mean
from lsr1_pl.ground.errors import UserError

P = ParamSpec("P")
R = TypeVar("R")

_BY_DEFAULT = "leave it out: the default needs the function alone, and keeps bounds"
_NO_GRADIENTS = "no optimiser here works without gradients: use scipy.optimize.minimize"
_CONSTRAINED = "leave it out if bounds are all, else use scipy.optimize.minimize"
_METHODS = {
    "bfgs": 'write optimizer="BFGS", or leave it out for the default',
    "l-bfgs-b": 'write optimizer="LBFGS", or leave it out: the default keeps bounds',
    **dict.fromkeys(("cg", "newton-cg", "tnc", "dogleg", "trust-ncg"), _BY_DEFAULT),
    **dict.fromkeys(("trust-krylov", "trust-exact"), _BY_DEFAULT),
    **dict.fromkeys(("nelder-mead", "powell"), _NO_GRADIENTS),
    **dict.fromkeys(("slsqp", "cobyla", "cobyqa", "trust-constr"), _CONSTRAINED),
}
"""SciPy's methods, and what to write for each."""

_STEPS = "write steps=NUMBER"
_TOL = "write tol=NUMBER, which is relative and has no unit"
_WATCH = "write callback=lambda now: print(now.steps, now.value)"
_INSTEAD = {
    **dict.fromkeys(("fun", "f", "func", "function"), "the function is the first argument, fn"),
    **dict.fromkeys(("maxiter", "max_iter", "maxfun", "maxfev", "max_nfev", "max_eval"), _STEPS),
    **dict.fromkeys(("gtol", "ftol", "xtol", "xrtol", "xatol", "fatol", "tolerance"), _TOL),
    **dict.fromkeys(("tolerance_grad", "tolerance_change", "atol", "rtol"), _TOL),
    **dict.fromkeys(("disp", "verbose", "iprint"), _WATCH),
    **dict.fromkeys(("hess", "hessp"), "leave it out: curvature is learned from gradients"),
    **dict.fromkeys(("lr", "learning_rate"), "leave it out, or give an optimiser, as Adam(0.1)"),
    **dict.fromkeys(
        ("eps", "finite_diff_rel_step", "diff_step"),
        "leave it out: gradients are exact, by torch or by jac",
    ),
    **dict.fromkeys(("maxcor", "history_size"), "give an optimiser, as LBFGS(10)"),
    "constraints": "for constraints other than bounds use scipy.optimize.minimize",
    "jac": "leave it out: torch differentiates the residuals",
    "loss": "there are no robust losses; use scipy.optimize.least_squares",
    "x_scale": "leave it out: no unit of the variables matters",
}
"""Arguments, and entries of ``options``, of SciPy and torch, and what to write for each."""


def instead_of_method(name: object) -> str | None:
    """What to write instead of one of SciPy's methods; None if it is none of them."""
    return _METHODS.get(str(name).lower())


def in_our_words(function: Callable[P, R]) -> Callable[P, R]:
    """A decorator: an argument that the function does not have is answered with what to write.

    Raises:
        UserError: there is such an argument.
    """
    known = list(signature(function).parameters)

    @wraps(function)
    def answered(*args: P.args, **kwargs: P.kwargs) -> R:
        for name, value in kwargs.items():
            if name not in known:
                raise UserError(f"{function.__name__} {_answer(name, value, known)}")
        return function(*args, **kwargs)

    return answered


def _answer(name: str, value: object, known: list[str]) -> str:
    lacking = f"has no argument {name!r}"
    if name == "options":
        keys = list(value) if isinstance(value, Mapping) else []
        mends = [f"for {key!r} {_mend(str(key), known)}" for key in keys]
        return f"{lacking}; {'; '.join(mends) or 'leave it out'}"
    if name == "method" and "optimizer" not in known:
        return f"{lacking}; leave it out: there is one method, that of SciPy's 'lm'"
    if name == "method":
        return f"{lacking}; {instead_of_method(value) or 'write optimizer=NAME, or leave it out'}"
    return f"{lacking}; {_mend(name, known)}"


def _mend(name: str, known: list[str]) -> str:
    if name in _INSTEAD:
        return _INSTEAD[name]
    if name in known:
        return f"write {name}= beside the other arguments"
    return f"it has {', '.join(known)}{did_you_mean(name, known)}"
