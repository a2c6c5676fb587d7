"""A user's own map of joints, as YAML; and how a map is chosen."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from lsr1_pl.data.sources.skeletons.built_in import ALIASES, BUILT_IN, built_in_for
from lsr1_pl.data.sources.skeletons.guessing import guess_map
from lsr1_pl.data.sources.skeletons.joint_map import CHAINS, NEEDED, OPTIONAL, JointMap
from lsr1_pl.ground.choices import unknown_choice
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import check_regular
from lsr1_pl.ground.plain_yaml import load_yaml

_KEYS = ("joints", "up", "metres_per_unit", "subject")
_MEND = "docs/data.md shows a map"


def named_map(asked: str) -> JointMap:
    """A map by its name, or from a YAML file.

    Raises:
        UserError: no such map, or a file that is malformed.
    """
    if asked.lower().endswith((".yaml", ".yml")) or Path(asked).is_file():
        return read_map(Path(asked))
    name = ALIASES.get(asked, asked)
    if name not in BUILT_IN:
        known = [*BUILT_IN, *ALIASES, "a YAML file"]
        raise unknown_choice("--map", asked, known)
    return BUILT_IN[name]


def map_for(
    names: Sequence[str], parents: Sequence[int], known: Sequence[JointMap], *, guess: bool
) -> JointMap:
    """The map for a skeleton that nobody named: a known one that fits, or a guessed one.

    Args:
        names: J joint names, parents before children.
        parents: each joint's parent, -1 for the root.
        known: the maps to look among.
        guess: whether a skeleton that none fits may be guessed.

    Raises:
        UserError: none fits, and it cannot be guessed or may not be.
    """
    found = built_in_for(names, known)
    if found is not None:
        return found
    if not guess:
        raise UserError(
            f"has the joints {', '.join(names[:30])}; expected CMU's skeleton. "
            "lsr1 data convert mocap reads other skeletons"
        )
    return guess_map(names, parents)


def read_map(path: Path) -> JointMap:
    """Read a map from a YAML file.

    Raises:
        UserError: no regular file, no YAML, or a key that is unknown, missing or malformed.
    """
    check_regular(path, missing="expected a YAML map of joints")
    try:
        content = load_yaml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: cannot be read ({error}); expected a YAML map of joints"
        ) from None
    if not isinstance(content, dict) or not isinstance(content.get("joints"), dict):
        raise UserError(f"{path}: expected the key 'joints' with SMPL's joints in it; {_MEND}")
    unknown = [key for key in content if key not in _KEYS]
    if unknown:
        raise UserError(
            f"{path}: key {unknown[0]!r} is unknown; expected {', '.join(_KEYS)}; {_MEND}"
        )
    joints = content["joints"]
    for key in joints:
        if key not in (*NEEDED, *OPTIONAL, *CHAINS):
            raise unknown_choice(f"{path}: key 'joints.{key}'", key, (*NEEDED, *OPTIONAL, *CHAINS))
    missing = [key for key in (*NEEDED, "spine") if key not in joints]
    if missing:
        raise UserError(
            f"{path}: key 'joints.{missing[0]}' is missing; expected the name of a joint; {_MEND}"
        )
    chains = {chain: _names(path, chain, joints.get(chain, [])) for chain in CHAINS}
    single = {key: _name(path, key, joints[key]) for key in joints if key not in CHAINS}
    if not chains["spine"]:
        raise UserError(f"{path}: key 'joints.spine' is empty; expected one joint or more; {_MEND}")
    named = [*single.values(), *chains["spine"], *chains["neck"]]
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{path}: joint {twice!r} is named twice; expected each once; {_MEND}")
    return JointMap(
        path.name,
        single,
        chains["spine"],
        chains["neck"],
        up=_up(path, content.get("up")),
        metres_per_unit=_metres(path, content.get("metres_per_unit")),
        subject=_subject(path, content.get("subject")),
    )


def _name(path: Path, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise UserError(f"{path}: key 'joints.{key}' is {value!r}; expected the name of a joint")
    return value


def _names(path: Path, key: str, value: Any) -> list[str]:
    return [_name(path, key, each) for each in (value if isinstance(value, list) else [value])]


def _up(path: Path, value: Any) -> Literal["y", "z"] | None:
    if value is None or value == "y" or value == "z":
        return value
    raise UserError(f"{path}: key 'up' is {value!r}; expected y or z, or nothing to find it")


def _metres(path: Path, value: Any) -> float | None:
    if value is None:
        return None
    sound = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not sound or not (math.isfinite(value) and value > 0):
        raise UserError(
            f"{path}: key 'metres_per_unit' is {value!r}; expected a number above 0, such as 0.01 "
            "for centimetres"
        )
    return float(value)


def _subject(path: Path, value: Any) -> str | None:
    if value is None:
        return None
    pattern = value if isinstance(value, str) else ""
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise UserError(f"{path}: key 'subject' is no regular expression ({error})") from None
    if groups < 1:
        raise UserError(
            f"{path}: key 'subject' is {value!r}; expected a regular expression with one group, "
            "such as '(subject[0-9]+)'"
        )
    return pattern
