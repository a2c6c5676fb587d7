"""Training of the network that says where fits of people begin."""

from __future__ import annotations

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor

from lsr1_pl.body import PinholeCamera, load_body_model
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data import MotionBatch
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.precision import full_precision
from lsr1_pl.hmr import (
    POSE_SIZE,
    InitialError,
    LiftedEstimate,
    LiftingLoss,
    ProjectedBody,
    estimate_error,
)
from lsr1_pl.hmr.evaluation import observe_known
from lsr1_pl.metrics import PAMPJPE
from lsr1_pl.tasks.guarded import GuardedTask


class StartTask(GuardedTask):
    """Trains a lifting network, from keypoints to bodies, without any inner step.

    Its checkpoint is where fits of people begin: ``start: {class_path: LiftedEstimate,
    init_args: {weights: PATH}}`` of :class:`lsr1_pl.tasks.HMRTask`. It also holds how the network
    errs over the training batches (:class:`lsr1_pl.hmr.InitialError`), which the metric of such
    fits comes from. Validation and test log PA-MPJPE of 14 keypoints, as ``val/pa_mpjpe`` and
    ``test/pa_mpjpe`` in millimetres.

    Args:
        body: ``open``, or the path of an SMPL-format npz.
        num_betas: shape coefficients that are estimated.
        start: the network. Its ``weights`` are where the training begins; it cannot be frozen.
        loss: factors of the loss' terms.
        meta_optimizer: makes the optimiser from the parameters.
        lr_scheduler: makes its learning-rate schedule, stepped once an iteration.

    Raises:
        UserError: the network is frozen.
    """

    def __init__(
        self,
        body: str = "open",
        num_betas: int = 10,
        start: LiftedEstimate = LiftedEstimate(),  # noqa: B008
        loss: LiftingLoss = LiftingLoss(),  # noqa: B008
        meta_optimizer: OptimizerCallable = lambda p: torch.optim.AdamW(p, lr=1e-3),
        lr_scheduler: LRSchedulerCallable | None = None,
    ) -> None:
        super().__init__(meta_optimizer, lr_scheduler)
        self.save_hyperparameters(ignore=["start", "loss", "meta_optimizer", "lr_scheduler"])
        if start.frozen:
            raise UserError("StartTask start.frozen is true: nothing would train; set it false")
        self.start, self.loss = start, loss
        self.initial_estimate = start.estimator(num_betas)
        self.initial_error = InitialError(POSE_SIZE + num_betas)
        self.body = load_body_model(body, num_betas=num_betas)
        self.joints_of = self.body.select(COCO18)
        self.projected = ProjectedBody(self.joints_of, PinholeCamera())
        self.errors = PAMPJPE()

    def on_fit_start(self) -> None:
        """The weights of the other checkpoint that was asked for, unless this run is resumed."""
        if self.global_step == 0:
            networks = {"initial_estimate": self.initial_estimate}
            self.start.take_weights(networks, self.initial_error)

    def training_step(self, batch: MotionBatch, batch_idx: int) -> Tensor:
        """The loss on one batch."""
        if self.global_step == 0 and self.start.weights is None:
            self.initial_estimate.centre_on(batch.pose)
        people = observe_known(batch, self.projected)
        seen, true = people.observation, people.target
        camera = self.projected.camera._replace(depth=batch.depth.unsqueeze(1))
        lifted, terms = self.loss.of(self.initial_estimate, seen, true, self.joints_of, camera)
        with full_precision(batch.pose):
            loss = torch.stack(list(terms.values())).sum()
            x0 = lifted.variables().detach()
            self.initial_error.update(estimate_error(people.states, x0))
        self.log("train/loss", loss, prog_bar=True)
        for name, term in terms.items():
            self.log(f"train/{name}", term)
        return loss

    def on_validation_epoch_start(self) -> None:
        """A fresh mean."""
        self.errors.reset()

    def on_test_epoch_start(self) -> None:
        """A fresh mean."""
        self.errors.reset()

    def validation_step(self, batch: MotionBatch, batch_idx: int) -> None:
        """The errors of the estimates."""
        self._evaluate(batch)

    def test_step(self, batch: MotionBatch, batch_idx: int) -> None:
        """The errors of the estimates."""
        self._evaluate(batch)

    def on_validation_epoch_end(self) -> None:
        """The mean error over the validation set."""
        self.log("val/pa_mpjpe", self.errors.compute().float(), prog_bar=True)

    def on_test_epoch_end(self) -> None:
        """The mean error over the test set."""
        self.log("test/pa_mpjpe", self.errors.compute().float())

    def _evaluate(self, batch: MotionBatch) -> None:
        people = observe_known(batch, self.projected)
        start = self.start.begin({"initial_estimate": self.initial_estimate}, self.projected)
        (joints,) = people.joint_sets(start(people.observation))
        self.errors.update(joints.predicted, joints.true)
