"""A map for a skeleton that nobody named: by the words in its joints' names, and by its tree.

Words say which joint of a limb is which; the tree says the rest. The pelvis is where the legs part,
the chest where the arms part, the spine what lies between, the neck what leads to the head.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lsr1_pl.data.sources.skeletons.joint_map import SIDES, JointMap, plain_name
from lsr1_pl.ground.errors import UserError

_WORDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "hip": (("upleg", "upperleg", "thigh", "femur"), ("hip",)),
    "knee": (("knee", "lowerleg", "lowleg", "shin", "calf", "tibia"), ("leg",)),
    "ankle": (("ankle",), ("foot",)),
    "shoulder": (("upperarm", "uparm", "humerus", "shldr", "arm"), ("shoulder",)),
    "elbow": (("elbow", "forearm", "lowerarm", "lowarm", "radius"),),
    "wrist": (("wrist",), ("hand",)),
    "foot": (("toe", "toebase", "toes", "ball"), ("foot",)),
    "collar": (("collar", "clavicle"), ("shoulder",)),
}
"""The words for each joint of a limb, the clear ones before those that others use otherwise."""
_CHAINS = (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))
_SIDES = tuple(
    re.compile(pattern)
    for pattern in (
        r"^(left|right|Left|Right)",
        r"(?<![a-zA-Z])(left|right|Left|Right|LEFT|RIGHT|l|r|L|R)(?![a-zA-Z])",
        r"(Left|Right)$",
        r"^(l|r|L|R)(?=[A-Z])",
        r"^(l|r)(?=[a-z])",
    )
)
"""How names say their side, the clearest first."""
_OTHER = {"left": "right", "Left": "Right", "LEFT": "RIGHT", "l": "r", "L": "R"}
_OTHER |= {right: left for left, right in _OTHER.items()}


def guess_map(names: Sequence[str], parents: Sequence[int]) -> JointMap:
    """A map by names and tree.

    Args:
        names: J joint names, parents before children.
        parents: each joint's parent, -1 for the root.

    Raises:
        UserError: a joint is not found, or two would do as well; it says which.
    """
    tree = _Tree(parents)
    plain = [plain_name(name, names) for name in names]
    sided = _sided(plain)
    found: dict[str, int] = {}
    for side in SIDES:
        words = {index: word for index, (which, word) in sided.items() if which == side}
        for chain in _CHAINS:
            found |= _chain(chain, side, words, tree, plain)
        for joint, anchor, below in (("foot", "ankle", True), ("collar", "shoulder", False)):
            near = found[f"{side}_{anchor}"]
            extra = [
                index
                for index, word in words.items()
                if index != near
                and _rank(joint, word) is not None
                and (tree.is_below(index, near) if below else tree.is_below(near, index))
            ]
            if extra:
                found[f"{side}_{joint}"] = min(extra, key=lambda index: tree.apart(index, near))
    pelvis = tree.meeting(found["left_hip"], found["right_hip"])
    chest = tree.meeting(found["left_shoulder"], found["right_shoulder"])
    spine = tree.between(chest, pelvis)
    if not spine:
        raise _unsure("the spine: the arms part where the legs part", plain)
    heads = [i for i in range(len(names)) if i not in sided and "head" in plain[i].lower()]
    heads = [index for index in heads if tree.is_below(index, chest)]
    if not heads:
        raise _unsure("the head", plain)
    found |= {"pelvis": pelvis, "head": min(heads, key=lambda index: tree.apart(index, chest))}
    return JointMap(
        "guessed",
        {role: plain[index] for role, index in found.items()},
        [plain[index] for index in spine],
        [plain[index] for index in tree.between(found["head"], chest)[:-1]],
    )


def _sided(plain: Sequence[str]) -> dict[int, tuple[str, str]]:
    """Joint -> its side and its word, for joints whose name has a counterpart on the other side."""
    sided = {}
    for index, name in enumerate(plain):
        for pattern in _SIDES:
            match = pattern.search(name)
            if match is None:
                continue
            before, after = name[: match.start()], name[match.end() :]
            if f"{before}{_OTHER[match[0]]}{after}" in plain:
                side = "left" if match[0].lower().startswith("l") else "right"
                sided[index] = (side, re.sub(r"[^a-z]", "", (before + after).lower()))
                break
    return sided


def _rank(joint: str, word: str) -> int | None:
    """How clearly a word means a joint, 0 the most; None if it does not."""
    for rank, words in enumerate(_WORDS[joint]):
        if word in words:
            return rank
    return None


def _chain(
    chain: tuple[str, ...], side: str, words: dict[int, str], tree: _Tree, plain: Sequence[str]
) -> dict[str, int]:
    """The joints of a limb, each below the one before it, by the clearest words."""
    paths: list[tuple[int, tuple[int, ...]]] = [(0, ())]
    for joint in chain:
        paths = [
            (cost + rank, (*path, index))
            for cost, path in paths
            for index, word in words.items()
            if (rank := _rank(joint, word)) is not None
            and (not path or tree.is_below(index, path[-1]))
        ]
        if not paths:
            raise _unsure(f"{side}_{joint}", plain)
    best = min(cost for cost, _ in paths)
    winners = [path for cost, path in paths if cost == best]
    if len(winners) > 1:
        several = " or ".join(", ".join(plain[index] for index in path) for path in winners[:3])
        raise _unsure(f"{side}_{chain[0]} to {side}_{chain[-1]}: {several}", plain)
    return {f"{side}_{joint}": index for joint, index in zip(chain, winners[0], strict=True)}


def _unsure(what: str, plain: Sequence[str]) -> UserError:
    return UserError(
        f"its joints cannot be told by their names: not sure of {what}. Its joints are "
        f"{', '.join(plain[:60])}; name a map with --map, or write one (docs/data.md)"
    )


class _Tree:
    """Who is below whom."""

    def __init__(self, parents: Sequence[int]) -> None:
        self._paths: list[list[int]] = []
        for joint, parent in enumerate(parents):
            self._paths.append([*(self._paths[parent] if parent >= 0 else []), joint])

    def is_below(self, joint: int, other: int) -> bool:
        return joint != other and other in self._paths[joint]

    def apart(self, joint: int, other: int) -> int:
        """Bones from the one to the other, one of them above the other."""
        return abs(len(self._paths[joint]) - len(self._paths[other]))

    def meeting(self, joint: int, other: int) -> int:
        """The lowest joint that is above both."""
        shared = [each for each in self._paths[joint] if each in self._paths[other]]
        return shared[-1]

    def between(self, joint: int, above: int) -> list[int]:
        """The joints from below ``above`` to ``joint``, this one included."""
        path = self._paths[joint]
        return path[path.index(above) + 1 :] if above in path else []
