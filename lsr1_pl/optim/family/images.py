"""What is learned of families whose variables are the pixels of an image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.types import Objective
from lsr1_pl.optim.checks import check_counts
from lsr1_pl.optim.family.metrics import FlooredMetric, LearnedMetric
from lsr1_pl.optim.family.solved import Solved, diagonal_from_signs
from lsr1_pl.optim.family.starts import FamilyStart, LearnedStart, NetworkStart
from lsr1_pl.optim.metric import Metric

_FIRST_SCALE = 0.1
"""Of the last layer's first weights: training begins near the usual start."""


@dataclass(frozen=True)
class ImageStart(FamilyStart):
    """Images are begun where a convolutional network says, which reads an image and numbers.

    The variables are the pixels of a square image, row by row. So are the first features; the
    others are numbers of the whole image. It trains on the objective itself, as
    :class:`StartNetwork` does. Its layers see the image at half its resolution, each four pixels as
    channels.

    Args:
        channels: of every hidden layer.
        blocks: residual blocks of two 3 x 3 convolutions each.

    Raises:
        UserError: a number is below 1.
    """

    channels: int = 32
    blocks: int = 3

    def __post_init__(self) -> None:
        check_counts(self, channels=self.channels, blocks=self.blocks)

    def module(self, variables: int, features: int) -> LearnedStart:
        """The network, untrained: it begins near the usual starts.

        Raises:
            UserError: the variables are no square of an even side, or features are fewer.
        """
        side = _side("start", "ImageStart", variables)
        if side % 2 or features < variables:
            raise UserError(
                f"start is ImageStart, variables {variables} and features {features}; expected a "
                "square image of an even side, and its pixels as the first features"
            )
        return NetworkStart(_ImageNetwork(side, features - variables, self.channels, self.blocks))


@dataclass(frozen=True)
class CosineMetric(FlooredMetric):
    """One metric for all images: a scale for each wave of the discrete cosine transform.

    In it the mean curvature along every wave is 1, the mean being over the Hessians at solutions.
    A blur that is mirrored at the borders, and a penalty of differences between pixels, are nearly
    diagonal in these waves. It has N numbers where :class:`SecondMoment` has N^2.

    Args:
        floor: curvatures below so many times the largest are raised to it; above 0, at most 1.

    Raises:
        UserError: ``floor`` is out of its range.
    """

    def module(self, variables: int, features: int) -> LearnedMetric:
        """Curvatures that are 1 yet.

        Raises:
            UserError: the variables are no square.
        """
        return _CosineMetric(_side("metric", "CosineMetric", variables), self.floor)


def cosine_waves(side: int) -> Tensor:
    """(side, side) the orthonormal discrete cosine transform (DCT-II), a wave each row."""
    place = torch.arange(side, dtype=torch.float64)
    waves = torch.cos(math.pi / side * place[:, None] * (place + 0.5)) * math.sqrt(2 / side)
    waves[0] /= math.sqrt(2)
    return waves


class _CosineMetric(LearnedMetric):
    bend: Tensor

    def __init__(self, side: int, floor: float) -> None:
        super().__init__()
        self._floor = floor
        self._known: tuple[object, Metric] | None = None
        self.register_buffer("bend", torch.ones(side, side))

    def forward(self, features: Tensor, x: Tensor) -> Metric:
        key = (self.bend.data_ptr(), self.bend._version, x.dtype, x.device)
        if self._known is None or self._known[0] != key:
            bend = self.bend.detach().double().flatten()
            stiff = bend.clamp_min(self._floor * float(bend.max())).sqrt()
            line = cosine_waves(len(self.bend)).to(stiff)
            waves = torch.kron(line, line)
            root, inverse = (waves.T / stiff) @ waves, (waves.T * stiff) @ waves
            self._known = key, Metric(root.to(x), inverse.to(x))
        return self._known[1]

    def curvature(self, objective: Objective, x: Tensor) -> Tensor:
        """(B, side, side) along each wave, estimated from random signs."""
        line = cosine_waves(len(self.bend)).to(x)

        def product(signs: Tensor) -> Tensor:
            along = (line.T @ signs @ line).flatten(1)
            turned = objective.hessian_vector_product(x, along).view(signs.shape)
            return line @ turned @ line.T

        return diagonal_from_signs(product, x.new_zeros(len(x), *self.bend.shape))

    @torch.no_grad()
    def measure(self, solved: Solved) -> None:
        assert solved.hessian is not None
        bend = solved.hessian.double().mean(dim=0)
        if float(bend.max()) > 0:
            self.bend.copy_(bend)


class _ImageNetwork(nn.Module):
    """(B, side^2 + extra) -> (B, side^2), by residual 3 x 3 convolutions at half the resolution."""

    def __init__(self, side: int, extra: int, channels: int, blocks: int) -> None:
        super().__init__()
        self._side = side
        self.first = _convolution(4 + extra, channels)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.GELU(),
                _convolution(channels, channels),
                nn.GELU(),
                _convolution(channels, channels),
            )
            for _ in range(blocks)
        )
        self.output = _convolution(channels, 4)
        with torch.no_grad():
            self.output.weight.mul_(_FIRST_SCALE)
            assert self.output.bias is not None
            self.output.bias.zero_()

    def forward(self, rows: Tensor) -> Tensor:
        given = rows.to(self.output.weight.dtype)
        pixels, extra = given[:, : self._side**2], given[:, self._side**2 :]
        image = pixels.unflatten(1, (1, self._side, self._side))
        hidden = nn.functional.pixel_unshuffle(image, 2)
        half = self._side // 2
        whole = extra[:, :, None, None].expand(-1, -1, half, half)
        hidden = self.first(torch.cat([hidden, whole], dim=1))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        said: Tensor = nn.functional.pixel_shuffle(self.output(hidden), 2)
        return said.flatten(1).to(rows.dtype)


def _convolution(given: int, made: int) -> nn.Conv2d:
    return nn.Conv2d(given, made, 3, padding=1, padding_mode="replicate")


def _side(part: str, name: str, variables: int) -> int:
    side = math.isqrt(variables)
    if side * side != variables:
        raise UserError(
            f"{part} is {name} and variables {variables}; expected a square image, such as 1024"
        )
    return side
