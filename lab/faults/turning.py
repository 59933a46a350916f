"""Carrying on what comes and goes, by hand: a link that flaps. A check does it by its schedule."""

import itertools
import time
from typing import Protocol

from lab.errors import LabError, UsageError
from lab.faults import timers
from lab.faults.change import Want
from lab.faults.fault import Fault
from lab.faults.plan import Change
from lab.faults.registry import ordered, present
from lab.faults.timers import Timer
from lab.faults.verb import Verb
from lab.progress import Say
from lab.topology import Topology
from lab.units import LONGEST_S

LEFT_S = 2.0  # if the program dies, all is undone so long after the end


class Maker(Protocol):
    """`Lab.make`."""

    def __call__(self, want: Want, *, within: Timer | None = None) -> Change: ...


def carry_on(lab: str, make: Maker, verb: Verb, topology: Topology, seconds: float | None, say: Say) -> str:
    """Until the time is over, or Ctrl-C; then undone, on time even if this program is killed. Returns what was done.
    Raises `LabError`."""
    lasts = seconds or verb.usual_s
    for problem in verb.problems(topology, lasts):
        raise UsageError(f"`{verb}` cannot be done: {problem}")
    faults = ordered(verb.faults(topology))
    all_of_it = Change((), faults, (), None)
    timer = timers.start(lab, all_of_it, lasts + LEFT_S) if lasts < LONGEST_S else None
    began, turns = time.monotonic(), (0.0, *verb.turns(lasts), lasts)
    done = 0

    def want(new: frozenset[Fault]) -> Want:
        return lambda before: all_of_it.undone(present(before)) | new

    try:
        for elapsed, following in itertools.pairwise(turns):
            started = time.monotonic()
            _tell(make(want(verb.faults_at(topology, elapsed, lasts)), within=timer), started - began, say)
            took = time.monotonic() - started
            done += 1
            if took > following - elapsed:
                raise LabError(
                    f"a turn took {took:.1f} s with its proof, and had {following - elapsed:.1f} s",
                    "give it more time",
                )
            time.sleep(max(0.0, began + following - time.monotonic()))
    except KeyboardInterrupt:
        if seconds is not None:
            raise
    finally:
        make(want(frozenset()))
        timers.release(lab, all_of_it.keys)
    return f"{verb.said}: {done} turns in {time.monotonic() - began:.0f} s, and all of it undone"


def _tell(change: Change, elapsed: float, say: Say) -> None:
    for fault in change.injected:
        say(f"{elapsed:5.1f} s: {fault}")
    for fault in change.healed:
        say(f"{elapsed:5.1f} s: no longer: {fault}")
