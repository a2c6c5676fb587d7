"""Meta-training of human mesh recovery (Section 5.2)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor

from lsr1_pl.body import PinholeCamera, load_body_model, normalize_keypoints
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data import KeypointBatch, MotionBatch
from lsr1_pl.errors import UserError
from lsr1_pl.hmr import (
    FittedState,
    InitialEstimate,
    LossWeights,
    Observation,
    ReprojectionObjective,
    observe,
    outer_loss,
    split_variables,
)
from lsr1_pl.metrics import pa_mpjpe
from lsr1_pl.optim import LSR1, BatchedOptimizer, unroll
from lsr1_pl.tasks.hmr_evaluation import (
    EVALUATED_KEYPOINTS,
    NONFINITE,
    PA_MPJPE,
    REPROJECTION,
    FitSample,
    SolverErrors,
    evaluation_note,
    start_errors,
)
from lsr1_pl.tasks.hmr_prediction import Prediction, best_states
from lsr1_pl.tasks.meta import MetaTask, mean_secant_residual

_OURS = "L-SR1"


class HMRTask(MetaTask):
    """Initial-estimate networks and L-SR1 on the pose and betas, trained together (Eq. 13).

    Every state, the initial estimate included, pays LGD's outer loss; the secant penalty is
    added with ``secant_weight``. Evaluation runs ``evaluation_steps`` and logs, under ``val/`` or
    ``test/``, PA-MPJPE and reprojection error at each step; ``val/pa_mpjpe`` is the one after K
    steps, for checkpoint selection. Test also runs each baseline from the same initial estimate.

    Args:
        optimizer: the L-SR1 to train.
        body: ``open``, or the path of an SMPL-format npz.
        num_betas: shape coefficients that are fitted.
        initial_width: width of the initial-estimate networks.
        initial_dropout: their dropout rate.
        steps: K.
        secant_weight: lambda_sec.
        objective_scale: of the inner objective; 36 is the sum of Eq. 12, 1 LGD's mean.
        loss_weights: factors of the outer loss' terms.
        warmup_iterations: first iterations that train the initial estimate alone (K = 0).
        detach_initial_estimate: keep the outer loss of later states from the initial networks.
        meta_optimizer: AdamW(1e-3, (0.9, 0.999), weight decay 0.01) in the paper.
        lr_scheduler: stepped once an iteration.
        second_order: whether the meta-gradient flows through the inner gradients; LGD's does not.
        clip_sample_gradient: see :func:`lsr1_pl.optim.unroll`.
        divergence_limit: see :func:`lsr1_pl.optim.unroll`.
        evaluation_steps: inner steps of validation and test.
        baselines: untrained optimisers to test beside it, by the name that tables show.
        sample_fits: how many fitted bodies a test keeps for pictures.
    """

    fits: FitSample | None

    def __init__(
        self,
        optimizer: LSR1,
        body: str = "open",
        num_betas: int = 10,
        initial_width: int = 1024,
        initial_dropout: float = 0.2,
        steps: int = 8,
        secant_weight: float = 1.0,
        objective_scale: float = 36.0,
        loss_weights: LossWeights = LossWeights(),  # noqa: B008
        warmup_iterations: int = 0,
        detach_initial_estimate: bool = False,
        meta_optimizer: OptimizerCallable = lambda p: torch.optim.AdamW(
            p, lr=1e-3, betas=(0.9, 0.999), weight_decay=0.01
        ),
        lr_scheduler: LRSchedulerCallable | None = None,
        second_order: bool = False,
        clip_sample_gradient: float | None = None,
        divergence_limit: float | None = 10.0,
        evaluation_steps: int = 15,
        baselines: Mapping[str, BatchedOptimizer] | None = None,
        sample_fits: int = 4,
    ) -> None:
        super().__init__(
            steps,
            secant_weight,
            meta_optimizer,
            lr_scheduler,
            second_order,
            clip_sample_gradient,
            divergence_limit,
        )
        self.save_hyperparameters(
            ignore=["optimizer", "meta_optimizer", "lr_scheduler", "baselines"]
        )
        if evaluation_steps < steps:
            raise UserError(
                f"HMRTask evaluation_steps is {evaluation_steps}; it must reach steps, {steps}"
            )
        self.optimizer = optimizer
        self.initial_estimate = InitialEstimate(num_betas, initial_width, initial_dropout)
        self.body = load_body_model(body, num_betas=num_betas)
        self.joints_of = self.body.select(COCO18)
        self.camera = PinholeCamera()
        self.objective_scale = objective_scale
        self.loss_weights = loss_weights
        self.warmup_iterations = warmup_iterations
        self.detach_initial_estimate = detach_initial_estimate
        self.evaluation_steps = evaluation_steps
        self.baselines = dict(baselines or {})
        self.sample_fits = sample_fits
        self.fits = None
        self._errors: dict[str, SolverErrors] = {}

    def training_step(self, batch: MotionBatch, batch_idx: int) -> Tensor:
        """Eq. 13 on one batch, averaged over the K + 1 states and the people."""
        target, observation = self._target(batch)
        x0 = self.initial_estimate(observation.keypoints)
        if self.global_step < self.warmup_iterations:
            loss = self._outer_loss(x0.unsqueeze(0), target, observation).mean()
            self.log("train/meta_loss", loss, prog_bar=True)
            return loss
        if self.detach_initial_estimate:
            start_loss = self._outer_loss(x0.unsqueeze(0), target, observation)
            trajectory = self.unroll_training(
                self.optimizer, self._objective(observation), x0.detach()
            )
            losses = torch.cat(
                [start_loss, self._outer_loss(trajectory.iterates[1:], target, observation)]
            )
        else:
            trajectory = self.unroll_training(self.optimizer, self._objective(observation), x0)
            losses = self._outer_loss(trajectory.iterates, target, observation)
        secant = mean_secant_residual(trajectory)
        loss = losses.mean() + self.secant_weight * secant
        self.log("train/meta_loss", loss, prog_bar=True)
        self.log("train/initial_loss", losses[0].mean())
        self.log("train/final_loss", losses[-1].mean())
        self.log("train/secant_residual", secant)
        return loss

    def on_validation_epoch_start(self) -> None:
        """Fresh metrics."""
        self._start_evaluation({})

    def on_test_epoch_start(self) -> None:
        """Fresh metrics, for the baselines too."""
        self._start_evaluation(self.baselines)

    def validation_step(self, batch: MotionBatch, batch_idx: int) -> None:
        """``evaluation_steps`` steps of L-SR1."""
        self._evaluate(batch)

    def test_step(self, batch: MotionBatch, batch_idx: int) -> None:
        """``evaluation_steps`` steps of L-SR1 and of each baseline from the same start."""
        iterates = self._evaluate(batch)
        if self.fits is None:
            self.fits = self._sample(batch, iterates)

    def on_validation_epoch_end(self) -> None:
        """Curves and logs of the validation set."""
        self._finish_evaluation("val")

    def on_test_epoch_end(self) -> None:
        """Curves and logs of the test set."""
        self._finish_evaluation("test")

    def predict_step(self, batch: KeypointBatch, batch_idx: int) -> Prediction:
        """Fit the people of a batch: K steps from the initial estimate, the best state kept."""
        visibility = batch.visibility
        observation = Observation(normalize_keypoints(batch.keypoints, visibility), visibility)
        x0 = self.initial_estimate(observation.keypoints)
        trajectory = unroll(self.optimizer, self._objective(observation), x0, self.steps)
        return best_states(trajectory, visibility, self.objective_scale, self.joints_of)

    def _target(self, batch: MotionBatch) -> tuple[FittedState, Observation]:
        with torch.no_grad():
            joints = self.joints_of(batch.pose, batch.betas)
            observation = observe(joints, batch.visibility, self.camera)
        return FittedState(observation.keypoints, joints, batch.pose, batch.betas), observation

    def _objective(self, observation: Observation) -> ReprojectionObjective:
        return ReprojectionObjective(self.joints_of, observation, self.camera, self.objective_scale)

    def _outer_loss(
        self, iterates: Tensor, target: FittedState, observation: Observation
    ) -> Tensor:
        """(S, B, N) states -> (S, B) losses, through one call of the body."""
        states = iterates.shape[0]
        pose, betas = split_variables(iterates.flatten(0, 1))
        joints = self.joints_of(pose, betas)
        seen = observe(joints, observation.visibility.repeat(states, 1), self.camera)
        predicted = FittedState(seen.keypoints, joints, pose, betas)
        repeated = FittedState(*(t.repeat(states, *[1] * (t.ndim - 1)) for t in target))
        return outer_loss(predicted, repeated, self.loss_weights).unflatten(0, (states, -1))

    def _start_evaluation(self, baselines: Mapping[str, BatchedOptimizer]) -> None:
        self.fits = None
        solvers = {_OURS: self.optimizer, **baselines}
        self._errors = start_errors(solvers, self.evaluation_steps, self.device)

    def _evaluate(self, batch: MotionBatch) -> dict[str, Tensor]:
        """Run every solver on a batch: solver -> iterates (K + 1, B, N)."""
        target, observation = self._target(batch)
        x0 = self.initial_estimate(observation.keypoints)
        objective = self._objective(observation)
        iterates = {}
        for name, errors in self._errors.items():
            trajectory = unroll(errors.solver, objective, x0, self.evaluation_steps)
            values = trajectory.values / self.objective_scale
            for k, x in enumerate(trajectory.iterates):
                errors.update(k, self.joints_of(*split_variables(x)), target.joints, values[k])
            iterates[name] = trajectory.iterates
        return iterates

    def _finish_evaluation(self, prefix: str) -> None:
        by_solver = {name: errors.curves() for name, errors in self._errors.items()}
        self.curves = {
            metric: {name: curves[metric] for name, curves in by_solver.items()}
            for metric in by_solver[_OURS]
        }
        self.curves_note = evaluation_note(self._errors[_OURS].count)
        ours = by_solver[_OURS]
        self.log(f"{prefix}/pa_mpjpe", ours[PA_MPJPE][self.steps], prog_bar=True)
        for key, metric in (("pa_mpjpe", PA_MPJPE), ("reprojection", REPROJECTION)):
            self.log_dict({f"{prefix}/{key}_step_{k:02d}": v for k, v in enumerate(ours[metric])})
        self.log(f"{prefix}/nonfinite_states", sum(ours[NONFINITE]))

    def _sample(self, batch: MotionBatch, iterates: dict[str, Tensor]) -> FitSample:
        """Some of a batch's people, evenly spread, with each solver's fit after K steps."""
        people = len(batch.pose)
        rows = torch.linspace(0, people - 1, min(self.sample_fits, people)).long()
        target, observation = self._target(batch)
        final = {"initial estimate": iterates[_OURS][0]}
        final |= {name: x[self.steps] for name, x in iterates.items()}
        fits, errors_mm = {}, {}
        for name, x in final.items():
            variables = split_variables(x[rows])
            fits[name] = self.body.vertices(*variables)
            joints = self.joints_of(*variables)[:, :EVALUATED_KEYPOINTS]
            errors_mm[name] = pa_mpjpe(joints, target.joints[rows, :EVALUATED_KEYPOINTS])
        return FitSample(
            faces=self.body.faces,
            truth=self.body.vertices(batch.pose[rows], batch.betas[rows]),
            fits=fits,
            errors_mm=errors_mm,
            keypoints=observation.keypoints[rows],
            visibility=observation.visibility[rows],
        )
