"""Where the fits of a trained task begin: which networks it has for that, and how they train."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lsr1_pl.body import PinholeCamera
from lsr1_pl.body.selection import JointSelection
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr.lgd import LGD
from lsr1_pl.hmr.losses import BodyState
from lsr1_pl.hmr.observation import Observation
from lsr1_pl.hmr.problem import ProjectedBody
from lsr1_pl.hmr.start.estimator import Estimator
from lsr1_pl.hmr.start.initial_error import InitialError
from lsr1_pl.hmr.start.initial_estimate import InitialEstimate
from lsr1_pl.hmr.start.lifting import LiftingNetwork
from lsr1_pl.hmr.start.lifting_loss import LiftingLoss
from lsr1_pl.hmr.start.mirror_averaged import MirrorAveragedStart
from lsr1_pl.hmr.start.starts import EstimateStart, LGDStart, Start
from lsr1_pl.optim.checks import check_counts, check_fraction
from lsr1_pl.pretrained import take_weights

_ESTIMATE, _LGD = "initial_estimate", "first"
_TRUSTED_BATCHES = 4


class TrainedStart(ABC):
    """A choice of start for :class:`lsr1_pl.tasks.HMRTask`, which keeps its networks."""

    weights: str | None
    warmup_iterations: int = 0
    """First iterations that train the initial estimate alone."""
    detached: bool = False
    """Whether the outer loss of the states after the start trains the networks of the start."""
    frozen: bool = False
    """Whether the networks of the start do not train."""

    @abstractmethod
    def estimator(self, num_betas: int) -> Estimator:
        """The network that estimates a body, untrained."""

    def networks(self, num_betas: int) -> dict[str, nn.Module]:
        """The networks of the start, untrained, by the names under which checkpoints hold them."""
        return {_ESTIMATE: self.estimator(num_betas).requires_grad_(not self.frozen)}

    def begin(self, networks: Mapping[str, nn.Module], body: ProjectedBody) -> Start:
        """The start that these :meth:`networks` make, as trained so far."""
        estimate = networks[_ESTIMATE]
        assert isinstance(estimate, Estimator)
        return EstimateStart(estimate, self.frozen)

    def warm_up(
        self,
        networks: Mapping[str, nn.Module],
        observation: Observation,
        target: BodyState,
        joints_of: JointSelection,
        camera: PinholeCamera,
    ) -> tuple[Tensor, Tensor] | None:
        """What a warm-up does with B people: estimates (B, N) and the loss that they train by.

        None stands for the start itself and its outer loss. The arguments are those of
        :meth:`LiftingLoss.of`, beside these :meth:`networks`.
        """
        return None

    def take_weights(self, networks: Mapping[str, nn.Module], error: InitialError) -> None:
        """The networks' weights, and the measured error, from the checkpoint ``weights`` if any.

        Raises:
            UserError: there is no such checkpoint, or its weights do not fit.
        """
        take_weights(self.weights, initial_estimate=networks[_ESTIMATE], initial_error=error)


@dataclass(frozen=True)
class NetworkEstimate(TrainedStart):
    """Fits begin where LGD's initial-estimate networks guess; they train with the optimiser.

    Args:
        width: of the networks, at least 1 (1024 in LGD).
        dropout: their dropout rate, in [0, 1).
        warmup_iterations: first iterations that train the networks alone (K = 0); 0 or more.
        detached: whether the outer loss of later states is kept from the networks.
        frozen: whether the optimiser trains alone, on initial estimates as an evaluation makes
            them: without dropout, and normalised by running statistics.
        weights: checkpoint of any HMRTask, a path or a shipped name, whose initial-estimate
            networks a training starts from; None for networks that are untrained.

    Raises:
        UserError: a number is out of its range, or a warm-up is to train frozen networks.
    """

    width: int = 1024
    dropout: float = 0.2
    warmup_iterations: int = 0
    detached: bool = False
    frozen: bool = False
    weights: str | None = None

    def __post_init__(self) -> None:
        check_counts(self, width=self.width)
        check_fraction(self, dropout=self.dropout)
        _check_warmup(self)

    def estimator(self, num_betas: int) -> Estimator:
        """LGD's two networks."""
        return InitialEstimate(num_betas, self.width, self.dropout)


@dataclass(frozen=True)
class LiftedEstimate(TrainedStart):
    """Fits begin where a lifting network guesses, which reads confidences and gives rotations.

    :class:`lsr1_pl.tasks.StartTask` trains it.

    Args:
        width: of the network's layers, at least 1.
        blocks: its residual blocks, at least 1.
        mirrored: whether fits begin halfway between the estimates of the keypoints and of their
            mirror image (:class:`MirrorAveragedStart`): twice the cost, which is small beside a
            fit's steps.
        warmup_iterations: first iterations that train the network alone (K = 0); 0 or more.
        detached: whether the outer loss of later states is kept from the network.
        frozen: whether the optimiser trains alone.
        weights: checkpoint of a StartTask, or of an HMRTask with such a start, a path or a shipped
            name, whose network a training starts from; None for a network that is untrained.

    Raises:
        UserError: a number is out of its range, or a warm-up is to train a frozen network.
    """

    width: int = 1024
    blocks: int = 3
    mirrored: bool = True
    warmup_iterations: int = 0
    detached: bool = False
    frozen: bool = False
    weights: str | None = None

    def __post_init__(self) -> None:
        check_counts(self, width=self.width, blocks=self.blocks)
        _check_warmup(self)

    def estimator(self, num_betas: int) -> LiftingNetwork:
        """The lifting network."""
        return LiftingNetwork(num_betas, self.width, self.blocks)

    def begin(self, networks: Mapping[str, nn.Module], body: ProjectedBody) -> Start:
        """The estimates of the network, averaged with those in the mirror where that is chosen."""
        estimate = networks[_ESTIMATE]
        assert isinstance(estimate, LiftingNetwork)
        return MirrorAveragedStart(estimate) if self.mirrored else EstimateStart(estimate)

    def warm_up(
        self,
        networks: Mapping[str, nn.Module],
        observation: Observation,
        target: BodyState,
        joints_of: JointSelection,
        camera: PinholeCamera,
    ) -> tuple[Tensor, Tensor]:
        """The network's estimates, and what :class:`lsr1_pl.tasks.StartTask` minimises."""
        network = networks[_ESTIMATE]
        assert isinstance(network, LiftingNetwork)
        lifted, terms = LiftingLoss().of(network, observation, target, joints_of, camera)
        return lifted.variables().detach(), torch.stack(list(terms.values())).sum()


@dataclass(frozen=True)
class LGDFits(TrainedStart):
    """Fits begin where a trained LGD ends; its networks stay as they are.

    The error that the metric and the prior know is the one of LGD's fits, measured while training.

    Args:
        weights: checkpoint of LGD, a path or a shipped name: its initial estimate and its updates.
        updates: how many updates LGD makes, 1 or more; each takes a gradient.
        width: of LGD's initial-estimate networks, as in the checkpoint.
        dropout: of those networks, in [0, 1); it has no effect, as they do not train.
        lgd: LGD, of the shape that the checkpoint has; None is LGD as published.

    Raises:
        UserError: a number is out of its range, or there is no checkpoint.
    """

    weights: str = "lgd_open"
    updates: int = 4
    width: int = 1024
    dropout: float = 0.2
    lgd: LGD | None = None

    frozen = True

    def __post_init__(self) -> None:
        if not self.weights:
            raise UserError(
                "LGDFits weights is missing: name a checkpoint of LGD, such as lgd_open"
            )
        check_counts(self, updates=self.updates, width=self.width)
        check_fraction(self, dropout=self.dropout)

    def estimator(self, num_betas: int) -> Estimator:
        """LGD's initial-estimate networks."""
        return InitialEstimate(num_betas, self.width, self.dropout)

    def networks(self, num_betas: int) -> dict[str, nn.Module]:
        """The initial-estimate networks, and LGD's own; none of them trains."""
        lgd = LGD(num_betas) if self.lgd is None else self.lgd
        return {**super().networks(num_betas), _LGD: lgd.requires_grad_(False)}

    def begin(self, networks: Mapping[str, nn.Module], body: ProjectedBody) -> Start:
        """LGD's fits, from its initial estimates."""
        lgd = networks[_LGD]
        assert isinstance(lgd, LGD)
        return LGDStart(super().begin(networks, body), lgd, self.updates, body)

    def take_weights(self, networks: Mapping[str, nn.Module], error: InitialError) -> None:
        """LGD's weights; its initial estimate's error stands in until LGD's own was seen."""
        super().take_weights(networks, error)
        take_weights(self.weights, optimizer=networks[_LGD])
        error.doubt(_TRUSTED_BATCHES)


def _check_warmup(start: NetworkEstimate | LiftedEstimate) -> None:
    name = type(start).__name__
    if start.warmup_iterations < 0:
        raise UserError(
            f"{name} warmup_iterations is {start.warmup_iterations}; it must be 0 or more"
        )
    if start.frozen and start.warmup_iterations > 0:
        raise UserError(
            f"{name} warmup_iterations is {start.warmup_iterations} and frozen true: "
            "the warm-up trains nothing but the initial estimate; set warmup_iterations 0"
        )
