"""Whole or not at all, one writer at a time, and no pipes for files."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import (
    check_regular,
    locked,
    remove_partials,
    sweep,
    written,
    written_folder,
)


def _fail_in_writing(target: Path, error: Exception, *, durable: bool = False) -> None:
    with written(target, durable=durable) as partial:
        partial.write_text("half")
        raise error


def test_a_file_appears_whole_and_alone(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.npz"
    with written(target) as partial:
        assert partial.suffix == ".npz"
        np.savez(partial, a=np.arange(3))
        assert not target.exists()
    assert [path.name for path in target.parent.iterdir()] == ["a.npz"]


@pytest.mark.parametrize("durable", [False, True])
def test_what_stood_there_outlives_a_failure(tmp_path: Path, durable: bool) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError):
        _fail_in_writing(target, ZeroDivisionError(), durable=durable)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize(
    "error",
    [OSError("10000 requested and 4096 written"), OSError(errno.ENOSPC, "No space left on device")],
    ids=["numpy's, without a number", "the system's"],
)
def test_a_full_disk_names_the_file_and_leaves_nothing(tmp_path: Path, error: OSError) -> None:
    target = tmp_path / "a.npy"
    with pytest.raises(UserError, match=r"a\.npy: cannot be written.*make room"):
        _fail_in_writing(target, error)
    assert list(tmp_path.iterdir()) == []


def test_an_unreadable_input_is_not_called_an_unwritable_output(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), written(tmp_path / "a.txt"):
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "input.txt"))


def test_a_file_in_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("1")
    with pytest.raises(UserError, match="cannot be written"), written(tmp_path / "file" / "a"):
        pass


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    target = tmp_path / "store"
    target.mkdir()
    with written_folder(target) as partial:
        (partial / "a").write_text("1")
        assert list(target.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    with pytest.raises(UserError, match="not an empty folder"), written_folder(target):
        pass
    assert (target / "a").read_text() == "1"


def test_files_have_the_mode_that_the_user_wants(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with written(tmp_path / "a.txt") as partial:
            partial.write_text("1")
        with written_folder(tmp_path / "b"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o750


def test_one_process_holds_a_place(tmp_path: Path) -> None:
    place = tmp_path / "store"
    code = (
        "import sys; from pathlib import Path; from lsr1_pl.ground.files import locked\n"
        "with locked(Path(sys.argv[1]), 'a conversion'): print('held', flush=True); input()"
    )
    command = [sys.executable, "-c", code, str(place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        held = pytest.raises(UserError, match="store: a conversion of another process")
        with held, locked(place, "a conversion"):
            pass
        other.kill()
        other.wait()
    with locked(place, "a conversion"):
        pass


def test_no_lock_stays_after_the_block(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "a", "a run"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("1")
    place = tmp_path / "file" / "a"
    with pytest.raises(UserError, match="a: cannot be written"), locked(place, "a run"):
        pass
    (tmp_path / ".b.lock").mkdir()
    place = tmp_path / "b"
    with pytest.raises(UserError, match="b: cannot be written"), locked(place, "a run"):
        pass


@pytest.mark.parametrize("name", ["store", "a.npz"])
def test_what_killed_processes_left_is_swept(name: str, tmp_path: Path) -> None:
    place = tmp_path / name
    with written(place) as partial:
        partial.write_text("1")
        killed = partial.name
    names = [f"other{killed}", f"{killed}x", ".store.partial-notes", f".{name}.lock"]
    for each in (killed, *names):
        (tmp_path / each).write_text("1")
    sweep(place)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, *names])
    sweep(tmp_path / "none" / "a")


def test_names_that_are_cut_are_not_swept(tmp_path: Path) -> None:
    with written(tmp_path / ("a" * 150)) as partial:
        partial.write_text("1")
        sweep(tmp_path / ("a" * 151))
        assert partial.exists()


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(UserError, match=r"a\.txt: cannot be written"):
        _write(tmp_path / "a.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def _write(target: Path) -> None:
    with written(target) as partial:
        partial.write_text("1")


def _write_folder_too_late(target: Path) -> None:
    with written_folder(target):
        target.mkdir()
        (target / "mine").write_text("1")


def test_a_folder_that_filled_meanwhile_is_kept(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="store: cannot be written"):
        _write_folder_too_late(tmp_path / "store")
    assert (tmp_path / "store" / "mine").read_text() == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_only_regular_files_are_inputs(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "sound").write_text("1")
    (tmp_path / "link").symlink_to(tmp_path / "sound")
    check_regular(tmp_path / "link")
    for path, why in [
        (pipe, "no regular file"),
        (Path("/dev/zero"), "no regular file"),
        (tmp_path, "is a folder"),
        (tmp_path / "none", "no such file"),
        (Path("a\0b"), "null"),
    ]:
        with pytest.raises(UserError, match=f"--in .*{why}"):
            check_regular(path, "--in ")


def test_a_place_that_no_lock_can_be_beside_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("1")
    named = pytest.raises(UserError, match=r"file/store: cannot be written")
    with named, locked(tmp_path / "file" / "store", "a conversion"):
        pass
    # What the block itself meets is another matter.
    with pytest.raises(PermissionError), locked(tmp_path / "store", "a conversion"):
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "input.txt"))


def test_an_error_about_another_file_does_not_cause_itself(tmp_path: Path) -> None:
    error = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "input.txt"))
    with pytest.raises(PermissionError) as raised:
        _fail_in_writing(tmp_path / "a.txt", error)
    assert raised.value.__cause__ is None


def test_what_a_killed_writer_left_is_removed(tmp_path: Path) -> None:
    place = tmp_path / "run"
    place.mkdir()
    for name in ("last.ckpt", ".hidden", ".partial-1-notours", "a.partial-1-00c0ffee"):
        (place / name).write_text("1")
    kept = {path.name for path in place.iterdir()}
    with written(place / "a.npz") as partial:
        partial.write_text("half")
        (place / f"{partial.name}").rename(place / partial.name.replace("partial-", "partial-9"))
        partial.write_text("whole")
    with written_folder(place / "b") as partial:
        partial.mkdir(exist_ok=True)
        shutil.copytree(partial, partial.with_name(partial.name.replace("partial-", "partial-9")))
    remove_partials(place)
    remove_partials(tmp_path / "none")
    assert {path.name for path in place.iterdir()} == {*kept, "a.npz", "b"}


def test_a_file_that_may_not_be_read_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.npz").write_text("")
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.R_OK)
    with pytest.raises(UserError, match=r"a\.npz: may not be read \(permission denied\)"):
        check_regular(tmp_path / "a.npz")
