"""One changing command at a time for each lab on this host.

The lock is the kernel's, on an open file: it is dropped when the command has died, and with it what it had started to
make a cut, which inherits the file (`Engine.holding`).
"""

import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from lab.errors import LabError, UsageError
from lab.topology import NAME, NAME_RULE

WAIT_S = 60


def opened(lab: str) -> TextIO:
    """The lab's lock, not taken yet. Raises `UsageError` for what cannot be a lab's name, `LabError` where there can be
    no lock."""
    if not NAME.fullmatch(lab):
        raise UsageError(f"`{lab}` is not a name for a lab", f"a name is {NAME_RULE}")
    path = folder() / f"{lab}.lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        return os.fdopen(handle, "a+")
    except OSError as error:
        raise LabError(f"the lock `{path}` cannot be opened: {error.strerror}", "remove it, and repeat") from error


def folder() -> Path:
    """Your own, where nobody else can put a link. Not $XDG_RUNTIME_DIR, which not every process of a user has: two
    commands with a lock each would not wait for each other."""
    path = Path(tempfile.gettempdir()) / f"nats-region-lab-{os.getuid()}"
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise LabError(
            f"the folder of the labs' locks, `{path}`, cannot be made: {error.strerror}",
            "remove what is there, or set TMPDIR to a folder of your own",
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise LabError(
            f"`{path}` must be a folder that is open to you alone, since it holds the labs' locks",
            "remove it, or set TMPDIR to a folder of your own",
        )
    return path


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
            raise LabError(f"another `lab` command is changing `{lab}` ({who})", "wait for it, or end it")
        if not told:
            say(f"waiting for another `lab` command on `{lab}` ({who})")
            told = True
        time.sleep(0.02)
