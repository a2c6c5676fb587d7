"""Which recordings train, which validate, which test: whole recordings, never frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

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


def split_recordings(
    recordings: Sequence[Recording], validation: Split, test: Split
) -> tuple[list[int], list[int], list[int]]:
    """Indices of the training, validation and test recordings; training takes the rest.

    Raises:
        UserError: a recording is in both sets, a name matches nothing, or a set is empty.
    """
    for key, split in (("validation", validation), ("test", test)):
        _check_all_match(recordings, split, key)
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for index, recording in enumerate(recordings):
        if validation.holds(recording) and test.holds(recording):
            raise UserError(
                f"recording {recording.name!r} is in validation and in test; it may be in one only"
            )
        part = 1 if validation.holds(recording) else 2 if test.holds(recording) else 0
        parts[part].append(index)
    for name, part_indices in zip(("training", "validation", "test"), parts, strict=True):
        if not part_indices:
            raise UserError(
                f"the {name} set is empty; the motion has {_listed(recordings)}: change the "
                "subjects and recordings of MotionDataModule"
            )
    return parts


def _check_all_match(recordings: Sequence[Recording], split: Split, key: str) -> None:
    subjects = {recording.subject for recording in recordings}
    for subject in split.subjects:
        if subject not in subjects:
            raise UserError(
                f"{key}_subjects names {subject!r}, which no recording has; "
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
