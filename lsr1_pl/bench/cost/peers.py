"""What everybody has: smplx in the loop, and plain PyTorch around it."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from lsr1_pl.body import BodyModel
from lsr1_pl.body.skeleton import COCO18_INDICES
from lsr1_pl.hmr.reprojection import JointsOf
from lsr1_pl.optim.lsr1.networks import PReLU
from lsr1_pl.tasks import HMRTask


def through_smplx(body: BodyModel) -> JointsOf:
    """The 18 keypoints by smplx's full forward, mesh and all, as everybody has it."""
    reference = body.to_smplx()
    chosen = list(COCO18_INDICES)

    def joints_of(pose: Tensor, betas: Tensor) -> Tensor:
        out = reference(betas=betas, body_pose=pose[:, 3:], global_orient=pose[:, :3])
        joints: Tensor = out.joints[:, chosen]
        return joints

    return joints_of


def see_through(task: HMRTask, joints_of: JointsOf) -> None:
    """Let a task find its keypoints another way."""
    del task.joints_of  # A module, whose name takes nothing else.
    task.joints_of = joints_of  # type: ignore[assignment]


def make_plain(task: HMRTask) -> None:
    """Give ``task`` smplx's joints and torch's own PReLU."""
    see_through(task, through_smplx(task.body))
    for module in task.modules():
        if isinstance(module, PReLU):
            module.forward = partial(nn.PReLU.forward, module)  # type: ignore[method-assign]
