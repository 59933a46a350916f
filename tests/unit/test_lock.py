"""The lab's lock: in a folder of the user's own, for names of labs only, and never through a link."""

import tempfile
from pathlib import Path

import pytest

from lab import lock
from lab.errors import LabError, UsageError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def own(folder: Path) -> Path:
    """The folder of the locks, which taking one makes."""
    lock.opened("first").close()
    return next(path for path in folder.iterdir() if path.is_dir())


def test_one_at_a_time_has_it_and_others_are_told_who() -> None:
    told: list[str] = []
    with lock.opened("mine") as first, lock.opened("mine") as second, lock.opened("other") as other:
        assert lock.taken(first)
        assert not lock.taken(second)
        assert lock.taken(other)
        first.seek(0)
        holder = first.read()
        first.close()
        lock.take("mine", second, told.append)
    assert holder.isdigit()
    assert told == []


def test_whoever_waits_in_vain_is_told_for_whom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "WAIT_S", 0.1)
    told: list[str] = []
    with lock.opened("mine") as first, lock.opened("mine") as second:
        assert lock.taken(first)
        with pytest.raises(LabError, match="another `lab` command is changing `mine`"):
            lock.take("mine", second, told.append)
    assert len(told) == 1


def test_the_folder_is_open_to_its_owner_alone(folder: Path) -> None:
    assert own(folder).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["a/b", "$(id)", "../x", "", "A", "x" * 300, "a\nb"])
def test_what_is_no_name_of_a_lab_is_refused_and_leaves_nothing(name: str, folder: Path) -> None:
    with pytest.raises(UsageError, match="is not a name for a lab"):
        lock.opened(name)
    assert not list(folder.rglob("*"))


def test_a_link_in_the_locks_place_is_not_followed(folder: Path) -> None:
    victim = folder / "victim"
    victim.write_text("precious")
    (own(folder) / "mine.lock").symlink_to(victim)
    with pytest.raises(LabError, match="cannot be opened"):
        lock.opened("mine")
    assert victim.read_text() == "precious"


def test_a_folder_in_the_locks_place_is_a_clear_error(folder: Path) -> None:
    (own(folder) / "mine.lock").mkdir()
    with pytest.raises(LabError, match=r"the lock `.*mine\.lock` cannot be opened: Is a directory"):
        lock.opened("mine")


def test_a_folder_that_others_could_write_to_is_refused(folder: Path) -> None:
    own(folder).chmod(0o777)
    with pytest.raises(LabError, match="open to you alone") as caught:
        lock.opened("mine")
    assert caught.value.hint


def test_a_link_or_a_file_in_the_folders_place_is_refused(folder: Path) -> None:
    elsewhere, place = folder / "elsewhere", own(folder)
    place.rename(elsewhere)
    place.symlink_to(elsewhere)
    with pytest.raises(LabError, match="open to you alone"):
        lock.opened("mine")
    place.unlink()
    place.write_text("a file")
    with pytest.raises(LabError, match="cannot be made: File exists"):
        lock.opened("mine")
