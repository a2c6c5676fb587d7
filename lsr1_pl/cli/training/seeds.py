"""``--seeds 0,1,2``: the same command once a seed, each in a run of its own side by side."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

from lsr1_pl.cli.training.arguments import DEFAULT_ROOT, named_run, value_of
from lsr1_pl.ground.console import plain
from lsr1_pl.ground.errors import UserError

_FLAG = "--seeds"


def each_seed(verb: str, arguments: Sequence[str]) -> list[list[str]] | None:
    """The words of each seed's own command; None without ``--seeds``.

    The run of seed K is ``NAME/seed_K``; runs on W&B are a group of that name.

    Raises:
        UserError: the seeds are no whole numbers, or one comes twice; or another flag says the
            seed, too.
    """
    given = value_of(arguments, _FLAG)
    if given is None and not any(word.partition("=")[0] == _FLAG for word in arguments):
        return None
    seeds = (given or "").split(",")
    if not all(seed.isdecimal() for seed in seeds) or len(set(seeds)) < len(seeds):
        raise UserError(f"{_FLAG} {given}: expected whole numbers, each once, as 0,1,2")
    if value_of(arguments, "--seed_everything") is not None:
        raise UserError(f"{_FLAG} and --seed_everything both say the seed; give one of them")
    rest = _without(arguments, _FLAG)
    name = named_run(verb, rest)
    rest = _without(rest, "--name")
    logs = any(word.startswith("--wandb") for word in rest)
    if logs and value_of(rest, "--wandb.group") is None:
        rest.append(f"--wandb.group={name}")
    return [[*rest, f"--seed_everything={seed}", f"--name={name}/seed_{seed}"] for seed in seeds]


def run_seeds(verb: str, seeds: Sequence[list[str]], run: Callable[[str, list[str]], int]) -> None:
    """Run the command of each seed, and say how their runs are looked at together."""
    for number, words in enumerate(seeds):
        print(plain(f"{verb} {_name(words)}"), flush=True)
        try:
            run(verb, words)
        except KeyboardInterrupt as error:
            raise KeyboardInterrupt(f"{error}{_not_begun(verb, seeds[number + 1 :])}") from None
    if verb == "fit":
        folder = value_of(seeds[0], "--trainer.default_root_dir") or DEFAULT_ROOT
        name = _name(seeds[0]).rpartition("/")[0]
        print(plain(f"All seeds together: lsr1 compare {shlex.quote(f'{folder}/{name}')}"))


def _name(words: Sequence[str]) -> str:
    """That of a seed's run, NAME/seed_K."""
    return words[-1].partition("=")[2]


def _not_begun(verb: str, seeds: Sequence[Sequence[str]]) -> str:
    """How to begin what an interrupt left."""
    if not seeds:
        return ""
    name = _name(seeds[0]).rpartition("/")[0]
    left = ",".join(_name(words).rpartition("_")[2] for words in seeds)
    command = shlex.join(["lsr1", verb, *seeds[0][:-2], "--name", name, _FLAG, left])
    return f"; not begun yet: {command}"


def _without(words: Sequence[str], flag: str) -> list[str]:
    kept: list[str] = []
    pending = iter(words)
    for word in pending:
        name, equals, _ = word.partition("=")
        if name != flag:
            kept.append(word)
        elif not equals:
            next(pending, None)
    return kept
