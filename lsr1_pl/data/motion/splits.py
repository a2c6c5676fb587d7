"""Which recordings train, which validate, which test: whole recordings, never frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, NamedTuple

from lsr1_pl.data.motion.manifest import Recording
from lsr1_pl.ground.errors import UserError


@dataclass(frozen=True)
class Split:
    """Who belongs to a set: recordings by name pattern, or all of a subject.

    A pattern is a recording's name, or a shell wildcard such as ``05_*``.
    """

    subjects: Sequence[str] = ()
    recordings: Sequence[str] = ()

    def holds(self, recording: Recording) -> bool:
        """Whether the recording belongs to this set."""
        return recording.subject in self.subjects or any(
            fnmatchcase(recording.name, pattern) for pattern in self.recordings
        )


class Sets(NamedTuple):
    """The three sets of a study; a recording that none of them holds is not used."""

    train: Split | None
    """None: whatever the other two leave."""
    validation: Split
    test: Split
    held_out: Split = Split()
    """Does not train either."""


SplitName = Literal["open_2026", "open_2026_hdm05"]

_CLIPS = "deepmimic"
"""The subject of the embedded clips."""
_TRAIN_2026 = Split(
    (
        *("02", "03", "05", "06", "10", "11", "12", "14", "26", "27", "29", "32", "35"),
        *("60", "61", "131", _CLIPS),
    )
)
_VALIDATION_2026 = Split(("07", "16", "17"))
_TEST_2026 = Split(("08", "49", "127"), ("crawl", "dance_b", "getup_faceup", "kick"))
_HDM05 = Split(("bd", "bk"))
NAMED: dict[SplitName, Sets] = {
    "open_2026": Sets(_TRAIN_2026, _VALIDATION_2026, _TEST_2026),
    "open_2026_hdm05": Sets(_TRAIN_2026, _VALIDATION_2026, _HDM05, held_out=_TEST_2026),
}
"""The splits that have a name: CMU's subjects, and as a second test those of HDM05."""


def named_sets(name: SplitName, *others: Sequence[str]) -> Sets:
    """The sets of a named split.

    Args:
        name: one of ``NAMED``.
        others: the subjects and recordings that a user gave beside it; all must be empty.

    Raises:
        UserError: something was given beside the name.
    """
    if any(others):
        raise UserError(
            f"split is {name!r}, and subjects or recordings are given beside it; give the name "
            "alone, or none and validation_subjects, test_subjects and the like"
        )
    return NAMED[name]


def split_recordings(
    recordings: Sequence[Recording], sets: Sets
) -> tuple[list[int], list[int], list[int]]:
    """Indices of the training, validation and test recordings.

    What validates or tests does not train, whatever the training set says.

    Raises:
        UserError: a recording is in validation and in test, one of their names matches nothing, or
            a set is empty.
    """
    for key, split in (("validation", sets.validation), ("test", sets.test)):
        _check_all_match(recordings, split, key)
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for index, recording in enumerate(recordings):
        validates, tests = sets.validation.holds(recording), sets.test.holds(recording)
        if validates and tests:
            raise UserError(
                f"recording {recording.name!r} is in validation and in test; it may be in one only"
            )
        if validates or tests:
            parts[1 if validates else 2].append(index)
        elif not sets.held_out.holds(recording) and (
            sets.train is None or sets.train.holds(recording)
        ):
            parts[0].append(index)
    for name, part_indices in zip(("training", "validation", "test"), parts, strict=True):
        if not part_indices:
            raise UserError(
                f"the {name} set is empty; the motion has {_listed(recordings)}: change the "
                "subjects and recordings of MotionDataModule, its split or its stores"
            )
    return parts


def _check_all_match(recordings: Sequence[Recording], split: Split, key: str) -> None:
    subjects = {recording.subject for recording in recordings}
    for subject in split.subjects:
        if subject not in subjects:
            raise UserError(
                f"{key}_subjects names {subject!r}, which no recording of the stores has; "
                f"the motion has {_listed(recordings)}"
            )
    for pattern in split.recordings:
        if not any(fnmatchcase(recording.name, pattern) for recording in recordings):
            raise UserError(
                f"{key}_recordings names {pattern!r}, which matches no recording; "
                f"the motion has {_listed(recordings)}"
            )


def _listed(recordings: Sequence[Recording]) -> str:
    names = [recording.name for recording in recordings]
    shown = ", ".join(names[:30]) + (", ..." if len(names) > 30 else "")
    subjects = sorted({recording.subject for recording in recordings})
    return f"subjects {', '.join(subjects)} and recordings {shown}"
