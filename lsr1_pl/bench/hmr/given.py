"""The checkpoints that the human mesh recovery study is given, and the rows that they make."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from lsr1_pl.bench.hmr.conditions import motion_data
from lsr1_pl.bench.hmr.learned import (
    LGD_KIND,
    LSR1_KIND,
    REFINING_KIND,
    Learned,
    find_learned,
    kept_name,
)
from lsr1_pl.ground.errors import UserError

_KINDS: Mapping[str, str] = {
    "lsr1": LSR1_KIND,
    "lsr1_refining": REFINING_KIND,
    "lgd": LGD_KIND,
    "lgd_noise": LGD_KIND,
    "lgd_4": f"{LGD_KIND} of 4 updates",
    "lgd_8": f"{LGD_KIND} of 8 updates",
    "lsr1_faithful": LSR1_KIND,
}
"""Row -> what its checkpoints are; LGD alone is LGD of any number of updates."""


@dataclass(frozen=True)
class Given:
    """What the command line named, opened."""

    learned: Mapping[str, Sequence[Learned]]
    """Row -> its checkpoints, one a training seed; rows without any are left out."""
    shares: Mapping[str, Learned]
    """``L-SR1, 10 %`` and the like -> its checkpoint."""

    @property
    def every(self) -> list[Learned]:
        """All of them, each once."""
        found = {one.name: one for one in (*chain(*self.learned.values()), *self.shares.values())}
        return list(found.values())


def open_given(options: argparse.Namespace) -> Given:
    """Open every checkpoint that the options name.

    Raises:
        UserError: one is missing, is no checkpoint of its row's method, is of another body, or was
            trained on recordings that validate or test here; or two cannot be told apart.
    """
    rows = {
        "lsr1": options.lsr1,
        "lsr1_refining": options.refining,
        "lgd": options.lgd,
        "lgd_noise": options.lgd_noise,
        "lgd_4": options.lgd4,
        "lgd_8": options.lgd8,
        "lsr1_faithful": options.faithful,
    }
    shared = {
        LSR1_KIND: _shares("--fraction", options.fraction),
        LGD_KIND: _shares("--lgd-fraction", options.lgd_fraction),
    }
    words = [(_KINDS[row], name) for row, names in rows.items() for name in names]
    words += [(kind, name) for kind, found in shared.items() for name in found.values()]
    _check_names([name for _, name in words])
    opened = {name: find_learned(name) for _, name in words}
    for kind, name in words:
        _check_kind(opened[name], kind)
    given = Given(
        {row: [opened[name] for name in names] for row, names in rows.items() if names},
        {
            f"{method}, {share}": opened[name]
            for method, found in shared.items()
            for share, name in found.items()
        },
    )
    # Both are drawn and timed at the end: better to find now that one of them has no networks.
    reference = given.learned["lsr1"][0]
    for first in (reference, given.learned["lgd"][0]):
        _ = first.trained
    _check_apart(reference, given.every)
    return given


def _check_names(wanted: Sequence[str]) -> None:
    """What is kept of one checkpoint may not take another's place."""
    known: dict[str, str] = {}
    for name in wanted:
        other = known.setdefault(kept_name(name), name)
        if other != name:
            raise UserError(
                f"{other} and {name}: their errors would both be kept as {kept_name(name)}.npz; "
                "copy one of them to a run of another name"
            )


def _check_kind(one: Learned, wanted: str) -> None:
    if one.kind != wanted and not (wanted == LGD_KIND and one.kind.startswith(LGD_KIND)):
        raise UserError(f"{one.name}: is {one.kind}; this option takes {wanted}")


def _check_apart(reference: Learned, every: Sequence[Learned]) -> None:
    """Whoever validates or tests here has trained no checkpoint of the study."""
    recordings = motion_data(reference.name).recordings()
    evaluated = {*recordings["validation"], *recordings["test"]}
    body = reference.trained.hparams["body"]
    for one in every:
        if one.task is None:
            continue
        if one.task.hparams["body"] != body:
            raise UserError(
                f"{one.name}: fits the body {one.task.hparams['body']}, {reference.name} {body}; "
                "their errors cannot stand side by side"
            )
        leaked = sorted(evaluated & set(motion_data(one.name).recordings()["train"]))
        if leaked:
            raise UserError(
                f"{one.name}: was trained on {', '.join(leaked[:5])}"
                f"{' and more' if len(leaked) > 5 else ''}, whom {reference.name}'s data validate "
                "or test with; expected checkpoints of one split"
            )


def _shares(option: str, words: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        share, equals, name = word.partition("=")
        try:
            value = float(share)
        except ValueError:
            value = 0.0
        if not equals or not 0 < value <= 1:
            raise UserError(f"{option} {word}: expected SHARE=CKPT with a share in (0, 1]")
        label = f"{100 * value:g} %"
        if label in found:
            raise UserError(f"{option} {word}: {label} is given twice; one checkpoint a share")
        found[label] = name
    return found
