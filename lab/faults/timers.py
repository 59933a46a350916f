"""Faults that end by themselves: `--for 30s`.

A process of its own waits and then undoes the change, so that it is undone on time even if the command that made it was
killed. It is known by a file beside the lab's lock, which it holds open and locked: whoever can take that lock knows
that the process is gone. The file says when, and which faults are still the timer's to undo: a later change of one of
them takes it away from the timer, and a timer without faults ends.
"""

import fcntl
import json
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

from lab import lock
from lab.faults.plan import Change

Key = tuple[str, ...]


@dataclass(frozen=True)
class Timer:
    """`ends` in seconds of the machine's monotonic clock, which nobody can set; `keys` are those of the faults that it
    will undo; `alive`: somebody waits for it; `error`: why it could not undo them."""

    file: Path
    ends: float
    keys: frozenset[Key]
    alive: bool
    error: str = ""

    @property
    def left_s(self) -> float:
        return self.ends - time.monotonic()

    def __str__(self) -> str:
        when = f"in {self.left_s:.0f} s" if self.left_s > 0 else f"{-self.left_s:.0f} s ago"
        if self.error:
            return f"should have ended {when}, but: {self.error}"
        if not self.alive:
            return "should end by itself, but nobody waits for that any more: `lab heal` undoes it"
        return f"ends {when}"


def start(lab: str, done: Change, seconds: float) -> Timer:
    """Undo this change in so many seconds. Called before the change is made: whatever becomes of the command."""
    file = lock.folder() / f"{lab}.timer-{token_hex(4)}"
    timer = Timer(file, time.monotonic() + seconds, done.keys, alive=True)
    with file.open("x") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        write(timer)
        process = subprocess.Popen(
            [sys.executable, "-m", "lab.faults.timekeeper", lab, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[held.fileno()],  # with the file it gets the lock
            start_new_session=True,
        )
        assert process.stdin
        with process.stdin as told:
            pickle.dump(done, told)
    threading.Thread(target=process.wait, daemon=True).start()  # a program that lives on collects no dead processes
    return timer


def of(lab: str) -> Iterator[Timer]:
    """The timers of a lab, also those whose process is gone."""
    for file in sorted(lock.folder().glob(f"{lab}.timer-*")):
        timer = read(file)
        if timer:
            yield timer


def set_end(timer: Timer, seconds: float) -> None:
    """So many seconds from now."""
    write(replace(timer, ends=time.monotonic() + seconds))


def release(lab: str, keys: Iterable[Key], but: Timer | None = None) -> None:
    """These faults were changed by somebody else, who says what becomes of them. The lab's lock must be held."""
    changed = frozenset(keys)
    for timer in of(lab):
        if (but and timer.file == but.file) or not timer.keys & changed:
            continue
        if timer.keys <= changed:
            timer.file.unlink(missing_ok=True)
        else:
            write(replace(timer, keys=timer.keys - changed))


def end_all(lab: str) -> None:
    """The lab is gone, or nothing is in force."""
    for timer in of(lab):
        timer.file.unlink(missing_ok=True)


def write(timer: Timer) -> None:
    """In place: the lock is on this file."""
    text = json.dumps({"ends": timer.ends, "keys": sorted(timer.keys), "error": timer.error}).encode()
    handle = os.open(timer.file, os.O_WRONLY | os.O_NOFOLLOW)
    try:
        os.pwrite(handle, text, 0)
        os.ftruncate(handle, len(text))
    finally:
        os.close(handle)


def read(file: Path) -> Timer | None:
    """A timer of a file; None if it is gone, or was never written."""
    for _ in range(3):
        try:
            with file.open() as found:
                said: dict[str, Any] = json.load(found)
                keys = frozenset(map(tuple, said["keys"]))
                return Timer(file, said["ends"], keys, _held(found), said["error"])
        except OSError:
            return None
        except ValueError:  # just being written
            time.sleep(0.01)
    return None


def _held(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
