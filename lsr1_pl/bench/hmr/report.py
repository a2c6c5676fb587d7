"""The page of the human mesh recovery study: its tables, and what they say of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lsr1_pl.bench.cost.hmr_iteration import FULL_MESH, Case, Cost
from lsr1_pl.bench.hmr.conditions import Drawn
from lsr1_pl.bench.hmr.learned import Learned
from lsr1_pl.bench.hmr.methods import Rates, label_and_start
from lsr1_pl.bench.hmr.tables import Row, Share
from lsr1_pl.report import PageTable, Section
from lsr1_pl.tasks import HMRTask

_PUBLISHED: Sequence[tuple[str, str, str]] = (
    ("SMPLify", "106.80", "as quoted by L-SR1's paper"),
    ("LGD", "55.90", "as quoted by L-SR1's paper"),
    ("L-SR1", "51.58", "L-SR1's paper; 51.74 after 4 steps"),
    ("L-SR1, 80 / 10 / 1 / 0.1 % of AMASS", "51.67 / 53.03 / 56.14 / 70.78", "L-SR1's paper"),
    ("ProHMR, fitting", "53.7", "its paper"),
    ("ScoreHMR (starts from an image network)", "51.1 to 52.1", "its paper"),
)
_PUBLISHED_COST = {"lgd": (166.0, 17.81), "lsr1": (91.0, 14.60)}
"""Milliseconds and GiB of one inner iteration at batch 256 on an RTX 3090, as L-SR1's paper."""


def introduction(people: Drawn, learned: Mapping[str, Sequence[Learned]], steps: int) -> list[str]:
    """What was compared, and how."""
    counts = f"{people.validation} people validate, {people.test} test"
    own = _own_objective(learned["lsr1"][0].trained)
    seeds = ", ".join(f"{len(each)} of {_named(key, each)}" for key, each in learned.items())
    return [
        "2D keypoints in, pose and shape out, on the open body and open motion: PA-MPJPE of 14 "
        "keypoints (nose, neck, shoulders, elbows, wrists, hips, knees, ankles), aligned person "
        f"by person by a similarity; {counts}. Recordings are "
        "split whole. None of this is 3DPW: the figures can be compared within this page only.",
        "Solvers minimise the mean absolute error of the normalised keypoints (Eq. 12); L-SR1, and "
        f"the rows that say so, {own}. Each is read at the step "
        "that had its least error on validation under the same condition, of 0 to "
        f"{steps}. Training seeds: {seeds}. Solvers without training start from the first L-SR1's "
        "initial estimate, or from the mean pose in the best of 8 headings; their rates were "
        "chosen on the clean validation set (last table).",
        "In the metric: coordinates in which the initial estimate's error has unit covariance, "
        "measured on the training motion. Intervals: paired bootstrap over people, 2,000 "
        "resamples; frames of one recording are not independent, so they are on the narrow side.",
    ]


def _named(key: str, checkpoints: Sequence[Learned]) -> str:
    """The row's name, and what it is where the name leaves the number of updates open."""
    label = label_and_start(key)[0]
    return f"{label} ({checkpoints[0].kind})" if key in ("lgd", "lgd_noise") else label


def _own_objective(task: HMRTask) -> str:
    """What the first L-SR1 minimises, in words."""
    problem = task.problem
    residual = "root mean square" if problem.residual == "rms" else "mean absolute value"
    prior = f"a prior of weight {problem.prior_weight:g} around the initial estimate"
    return f"the {residual} of the error" + (f" and {prior}" if problem.prior_weight else "")


def main_section(
    rows: Mapping[str, Row], learned: Mapping[str, Sequence[Learned]], steps: int
) -> Section:
    """Table 1."""
    columns = ["method", "starts from", "networks' parameters", "validated step", "gradients"]
    columns += ["validation", "test", "over seeds, ±", "test after 4 steps", "after 15"]
    columns += ["L-SR1 is better by"]
    columns += ["95 % interval", f"after {steps} steps, +", "non-finite states"]
    cells = []
    for key, row in rows.items():
        label, start = label_and_start(key)
        stages = key.startswith("smplify")
        cells.append(
            [
                label,
                start,
                f"{learned[key][0].parameters:,}" if key in learned else None,
                "; ".join(str(s) if not stages else f"stage {s}" for s in row.steps),
                f"{row.evaluations:.0f}",
                f"{row.validation:.1f}",
                f"{row.test:.1f}",
                None if row.test_spread is None else f"{row.test_spread:.2f}",
                None if row.at_4 is None else f"{row.at_4:.1f}",
                None if row.at_15 is None else f"{row.at_15:.1f}",
                "" if key == "lsr1" else f"{row.gap:+.1f} ({100 * row.gap / row.test:+.1f} %)",
                "" if key == "lsr1" else f"{row.gap_low:+.1f} to {row.gap_high:+.1f}",
                None if stages else f"{row.rise:+.1f}",
                row.nonfinite,
            ]
        )
    caption = (
        "PA-MPJPE in mm. Parameters include the initial-estimate networks. Whoever is read at "
        f"step {steps}, the last, may have fallen further."
    )
    return Section("Table 1: clean keypoints", table=PageTable(caption, columns, cells))


def curves_section(picture: Path) -> Section:
    """Figure 4."""
    caption = "Test set, means over people and seeds. Dashed: in the metric; dotted: mean pose."
    return Section("Figure 4: error by inner step", pictures=[(picture, caption)])


def conditions_section(compared: Mapping[str, Mapping[str, Row]]) -> Section:
    """Test errors under each condition."""
    names = list(compared)
    keys = list(compared[names[0]])
    cells = []
    for key in keys:
        label, start = label_and_start(key)
        row: list[object] = [label, start]
        for name in names:
            found = compared[name][key]
            better = "" if key == "lsr1" else f" ({100 * found.gap / found.test:+.1f} %)"
            row.append(f"{found.test:.1f}{better}")
        cells.append(row)
    return Section(
        "Detections as they are in the wild",
        [
            "Each method is read at its validated step under the condition. Which networks were "
            "trained with noise, the cards of their checkpoints say. Noise: in u and in v, as a "
            "share of the box. Swapped limbs: each arm and leg with probability 0.1. Near camera: "
            "at 2 to 4 m, where every fit assumes 6 m, but SMPLify, which is told the focal length "
            "and finds the depth."
        ],
        table=PageTable(
            "Test PA-MPJPE in mm (in brackets: by how much L-SR1 is better)",
            ["method", "starts from", *names],
            cells,
        ),
    )


def fractions_section(by_share: Mapping[str, Share], clean: Mapping[str, Row]) -> Section:
    """Table 2."""
    cells: list[list[object]] = []
    for share, found in by_share.items():
        cells.append([share, found.step, f"{found.validation:.1f}", f"{found.test:.1f}"])
    for key in ("lsr1", "lgd"):
        row = clean[key]
        step_text = "; ".join(map(str, row.steps))
        cells.append(
            [
                f"{label_and_start(key)[0]}, all",
                step_text,
                f"{row.validation:.1f}",
                f"{row.test:.1f}",
            ]
        )
    words = (
        "Shares are of whole recordings, at least one, so that small ones may be the same. An "
        "L-SR1 with a frozen initial estimate was given that: the share is what its optimiser saw."
    )
    columns = ["trained on", "validated step", "validation", "test"]
    table = PageTable("PA-MPJPE in mm", columns, cells)
    return Section("Table 2: less motion to train on", [words], table=table)


def cost_section(costs: Mapping[Case, Cost], repeats: int) -> Section:
    """Table 3."""
    lgd = {case.body: cost for case, cost in costs.items() if case.method == "lgd"}
    cells: list[list[object]] = []
    for case, cost in costs.items():
        published = _PUBLISHED_COST[case.method]
        cells.append(
            [
                label_and_start(case.method)[0],
                case.body,
                f"{1e3 * cost.seconds:.0f}",
                f"{1e3 * cost.low:.0f} to {1e3 * cost.high:.0f}",
                f"{cost.seconds / lgd[case.body].seconds:.2f}",
                f"{cost.peak / 2**20:.0f}",
                f"{published[0]:.0f} ms, {published[1]} GiB" if case.body == FULL_MESH else None,
            ]
        )
    case = next(iter(costs))
    device = "one CPU thread" if case.device == "cpu" else case.device
    caption = (
        f"One inner iteration of {case.people} people, {device}; medians of {repeats}, "
        "each in a new process. The paper's: RTX 3090, batch 256"
    )
    columns = ["method", "body", "ms", "range", "times LGD's", "peak MiB", "the paper's"]
    return Section("Table 3: cost", table=PageTable(caption, columns, cells))


def cost_summary(costs: Mapping[Case, Cost]) -> dict[str, dict[str, float]]:
    """For summary.json."""
    return {
        f"{case.method}, {case.body}": {"seconds": cost.seconds, "peak_bytes": cost.peak}
        for case, cost in costs.items()
    }


def published_section() -> Section:
    """What others report on 3DPW, which is not ours to print here."""
    cells = [[name, value, None, source] for name, value, source in _PUBLISHED]
    return Section(
        "Published on 3DPW",
        [
            "The data and the body are licensed and are not part of this run, so our column is "
            "empty; who has them fills it with lsr1 fit --config hmr.yaml and lsr1 test."
        ],
        table=PageTable(
            "PA-MPJPE in mm on 3DPW's test set", ["method", "published", "ours", "whose"], cells
        ),
    )


def rates_section(rates: Rates) -> Section:
    """How the untrained solvers' rates were chosen."""
    cells = []
    for key, tried in rates.tried.items():
        label, start = label_and_start(key)
        text = "; ".join(f"{rate:g}: {error:.1f}" for rate, error in tried.items())
        cells.append([label, start, f"{rates.chosen[key]:g}", text])
    caption = "Least mean PA-MPJPE in mm at any step on the clean validation set"
    columns = ["solver", "starts from", "chosen", "tried"]
    return Section("Rates of the untrained solvers", table=PageTable(caption, columns, cells))
