"""The checkpoint that the authors of L-SR1 published, under the names of this package.

Their code (github.com/gallif/lsr1) names networks and layers otherwise. What is here is the table
between the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from lsr1_pl.ground.errors import UserError
from lsr1_pl.pretrained.checkpoints import read_lightning_file
from lsr1_pl.pretrained.foreign.stand_ins import stand_ins

_WRITER = "the authors' train.py"
_SHOWN_KEYS = 3


class _Network(NamedTuple):
    """One MLP of theirs: Linear, BatchNorm, PReLU, two basic blocks, Linear."""

    name: str
    """Ours."""
    features: int
    width: int
    outputs: int


class _Layer(NamedTuple):
    """One layer of an MLP of theirs: its places among ours, and what it is."""

    names: tuple[str, ...]
    """Ours; a layer that they use twice stands twice where each of ours has weights of its own."""
    kind: str


_POSE = _Network("initial_estimate.pose", 36, 1024, 72)
_BETAS = _Network("initial_estimate.betas", 36, 1024, 10)

_NETWORKS = {
    "pose_init_net": _POSE,
    "shape_init_net": _BETAS,
    "pose_upd_net.enc": _Network("optimizer.pose.encoder", 5, 256, 128),
    "pose_upd_net.get_v.mlp": _Network("optimizer.pose.vector_generator", 128, 256, 1),
    "pose_upd_net.get_lr.mlp": _Network("optimizer.pose.learning_rate_generator", 128, 256, 1),
    "shape_upd_net.enc": _Network("optimizer.betas.encoder", 5, 256, 128),
    "shape_upd_net.get_v.mlp": _Network("optimizer.betas.vector_generator", 128, 256, 1),
    "shape_upd_net.get_lr.mlp": _Network("optimizer.betas.learning_rate_generator", 128, 256, 1),
}
"""Their network -> ours."""

_ESTIMATE = {
    "fc1": _Layer(("0",), "first"),
    "bn1": _Layer(("1",), "norm"),
    "prelu": _Layer(("2",), "slope"),
    "mlp1.fc1": _Layer(("4.layers.0",), "hidden"),
    "mlp1.bn1": _Layer(("4.layers.1",), "norm"),
    "mlp1.prelu": _Layer(("4.layers.2", "4.layers.6"), "slope"),
    "mlp1.fc2": _Layer(("4.layers.4",), "hidden"),
    "mlp1.bn2": _Layer(("4.layers.5",), "norm"),
    "mlp2.fc1": _Layer(("5.layers.0",), "hidden"),
    "mlp2.bn1": _Layer(("5.layers.1",), "norm"),
    "mlp2.prelu": _Layer(("5.layers.2", "5.layers.6"), "slope"),
    "mlp2.fc2": _Layer(("5.layers.4",), "hidden"),
    "mlp2.bn2": _Layer(("5.layers.5",), "norm"),
    "fc2": _Layer(("6",), "last"),
}
"""Their layer -> ours, in the initial-estimate networks."""

_SEQUENTIAL_ESTIMATE = {
    f"block.{place.replace('layers', 'block')}": _Layer((place,), layer.kind)
    for layer in _ESTIMATE.values()
    for place in layer.names
}
"""The same by the names of LGD's release of 2021, whose blocks have two PReLUs of their own."""

_ELEMENTWISE = {
    "fc1": _Layer(("layers.0",), "first"),
    "bn1": _Layer(("layers.1",), "norm"),
    "prelu": _Layer(("layers.2",), "slope"),
    **{
        f"mlp{block}.{name}": _Layer((f"layers.{3 + block}.layers.{place}",), kind)
        for block in (1, 2)
        for name, place, kind in (
            ("fc1", 0, "hidden"),
            ("bn1", 1, "norm"),
            ("prelu", 2, "slope"),
            ("fc2", 4, "hidden"),
            ("bn2", 5, "norm"),
        )
    },
    "fc2": _Layer(("output",), "last"),
}
"""Their layer -> ours, in the networks of the optimisers, where ours use the PReLU twice, too."""

_DROPPED = ("body_model.", "joint_mapper.", "camera.")
"""SMPL's arrays, the regressor of H36M's joints and the camera: no weights, and two not theirs."""


def official_weights(path: Path) -> dict[str, Tensor]:
    """The weights of the authors' published checkpoint, by the names of a task of this package.

    The file is read with weights only; what it names beside tensors becomes an inert stand-in.
    SMPL's arrays, which it holds, are left out.

    Args:
        path: ``lsr1__l4__best-model.ckpt``, or one that the authors' ``train.py`` wrote.

    Returns:
        The whole ``state_dict`` of an :class:`lsr1_pl.tasks.HMRTask` whose optimiser is an
        :class:`lsr1_pl.hmr.Blockwise` of the authors' sizes.

    Raises:
        UserError: the file is missing or no such checkpoint; a key is missing, unknown or of
            another shape; or a weight is not finite.
    """
    checkpoint = read_lightning_file(path, "", _WRITER, within=stand_ins)
    state: Mapping[str, Tensor] = checkpoint["state_dict"]
    given = {key: value for key, value in state.items() if not key.startswith(_DROPPED)}
    table = {key: entry for name in _NETWORKS for key, entry in _entries(name, given)}
    wrong = [
        *_listed("missing", [f"'{key}'" for key in table if key not in given]),
        *_listed("unknown", [f"'{key}'" for key in given if key not in table]),
        *_listed("wrong", list(_faults(table, given))),
    ]
    if wrong:
        raise UserError(
            f"{path}: its state_dict is not that of the authors' published checkpoint "
            f"({'; '.join(wrong)}); expected lsr1__l4__best-model.ckpt of github.com/gallif/lsr1, "
            "or a checkpoint that its train.py wrote with the same sizes"
        )
    weights = _untrained()
    for key, (names, _) in table.items():
        value = given[key]
        for name in names:
            weights[name] = (value.float() if value.is_floating_point() else value).clone()
    return weights


def _untrained() -> dict[str, Tensor]:
    """What a task counts while it trains, before any training: their code does not count it."""
    size = _POSE.outputs + _BETAS.outputs
    return {
        "initial_error.second_moment": torch.eye(size),
        "initial_error.batches": torch.zeros((), dtype=torch.long),
        "skipped_steps": torch.zeros((), dtype=torch.long),
    }


def _entries(
    network: str, given: Mapping[str, Tensor]
) -> Iterator[tuple[str, tuple[list[str], tuple[int, ...]]]]:
    """The keys of one of their networks, each with our names for it and its shape."""
    target = _NETWORKS[network]
    layers = _ELEMENTWISE
    if target.name.startswith("initial_estimate."):
        sequential = any(key.startswith(f"{network}.block.") for key in given)
        layers = _SEQUENTIAL_ESTIMATE if sequential else _ESTIMATE
    for name, layer in layers.items():
        for tensor, shape in _shapes(layer.kind, target).items():
            ours = [f"{target.name}.{place}.{tensor}" for place in layer.names]
            yield f"{network}.{name}.{tensor}", (ours, shape)


def _shapes(kind: str, network: _Network) -> dict[str, tuple[int, ...]]:
    width = network.width
    if kind == "norm":
        vectors = ("weight", "bias", "running_mean", "running_var")
        return {**dict.fromkeys(vectors, (width,)), "num_batches_tracked": ()}
    if kind == "slope":
        return {"weight": (1,)}
    rows, columns = {
        "first": (width, network.features),
        "hidden": (width, width),
        "last": (network.outputs, width),
    }[kind]
    return {"weight": (rows, columns), "bias": (rows,)}


def _faults(
    table: Mapping[str, tuple[list[str], tuple[int, ...]]], given: Mapping[str, Tensor]
) -> Iterator[str]:
    """Of the keys that are there and known: what is wrong with each that is."""
    for key, (_, shape) in table.items():
        value = given.get(key)
        if value is None:
            continue
        if tuple(value.shape) != shape:
            yield f"'{key}' is shaped {tuple(value.shape)}, expected {shape}"
        elif value.is_floating_point() == (not shape):
            yield f"'{key}' holds {value.dtype}, expected {'numbers' if shape else 'a count'}"
        elif not bool(torch.isfinite(value).all()):
            yield f"'{key}' holds a value that is not finite"
        elif key.endswith("running_var") and bool((value < 0).any()):
            yield f"'{key}' holds a variance below 0"


def _listed(kind: str, items: list[str]) -> list[str]:
    """One line about keys of a kind, if there are any."""
    more = f" and {len(items) - _SHOWN_KEYS} more" if len(items) > _SHOWN_KEYS else ""
    return [f"{kind}: {', '.join(items[:_SHOWN_KEYS])}{more}"] if items else []
