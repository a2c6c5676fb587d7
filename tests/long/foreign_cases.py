"""The cases of ``foreign_checkpoints.py``: what is importable, and where it is put."""

from __future__ import annotations

import copy
import functools
import importlib
import inspect
import json
import pkgutil
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml
from lightning_fabric.plugins import CheckpointIO
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger
from pytorch_lightning.plugins import Precision
from pytorch_lightning.profilers import Profiler
from pytorch_lightning.strategies import Strategy

from lsr1_pl.pretrained import CONFIG_KEY

PACKAGES = (
    *("lsr1_pl", "pytorch_lightning", "lightning_fabric", "torch.optim", "torch.utils"),
    *("torch.profiler", "wandb.sdk", "logging", "shutil", "os", "subprocess", "tempfile", "numpy"),
)
_PLACES = ("path", "dir", "file", "folder", "url", "root", "save", "dst", "place", "cmd", "command")
_SKIPPED = ("__main__", ".tests", ".testing", "conftest", "tensorboard", ".cli.app", "torchelastic")


class Named(NamedTuple):
    """Something importable with arguments that look like places."""

    path: str
    places: list[str]
    others: dict[str, Any]
    """Arguments that it cannot be made without, with something plain."""
    role: str
    """Where it fits: ``callbacks``, ``logger``, ``profiler``..., or nowhere that is known."""


@functools.cache
def things() -> list[Named]:
    """Classes and functions of the packages with an argument that looks like a place."""
    found: dict[str, Named] = {}
    for module in _modules():
        for name, thing in sorted(vars(module).items()):
            if not (inspect.isclass(thing) or inspect.isroutine(thing)):
                continue
            try:
                parameters = inspect.signature(thing).parameters
            except (TypeError, ValueError):
                continue
            places = [p for p in parameters if any(word in p.lower() for word in _PLACES)]
            needed = {
                key: _plain(str(p.annotation))
                for key, p in parameters.items()
                if p.default is p.empty
                and key not in places
                and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
            }
            if places:
                path = f"{module.__name__}.{name}"
                found[path] = Named(path, places, needed, _role(thing))
    return [found[path] for path in sorted(found)]


_ROLES: dict[str, tuple[type, ...]] = {
    "callbacks": (Callback,),
    "logger": (Logger,),
    "profiler": (Profiler,),
    "strategy": (Strategy,),
    "plugins": (CheckpointIO, Precision),
}


def _role(thing: Any) -> str:
    bases = thing.__mro__ if inspect.isclass(thing) else ()
    return next((role for role, wanted in _ROLES.items() if set(wanted) & set(bases)), "")


def _plain(annotation: str) -> Any:
    """A value that such an argument would take."""
    kinds = {"bool": True, "float": 1.0, "int": 1, "str": "min", "dict": {}, "list": [], "Seq": []}
    return next((value for kind, value in kinds.items() if kind in annotation), 1)


def _modules() -> Iterator[Any]:
    for name in PACKAGES:
        try:
            package = importlib.import_module(name)
        except ImportError:
            continue
        yield package
        for info in pkgutil.walk_packages(getattr(package, "__path__", []), f"{name}."):
            if any(word in info.name for word in _SKIPPED):
                continue
            try:
                yield importlib.import_module(info.name)
            except BaseException:
                continue


def a_place(draw: random.Random, victim: str) -> str:
    """Somewhere outside the run, in one of the ways to say it."""
    target = draw.choice([victim, f"{victim}/good", f"{victim}/good.ckpt", f"{victim}/deep"])
    return draw.choice(
        [
            target,
            f"local://{target}",
            f"file://{target}",
            f"simplecache::file://{target}",
            f"../../../../victim/{Path(target).name}",
            f"runs/../../victim/{Path(target).name}",
            "https://127.0.0.1:9/x",
            "s3://bucket/x",
            "/dev/null/x",
        ]
    )


def _entry(draw: random.Random, victim: str, named: Named) -> Any:
    arguments = {**named.others, **{p: a_place(draw, victim) for p in named.places}}
    section = {"class_path": named.path, "init_args": arguments}
    if draw.random() < 0.6:
        return section
    return draw.choice(
        [section, section, section, named.path, json.dumps(section), {"class_path": named.path}]
    )


def _change_config(config: dict[str, Any], draw: random.Random, victim: str, all_: Any) -> str:
    """Put a thing or a place somewhere; what was done."""
    trainer, model = config["trainer"], config["model"]
    if not isinstance(trainer, dict) or not isinstance(trainer["callbacks"], list):
        # An earlier change put a place there.
        return "no more"
    # Lightning's and this package's are the ones that could be let through.
    likely = [t for t in all_ if t.path.startswith(("lsr1_pl", "pytorch_lightning"))]
    named = draw.choice(likely if draw.random() < 0.7 else all_)
    fitting = [t for t in likely if t.role]
    if draw.random() < 0.4:
        # Where its type fits.
        named = draw.choice(fitting)
        entry = _entry(draw, victim, named)
        if named.role == "callbacks":
            trainer["callbacks"].append(entry)
        else:
            trainer[named.role] = [entry] if named.role == "plugins" else entry
        return f"{named.role} {named.path}"
    entry = _entry(draw, victim, named)
    callbacks = [c for c in trainer["callbacks"] if isinstance(c, dict)]
    tables = [
        *(c["init_args"] for c in callbacks if isinstance(c.get("init_args"), dict)),
        *(
            s["init_args"]
            for s in (model, config["data"])
            if isinstance(s, dict) and "init_args" in s
        ),
    ]
    match draw.randrange(13):
        case 0 | 1 | 2:
            trainer["callbacks"].append(entry)
            return f"callback {named.path}"
        case 3:
            trainer["logger"] = draw.choice([entry, [entry]])
            return f"logger {named.path}"
        case 4:
            key = draw.choice(["profiler", "strategy", "plugins", "accelerator", "precision"])
            trainer[key] = draw.choice([entry, [entry]])
            return f"{key} {named.path}"
        case 5:
            config[draw.choice(["model", "data"])] = entry
            return f"model or data {named.path}"
        case 6 | 7:
            table = draw.choice(tables)
            table[draw.choice(sorted(table) or ["x"])] = entry
            return f"argument {named.path}"
        case 8:
            table = draw.choice([*tables, trainer, config])
            key = draw.choice(sorted(table) or ["x"])
            table[key] = a_place(draw, victim)
            return f"a place in {key}"
        case 9:
            key = draw.choice(["dirpath", "filename"])
            callbacks[0].setdefault("init_args", {})[key] = a_place(draw, victim)
            return f"checkpoints' {key}"
        case 10:
            config["wandb"] = {"project": "x", "offline": draw.random() < 0.5}
            return "wandb"
        case 11:
            config["name"] = a_place(draw, victim)
            return "name"
        case _:
            table = draw.choice(tables)
            key = draw.choice(sorted(table) or ["x"])
            table[key] = draw.choice([10**12, -1, "x", [], {}, True, 1e308, 10**400, None])
            return f"a value in {key}"


def _change_state(checkpoint: dict[str, Any], draw: random.Random, victim: str) -> str:
    """Change Lightning's state; what was done."""
    state = checkpoint["callbacks"]
    if isinstance(state, dict) and state and draw.random() < 0.5:
        own = state[draw.choice(sorted(state))]
        if isinstance(own, dict):
            score = torch.tensor(draw.choice([1e9, 1e9, -1e9, float("nan")]))
            if draw.random() < 0.5:
                # One place to remove when the next checkpoint is better than a bad one.
                place = a_place(draw, victim)
                own.update(kth_best_model_path=place, best_k_models={place: score}, kth_value=score)
                own.pop("dirpath", None)
                return f"state of ModelCheckpoint: {place}"
            for key in ("kth_best_model_path", "best_model_path", "last_model_path", "dirpath"):
                if draw.random() < 0.6:
                    own[key] = a_place(draw, victim)
                elif draw.random() < 0.3:
                    own.pop(key, None)
            if draw.random() < 0.7:
                own["best_k_models"] = {own.get("kth_best_model_path", "x"): score}
                own["kth_value"] = score
            return "state of ModelCheckpoint"
    place: Any = checkpoint
    keys = [k for k in checkpoint if k not in ("state_dict", CONFIG_KEY)]
    key: Any = draw.choice(keys)
    steps = [str(key)[:40]]
    while isinstance(place[key], (dict, list)) and place[key] and draw.random() < 0.8:
        place = place[key]
        inner: list[Any] = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw.choice(inner)
        steps.append(str(key)[:40])
    values = [
        *(a_place(draw, victim), -1, 10**30, 1.5, True, "x", [], {}, [[]], {"x": 1}, None),
        *(torch.zeros(3), torch.full((), float("nan")), {"class_path": "os.system"}),
    ]
    if isinstance(place, dict) and draw.random() < 0.3:
        del place[key]
    else:
        place[key] = draw.choice(values)
    return f"state {'.'.join(steps)}"


def case(
    number: int, seed: int, sound: dict[str, Any], all_: list[Named], work: Path
) -> tuple[list[str], list[str]]:
    """Lay a case's checkpoint out; the command's words, and what was changed."""
    draw = random.Random(f"{seed} {number}")
    victim = str(work / "victim")
    checkpoint = copy.deepcopy(sound)
    config = yaml.safe_load(checkpoint[CONFIG_KEY])
    did = []
    if draw.random() < 0.8:
        # Drawing its figure takes half a second.
        config["trainer"]["callbacks"] = config["trainer"]["callbacks"][:1]
    for _ in range(draw.choice([1, 1, 2, 3])):
        if draw.random() < 0.65:
            did.append(_change_config(config, draw, victim, all_))
        else:
            did.append(_change_state(checkpoint, draw, victim))
    checkpoint[CONFIG_KEY] = yaml.safe_dump(config)
    path = work / "run" / "given.ckpt"
    if draw.random() < 0.5:
        # A run's folder that was downloaded whole.
        path = work / "run" / "runs" / "quadratics" / "version_0" / "checkpoints" / "last.ckpt"
        shutil.copytree(work / "sound", path.parent.parent)
        path.unlink()
    torch.save(checkpoint, path)
    verb = draw.choice(["fit", "fit", "fit", "test", "validate", "export"])
    if verb == "export":
        return ["export", str(path), "exported"], did
    words = [verb, f"--ckpt={path}", "--trainer.enable_progress_bar=false"]
    if verb == "fit":
        words += ["--trainer.max_steps=18", "--trainer.val_check_interval=1"]
    return words, did
