"""Random configs and states that name places: none may write, connect or run anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import foreign_checkpoints
import pytest
import torch
import yaml

from lsr1_pl.ground.errors import UserError
from lsr1_pl.pretrained import foreign_config, migrated, shipped_folder
from lsr1_pl.pretrained.foreign import table as foreign_table

HERE = Path(__file__).parents[2]
CONFIGS = [*sorted(HERE.glob("configs/*.yaml")), *sorted(shipped_folder().glob("*/config.yaml"))]


def test_random_configs_and_states_touch_nothing_outside(tmp_path: Path) -> None:
    found = foreign_checkpoints.run(24, seed=5, folder=tmp_path / "work")
    assert found["how"] == {}
    assert sum(found["ends"].values()) == 24
    # Some are refused, and others are not hostile enough to be.
    assert any(end.endswith(" 2") for end in found["ends"])
    assert any(end.endswith(" 0") for end in found["ends"])
    assert found["things"] > 500


def test_the_watch_sees_what_a_command_may_not_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hostile(words: list[str]) -> int:
        # Only the cases call it so; the sound run before them is made by the command itself.
        if not any(word.startswith("--ckpt") for word in words):
            return original(words)
        (Path.cwd().parent / "victim" / "good").write_text("planted")
        return 0

    original = foreign_checkpoints.command
    monkeypatch.setattr(foreign_checkpoints, "command", hostile)
    found = foreign_checkpoints.run(3, seed=0, folder=tmp_path / "work")
    assert found["broken"] >= 1
    assert any("wrote to" in how for how in found["how"])


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_list_knows_every_class_and_argument_that_is_shipped(path: Path) -> None:
    config = migrated(yaml.safe_load(path.read_text()))
    taken, left_out = foreign_config(path, config)
    assert left_out == {}
    dropped = set(foreign_table.TRAINER_LEFT_OUT) | {"callbacks"}
    kept = {key: value for key, value in config["trainer"].items() if key not in dropped}
    assert {k: v for k, v in taken["trainer"].items() if k != "callbacks"} == kept
    assert taken["model"] == config["model"]
    assert taken["data"] == config["data"]
    names = [callback["class_path"] for callback in config["trainer"]["callbacks"]]
    assert [callback["class_path"] for callback in taken["trainer"]["callbacks"]] == names


def test_numbers_that_python_cannot_spell_are_refused() -> None:
    huge = int("f" * 9000, 16)
    for config in ({"seed_everything": huge}, {"trainer": {"max_time": [huge]}}, {huge: 1}):
        with pytest.raises(UserError, match="too large to show"):
            foreign_config(Path("x.ckpt"), config)


def listed_arguments() -> Iterator[tuple[str, str]]:
    for table in (foreign_table.CALLABLES, foreign_table.CALLBACKS):
        for name, arguments in table.items():
            yield from ((name, argument) for argument in arguments)
    yield from (("lsr1_pl", argument) for argument in foreign_table.ARGUMENTS)


def test_no_listed_argument_looks_like_a_place_to_write() -> None:
    words = ("dir", "folder", "url", "root", "save_to", "dst")
    found = {
        (owner, argument)
        for owner, argument in listed_arguments()
        if any(word in argument.split("_") for word in words)
    }
    assert found == set()


def test_no_kind_takes_a_scheme_or_a_device() -> None:
    kinds: list[Any] = [
        *foreign_table.ARGUMENTS.values(),
        *foreign_table.TRAINER.values(),
        *foreign_table.TOP.values(),
        *(k for kinds in foreign_table.CALLBACKS.values() for k in kinds.values()),
        *(k for kinds in foreign_table.CALLABLES.values() for k in kinds.values()),
    ]
    values = ["s3://bucket/x", "local:///etc", "file::x", "/dev/zero", "/proc/self/mem", "\0"]
    for value in [*values, torch.zeros(1), object(), b"x"]:
        for kind in kinds:
            assert kind(value) is not None
            assert kind([value]) is not None
