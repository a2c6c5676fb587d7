"""3DPW's truth under named protocols, and the fits' joints to compare with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from lsr1_pl.body import BodyModel, load_body_model
from lsr1_pl.body.skeleton import SMPL_JOINTS
from lsr1_pl.data import DetectionBatch
from lsr1_pl.data.motion.threedpw_module import GENDERS
from lsr1_pl.ground.arrays import load_npy
from lsr1_pl.ground.errors import DAMAGED_ARRAYS, UserError
from lsr1_pl.hmr.evaluation.errors import JointSet
from lsr1_pl.hmr.evaluation.protocols import (
    H36M14,
    H36M_PELVIS,
    HIPS,
    PROTOCOLS,
    Protocol,
    named_protocols,
)
from lsr1_pl.metrics import acceleration_error, mpjpe

_PER_SECOND = 30.0**2 / 1000.0
"""From mm/frame^2 to m/s^2 at the 30 frames a second of 3DPW's videos."""


class ThreeDPWEvaluation(nn.Module):
    """Joints of fits and of 3DPW's truth, for each of some protocols.

    Args:
        protocols: names of ``evaluation.protocols.PROTOCOLS``; the first selects checkpoints.
        body: that the fits are of.
        bodies: gender -> path of the body that is true for it; needed as far as a protocol does.
        regressor: path of ``J_regressor_h36m.npy``; needed by protocols on H36M's joints.
        num_betas: shape coefficients.

    Raises:
        UserError: a protocol is unknown, or needs a body or the regressor that is not given.
    """

    def __init__(
        self,
        protocols: Sequence[str],
        body: BodyModel,
        bodies: Mapping[str, str],
        regressor: str | None,
        num_betas: int,
    ) -> None:
        super().__init__()
        self.protocols = named_protocols(list(protocols))
        needed = {gender for protocol in self.protocols for gender in _genders(protocol)}
        for gender in sorted(needed - set(bodies)):
            raise UserError(
                f"EvaluationPlan truth_bodies lacks {gender!r}, which the protocols "
                f"{', '.join(protocols)} need; make it: lsr1 data convert smpl FOLDER data/smpl"
            )
        self.rows = None
        if any(protocol.joints == "h36m14" for protocol in self.protocols):
            self.rows = _regressor_rows(regressor)
        self.fit = self._joints(body)
        self.fit_body = [body]
        self.truth = nn.ModuleDict()
        self.truth_bodies = nn.ModuleDict()
        for gender in sorted(needed):
            true_body = load_body_model(bodies[gender], num_betas=num_betas)
            self.truth_bodies[gender] = true_body
            self.truth[gender] = self._joints(true_body)

    def _joints(self, body: BodyModel) -> nn.ModuleDict:
        joints = nn.ModuleDict({"smpl24": body.select(SMPL_JOINTS)})
        if self.rows is not None:
            joints["h36m14"] = body.regressed(self.rows)
        return joints

    @property
    def names(self) -> list[str]:
        """The names of the protocols, in their order."""
        return [protocol.name for protocol in self.protocols]

    def note(self, counts: Mapping[str, int], frames: int) -> str:
        """The line under a table: each protocol, and how many of the frames it counts."""
        lines = [f"{p.text}; {counts[p.name]} of {frames} frames" for p in self.protocols]
        aligned = "PA-MPJPE similarity-aligned frame by frame."
        return "3DPW. " + ". ".join([*lines, aligned])

    def true_joints(self, batch: DetectionBatch) -> dict[str, tuple[Tensor, Tensor]]:
        """Protocol -> joints (B, J, 3) and roots (B, 3).

        Raises:
            UserError: a protocol compares with the joints of the data set, and its store has none.
        """
        with torch.no_grad():
            return {
                protocol.name: self._rooted(protocol, self._true(protocol, batch))
                for protocol in self.protocols
            }

    def joint_sets(
        self,
        pose: Tensor,
        betas: Tensor,
        true: Mapping[str, tuple[Tensor, Tensor]],
        batch: DetectionBatch,
    ) -> list[JointSet]:
        """Fits (B, 72), (B, num_betas) beside the truth, for each protocol."""
        made = {kind: joints(pose, betas) for kind, joints in self.fit.items()}
        sets = []
        for protocol in self.protocols:
            predicted, roots = self._rooted(protocol, made[protocol.joints])
            joints, true_roots = true[protocol.name]
            counted = counted_frames(protocol, batch)
            sets.append(JointSet(protocol.name, predicted, joints, (roots, true_roots), counted))
        return sets

    def vertex_errors(
        self, pose: Tensor, betas: Tensor, batch: DetectionBatch
    ) -> dict[str, Tensor]:
        """Protocol -> (n,) PVE in mm of the frames that count; none where truth has no mesh."""
        found = {}
        (body,) = self.fit_body
        for protocol in self.protocols:
            kept = counted_frames(protocol, batch)
            if protocol.truth == "stored" or not bool(kept.any()):
                continue
            frames = kept.nonzero()[:, 0]
            ours = body.vertices(pose[kept], betas[kept])
            theirs = torch.cat(
                [self._by_gender(protocol, batch, "vertices", i) for i in frames.split(64)]
            )
            if protocol.vertices == "model":
                roots = true_roots = ours.new_zeros(len(frames), 3)
            else:
                kind = "h36m14" if protocol.vertices == "hips" else "smpl24"
                made = self.fit[kind](pose[kept], betas[kept])
                true = self._by_gender(protocol, batch, kind, frames)
                roots, true_roots = (_root(protocol.vertices, joints) for joints in (made, true))
            found[protocol.name] = mpjpe(ours, theirs, roots, true_roots)
        return found

    def _rooted(self, protocol: Protocol, joints: Tensor) -> tuple[Tensor, Tensor]:
        # Of H36M's joints, the pelvis comes first and is not evaluated.
        evaluated = joints[:, 1:] if protocol.joints == "h36m14" else joints
        return evaluated, _root(protocol.root, joints)

    def _true(self, protocol: Protocol, batch: DetectionBatch) -> Tensor:
        if protocol.truth == "stored":
            if batch.joints is None:
                raise UserError(
                    f"the protocol {protocol.name} compares with the joints that 3DPW stores, and "
                    "the store of 3DPW holds none, because LGD's files keep them in another frame "
                    "than the poses: name other protocols, such as lgd14 "
                    "(--model.init_args.evaluate.protocols '[lgd14]'), or convert 3DPW's "
                    "sequenceFiles"
                )
            return batch.joints
        every = torch.arange(len(batch.pose), device=batch.pose.device)
        return self._by_gender(protocol, batch, protocol.joints, every)

    def _by_gender(
        self, protocol: Protocol, batch: DetectionBatch, what: str, frames: Tensor
    ) -> Tensor:
        """Joints, or vertices, of some frames by the body that the protocol calls true."""
        pose, betas, genders = batch.pose[frames], batch.betas[frames], batch.gender[frames]
        made: Tensor | None = None
        for gender in _genders(protocol):
            body = self.truth_bodies[gender]
            make = body.vertices if what == "vertices" else self.truth[gender][what]  # type: ignore[index]
            own = make(pose, betas)  # type: ignore[operator]
            chosen = (genders == GENDERS.index(gender)).view(-1, 1, 1)
            made = own if made is None else torch.where(chosen, own, made)
        assert made is not None
        return made


def _root(root: str, joints: Tensor) -> Tensor:
    """(B, 3) of joints (B, J, 3), the pelvis first; hips are those of H36M's joints."""
    if root == "hips":
        return joints[:, [1 + hip for hip in HIPS]].mean(dim=1)
    return joints[:, 0]


def counted_frames(protocol: Protocol, batch: DetectionBatch) -> Tensor:
    """(B,) the frames that a protocol counts."""
    counted = batch.valid > 0
    return counted & (batch.visibility.sum(dim=1) > 0) if protocol.detected else counted


class FrameErrors:
    """Acceleration error and PVE of one state over a data set, frame after frame."""

    def __init__(self) -> None:
        self._joints: dict[str, list[tuple[Tensor, ...]]] = {}
        self._vertices: dict[str, list[Tensor]] = {}

    def add(
        self, sets: Sequence[JointSet], batch: DetectionBatch, vertices: Mapping[str, Tensor]
    ) -> None:
        """One batch, of frames in order."""
        for joints in sets:
            assert joints.roots is not None
            # Fits have no translation: what moves is taken relative to the protocol's root.
            ours, theirs = (
                positions - root.unsqueeze(1)
                for positions, root in zip(
                    (joints.predicted, joints.true), joints.roots, strict=True
                )
            )
            row = (ours, theirs, joints.counted, batch.recording, batch.frame)
            self._joints.setdefault(joints.name, []).append(tuple(t.cpu() for t in row))
        for name, errors in vertices.items():
            self._vertices.setdefault(name, []).append(errors.cpu())

    def compute(self) -> dict[str, dict[str, float]]:
        """Metric -> protocol -> mean, in mm and in the protocol's unit of acceleration.

        A protocol without three consecutive frames, as under a stride, has no acceleration.
        """
        vertices = {name: float(torch.cat(e).mean()) for name, e in self._vertices.items()}
        accelerations = {name: _accelerations(b) for name, b in self._joints.items()}
        return {
            "PVE": vertices,
            "acceleration": {
                name: float(errors.mean()) * (_PER_SECOND if PROTOCOLS[name].per_second else 1.0)
                for name, errors in accelerations.items()
                if len(errors)
            },
        }


def _accelerations(batches: list[tuple[Tensor, ...]]) -> Tensor:
    """Errors within the runs of consecutive frames of one recording that all count."""
    predicted, true, counted, recording, frame = (
        torch.cat(parts) for parts in zip(*batches, strict=True)
    )
    breaks = (recording.diff() != 0) | (counted.diff() != 0) | (frame.diff() != 1)
    cuts = (breaks.nonzero()[:, 0] + 1).tolist()
    starts, ends = [0, *cuts], [*cuts, len(counted)]
    errors = [
        acceleration_error(predicted[a:b], true[a:b])
        for a, b in zip(starts, ends, strict=True)
        if bool(counted[a])
    ]
    return torch.cat(errors) if errors else torch.zeros(0)


def _genders(protocol: Protocol) -> tuple[str, ...]:
    return {"stored": (), "gendered": ("male", "female")}.get(protocol.truth, (protocol.truth,))


def _regressor_rows(path: str | None) -> Tensor:
    """(15, V) the pelvis' row, then those of the 14 joints."""
    if path is None or not Path(path).is_file():
        raise UserError(
            f"EvaluationPlan regressor is {path}; the protocols need J_regressor_h36m.npy: "
            "lsr1 data convert regressor FILE data/smpl"
        )
    try:
        array = load_npy(Path(path))
    except DAMAGED_ARRAYS as error:
        raise UserError(f"{path}: not a readable .npy file ({error}); convert it again") from None
    if array.ndim != 2 or array.shape[0] != 17:
        raise UserError(f"{path}: shaped {array.shape}; expected (17, vertices)")
    return torch.from_numpy(array[[H36M_PELVIS, *H36M14]]).float()
