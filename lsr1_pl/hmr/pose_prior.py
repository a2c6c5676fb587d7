"""The pose prior of SMPLify: a mixture of Gaussians over body poses (Bogo et al., ECCV 2016)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr.variables import POSE_SIZE

BODY_POSE_SIZE = POSE_SIZE - 3
"""23 joints of axis-angle: the pose without its root."""

_REGULARISATION = 1e-3
_TOLERANCE = 1e-2


class PosePrior(nn.Module):
    """``min_k -log(c_k N(theta; mu_k, Sigma_k))`` of the body pose, up to a constant.

    The maximum stands for the mixture's sum, as SMPLify takes it, so that each component's pull is
    quadratic. The least value over all poses is 0. SMPLify's own mixture is licensed: this one is
    fitted on the motion that trains everything else.

    Args:
        means: (K, 69) mu_k.
        precisions: (K, 69, 69) inverse covariances.
        log_weights: (K,) logarithms of ``c_k`` times the square root of the precision's
            determinant, up to a constant.
    """

    means: Tensor
    precisions: Tensor
    log_weights: Tensor

    def __init__(self, means: Tensor, precisions: Tensor, log_weights: Tensor) -> None:
        super().__init__()
        self.register_buffer("means", means)
        self.register_buffer("precisions", precisions)
        self.register_buffer("log_weights", log_weights - log_weights.max())

    @classmethod
    def fit(cls, poses: NDArray[np.floating], components: int = 8, seed: int = 0) -> PosePrior:
        """The mixture of ``components`` full covariances that explains ``poses`` (F, 72).

        Raises:
            UserError: there are fewer poses than components, or they are not (F, 72).
        """
        from sklearn.mixture import GaussianMixture

        if poses.ndim != 2 or poses.shape[1] != POSE_SIZE or len(poses) < components:
            raise UserError(
                f"a pose prior of {components} components got poses shaped {poses.shape}; "
                f"expected (at least {components}, {POSE_SIZE})"
            )
        mixture = GaussianMixture(
            components, reg_covar=_REGULARISATION, random_state=seed, tol=_TOLERANCE
        ).fit(np.asarray(poses[:, 3:], np.float64))
        roots = np.diagonal(mixture.precisions_cholesky_, axis1=1, axis2=2)
        log_weights = np.log(mixture.weights_) + np.log(roots).sum(axis=1)
        return cls(
            *(
                torch.from_numpy(np.ascontiguousarray(part, np.float32))
                for part in (mixture.means_, mixture.precisions_, log_weights)
            )
        )

    def mean_pose(self) -> Tensor:
        """(69,) the mixture's mean, in radians."""
        scale = 0.5 * torch.logdet(self.precisions)
        weights = torch.softmax(self.log_weights - scale, dim=0)
        return weights @ self.means

    def forward(self, body_pose: Tensor) -> Tensor:
        """(B, 69) radians -> (B,), 0 or more."""
        offset = body_pose.unsqueeze(1) - self.means
        square = torch.einsum("bki,kij,bkj->bk", offset, self.precisions, offset)
        return (0.5 * square - self.log_weights).amin(dim=1)
