"""What three training seeds in one process, side by side, would cost: is it less than two?

    python tests/long/machines/stacked_seeds.py

Seeds side by side have their weights stacked, and each layer multiplies all seeds at once. Two
measurements, in CPU time on one thread, as other processes do not change it much:

- bound: a training step of ``quadratics.yaml`` on three times the problems, over one on its own.
  One set of weights is read instead of three, so stacked seeds can hardly cost less than this.
- networks: L-SR1's encoder, forward and backward, for three seeds under ``torch.func.vmap`` and in
  turn, each over one seed. The results are compared first. Torch's PReLU stands in for the
  project's, which vmap cannot map, and BatchNorm keeps no running statistics.

Prints one JSON object a width.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from weak_scaling import TrainingStep, stepper

from lsr1_pl.data import QuadraticsDataModule
from lsr1_pl.optim import Networks

SEEDS = 3
_FEATURES, _VARIABLES = 5, 2

Call = Callable[[], object]


def cpu_seconds(calls: Sequence[Call], turns: int) -> list[list[float]]:
    """The CPU time of each call in each turn, after one turn that does not count."""
    found = []
    for _ in range(turns + 1):
        turn = []
        for call in calls:
            started = time.process_time()
            call()
            turn.append(time.process_time() - started)
        found.append(turn)
    return found[1:]


def bound(width: int, problems: int) -> list[Call]:
    """A training step, and one of as many problems as all seeds have."""

    def step(count: int) -> Call:
        torch.manual_seed(0)
        batch = QuadraticsDataModule(batch_size=count).train_batch(0)
        return stepper(TrainingStep(width), batch)

    return [step(problems), step(SEEDS * problems)]


def networks(width: int, problems: int) -> list[Call]:
    """One encoder's gradients, those of all seeds in turn, and those of all seeds stacked.

    Raises:
        AssertionError: stacked seeds give other values than each alone.
    """
    encoders = [_mappable(Networks(width).encoder(_FEATURES)) for _ in range(SEEDS)]
    weights, _ = stack_module_state(encoders)
    shell = copy.deepcopy(encoders[0]).to("meta")
    rows = torch.randn(SEEDS, problems * _VARIABLES, _FEATURES)
    mapped = vmap(lambda own, x: functional_call(shell, own, (x,)))
    torch.testing.assert_close(
        mapped(weights, rows),
        torch.stack([encoder(x) for encoder, x in zip(encoders, rows, strict=True)]),
    )

    def one(seed: int = 0) -> object:
        return _gradients(encoders[seed](rows[seed]), list(encoders[seed].parameters()))

    def in_turn() -> object:
        return [one(seed) for seed in range(SEEDS)]

    def stacked() -> object:
        return _gradients(mapped(weights, rows), list(weights.values()))

    return [one, in_turn, stacked]


def _gradients(out: Tensor, weights: Sequence[Tensor]) -> object:
    return torch.autograd.grad(out.square().sum(), weights)


def _mappable(encoder: nn.Module) -> nn.Module:
    for module in list(encoder.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.PReLU):
                setattr(module, name, nn.PReLU())
            elif isinstance(child, nn.BatchNorm1d):
                setattr(module, name, nn.BatchNorm1d(child.num_features, track_running_stats=False))
    return encoder


def over_first(turns: Sequence[Sequence[float]], position: int) -> float:
    """The median over the turns of one call's time over the first's."""
    return round(statistics.median(turn[position] / turn[0] for turn in turns), 2)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--widths", type=int, nargs="+", default=[128, 64, 32])
    parser.add_argument("--problems", type=int, default=128, help="of each seed (128)")
    parser.add_argument("--turns", type=int, default=11, help="that count (11)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for width in options.widths:
        steps = cpu_seconds(bound(width, options.problems), options.turns)
        nets = cpu_seconds(networks(width, options.problems), options.turns)
        row = {
            "width": width,
            "cpu_ms_per_step": round(1e3 * statistics.median(turn[0] for turn in steps), 1),
            "bound": over_first(steps, 1),
            "networks_in_turn": over_first(nets, 1),
            "networks_stacked": over_first(nets, 2),
        }
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
