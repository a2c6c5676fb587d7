"""What L-SR1's encoder reads of each variable, and of the problem that it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from lsr1_pl.ground.choices import choices_checked, unknown_choice
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation
from lsr1_pl.optim.lsr1.state import LSR1State

INPUTS = ("x", "p", "d", "g", "q")
"""The paper's inputs (Table 4): point, step, direction, gradient, gradient change."""

_PROBLEM_NUMBERS, _SECANT_NUMBERS = 6, 3
_TINY = 1e-12


class Seen(NamedTuple):
    """All that the encoder's inputs are made of."""

    state: LSR1State
    scale: Tensor
    """(B, 1) or (B, N) B0 of this step."""
    averaged: Tensor
    """(B, N) what B multiplies in this step."""


class Input(NamedTuple):
    """One number that the encoder reads of each variable."""

    of: Callable[[Seen], Tensor]
    """Makes it, (B, N)."""
    has_unit: bool = True
    """Whether ``normalization`` applies to it."""


KNOWN_INPUTS: dict[str, Input] = {
    "x": Input(lambda seen: seen.state.iterate),
    "p": Input(lambda seen: seen.state.previous_step),
    "d": Input(lambda seen: seen.state.direction),
    "g": Input(lambda seen: seen.state.evaluation.gradient),
    "q": Input(lambda seen: seen.state.gradient_change),
    "s": Input(lambda seen: seen.state.curvature.matvec(seen.state.gradient_change)),
    "r": Input(
        lambda seen: (
            seen.state.previous_step - seen.state.curvature.matvec(seen.state.gradient_change)
        )
    ),
    "b0g": Input(lambda seen: seen.scale * seen.state.evaluation.gradient, has_unit=False),
    "b0m": Input(lambda seen: seen.scale * seen.averaged, has_unit=False),
}
"""By the name that ``inputs`` gives: the paper's; ``s = B q`` of the last step with B as it was
then, which the authors' published code reads in place of d; SR1's residual ``r = p - s``; B0 times
the gradient, and times what B multiplies."""


@dataclass(frozen=True)
class Embedding:
    """Learned numbers that each variable has of its own, where variables have a fixed meaning.

    Args:
        size: how many, >= 1.
        variables: N, how many variables the problems have.
    """

    size: int
    variables: int

    def __post_init__(self) -> None:
        if self.size < 1 or self.variables is None or self.variables < 1:
            raise UserError(
                f"Embedding size is {self.size} with variables {self.variables}; an embedding is "
                "one or more numbers for each of a known number of variables"
            )


@choices_checked
@dataclass(frozen=True)
class Reads:
    """What the encoder reads of each variable.

    Args:
        inputs: names of :data:`KNOWN_INPUTS`, each at most once.
        normalization: ``none`` is the paper; ``rms`` divides each input that has a unit by its
            root mean square within the problem, so that the networks see no scale.
        problem_numbers: whether every variable also reads six numbers of its problem: logarithms
            of f, of ``f / |g|^2``, of the root mean squares of g and x; 1 / k; k / 8.
        secant_numbers: whether every variable also reads how well B meets the last secant:
            cos(p, q), cos(r, q), log(|r| / |p|) / 5.
        embedding: learned numbers of each variable, if any.
        detached: cut the meta-gradient through what is read.

    Raises:
        UserError: an input is unknown or comes twice, or there is none.
    """

    inputs: Sequence[str] = INPUTS
    normalization: Literal["none", "rms"] = "none"
    problem_numbers: bool = False
    secant_numbers: bool = False
    embedding: Embedding | None = None
    detached: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", tuple(self.inputs))
        for name in self.inputs:
            if name not in KNOWN_INPUTS:
                raise unknown_choice("Reads inputs", name, KNOWN_INPUTS)
        if not self.inputs or len(set(self.inputs)) != len(self.inputs):
            raise UserError(
                f"Reads inputs are {list(self.inputs)}; take one or more of "
                f"{list(KNOWN_INPUTS)}, each at most once"
            )


class EncoderInputs(nn.Module):
    """Stacks what the encoder reads of each variable.

    Args:
        reads: what that is.
    """

    def __init__(self, reads: Reads) -> None:
        super().__init__()
        self.reads = reads
        self.embedding = None
        width = len(reads.inputs)
        if reads.embedding is not None:
            numbers = torch.randn(reads.embedding.variables, reads.embedding.size)
            self.embedding = nn.Parameter(0.5 * numbers)
            width += reads.embedding.size
        self.width = (
            width
            + _PROBLEM_NUMBERS * reads.problem_numbers
            + _SECANT_NUMBERS * reads.secant_numbers
        )

    def forward(self, seen: Seen) -> Tensor:
        """(B, N, width).

        Raises:
            UserError: the problem has another N than the embedding.
        """
        reads = self.reads
        needed = dict.fromkeys([*reads.inputs, *(["p", "q", "r"] * reads.secant_numbers)])
        values = {name: KNOWN_INPUTS[name].of(seen) for name in needed}
        columns = [self._column(values, name) for name in reads.inputs]
        parts = [torch.stack(columns, dim=-1)]
        batch, size = parts[0].shape[:2]
        if reads.problem_numbers:
            numbers = _problem_numbers(
                seen.state.evaluation, seen.state.iterate, seen.state.steps_taken
            )
            parts.append(numbers.unsqueeze(1).expand(-1, size, -1))
        if reads.secant_numbers:
            numbers = _secant_numbers(*(values[name] for name in ("p", "q", "r")))
            parts.append(numbers.unsqueeze(1).expand(-1, size, -1))
        if self.embedding is not None:
            if len(self.embedding) != size:
                raise UserError(
                    f"LSR1 has embeddings of {len(self.embedding)} variables; the problem has "
                    f"{size}"
                )
            parts.append(self.embedding.expand(batch, -1, -1))
        features = torch.cat(parts, dim=-1)
        return features.detach() if reads.detached else features

    def _column(self, values: Mapping[str, Tensor], name: str) -> Tensor:
        column = values[name]
        if self.reads.normalization == "none" or not KNOWN_INPUTS[name].has_unit:
            return column
        mean_square = column.square().mean(dim=1, keepdim=True)
        return column * (mean_square + 1e-24).rsqrt()


def _problem_numbers(evaluation: Evaluation, x: Tensor, steps_taken: int) -> Tensor:
    """(B, 6), of order one, detached."""
    value, gradient = (part.detach() for part in evaluation)
    square = gradient.square().sum(dim=1)
    size = gradient.shape[1]
    logarithms = [
        value,
        value / square.clamp_min(_TINY),
        (square / size).sqrt(),
        x.detach().square().mean(dim=1).sqrt(),
    ]
    step = steps_taken + 1
    return torch.stack(
        [
            *(0.25 * part.clamp(_TINY, 1 / _TINY).log() for part in logarithms),
            torch.full_like(value, 1 / step),
            torch.full_like(value, step / 8),
        ],
        dim=1,
    )


def _secant_numbers(p: Tensor, q: Tensor, r: Tensor) -> Tensor:
    """(B, 3), of order one, detached."""
    p, q, r = p.detach(), q.detach(), r.detach()
    cosines = [torch.nn.functional.cosine_similarity(a, q, dim=1) for a in (p, r)]
    ratio = (r.norm(dim=1) / p.norm(dim=1).clamp_min(_TINY)).clamp(_TINY, 1 / _TINY)
    return torch.stack([*cosines, 0.2 * ratio.log()], dim=1)
