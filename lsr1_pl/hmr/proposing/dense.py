"""One network that reads all of a person at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.hmr.proposing.situation import ProposingNetwork, Situation
from lsr1_pl.hmr.variables import POSE_SIZE
from lsr1_pl.optim.checks import check_counts
from lsr1_pl.optim.family.network import ResidualBlock

_UNIT = 0.05
"""What the steps are measured in, where the initial estimate errs by 1 in each variable."""
_FIRST_SCALE = 0.1
"""Of the last layer's first weights: training begins near the guide's steps."""


class DenseNetwork(ProposingNetwork):
    """A residual network on the whole person: keypoints, body, and where the fit stands.

    It says a vector c, and a factor s for each variable of the guide's step t: the correction is
    ``c + s * t``. Both are small at first. Blocks are LayerNorm, Linear, GELU, Linear, around which
    the input is added.

    Args:
        num_betas: shape coefficients that are fitted.
        width: of every hidden layer.
        blocks: how many there are.

    Raises:
        UserError: a number is below 1.
    """

    def __init__(self, num_betas: int = 10, width: int = 512, blocks: int = 2) -> None:
        super().__init__()
        check_counts(self, num_betas=num_betas, width=width, blocks=blocks)
        size = POSE_SIZE + num_betas
        features = len(COCO18) * (2 + 1 + 3 + 2) + 4 * size + 1
        self.layers = nn.Sequential(
            nn.Linear(features, width),
            *(ResidualBlock(width) for _ in range(blocks)),
            nn.LayerNorm(width),
        )
        self.output = nn.Linear(width, 2 * size)
        with torch.no_grad():
            for parameter in self.output.parameters():
                parameter.mul_(_FIRST_SCALE)

    def forward(self, situation: Situation) -> Tensor:
        """(B, N) the correction."""
        seen = situation.observation
        visible = (seen.visibility > 0).unsqueeze(2)
        rows = torch.cat(
            [
                (4 * (seen.keypoints - 0.5) * visible).flatten(1),
                seen.visibility,
                (4 * situation.joints).flatten(1),
                (20 * situation.differences).flatten(1),
                situation.y,
                situation.slope,
                situation.suggested / _UNIT,
                situation.remembered / _UNIT,
                0.5 * situation.steepness,
            ],
            dim=1,
        )
        out: Tensor = self.output(self.layers(rows)).to(rows.dtype)
        vector, gains = out.chunk(2, dim=1)
        return _UNIT * vector + gains * situation.suggested
