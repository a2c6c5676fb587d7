"""What L-SR1's encoder reads of each variable, and of the problem that it belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Evaluation

INPUTS = ("x", "p", "d", "g", "q")
"""The paper's: point, step, direction, gradient, gradient change."""

RESIDUAL_INPUT = "r"
"""SR1's residual ``p - B q``, which is what SR1 makes its vector of."""

SCALE_FREE_INPUTS = ("b0g", "b0m")
"""B0 times the gradient and times the averaged gradient; taken as they are."""

_PROBLEM_INPUTS, _SECANT_INPUTS = 6, 3
_TINY = 1e-12


class EncoderInputs(nn.Module):
    """Stacks the named inputs of each variable.

    Args:
        names: of :data:`INPUTS`, :data:`RESIDUAL_INPUT` and :data:`SCALE_FREE_INPUTS`, each at
            most once.
        normalization: ``none``; or ``rms``, which divides each of the paper's inputs, and the
            residual, by its root mean square within the problem.
        problem_inputs: whether every variable also reads six numbers of its problem: logarithms
            of f, of ``f / |g|^2``, of the root mean squares of g and x; 1 / k; k / 8.
        secant_inputs: whether every variable also reads how well B meets the last secant:
            cos(p, q), cos(r, q), log(|r| / |p|) / 5.
        embedding: how many learned numbers each variable has of its own, for problems whose
            variables have a fixed meaning; 0 for none.
        variables: N, where there is an embedding.

    Raises:
        UserError: a name is unknown or comes twice, or an embedding has no N.
    """

    def __init__(
        self,
        names: Sequence[str],
        normalization: Literal["none", "rms"] = "none",
        problem_inputs: bool = False,
        secant_inputs: bool = False,
        embedding: int = 0,
        variables: int | None = None,
    ) -> None:
        super().__init__()
        known = (*INPUTS, RESIDUAL_INPUT, *SCALE_FREE_INPUTS)
        self.names = tuple(names)
        unknown = [name for name in self.names if name not in known]
        if unknown or not self.names or len(set(self.names)) != len(self.names):
            raise UserError(
                f"LSR1 inputs are {list(names)}; take one or more of {list(known)}, each at most "
                "once"
            )
        if embedding < 0 or (embedding > 0 and (variables is None or variables < 1)):
            raise UserError(
                f"LSR1 embedding is {embedding} with variables {variables}; an embedding is 0 or "
                "more numbers for each of a known number of variables"
            )
        self.normalization = normalization
        self.problem_inputs = problem_inputs
        self.secant_inputs = secant_inputs
        self.embedding = None
        if embedding:
            assert variables is not None
            self.embedding = nn.Parameter(0.5 * torch.randn(variables, embedding))
        problem_wide = _PROBLEM_INPUTS * problem_inputs + _SECANT_INPUTS * secant_inputs
        self.width = len(self.names) + problem_wide + embedding

    @property
    def reads_residual(self) -> bool:
        """Whether anything is made of SR1's residual."""
        return self.secant_inputs or RESIDUAL_INPUT in self.names

    def forward(
        self, available: Mapping[str, Tensor], evaluation: Evaluation, steps_taken: int
    ) -> Tensor:
        """(B, N, width) of the named (B, N) tensors.

        Raises:
            UserError: the problem has another N than the embedding.
        """
        columns = [self._column(available[name], name) for name in self.names]
        parts = [torch.stack(columns, dim=-1)]
        batch, size = parts[0].shape[:2]
        if self.problem_inputs:
            numbers = _problem_numbers(evaluation, available["x"], steps_taken)
            parts.append(numbers.unsqueeze(1).expand(-1, size, -1))
        if self.secant_inputs:
            numbers = _secant_numbers(*(available[name] for name in ("p", "q", "r")))
            parts.append(numbers.unsqueeze(1).expand(-1, size, -1))
        if self.embedding is not None:
            if len(self.embedding) != size:
                raise UserError(
                    f"LSR1 has embeddings of {len(self.embedding)} variables; the problem has "
                    f"{size}"
                )
            parts.append(self.embedding.expand(batch, -1, -1))
        return torch.cat(parts, dim=-1)

    def _column(self, values: Tensor, name: str) -> Tensor:
        if self.normalization == "none" or name in SCALE_FREE_INPUTS:
            return values
        mean_square = values.square().mean(dim=1, keepdim=True)
        return values * (mean_square + 1e-24).rsqrt()


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
