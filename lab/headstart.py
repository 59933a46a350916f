"""A head start for the commands that make, undo and show faults.

Python needs 0.1 s to load the command line, and Docker 0.2 s to start the network probe. So the probe is started and
the lab observed before the command line is loaded (docs/decisions/0004-start-up.md); a command that changes something
takes the lab's lock before that. Where it cannot be told which lab is meant without reading more, or the lock is not
free, there is no head start, and the command does the same later.
"""

import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from lab import lock
from lab.docker.observation import Observation
from lab.errors import LabError
from lab.places import workspace
from lab.topology import DEFAULT_NAME, NAME

if TYPE_CHECKING:
    from lab.netprobe.session import Probe

LOOKING = ("status", "faults")


@dataclass(frozen=True)
class Headstart:
    """What is under way already: the probe starts, Docker is asked, and the lock is taken if something is to be
    changed."""

    lab: str
    lock: TextIO | None
    probe: "Probe"
    observing: "Future[Observation]"

    def end(self) -> None:
        """When nobody needs it."""
        self.probe.close()
        if self.lock:
            self.lock.close()


def begin(arguments: Sequence[str]) -> Headstart | None:
    """Start what the command with these arguments will need; None where that cannot be told, or not be done now."""
    lab = which(arguments)
    if not lab:
        return None
    from lab.docker.engine import Engine  # `lab --help` needs neither
    from lab.netprobe.session import Probe

    engine, held = Engine(), None
    try:
        if arguments[0] not in LOOKING:
            held = lock.opened(lab)
            if not lock.taken(held):
                held.close()
                return None
            engine = engine.holding(held)
        probe = Probe(engine, lab)
    except (OSError, LabError):  # the command itself meets it again, and says so
        return None
    thread = ThreadPoolExecutor(1)
    observing = thread.submit(engine.observe, lab)
    thread.shutdown(wait=False)
    return Headstart(lab, held, probe, observing)


def gets_one(command: str) -> bool:
    """Whether it makes, undoes or shows faults."""
    if command in LOOKING:
        return True
    from lab.faults.registry import verbs  # a look does not need it yet

    verb = verbs().get(command)
    return bool(verb and verb.lasting and not verb.turning)


def which(arguments: Sequence[str]) -> str | None:
    """The lab that these arguments name, if that can be told from them alone and the command gets a head start."""
    if not arguments or {"--dry-run", "--help", "-h"}.intersection(arguments) or not gets_one(arguments[0]):
        return None
    named = [after for word, after in pairwise(arguments) if word in ("--name", "-n")]
    named += [word.removeprefix("--name=") for word in arguments if word.startswith("--name=")]
    named = named or [os.environ.get("LAB_NAME", "")]
    if not named[-1]:
        described = os.environ.get("LAB_FILE") or any(
            (folder / "lab.yaml").exists() for folder in (Path.cwd(), workspace())
        )
        return None if described else DEFAULT_NAME
    return named[-1] if len(named) == 1 and NAME.fullmatch(named[-1]) else None


def take(begun: Headstart | None, lab: str) -> Headstart | None:
    """The head start, if it is for this lab; one for another lab is ended. Who takes it closes its probe and lock."""
    if begun and begun.lab != lab:
        begun.end()
        return None
    return begun
