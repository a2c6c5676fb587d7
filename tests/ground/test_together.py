"""Several files replace those of an earlier run together, or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import written
from lsr1_pl.ground.together import written_together


def write(folder: Path, text: str, error: Exception | None = None) -> None:
    with written_together(folder) as place:
        (place / "a.txt").write_text(text)
        with written(place / "sub" / "b.txt") as partial:
            partial.write_text(text)
            if error is not None:
                raise error


def test_files_appear_together_and_others_stay(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "out"
    write(folder, "one")
    (folder / "own.txt").write_text("mine")
    write(folder, "two")
    found = {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*.*")}
    assert found == {"a.txt": "two", "sub/b.txt": "two", "own.txt": "mine"}


@pytest.mark.parametrize("earlier", [False, True])
def test_a_failure_leaves_what_was_there(tmp_path: Path, earlier: bool) -> None:
    folder = tmp_path / "out"
    if earlier:
        write(folder, "one")
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(UserError, match=rf"^{folder}/sub/b\.txt: cannot be written"):
        write(folder, "two", full)
    texts = {p.name: p.read_text() for p in folder.rglob("*.*")}
    assert texts == ({"a.txt": "one", "b.txt": "one"} if earlier else {})
    assert folder.exists() == earlier


def test_a_folder_or_file_in_the_way_is_named_before_anything_moves(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(UserError, match=r"a\.txt: is a folder"):
        write(tmp_path, "one")
    (tmp_path / "a.txt").rmdir()
    (tmp_path / "sub").write_text("1")
    with pytest.raises(UserError, match="sub: is a file"):
        write(tmp_path, "one")
    assert [path.name for path in tmp_path.iterdir()] == ["sub"]
    with pytest.raises(UserError, match="cannot be written"):
        write(tmp_path / "sub" / "out", "one")
