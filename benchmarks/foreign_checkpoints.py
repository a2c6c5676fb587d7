"""Checkpoints of random configs and states: none may write, connect or run anything.

    python benchmarks/foreign_checkpoints.py --cases 2000 --folder FOLDER

A sound checkpoint of a small training is changed: classes and functions of every package at hand
with an argument that looks like a place (path, dir, file, url...) are put where a class may stand,
with places to write to; places stand in arguments that are there; and Lightning's state gets
places, other kinds of values, or loses parts. Then ``fit``, ``test``, ``validate`` or ``export``
takes it, as the checkpoint of a whole downloaded run or alone, in a process whose audit hook notes
(and stops) whatever is opened for writing, made, moved or removed outside the run's folder, each
connection and each program. The command must end with 0 or 2. Prints one JSON object; exits with 1
if there is anything.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import importlib
import inspect
import io
import json
import multiprocessing
import os
import pkgutil
import random
import shutil
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml
from kills import FIT, SMALL

from lsr1_pl.cli import main as command
from lsr1_pl.pretrained import CONFIG_KEY, read_checkpoint

CHUNK = 200
SECONDS = 60
PACKAGES = (
    *("lsr1_pl", "pytorch_lightning", "lightning_fabric", "torch.optim", "torch.utils"),
    *("torch.profiler", "wandb.sdk", "logging", "shutil", "os", "subprocess", "tempfile", "numpy"),
)
_PLACES = ("path", "dir", "file", "folder", "url", "root", "save", "dst", "place", "cmd", "command")
_SKIPPED = ("__main__", ".tests", ".testing", "conftest", "tensorboard", ".cli.app", "torchelastic")
_FORBIDDEN = (
    *(
        "socket.connect",
        "socket.bind",
        "subprocess.Popen",
        "os.system",
        "os.exec",
        "os.posix_spawn",
    ),
    *("os.fork", "os.forkpty", "pty.spawn", "webbrowser.open", "ftplib.connect", "smtplib.connect"),
)
_CHANGES_FILES = (
    *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"),
    *("os.chmod", "os.chown", "os.utime", "shutil.rmtree", "shutil.move", "shutil.copyfile"),
    *("shutil.copytree", "shutil.make_archive", "shutil.unpack_archive"),
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Named(NamedTuple):
    """Something importable with arguments that look like places."""

    path: str
    places: list[str]
    others: dict[str, Any]
    """Arguments that it cannot be made without, with something plain."""


class _Watch:
    """An audit hook: while it is on, what is done outside a folder is noted and stopped."""

    def __init__(self) -> None:
        self.inside, self.on, self.seen = "", False, list[str]()
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        what = ""
        if event in _FORBIDDEN:
            what = f"{event} {arguments[:2]}"
        elif event == "open" and isinstance(arguments[0], (str, bytes)):
            if (arguments[2] or 0) & _WRITES and self._outside(arguments[0]):
                what = f"wrote to {os.fsdecode(arguments[0])}"
        elif event in _CHANGES_FILES:
            places = [a for a in arguments[:2] if isinstance(a, (str, bytes, os.PathLike))]
            # rmtree removes by names in an open folder; its own event comes before.
            dir_fd = event in ("os.remove", "os.rmdir") and arguments[-1] not in (None, -1)
            if not dir_fd and any(self._outside(place) for place in places):
                what = f"{event} {[os.fsdecode(place) for place in places]}"
        if what:
            self.seen.append(what[:200])
            raise PermissionError(f"stopped: {what}")

    def _outside(self, place: Any) -> bool:
        path = os.path.realpath(os.fsdecode(place))
        return path != "/dev/null" and not (path + "/").startswith(self.inside + "/")


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
                key: 1
                for key, p in parameters.items()
                if p.default is p.empty
                and key not in places
                and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
            }
            if places:
                path = f"{module.__name__}.{name}"
                found[path] = Named(path, places, needed)
    return [found[path] for path in sorted(found)]


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
    return draw.choice(
        [section, section, section, named.path, json.dumps(section), {"class_path": named.path}]
    )


def _change_config(config: dict[str, Any], draw: random.Random, victim: str, all_: Any) -> str:
    """Put a thing or a place somewhere; what was done."""
    trainer, model = config["trainer"], config["model"]
    # Lightning's and this package's are the ones that could be let through.
    likely = [t for t in all_ if t.path.startswith(("lsr1_pl", "pytorch_lightning"))]
    named = draw.choice(likely if draw.random() < 0.7 else all_)
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
            keys = {"dirpath": a_place, "filename": a_place}
            key = draw.choice(sorted(keys))
            for callback in callbacks:
                callback.setdefault("init_args", {})[key] = keys[key](draw, victim)
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
            score = torch.tensor(draw.choice([1e9, -1e9, float("nan")]))
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


def _case(
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


def _too_slow(*_: Any) -> None:
    raise TimeoutError("too slow")


def _work(numbers: range, seed: int, all_: list[Named], work: Path, out: Connection) -> None:
    warnings.simplefilter("ignore")
    os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true")
    sound = read_checkpoint(work / "sound" / "checkpoints" / "last.ckpt")
    # A power cut is no part of this, and waiting for the disk takes most of the time.
    os.fsync = lambda descriptor: None
    watch = _Watch()
    signal.signal(signal.SIGALRM, _too_slow)
    for number in numbers:
        run, victim = work / "run", work / "victim"
        for folder in (run, victim):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        (victim / "deep").mkdir()
        for name in ("good", "good.ckpt", "good.json", "deep/file"):
            (victim / name).write_text("precious")
        words, did = _case(number, seed, sound, all_, work)
        os.chdir(run)
        watch.inside, watch.seen = str(run), []
        quiet = io.StringIO()
        signal.alarm(SECONDS)
        ended: Any
        try:
            with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
                watch.on = True
                ended = command(words)
        except BaseException as error:
            ended = f"{type(error).__name__}: {error}"
        finally:
            watch.on = False
            signal.alarm(0)
        os.chdir(work)
        left = {str(p.relative_to(victim)) for p in victim.rglob("*")}
        whole = {"good", "good.ckpt", "good.json", "deep", "deep/file"}
        seen = [*watch.seen, *(["the victim's folder changed"] if left != whole else [])]
        out.send((number, words[0], did, ended, seen))


def run(
    cases: int, seed: int, folder: Path, progress: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Make the sound checkpoint, and take all cases; what was found."""
    work = folder.resolve()
    work.mkdir(parents=True)
    before = Path.cwd()
    os.chdir(work)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            command([*FIT, *SMALL])
    finally:
        os.chdir(before)
    shutil.move(work / "runs" / "quadratics" / "version_0", work / "sound")
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        all_ = things()
    begun = time.perf_counter()
    ends: Counter[str] = Counter()
    broken: dict[str, list[str]] = {}
    context = multiprocessing.get_context("fork")
    number = 0
    while number < cases:
        reading, writing = context.Pipe(duplex=False)
        numbers = range(number, min(number + CHUNK, cases))
        child = context.Process(target=_work, args=(numbers, seed, all_, work, writing))
        child.start()
        writing.close()
        while True:
            try:
                at, verb, did, ended, seen = reading.recv()
            except EOFError:
                break
            number = at + 1
            # An error that the hook raised is what was found, not how the command ends.
            sound = ended in (0, 2)
            ends[f"{verb} {ended}" if sound else f"{verb} fell"] += 1
            if seen or not sound:
                kind = "; ".join(seen[:2]) if seen else str(ended)
                broken.setdefault(kind[:200], []).append(f"{at}: {verb}, {', '.join(did)}")
        child.join()
        if number < numbers.stop:
            broken.setdefault(f"died with code {child.exitcode}", []).append(str(number))
            number += 1
        if progress is not None:
            progress(f"{number} cases, {sum(map(len, broken.values()))} broken")
    return {
        "cases": cases,
        "things": len(all_),
        "ends": dict(sorted(ends.items())),
        "broken": sum(map(len, broken.values())),
        "how": {key: found[:3] for key, found in sorted(broken.items())},
        "seed": seed,
        "seconds": round(time.perf_counter() - begun, 1),
    }


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, required=True, help="is made")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = run(
        options.cases,
        options.seed,
        options.folder,
        lambda line: print(line, file=sys.stderr, flush=True),
    )
    print(json.dumps(found, indent=1))
    return 1 if found["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
