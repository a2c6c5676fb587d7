"""Meta-training of human mesh recovery (Section 5.2)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn

from lsr1_pl.body import PinholeCamera, load_body_model
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data import DetectionBatch, KeypointBatch, MotionBatch
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr import (
    LGD,
    POSE_SIZE,
    Blockwise,
    BodyState,
    Estimator,
    EvaluatedPeople,
    EvaluationPlan,
    Fitter,
    FittingProblem,
    InErrorMetric,
    InitialError,
    LossWeights,
    NetworkEstimate,
    Observation,
    Prediction,
    ProjectedBody,
    ProposedSteps,
    ProposingOptimizer,
    TrainedStart,
    observe_detections,
    split_variables,
    trajectory_loss,
)
from lsr1_pl.hmr.evaluation import (
    EvaluationRun,
    JointSet,
    KnownPeople,
    SampledBodies,
    observe_known,
    sample_bodies,
)
from lsr1_pl.hmr.former import flat_keywords, takes_former_people_keywords
from lsr1_pl.hmr.losses import EVALUATED_KEYPOINTS
from lsr1_pl.optim import LSR1, BatchedOptimizer, SecantPenalty
from lsr1_pl.optim.lsr1.assembly import checked_parts
from lsr1_pl.pretrained import take_weights
from lsr1_pl.tasks.former import takes_former_keywords
from lsr1_pl.tasks.meta import MetaTask, mean_secant_residual
from lsr1_pl.tasks.unrolling import Unroll


@takes_former_people_keywords
@takes_former_keywords()
@checked_parts
class HMRTask(MetaTask):
    """Initial-estimate networks and L-SR1 on the pose and betas, trained together (Eq. 13).

    Every state, the initial estimate included, pays LGD's outer loss; the secant penalty is
    added with its weight. Evaluation runs ``evaluate.steps`` steps and logs, under ``val/`` or
    ``test/``, PA-MPJPE and reprojection error at each step; ``val/pa_mpjpe`` is the one after K
    steps, for checkpoint selection. Test also runs each baseline from the same initial estimate.

    Args:
        optimizer: the L-SR1 to train, as it is, in the metric of the initial error, or one for the
            pose and one for the betas; L-SR1 with aimed vectors, or a network's steps as they are;
            or LGD.
        body: ``open``, or the path of an SMPL-format npz.
        num_betas: shape coefficients that are fitted.
        start: where fits begin, and how the networks for that train.
        problem: what a fit minimises.
        unroll: the inner steps, and how the meta-gradient flows through them (LGD's does not flow
            through the inner gradients). ``freeze_norm_after`` is of L-SR1's networks alone, and
            ``safeguard`` must be false.
        penalty: the secant penalty.
        loss_weights: factors of the outer loss' terms.
        optimizer_weights: checkpoint of an HMRTask with the same optimiser, a path or a shipped
            name, whose training goes on here.
        meta_optimizer: AdamW(1e-3, (0.9, 0.999), weight decay 0.01) in the paper.
        lr_scheduler: stepped once an iteration.
        evaluate: what validation and test do.

    Raises:
        UserError: the evaluation has fewer steps than the training, the unroll is guarded, or an
            argument is no part.
    """

    fits: SampledBodies | None = None
    """A few bodies of the last test, for pictures; None before one, and for 3DPW."""
    people: EvaluatedPeople | None = None
    """The people of the last evaluation, if ``keep_people`` was set before it."""
    keep_people: bool = False
    """Whether evaluations keep every person's fit in ``people``."""
    kept_elsewhere: tuple[str, ...] = (
        *("optimizer", "unroll", "penalty", "meta_optimizer", "lr_scheduler"),
        *("start", "problem", "evaluate"),
    )
    """The arguments that are objects, and so are not among the saved hyperparameters."""
    initial_estimate: Estimator
    _run: EvaluationRun

    def __init__(
        self,
        optimizer: LSR1 | LGD | InErrorMetric | Blockwise | ProposingOptimizer,
        body: str = "open",
        num_betas: int = 10,
        start: TrainedStart = NetworkEstimate(),  # noqa: B008
        problem: FittingProblem = FittingProblem(),  # noqa: B008
        unroll: Unroll = Unroll(  # noqa: B008
            steps=8, second_order=False, clip_sample_gradient=None
        ),
        penalty: SecantPenalty = SecantPenalty(1.0),
        loss_weights: LossWeights = LossWeights(),  # noqa: B008
        optimizer_weights: str | None = None,
        meta_optimizer: OptimizerCallable = lambda p: torch.optim.AdamW(
            p, lr=1e-3, betas=(0.9, 0.999), weight_decay=0.01
        ),
        lr_scheduler: LRSchedulerCallable | None = None,
        evaluate: EvaluationPlan = EvaluationPlan(),  # noqa: B008
    ) -> None:
        super().__init__(unroll, penalty, meta_optimizer, lr_scheduler)
        self.save_hyperparameters(ignore=self.kept_elsewhere)
        # Flat, so that loggers show each number and load_from_checkpoint finds it.
        self.save_hyperparameters(flat_keywords(start, problem, evaluate))
        if evaluate.steps < unroll.steps:
            raise UserError(
                f"HMRTask evaluate.steps is {evaluate.steps}; it must reach unroll.steps, "
                f"{unroll.steps}"
            )
        if unroll.safeguard:
            raise UserError(
                "HMRTask unroll.safeguard is true; people are fitted by steps as they are: "
                "set it false"
            )
        self.start, self.problem, self.evaluate = start, problem, evaluate
        self.optimizer = optimizer
        self._trained = _label(optimizer)
        networks = start.networks(num_betas)
        self._start_networks = tuple(networks)
        for name, network in networks.items():
            self.add_module(name, network)
        self.initial_error = InitialError(POSE_SIZE + num_betas)
        self.body = load_body_model(body, num_betas=num_betas)
        self.joints_of = self.body.select(COCO18)
        self.camera = PinholeCamera()
        self.loss_weights = loss_weights
        self.optimizer_weights = optimizer_weights
        self.threedpw = evaluate.threedpw(self.body, num_betas)

    def on_fit_start(self) -> None:
        """The weights of other checkpoints that were asked for, unless this run is resumed."""
        if self.global_step == 0:
            self.start.take_weights(self._networks_of_start(), self.initial_error)
            take_weights(self.optimizer_weights, optimizer=self.optimizer)

    def training_step(self, batch: MotionBatch, batch_idx: int) -> Tensor:
        """Eq. 13 on one batch, averaged over the K + 1 states and the people."""
        loss, parts = self.meta_loss(batch)
        self.log("train/meta_loss", loss, prog_bar=True)
        for name, part in parts.items():
            self.log(f"train/{name}", part)
        return loss

    def meta_loss(self, batch: MotionBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Eq. 13 on one batch, a scalar; and, by name, the parts of it that are logged."""
        fitter = self.fitter
        known = observe_known(batch, fitter.body)
        observation = known.observation
        warming_up = self.global_step < self.start.warmup_iterations
        if warming_up and (warmed := self._warmed_up(batch, known)) is not None:
            return warmed, {}
        x0 = fitter.start(observation)
        known = known.near(x0)
        target = known.target
        self.initial_error.update(known.states - x0)
        if warming_up:
            return self._outer_loss(x0.unsqueeze(0), target, observation).mean(), {}
        self.freeze_norms(self.optimizer)
        start = x0.detach() if self.start.detached else x0
        objective = fitter.objective(observation, x0)
        trajectory = self.unroll_training(fitter.batched(observation), objective, start)
        states = torch.cat([x0.unsqueeze(0), trajectory.iterates[1:]])
        losses = self._outer_loss(states, target, observation)
        secant = mean_secant_residual(trajectory)
        return losses.mean() + self.penalty.weight * secant, {
            "initial_loss": losses[0].mean(),
            "final_loss": losses[-1].mean(),
            "secant_residual": secant,
        }

    def on_validation_epoch_start(self) -> None:
        """Fresh metrics."""
        self._start_evaluation({})

    def on_test_epoch_start(self) -> None:
        """Fresh metrics, for the baselines too."""
        self._start_evaluation(self.evaluate.baselines or {})

    def validation_step(self, batch: MotionBatch | DetectionBatch, batch_idx: int) -> None:
        """``evaluate.steps`` steps of L-SR1."""
        self._evaluate(batch)

    def test_step(self, batch: MotionBatch | DetectionBatch, batch_idx: int) -> None:
        """``evaluate.steps`` steps of L-SR1 and of each baseline from the same start."""
        iterates = self._evaluate(batch)
        if self.fits is None and isinstance(batch, MotionBatch):
            states = {"initial estimate": iterates[self._trained][0]}
            states |= {name: x[self.steps] for name, x in iterates.items()}
            seen = observe_known(batch, self.fitter.body).observation
            joints = COCO18[:EVALUATED_KEYPOINTS]
            count = self.evaluate.sample_fits
            self.fits = sample_bodies(self.body, batch, seen, states, joints, count, self._trained)

    def on_validation_epoch_end(self) -> None:
        """Curves and logs of the validation set."""
        self._finish_evaluation("val")

    def on_test_epoch_end(self) -> None:
        """Curves and logs of the test set."""
        self._finish_evaluation("test")

    def predict_step(self, batch: KeypointBatch, batch_idx: int) -> Prediction:
        """Fit the people of a batch: K steps from the start, the best state kept."""
        observation = observe_detections(*batch)
        return self.fitter.fit(observation, self.steps).best()

    @property
    def fitter(self) -> Fitter:
        """How this task, as trained so far, fits people: for any use outside of a Trainer too."""
        body = ProjectedBody(self.joints_of, self.camera)
        start = self.start.begin(self._networks_of_start(), body)
        return Fitter(start, self.problem, self.optimizer, body, self.initial_error)

    def _warmed_up(self, batch: MotionBatch, known: KnownPeople) -> Tensor | None:
        """The start's own loss, if it has one."""
        camera = self.camera._replace(depth=batch.depth.unsqueeze(1))
        seen, true, networks = known.observation, known.target, self._networks_of_start()
        found = self.start.warm_up(networks, seen, true, self.joints_of, camera)
        if found is None:
            return None
        x0, loss = found
        self.initial_error.update(known.near(x0).states - x0)
        return loss

    def _networks_of_start(self) -> dict[str, nn.Module]:
        return {name: self.get_submodule(name) for name in self._start_networks}

    def _outer_loss(self, iterates: Tensor, target: BodyState, observation: Observation) -> Tensor:
        seen, weights = observation.visibility, self.loss_weights
        return trajectory_loss(iterates, target, seen, self.joints_of, self.camera, weights)

    def _start_evaluation(self, baselines: Mapping[str, BatchedOptimizer | InErrorMetric]) -> None:
        self.fits = None
        solvers = {self._trained: self.optimizer, **baselines}
        steps = self.evaluate.steps, self.steps
        self._run = EvaluationRun(solvers, *steps, self.device, self.threedpw, self.keep_people)

    def _evaluate(self, batch: MotionBatch | DetectionBatch) -> dict[str, Tensor]:
        """Run every solver on a batch: solver -> iterates (K + 1, B, N)."""
        if isinstance(batch, DetectionBatch):
            return self._evaluate_detections(batch)
        fitter = self.fitter
        known = observe_known(batch, fitter.body)
        return self._run.add(fitter, known.observation, known.joint_sets)

    def _evaluate_detections(self, batch: DetectionBatch) -> dict[str, Tensor]:
        evaluation = self.threedpw
        if evaluation is None:
            raise UserError(
                "HMRTask evaluate.protocols is empty; 3DPW is evaluated under named protocols"
            )
        observation = observe_detections(batch.keypoints, batch.visibility)
        true = evaluation.true_joints(batch)

        def joint_sets(x: Tensor) -> list[JointSet]:
            return evaluation.joint_sets(*split_variables(x), true, batch)

        iterates = self._run.add(self.fitter, observation, joint_sets)
        self._run.add_frames(iterates, joint_sets, evaluation.vertex_errors, batch)
        return iterates

    def _finish_evaluation(self, prefix: str) -> None:
        run = self._run
        self.curves, self.curves_note, self.people = run.curves(), run.note(), run.people()
        logged = run.logged(prefix)
        self.log(best := f"{prefix}/pa_mpjpe", logged.pop(best), prog_bar=True)
        self.log_dict(logged)


def _label(optimizer: nn.Module) -> str:
    """The name of a trained optimiser in tables."""
    if isinstance(optimizer, LGD):
        return "LGD"
    return "proposed steps" if isinstance(optimizer, ProposedSteps) else "L-SR1"
