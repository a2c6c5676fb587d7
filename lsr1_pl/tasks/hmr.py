"""Meta-training of human mesh recovery (Section 5.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from pytorch_lightning.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor

from lsr1_pl.body import PinholeCamera, load_body_model
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data import DetectionBatch, KeypointBatch, MotionBatch
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr import (
    LGD,
    POSE_SIZE,
    BodyState,
    EstimateStart,
    EvaluatedPeople,
    Fitter,
    FittingProblem,
    InErrorMetric,
    InitialError,
    InitialEstimate,
    LossWeights,
    Observation,
    Prediction,
    ProjectedBody,
    Start,
    observe_detections,
    split_variables,
    trajectory_loss,
)
from lsr1_pl.hmr.evaluation import (
    EvaluationRun,
    JointSet,
    SampledBodies,
    ThreeDPWEvaluation,
    observe_known,
    sample_bodies,
)
from lsr1_pl.hmr.evaluation.errors import EVALUATED_KEYPOINTS
from lsr1_pl.hmr.reprojection import Residual
from lsr1_pl.optim import LSR1, BatchedOptimizer, SecantPenalty
from lsr1_pl.pretrained import take_weights
from lsr1_pl.tasks.former import takes_former_keywords
from lsr1_pl.tasks.hmr_checks import check_arguments
from lsr1_pl.tasks.meta import MetaTask, mean_secant_residual
from lsr1_pl.tasks.unrolling import Unroll


@takes_former_keywords()
class HMRTask(MetaTask):
    """Initial-estimate networks and L-SR1 on the pose and betas, trained together (Eq. 13).

    Every state, the initial estimate included, pays LGD's outer loss; the secant penalty is
    added with its weight. Evaluation runs ``evaluation_steps`` and logs, under ``val/`` or
    ``test/``, PA-MPJPE and reprojection error at each step; ``val/pa_mpjpe`` is the one after K
    steps, for checkpoint selection. Test also runs each baseline from the same initial estimate.

    Args:
        optimizer: the L-SR1 to train, as it is or in the metric of the initial error; or LGD.
        body: ``open``, or the path of an SMPL-format npz.
        num_betas: shape coefficients that are fitted.
        initial_width: width of the initial-estimate networks.
        initial_dropout: their dropout rate.
        unroll: the inner steps, and how the meta-gradient flows through them (LGD's does not flow
            through the inner gradients). ``freeze_norm_after`` is of L-SR1's networks alone, and
            ``safeguard`` must be false.
        penalty: the secant penalty.
        objective_scale: of the inner objective; 36 is the sum of Eq. 12, 1 LGD's mean.
        residual: of the inner objective; see :class:`lsr1_pl.hmr.ReprojectionObjective`.
        prior_weight: of |y|^2 in the inner objective, y the way from the initial estimate in the
            metric of its error (:class:`lsr1_pl.hmr.EstimatePrior`); 0 is Eq. 12.
        loss_weights: factors of the outer loss' terms.
        warmup_iterations: first iterations that train the initial estimate alone (K = 0).
        detach_initial_estimate: keep the outer loss of later states from the initial networks.
        freeze_initial_estimate: train the optimiser alone, on initial estimates as an evaluation
            makes them: without dropout, and normalised by running statistics.
        initial_weights: checkpoint of any HMRTask, a path or a shipped name, whose
            initial-estimate networks a new training starts from.
        optimizer_weights: likewise of one with the same optimiser, whose training goes on here.
        meta_optimizer: AdamW(1e-3, (0.9, 0.999), weight decay 0.01) in the paper.
        lr_scheduler: stepped once an iteration.
        evaluation_steps: inner steps of validation and test.
        baselines: untrained optimisers to test beside it, by the name that tables show.
        sample_fits: how many fitted bodies a test keeps for pictures.
        protocols: of the evaluation on 3DPW (lgd24, lgd14, spin, vibe, wham, 3dpw-eval); the first
            one selects checkpoints. None for data that are views of known bodies.
        truth_bodies: gender -> the body that is true for it, as far as the protocols need them.
        regressor: path of ``J_regressor_h36m.npy``, as far as they need it.
    """

    fits: SampledBodies | None = None
    """A few bodies of the last test, for pictures; None before one, and for 3DPW."""
    people: EvaluatedPeople | None = None
    """The people of the last evaluation, if ``keep_people`` was set before it."""
    keep_people: bool = False
    """Whether evaluations keep every person's fit in ``people``."""
    kept_elsewhere: tuple[str, ...] = (
        *("optimizer", "unroll", "penalty", "meta_optimizer", "lr_scheduler", "baselines"),
    )
    """The arguments that are objects, and so are not among the saved hyperparameters."""
    _run: EvaluationRun

    def __init__(
        self,
        optimizer: LSR1 | LGD | InErrorMetric,
        body: str = "open",
        num_betas: int = 10,
        initial_width: int = 1024,
        initial_dropout: float = 0.2,
        unroll: Unroll = Unroll(  # noqa: B008
            steps=8, second_order=False, clip_sample_gradient=None
        ),
        penalty: SecantPenalty = SecantPenalty(1.0),
        objective_scale: float = 36.0,
        residual: Residual = "absolute",
        prior_weight: float = 0.0,
        loss_weights: LossWeights = LossWeights(),  # noqa: B008
        warmup_iterations: int = 0,
        detach_initial_estimate: bool = False,
        freeze_initial_estimate: bool = False,
        initial_weights: str | None = None,
        optimizer_weights: str | None = None,
        meta_optimizer: OptimizerCallable = lambda p: torch.optim.AdamW(
            p, lr=1e-3, betas=(0.9, 0.999), weight_decay=0.01
        ),
        lr_scheduler: LRSchedulerCallable | None = None,
        evaluation_steps: int = 15,
        baselines: Mapping[str, BatchedOptimizer | InErrorMetric] | None = None,
        sample_fits: int = 4,
        protocols: Sequence[str] = (),
        truth_bodies: Mapping[str, str] | None = None,
        regressor: str | None = None,
    ) -> None:
        super().__init__(unroll, penalty, meta_optimizer, lr_scheduler)
        self.save_hyperparameters(ignore=self.kept_elsewhere)
        check_arguments(
            unroll, evaluation_steps, sample_fits, warmup_iterations, freeze_initial_estimate
        )
        self.optimizer = optimizer
        self._trained = "LGD" if isinstance(optimizer, LGD) else "L-SR1"
        self.initial_estimate = InitialEstimate(num_betas, initial_width, initial_dropout)
        self.initial_error = InitialError(POSE_SIZE + num_betas)
        self.body = load_body_model(body, num_betas=num_betas)
        self.joints_of = self.body.select(COCO18)
        self.camera = PinholeCamera()
        self.problem = FittingProblem(objective_scale, residual, prior_weight)
        self.loss_weights = loss_weights
        self.warmup_iterations = warmup_iterations
        self.detach_initial_estimate = detach_initial_estimate
        self.freeze_initial_estimate = freeze_initial_estimate
        self.initial_estimate.requires_grad_(not freeze_initial_estimate)
        self.initial_weights, self.optimizer_weights = initial_weights, optimizer_weights
        self.evaluation_steps, self.sample_fits = evaluation_steps, sample_fits
        self.baselines = dict(baselines or {})
        truth = truth_bodies or {}, regressor, num_betas
        self.threedpw = ThreeDPWEvaluation(protocols, self.body, *truth) if protocols else None

    def on_fit_start(self) -> None:
        """The weights of other checkpoints that were asked for, unless this run is resumed."""
        if self.global_step == 0:
            begun = {n: self.get_submodule(n) for n in ("initial_estimate", "initial_error")}
            take_weights(self.initial_weights, **begun)
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
        target, observation = known.target, known.observation
        x0 = fitter.start(observation)
        self.initial_error.update(known.states - x0)
        if self.global_step < self.warmup_iterations:
            return self._outer_loss(x0.unsqueeze(0), target, observation).mean(), {}
        self.freeze_norms(self.optimizer)
        start = x0.detach() if self.detach_initial_estimate else x0
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
        self._start_evaluation(self.baselines)

    def validation_step(self, batch: MotionBatch | DetectionBatch, batch_idx: int) -> None:
        """``evaluation_steps`` steps of L-SR1."""
        self._evaluate(batch)

    def test_step(self, batch: MotionBatch | DetectionBatch, batch_idx: int) -> None:
        """``evaluation_steps`` steps of L-SR1 and of each baseline from the same start."""
        iterates = self._evaluate(batch)
        if self.fits is None and isinstance(batch, MotionBatch):
            states = {"initial estimate": iterates[self._trained][0]}
            states |= {name: x[self.steps] for name, x in iterates.items()}
            seen = observe_known(batch, self.fitter.body).observation
            joints = COCO18[:EVALUATED_KEYPOINTS]
            self.fits = sample_bodies(self.body, batch, seen, states, joints, self.sample_fits)

    def on_validation_epoch_end(self) -> None:
        """Curves and logs of the validation set."""
        self._finish_evaluation("val")

    def on_test_epoch_end(self) -> None:
        """Curves and logs of the test set."""
        self._finish_evaluation("test")

    def predict_step(self, batch: KeypointBatch, batch_idx: int) -> Prediction:
        """Fit the people of a batch: K steps from the start, the best state kept."""
        observation = observe_detections(batch.keypoints, batch.visibility)
        return self.fitter.fit(observation, self.steps).best()

    @property
    def start(self) -> Start:
        """Where the fits of this task begin."""
        return EstimateStart(self.initial_estimate, self.freeze_initial_estimate)

    @property
    def fitter(self) -> Fitter:
        """How this task, as trained so far, fits people: for any use outside of a Trainer too."""
        body = ProjectedBody(self.joints_of, self.camera)
        return Fitter(self.start, self.problem, self.optimizer, body, self.initial_error)

    def _outer_loss(self, iterates: Tensor, target: BodyState, observation: Observation) -> Tensor:
        seen, weights = observation.visibility, self.loss_weights
        return trajectory_loss(iterates, target, seen, self.joints_of, self.camera, weights)

    def _start_evaluation(self, baselines: Mapping[str, BatchedOptimizer | InErrorMetric]) -> None:
        self.fits = None
        solvers = {self._trained: self.optimizer, **baselines}
        steps = self.evaluation_steps, self.steps
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
            raise UserError("HMRTask protocols is empty; 3DPW is evaluated under named protocols")
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
