"""A look-alike of the authors' published checkpoint: their keys and sizes, random numbers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

OPTIMIZERS = ("pose_upd_net", "shape_upd_net")


def network(
    name: str, features: int, width: int, outputs: int, *, sequential: bool = False
) -> dict[str, Tensor]:
    """The state of one MLP; ``sequential`` names it as LGD's release of 2021 does."""
    layers: dict[str, dict[str, Tensor]] = {}

    def linear(key: str, columns: int, rows: int) -> None:
        scale = columns**-0.5
        layers[key] = {
            "weight": scale * torch.randn(rows, columns),
            "bias": 0.1 * torch.randn(rows),
        }

    def norm(key: str) -> None:
        layers[key] = {
            "weight": 1 + 0.1 * torch.randn(width),
            "bias": 0.1 * torch.randn(width),
            "running_mean": 0.1 * torch.randn(width),
            "running_var": 0.5 + torch.rand(width),
            "num_batches_tracked": torch.tensor(1000),
        }

    def slope(*keys: str) -> None:
        for key in keys:
            layers[key] = {"weight": 0.25 + 0.1 * torch.rand(1)}

    first = ("block.0", "block.1", "block.2", "block.6") if sequential else None
    fc1, bn1, prelu, fc2 = first or ("fc1", "bn1", "prelu", "fc2")
    linear(fc1, features, width)
    norm(bn1)
    slope(prelu)
    for block in (1, 2):
        if sequential:
            place = f"block.{3 + block}.block"
            linear(f"{place}.0", width, width)
            norm(f"{place}.1")
            linear(f"{place}.4", width, width)
            norm(f"{place}.5")
            slope(f"{place}.2", f"{place}.6")
        else:
            linear(f"mlp{block}.fc1", width, width)
            norm(f"mlp{block}.bn1")
            slope(f"mlp{block}.prelu")
            linear(f"mlp{block}.fc2", width, width)
            norm(f"mlp{block}.bn2")
    linear(fc2, width, outputs)
    return {
        f"{name}.{layer}.{tensor}": value
        for layer, tensors in layers.items()
        for tensor, value in tensors.items()
    }


def state(*, sequential: bool = False, seed: int = 0) -> dict[str, Tensor]:
    """The whole state dict, with a few of SMPL's buffers in it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        found = network("pose_init_net", 36, 1024, 72, sequential=sequential)
        found |= network("shape_init_net", 36, 1024, 10, sequential=sequential)
        for name in OPTIMIZERS:
            found |= network(f"{name}.enc", 5, 256, 128)
            found |= network(f"{name}.get_v.mlp", 128, 256, 1)
            found |= network(f"{name}.get_lr.mlp", 128, 256, 1)
    return found | {
        "body_model.betas": torch.zeros(1, 10),
        "body_model.v_template": torch.ones(6890, 3),
        "body_model.vertex_joint_selector.extra_joints_idxs": torch.arange(21),
    }


def parameters(state_dict: dict[str, Tensor]) -> int:
    """How many numbers of it are trained."""
    counted = ("running_mean", "running_var", "num_batches_tracked")
    return sum(
        value.numel()
        for key, value in state_dict.items()
        if not key.endswith(counted) and not key.startswith("body_model.")
    )


def evaluated(given: dict[str, Tensor], network: str, rows: Tensor, *, skip: bool) -> Tensor:
    """One of their MLPs in evaluation, straight from the keys: each block uses its PReLU twice."""

    def layer(name: str, x: Tensor, kind: str) -> Tensor:
        prefix = f"{network}.{name}."
        own = {k.removeprefix(prefix): v for k, v in given.items() if k.startswith(prefix)}
        if kind == "linear":
            return x @ own["weight"].T + own["bias"]
        if kind == "norm":
            centred = (x - own["running_mean"]) / (own["running_var"] + 1e-5).sqrt()
            return centred * own["weight"] + own["bias"]
        return torch.where(x > 0, x, own["weight"] * x)

    def stage(place: str, x: Tensor, number: int) -> Tensor:
        x = layer(f"{place}fc{number}", x, "linear")
        slope = f"{place}prelu"
        return layer(slope, layer(f"{place}bn{number}", x, "norm"), "slope")

    x = stage("", rows, 1)
    for block in ("mlp1.", "mlp2."):
        out = stage(block, stage(block, x, 1), 2)
        x = x + out if skip else out
    return layer("fc2", x, "linear")


class Callback:
    """Stands for a class of another program; it must not be needed to read the file."""


def checkpoint(state_dict: dict[str, Tensor]) -> dict[str, Any]:
    """What Lightning 1.5 puts around the weights, hyperparameters of a foreign class among it."""
    return {
        "epoch": 99,
        "global_step": 100000,
        "pytorch-lightning_version": "1.5.0",
        "state_dict": state_dict,
        "callbacks": {
            Callback: {"monitor": "val/MPJPE_aligned", "best_model_path": "ckpts/a.ckpt"}
        },
        "lr_schedulers": [],
        "hparams_name": "opt",
        "hyper_parameters": {"opt": argparse.Namespace(inner_num_steps=8, lsr1=Path("a"))},
    }


def write(path: Path, state_dict: dict[str, Tensor]) -> Path:
    torch.save(checkpoint(state_dict), path)
    return path
