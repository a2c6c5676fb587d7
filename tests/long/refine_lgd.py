"""What is left to gain from where LGD ends: its fits, refined in the metric of their own error.

    python tests/long/refine_lgd.py --lgd CHECKPOINT --updates 8

L-SR1 is hmr_open's, as it was trained from the initial estimates; the others are untrained.
PA-MPJPE in mm, clean keypoints, the people of ``lsr1 bench hmr``.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import torch

from lsr1_pl.bench.hmr.conditions import Drawn, people_under, training_people
from lsr1_pl.bench.hmr.people import run_fitter, states_at
from lsr1_pl.hmr import LGD, InErrorMetric, LGDFits
from lsr1_pl.optim import LBFGS, Adam
from lsr1_pl.tasks import HMRTask, load_task

_DRAWN = Drawn(256, 512)
_STEPS = 30
_SHOWN = (0, 1, 2, 4, 8, 15, 22, 30)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--lgd", default="lgd_open", help="checkpoint of LGD (lgd_open)")
    parser.add_argument("--updates", type=int, default=8, help="of LGD, before (8)")
    parser.add_argument("--batches", type=int, default=24, help="of 256, to measure the error on")
    options = parser.parse_args()
    lgd, task = load_task(options.lgd), load_task("hmr_open")
    if not isinstance(lgd, HMRTask) or not isinstance(lgd.optimizer, LGD):
        parser.error(f"--lgd {options.lgd}: expected a checkpoint of LGD")
    assert isinstance(task, HMRTask)
    refining = HMRTask(
        task.optimizer,
        start=LGDFits(options.lgd, options.updates, lgd=lgd.optimizer),
        problem=task.problem,
    )
    refining.initial_estimate = lgd.initial_estimate
    for people in training_people(refining, "hmr_open", options.batches):
        (start,) = states_at(refining.fitter.start, [people])
        refining.initial_error.update(people.states - start)
    solvers = {
        "L-SR1, as trained": task.optimizer,
        "Adam, beta1 0.5": InErrorMetric(Adam(0.1, beta1=0.5)),
        "L-BFGS": InErrorMetric(LBFGS(history_size=8, line_search="strong_wolfe")),
    }
    print(f"{'after':30s}", *(f"{step:6d}" for step in _SHOWN))
    for split, people in people_under(refining, "hmr_open", _DRAWN, "clean").items():
        starts = states_at(refining.fitter.start, people)
        for name, solver in solvers.items():
            errors, _ = run_fitter(
                replace(refining.fitter, optimizer=solver), people, _STEPS, starts
            )
            curve = errors.curve()
            print(f"{f'{name} ({split})':30s}", *(f"{curve[step]:6.2f}" for step in _SHOWN))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
