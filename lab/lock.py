"""One changing command at a time for each lab on this host.

The lock is the kernel's, on an open file: it is dropped when the command has died, and with it what it had started to
make a cut (`Engine.read`, `Engine.start_probe`), since these inherit the file.
"""

import fcntl
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from lab.errors import LabError

WAIT_S = 60


def opened(lab: str) -> TextIO:
    """The lab's lock, not taken yet."""
    path = Path(tempfile.gettempdir()) / f"nats-region-lab-{os.getuid()}-{lab}.lock"
    lock = path.open("a+")
    os.set_inheritable(lock.fileno(), True)
    return lock


def taken(lock: TextIO) -> bool:
    """Take it, unless somebody else has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return True


def take(lab: str, lock: TextIO, say: Callable[[str], None]) -> None:
    """Wait for it and take it. Raises `LabError` that names who has it."""
    deadline, told = time.monotonic() + WAIT_S, False
    while not taken(lock):
        lock.seek(0)
        holder = lock.read().strip()
        who = f"process {holder}, or what it has started" if holder else "another process"
        if time.monotonic() > deadline:
            raise LabError(f"another `lab` command is at work on `{lab}` ({who})", "wait for it, or end it")
        if not told:
            say(f"waiting for another `lab` command on `{lab}` ({who})")
            told = True
        time.sleep(0.02)
