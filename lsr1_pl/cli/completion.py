"""``lsr1 completion SHELL``: a script that completes verbs, options, configs and checkpoints.

The script is made of the verbs' parsers. It is static and holds the names that there are when it is
printed, so that completing starts no Python, and printing it loads no torch.
"""

from __future__ import annotations

from argparse import ArgumentParser as Parser
from argparse import Namespace, _SubParsersAction
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lsr1_pl.cli.completion_scripts import BASH, FISH, ZSH
from lsr1_pl.cli.configs import packaged_configs
from lsr1_pl.cli.parsers import CKPT
from lsr1_pl.cli.training.help import TRAINING_OPTIONS
from lsr1_pl.cli.verbs import VERBS

_TRAINING_CHOICES = {
    "--matmul_precision": ("highest", "high", "medium"),
    "--wandb.offline": ("true", "false"),
}


@dataclass(frozen=True)
class Offer:
    """What a shell may offer, as the parsers have it."""

    words: dict[str, tuple[str, ...]]
    """Verbs so far -> the next verbs and the options; ``--help`` goes everywhere."""
    takes_files: tuple[str, ...]
    """Verbs whose words without a dash are files and folders."""
    checkpoints: tuple[str, ...]
    """Options that take checkpoints."""
    choices: dict[str, tuple[str, ...]]
    """Option -> the words that it takes."""
    paths: tuple[str, ...]
    """Options that take other files and folders."""


def offer() -> Offer:
    """Walk the parsers of all verbs."""
    words: dict[str, tuple[str, ...]] = {"": (*VERBS, "--version")}
    files: list[str] = []
    checkpoints, paths = {"--ckpt"}, {"--trainer.default_root_dir"}
    choices = dict(_TRAINING_CHOICES)
    for name, verb in VERBS.items():
        if verb.parser is None:
            words[name] = TRAINING_OPTIONS
            continue
        for path, parser in _parsers(name, verb.parser()):
            words[path] = tuple(_words(parser))
            for action in parser._actions:
                options = [option for option in action.option_strings if option.startswith("--")]
                if not options and action.type is Path:
                    files.append(path)
                if CKPT in str(action.metavar):
                    checkpoints.update(options)
                elif action.type is Path:
                    paths.update(options)
                if options and action.choices:
                    choices |= {option: tuple(map(str, action.choices)) for option in options}
    return Offer(
        words,
        tuple(dict.fromkeys(files)),
        tuple(sorted(checkpoints)),
        choices,
        tuple(sorted(paths)),
    )


def _parsers(path: str, parser: Parser) -> Iterator[tuple[str, Parser]]:
    """The parser and those of the words below it, each by its path."""
    yield path, parser
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for word, below in action.choices.items():
                yield from _parsers(f"{path} {word}", below)


def _words(parser: Parser) -> Iterator[str]:
    for action in parser._actions:
        if action.dest == "help":
            continue
        yield from (option for option in action.option_strings if option.startswith("--"))
        if not action.option_strings and action.choices:
            yield from action.choices


def run(options: Namespace) -> None:
    """Run ``lsr1 completion`` with the options of its parser."""
    print(script(options.shell), end="")


def script(shell: str) -> str:
    """The completion script for ``bash``, ``zsh`` or ``fish``."""
    offered = offer()
    if shell == "fish":
        paths = " ".join(f"'{path}'" for path in offered.words if path)
        return _filled(FISH, {"PATHS": paths, "RULES": "\n".join(_fish_rules(offered))})
    cases = [
        f"    '{path}') found='{' '.join((*words, '--help'))}' ;;"
        for path, words in offered.words.items()
    ]
    choices = [f"    {option}) found='{' '.join(of)}' ;;" for option, of in offered.choices.items()]
    parts = {
        "PATHS": "|".join(f"'{path}'" for path in offered.words if path),
        "WORDS": "\n".join(cases),
        "CHOICES": "\n".join(choices),
        "FILES": "|".join(f"'{path}'" for path in offered.takes_files),
        "CHECKPOINT_OPTIONS": "|".join(offered.checkpoints),
        "CONFIGS": " ".join(_configs()),
        "CHECKPOINTS": " ".join(_checkpoints()),
    }
    return _filled(BASH if shell == "bash" else ZSH, parts)


def _configs() -> list[str]:
    return sorted(path.name for path in packaged_configs().glob("*.yaml"))


def _checkpoints() -> list[str]:
    # Beside the configs, in a checkout and in a wheel alike; pretrained's own list needs torch.
    folder = packaged_configs().with_name("checkpoints")
    return ["last", "best", *sorted(card.parent.name for card in folder.glob("*/config.yaml"))]


def _fish_rules(offered: Offer) -> Iterable[str]:
    for path, words in offered.words.items():
        here = f"complete -c lsr1 -n '__lsr1_at \"{path}\"'"
        plain = [word for word in words if not word.startswith("-")]
        if path not in offered.takes_files:
            yield f"{here} -f -a '{' '.join(plain)}'"
        for option in (word for word in (*words, "--help") if word.startswith("-")):
            yield f"{here} -l {option.removeprefix('--')}{_fish_value(offered, option)}"


def _fish_value(offered: Offer, option: str) -> str:
    if option == "--config":
        return f" -r -F -a '{' '.join(_configs())}'"
    if option in offered.checkpoints:
        return f" -r -F -a '{' '.join(_checkpoints())}'"
    if option in offered.choices:
        return f" -x -a '{' '.join(offered.choices[option])}'"
    return " -r -F" if option in offered.paths else ""


def _filled(template: str, parts: dict[str, str]) -> str:
    for name, text in parts.items():
        template = template.replace(f"@{name}@", text)
    return template
