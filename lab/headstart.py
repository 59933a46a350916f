"""A head start for the commands that make and undo faults.

Python needs 0.1 s to load the command line, and Docker 0.1 s to start the network probe. So the lab's lock is taken,
the probe started and the lab observed before the command line is loaded. Where it cannot be told which lab is meant
without reading more, or the lock is not free, there is no head start and nothing is lost.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from lab import lock
from lab.docker.engine import Engine
from lab.errors import LabError
from lab.faults.change import Begun
from lab.netprobe.session import Probe
from lab.topology import DEFAULT_NAME, NAME

VERBS = frozenset(["partition", "cut", "join", "stop", "kill", "start", "pause", "resume", "heal"])
CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Ahead(Begun):
    """For one lab."""

    lab: str


_begun: list[Ahead] = []


def begin(arguments: Sequence[str]) -> None:
    """Start what the command with these arguments will need."""
    name = which(arguments)
    if not name:
        return
    try:
        held = lock.opened(name)
        if not lock.taken(held):
            held.close()
            return
        engine = Engine()
        probe = Probe(engine, name)
    except (OSError, LabError):  # the command itself meets it again, and says so
        return
    pool = ThreadPoolExecutor(1)
    _begun.append(Ahead(held, probe, pool.submit(engine.observe, name), name))
    pool.shutdown(wait=False)


def which(arguments: Sequence[str]) -> str | None:
    """The lab that these arguments name, if that can be told from them alone and something is to be changed."""
    if not arguments or arguments[0] not in VERBS or {"--dry-run", "--help", "-h"}.intersection(arguments):
        return None
    named = [after for word, after in pairwise(arguments) if word in ("--name", "-n")]
    named += [word.removeprefix("--name=") for word in arguments if word.startswith("--name=")]
    named = named or [os.environ.get("LAB_NAME", "")]
    if not named[-1]:
        described = any((folder / "lab.yaml").exists() for folder in (Path.cwd(), CHECKOUT))
        return None if described else DEFAULT_NAME
    return named[-1] if len(named) == 1 and NAME.fullmatch(named[-1]) else None


def taken(lab: str) -> Ahead | None:
    """The head start, if there is one for this lab; whoever takes it ends it."""
    ahead = _begun.pop() if _begun else None
    if ahead and ahead.lab != lab:
        ahead.probe.close()
        ahead.lock.close()
        return None
    return ahead
