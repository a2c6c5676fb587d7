"""Two processes with half a batch each find the gradient of the whole batch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

_TASK = """
import torch

from lsr1_pl.data.functions.quadratics import QuadraticBatch, draw_quadratics
from lsr1_pl.optim import LSR1
from lsr1_pl.tasks import FunctionTask

torch.manual_seed(0)
# BatchNorm's statistics are of a process' own problems; frozen, every problem stands alone.
task = FunctionTask(LSR1(hidden_dim=8, buffer_size=2), steps=3, freeze_norm_after=0).double()
task.log = lambda *args, **kwargs: None
task.forward = lambda batch: task.training_step(batch, 0)
whole = draw_quadratics(8, 3, torch.Generator().manual_seed(1))
H, b, x0 = (t.double() for t in whole)
task.optimizer.train()
for module in task.modules():
    if isinstance(module, torch.nn.BatchNorm1d):
        module.eval()
"""
_WORKER = (
    _TASK
    + """
import os
import sys

from torch.nn.parallel import DistributedDataParallel

rank, store, out = int(sys.argv[1]), sys.argv[2], sys.argv[3]
torch.distributed.init_process_group("gloo", init_method="file://" + store, rank=rank, world_size=2)
part = slice(rank * 4, (rank + 1) * 4)
# Its hooks must outlive the backward pass.
model = DistributedDataParallel(task)
model(QuadraticBatch(H[part], b[part], x0[part])).backward()
if rank == 0:
    torch.save([p.grad for p in task.parameters()], out)
torch.distributed.barrier()
# gloo's threads may abort a process that ends in the usual way ("terminate called").
os._exit(0)
"""
)


def _alone() -> list[torch.Tensor]:
    made: dict[str, Any] = {}
    exec(_TASK, made)
    task = made["task"]
    task(made["QuadraticBatch"](made["H"], made["b"], made["x0"])).backward()
    return [parameter.grad for parameter in task.parameters()]


def _together(folder: Path) -> list[torch.Tensor]:
    store, out = folder / "store", folder / "gradients.pt"
    command = [sys.executable, "-W", "ignore", "-c", _WORKER]
    workers = [
        subprocess.Popen(
            [*command, str(rank), str(store), str(out)], stderr=subprocess.PIPE, text=True
        )
        for rank in range(2)
    ]
    for worker in workers:
        _, complaint = worker.communicate(timeout=180)
        assert worker.returncode == 0, complaint
    found: list[torch.Tensor] = torch.load(out, weights_only=True)
    return found


def test_two_processes_average_to_the_joint_batch(tmp_path: Path) -> None:
    alone, together = _alone(), _together(tmp_path)
    assert any(bool((gradient != 0).any()) for gradient in alone)
    for ours, theirs in zip(together, alone, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)
