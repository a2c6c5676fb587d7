"""Human mesh recovery: L-SR1, LGD, SMPLify, Adam, L-BFGS side by side (Section 5.2)."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import cast

import torch

from lsr1_pl.bench.hmr_cost import FULL_MESH, JOINTS_ONLY, Case, measure
from lsr1_pl.bench.hmr_learned import find_learned
from lsr1_pl.bench.hmr_methods import QUICK, UNTRAINED, Bench
from lsr1_pl.bench.hmr_people import People, people_of, run_trained
from lsr1_pl.bench.hmr_pictures import draw_cases, draw_curves, draw_training
from lsr1_pl.bench.hmr_report import (
    conditions_section,
    cost_section,
    cost_summary,
    curves_section,
    fractions_section,
    introduction,
    main_section,
    published_section,
    rates_section,
)
from lsr1_pl.bench.hmr_tables import CSV_COLUMNS, Results, compare, csv_rows
from lsr1_pl.bench.study import Study, add_seed
from lsr1_pl.data import MotionBatch, MotionDataModule
from lsr1_pl.errors import UserError
from lsr1_pl.hmr import PosePrior, SMPLify
from lsr1_pl.pretrained import find_checkpoint
from lsr1_pl.report import Section
from lsr1_pl.tasks import HMRTask, load_data

_CLEAN: Mapping[str, object] = {
    "visible_probability": 0.8,
    "keypoint_noise": (0.0, 0.0),
    "swap_probability": 0.0,
    "depth_range": (6.0, 6.0),
}
CONDITIONS: Mapping[str, Mapping[str, object]] = {
    "clean": {},
    "noise 1 %": {"keypoint_noise": (0.01, 0.01)},
    "noise 2 %": {"keypoint_noise": (0.02, 0.02)},
    "swapped limbs": {"swap_probability": 0.1},
    "near camera": {"depth_range": (2.0, 4.0)},
    "all visible": {"visible_probability": 1.0},
}
"""What differs from clean keypoints, of which a fifth is hidden."""

_STEPS = 30
"""Twice the paper's, so that no method is stopped while it still improves."""
_PRIOR_BATCHES = 16


@dataclass(frozen=True)
class _Size:
    validation: int
    test: int
    conditions: Sequence[str]
    camera_steps: int
    stage_steps: int
    cost_people: int
    repeats: int


_WHOLE = _Size(256, 512, tuple(CONDITIONS), 100, 50, 256, 7)
_FAST = _Size(32, 64, ("clean", "noise 2 %"), 20, 10, 32, 3)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this study."""
    add_seed(parser)
    one_a_seed = "checkpoints, one a seed; or OUT/measured/*.npz, which stand for some"
    parser.add_argument("--lsr1", nargs="+", default=["hmr_open"], help=one_a_seed)
    parser.add_argument("--lgd", nargs="+", default=["lgd_open"], help=one_a_seed)
    parser.add_argument("--faithful", nargs="+", default=[], help="of the paper's recipe, likewise")
    parser.add_argument(
        "--lgd-noise", nargs="+", default=[], help="LGD trained with detection noise, likewise"
    )
    for updates in (4, 8):
        parser.add_argument(
            f"--lgd{updates}", nargs="+", default=[], help=f"LGD trained for {updates} updates"
        )
    for option, method in (("--fraction", "L-SR1"), ("--lgd-fraction", "LGD")):
        parser.add_argument(
            option,
            nargs="+",
            default=[],
            metavar="SHARE=CKPT",
            help=f"{method} trained on a share of the motion, such as 0.1=runs/f/best.ckpt",
        )
    parser.add_argument("--device", default="cpu", help="of Table 3: cpu, or cuda (cpu)")


def run(options: argparse.Namespace) -> None:
    """Run the study into ``options.out``."""
    size = _FAST if options.fast else _WHOLE
    if options.device not in ("cpu", "cuda"):
        raise UserError(f"--device {options.device}: expected cpu or cuda")
    if options.device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: torch sees no CUDA device; use --device cpu")
    names = {
        "lsr1": options.lsr1,
        "lgd": options.lgd,
        "lgd_noise": options.lgd_noise,
        "lgd_4": options.lgd4,
        "lgd_8": options.lgd8,
        "lsr1_faithful": options.faithful,
    }
    shared = {"L-SR1": _shares(options.fraction), "LGD": _shares(options.lgd_fraction)}
    wanted = [*chain(*names.values()), *(name for _, name in chain(*shared.values()))]
    opened = {name: find_learned(name) for name in wanted}
    learned = {key: [opened[name] for name in each] for key, each in names.items() if each}
    reference, rival = (learned[key][0].trained for key in ("lsr1", "lgd"))
    shares = {
        f"{method}, {share}": opened[name]
        for method, each in shared.items()
        for share, name in each
    }
    study = Study(
        "hmr",
        "Human mesh recovery on the open benchmark",
        options.out,
        f"{size.test} people instead of {_WHOLE.test}, two conditions instead of "
        f"{len(CONDITIONS)}, SMPLify cut short, three of L-BFGS's rows left out."
        if options.fast
        else "",
    )
    first = options.lsr1[0]
    people = {name: _people(reference, first, size, name) for name in size.conditions}
    prior = _prior(first, size)
    bench = Bench(
        learned,
        prior,
        _STEPS,
        lambda task: SMPLify(task.joints_of, prior, size.camera_steps, size.stage_steps),
        QUICK if options.fast else UNTRAINED,
    )
    rates = bench.tune(people["clean"]["validation"])
    results: dict[str, dict[str, Results]] = {}
    for name, sets in people.items():
        results[name] = {split: bench.run(name, split, each, rates) for split, each in sets.items()}
        print(f"{name}: every method has run", flush=True)
    sets = people["clean"]
    by_share = {
        share: {split: one.errors("clean", split, each, _STEPS) for split, each in sets.items()}
        for share, one in shares.items()
    }
    for one in opened.values():
        one.keep(options.out / "measured")
    study.write_rows(
        CSV_COLUMNS,
        (
            row
            for name, by_split in results.items()
            for split, found in by_split.items()
            for row in csv_rows(name, split, found)
        ),
    )
    compared = {
        name: compare(found["validation"], found["test"], "lsr1", options.seed)
        for name, found in results.items()
    }
    clean = compared["clean"]
    study.page.introduction = introduction(size.validation, size.test, learned, _STEPS)
    study.add(main_section(clean, learned, _STEPS))
    study.add(curves_section(draw_curves(study, results["clean"]["test"])))
    study.add(conditions_section(compared))
    by_share = {
        share: {
            split: one.errors("clean", split, p, _STEPS) for split, p in people["clean"].items()
        }
        for share, one in shares.items()
    }
    if by_share:
        study.add(fractions_section(by_share, clean))
    drawn = {"L-SR1": (reference, clean["lsr1"].steps[0]), "LGD": (rival, clean["lgd"].steps[0])}
    study.add(_cases(study, drawn, sets["test"]))
    histories = {
        key: [path for one in each if (path := one.history()) is not None]
        for key, each in learned.items()
    }
    training = draw_training(study, histories)
    if training is not None:
        study.add(Section("Figure 8: training", pictures=[(training, "Each line is a seed.")]))
    costs = measure(_cost_cases(names, size.cost_people, options.device), size.repeats)
    study.add(cost_section(costs, size.repeats))
    study.add(published_section())
    study.add(rates_section(rates))
    study.note(
        f"People and bootstrap of seed {options.seed}; training seeds are those of the configs.",
    )
    for split in ("validation", "test"):
        study.summary[split] = {key: getattr(row, split) for key, row in clean.items()}
    study.finish(
        {
            "conditions": {
                name: {key: asdict(row) for key, row in rows.items()}
                for name, rows in compared.items()
            },
            "fractions": {
                share: {split: float(e.curve()[e.best_step()]) for split, e in found.items()}
                for share, found in by_share.items()
            },
            "cost": cost_summary(costs),
            "rates": rates.chosen,
        }
    )


def _shares(words: Sequence[str]) -> list[tuple[str, str]]:
    found = []
    for word in words:
        share, equals, name = word.partition("=")
        try:
            value = float(share)
        except ValueError:
            value = 0.0
        if not equals or not 0 < value <= 1:
            raise UserError(f"--fraction {word}: expected SHARE=CKPT with a share in (0, 1]")
        found.append((f"{100 * value:g} %", name))
    return found


def _data(checkpoint: str, size: _Size, changes: Mapping[str, object]) -> MotionDataModule:
    data = load_data(
        checkpoint,
        **{
            "batch_size": 256,
            "validation_count": size.validation,
            "test_count": size.test,
            "fraction": 1.0,
            **_CLEAN,
            **changes,
        },
    )
    if not isinstance(data, MotionDataModule):
        raise UserError(
            f"{checkpoint}: was trained on {type(data).__name__}; this study is of "
            "MotionDataModule, whose people are known"
        )
    return data


def _people(task: HMRTask, checkpoint: str, size: _Size, condition: str) -> dict[str, list[People]]:
    data = _data(checkpoint, size, CONDITIONS[condition])
    loaders = {"validation": data.val_dataloader(), "test": data.test_dataloader()}
    return {
        split: people_of(task, [cast(MotionBatch, batch) for batch in loader])
        for split, loader in loaders.items()
    }


def _prior(checkpoint: str, size: _Size) -> PosePrior:
    data = _data(checkpoint, size, {})
    poses = torch.cat([data.train_batch(number).pose for number in range(_PRIOR_BATCHES)])
    return PosePrior.fit(poses.numpy())


def _cases(
    study: Study, drawn: Mapping[str, tuple[HMRTask, int]], people: Sequence[People]
) -> Section:
    """Figures 5 and 9."""
    fits = {}
    for label, (task, step) in drawn.items():
        errors, iterates = run_trained(task, people, step)
        fits[label] = (task, errors.pa_mpjpe[step], [path[step] for path in iterates])
    picture = draw_cases(study, people, fits)
    caption = (
        "Dots are the detections. From above: L-SR1's best, median and worst fits of the test set "
        "(Figure 5), then the persons whom it fits better than LGD by most, and worse by most "
        "(Figure 9). The first L-SR1 and LGD of the lists, at their validated steps."
    )
    return Section("Figures 5 and 9: meshes over the keypoints", pictures=[(picture, caption)])


def _cost_cases(names: Mapping[str, Sequence[str]], people: int, device: str) -> list[Case]:
    return [
        Case(key, str(find_checkpoint(names[key][0])), body, people, device)
        for body in (JOINTS_ONLY, FULL_MESH)
        for key in ("lsr1", "lgd")
    ]
