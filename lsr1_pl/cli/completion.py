"""``lsr1 completion SHELL``: a script that completes verbs, options, configs and checkpoints.

The script is static and holds the names that there are when it is printed, so that completing
starts no Python, and printing it loads no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lsr1_pl.cli.completion_scripts import BASH, FISH, ZSH
from lsr1_pl.cli.configs import packaged_configs
from lsr1_pl.ground.errors import ArgumentParser

_TRAINING = (
    *("--config", "--ckpt", "--name", "--print_config", "--seed_everything", "--help_all"),
    *("--trainer.max_steps", "--trainer.max_time", "--trainer.val_check_interval"),
    *("--trainer.devices", "--trainer.accelerator", "--trainer.precision", "--trainer.num_nodes"),
    *("--trainer.default_root_dir", "--trainer.sync_batchnorm"),
    *("--model.init_args.", "--model.help", "--data.init_args.", "--data.help"),
    *("--wandb.project", "--wandb.name", "--wandb.offline", "--wandb.group", "--wandb.tags"),
    *("--wandb.pictures_every", "--trust_checkpoint"),
    "--matmul_precision",
)
_STUDY = ("--out", "--fast")
_LEARNED = tuple(
    f"--{function}{ending}"
    for function in ("quadratics", "rosenbrock", "rastrigin")
    for ending in ("", "-unprojected")
)

WORDS: dict[str, tuple[str, ...]] = {
    "": (
        *("fit", "validate", "test", "predict", "bench", "profile", "export", "data"),
        *("doctor", "dashboard", "completion", "--version"),
    ),
    "fit": _TRAINING,
    "validate": _TRAINING,
    "test": _TRAINING,
    "predict": (
        *("--ckpt", "--out", "--steps", "--least_confidence", "--fps", "--batch_size"),
        *("--trust_checkpoint", "--intrinsics", "--track", "--smooth", "--vertices", "--obj"),
        "--glb",
    ),
    "bench": (
        *("quadratics", "profiles", "trajectories", "ablations", "hmr", "hmr_ablations"),
        *("general", "compute", "speed", "tune"),
    ),
    "bench quadratics": (*_STUDY, "--seed", "--projected", "--unprojected"),
    "bench profiles": (*_STUDY, "--seed", *_LEARNED),
    "bench trajectories": _STUDY,
    "bench ablations": (*_STUDY, "--seed", "--iterations", "--share"),
    "bench hmr": (
        *(*_STUDY, "--seed", "--lsr1", "--refining", "--lgd", "--faithful", "--lgd-noise"),
        *("--lgd4", "--lgd8"),
        *("--fraction", "--lgd-fraction"),
        "--device",
    ),
    "bench hmr_ablations": (*_STUDY, "--initial", "--iterations", "--seeds", "--share"),
    "bench general": (*_STUDY, "--seed", "--general"),
    "bench compute": (*_STUDY, "--device"),
    "bench speed": (*_STUDY, "--device", "--threads"),
    "bench tune": (*_STUDY, "--seed"),
    "profile": ("--config", "--out", "--iterations", "--warmup"),
    "export": ("--half",),
    "data": ("convert",),
    "data convert": ("cmu", "amass", "3dpw", "smpl", "regressor"),
    "data convert cmu": ("--strict",),
    "data convert amass": ("--workers",),
    "data convert 3dpw": ("--workers",),
    "data convert smpl": (),
    "data convert regressor": (),
    "doctor": ("--config", "--data", "--verify"),
    "dashboard": ("--entity", "--project", "--out", "--print", "--list", "--check"),
    "completion": ("bash", "zsh", "fish"),
}
"""What may follow: verbs so far -> the next verbs and the options. ``--help`` goes everywhere."""

TAKES_FILES = ("predict", "export", *(path for path in WORDS if path.startswith("data convert ")))
"""Verbs whose words without a dash are files and folders."""

_CHECKPOINT_OPTIONS = (
    *("--ckpt", "--projected", "--unprojected", "--lsr1", "--lgd", "--faithful", "--lgd-noise"),
    *("--refining", "--lgd4", "--lgd8", "--general", "--initial", *_LEARNED),
)
_CHOICES = {
    "--matmul_precision": ("highest", "high", "medium"),
    "--device": ("cpu", "cuda"),
    "--wandb.offline": ("true", "false"),
}


def main(argv: Sequence[str]) -> int:
    """Run ``lsr1 completion SHELL``; the exit code.

    Raises:
        UserError: no such shell.
    """
    parser = ArgumentParser(
        prog="lsr1 completion",
        description="Print a script that completes lsr1's verbs, options, configs and checkpoints. "
        'In ~/.bashrc or ~/.zshrc: eval "$(lsr1 completion bash)", or zsh; in fish: '
        "lsr1 completion fish > ~/.config/fish/completions/lsr1.fish",
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))
    print(script(parser.parse_args(argv).shell), end="")
    return 0


def script(shell: str) -> str:
    """The completion script for ``bash``, ``zsh`` or ``fish``."""
    if shell == "fish":
        paths = " ".join(f"'{path}'" for path in WORDS if path)
        return _filled(FISH, {"PATHS": paths, "RULES": "\n".join(_fish_rules())})
    cases = [
        f"    '{path}') found='{' '.join((*words, '--help'))}' ;;" for path, words in WORDS.items()
    ]
    choices = [f"    {option}) found='{' '.join(of)}' ;;" for option, of in _CHOICES.items()]
    parts = {
        "PATHS": "|".join(f"'{path}'" for path in WORDS if path),
        "WORDS": "\n".join(cases),
        "CHOICES": "\n".join(choices),
        "FILES": "|".join(f"'{path}'" for path in TAKES_FILES),
        "CHECKPOINT_OPTIONS": "|".join(_CHECKPOINT_OPTIONS),
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


def _fish_rules() -> Iterable[str]:
    for path, words in WORDS.items():
        here = f"complete -c lsr1 -n '__lsr1_at \"{path}\"'"
        plain = [word for word in words if not word.startswith("-")]
        if path not in TAKES_FILES:
            yield f"{here} -f -a '{' '.join(plain)}'"
        for option in (word for word in (*words, "--help") if word.startswith("-")):
            yield f"{here} -l {option.removeprefix('--')}{_fish_value(option)}"


def _fish_value(option: str) -> str:
    if option == "--config":
        return f" -r -F -a '{' '.join(_configs())}'"
    if option in _CHECKPOINT_OPTIONS:
        return f" -r -F -a '{' '.join(_checkpoints())}'"
    if option in _CHOICES:
        return f" -x -a '{' '.join(_CHOICES[option])}'"
    return " -r -F" if option in ("--out", "--data", "--trainer.default_root_dir") else ""


def _filled(template: str, parts: dict[str, str]) -> str:
    for name, text in parts.items():
        template = template.replace(f"@{name}@", text)
    return template
