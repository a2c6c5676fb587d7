"""Deblurring of small images, with a smooth total variation as the regulariser."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.precision import in_full_precision
from lsr1_pl.objectives.base import AutogradObjective
from lsr1_pl.objectives.families.family import ProblemFamily, Problems, Split
from lsr1_pl.objectives.families.images import PARTS, random_images

SIDE = 32
_BLUR = (1.0, 2.0)
"""Standard deviations of the blur, in pixels."""
NOISE = 0.005
"""Standard deviation of the noise; white is 1."""


class Deblurring(AutogradObjective):
    """``f(x) = (|K x - y|^2 / (2 noise^2) + weight sum_e phi(d_e)) / N``: convex, not quadratic.

    K is a blur, the same along rows and columns, d_e are the differences of the pixels next to each
    other along rows and columns, and ``phi(d) = sqrt(d^2 + edge^2) - edge`` (Charbonnier et al.
    1997): a total variation that is smooth.

    Args:
        blurred: (B, side^2) y, row by row; white is 1 and black is 0.
        blur: (B, side, side) of one row of pixels; K is its Kronecker square.
        noise: standard deviation of y, above 0.
        weight: of the total variation, above 0.
        edge: above 0; differences well above it count by their size, those well below squared.
    """

    def __init__(
        self,
        blurred: Tensor,
        blur: Tensor,
        noise: float = NOISE,
        weight: float = 10.0,
        edge: float = 0.02,
    ) -> None:
        self.blurred = blurred
        self.blur = blur
        self.noise = noise
        self.weight = weight
        self.edge = edge

    @in_full_precision
    def value(self, x: Tensor) -> Tensor:
        """(B, side^2) images -> (B,)."""
        blur = self.blur.to(x)
        image = x.unflatten(1, blur.shape[1:])
        misfit = (blur @ image @ blur.mT).flatten(1) - self.blurred.to(x)
        data = misfit.square().sum(dim=1) / (2 * self.noise**2)
        down, across = image.diff(dim=1).flatten(1), image.diff(dim=2).flatten(1)
        steps = torch.cat([down, across], dim=1)
        variation = ((steps.square() + self.edge**2).sqrt() - self.edge).sum(dim=1)
        return (data + self.weight * variation) / x.shape[1]


class DeblurringFamily(ProblemFamily):
    """Images of 32 x 32 pixels, blurred and noisy, to be restored by :class:`Deblurring`.

    Half of the images are phantoms: ellipses, rectangles and ramps at random. The others are crops
    of one photograph, whose training, validation and test parts do not overlap. The blur is
    Gaussian, with a standard deviation from 1 to 2 pixels, an image each; noise of 0.005 is added.
    The usual start is the blurred image.

    The features are the blurred image, row by row, as ``2 y - 1``, and the width of the blur.

    Args:
        part: of the photograph: train, validation or test.

    Raises:
        UserError: there is no such part.
    """

    variables = SIDE * SIDE
    features = SIDE * SIDE + 1

    def __init__(self, part: Split = "train") -> None:
        if part not in PARTS:
            raise UserError(
                f"DeblurringFamily part is {part!r}; expected one of {', '.join(PARTS)}"
            )
        self.part = part

    def split(self, part: Split) -> DeblurringFamily:
        """The same family on this part of the photograph."""
        return DeblurringFamily(part)

    def sample(self, count: int, generator: torch.Generator) -> Problems:
        """``count`` blurred images."""
        images = random_images(count, SIDE, self.part, generator)
        least, most = _BLUR
        width = least + (most - least) * torch.rand(count, generator=generator)
        blur = gaussian_blur(width, SIDE)
        blurred = (blur @ images @ blur.mT).flatten(1)
        blurred = blurred + NOISE * torch.randn(blurred.shape, generator=generator)
        said = (2 * width - least - most) / (most - least)
        return Problems(
            x0=blurred,
            objective=Deblurring(blurred, blur),
            features=torch.cat([2 * blurred - 1, said.unsqueeze(1)], dim=1),
            family="deblurring",
        )


def gaussian_blur(width: Tensor, side: int) -> Tensor:
    """(B, side, side) blurs of a row of ``side`` pixels; ``width`` (B,) in pixels.

    Beyond the border the row is mirrored, so that a row of one grey stays as it is.
    """
    place = torch.arange(side, dtype=width.dtype)
    reach = torch.arange(-math.ceil(4 * float(width.max())), math.ceil(4 * float(width.max())) + 1)
    weight = torch.exp(-0.5 * (reach / width.unsqueeze(1)).square())
    weight = weight / weight.sum(dim=1, keepdim=True)
    # Mirrored with the border between two pixels: -1 is 0, and side is side - 1.
    seen = (place[:, None].long() + reach).remainder(2 * side)
    seen = torch.minimum(seen, 2 * side - 1 - seen)
    blur = torch.zeros(len(width), side, side, dtype=width.dtype)
    rows = seen.expand(len(width), -1, -1)
    return blur.scatter_add_(2, rows, weight.unsqueeze(1).expand(rows.shape))
