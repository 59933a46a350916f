"""Carrying on what comes and goes, by hand: a link that flaps. A check does it by its schedule."""

import itertools
import time
from functools import partial
from typing import Protocol

from lab.errors import LabError, UsageError
from lab.faults.change import Span, Want
from lab.faults.fault import Fault
from lab.faults.plan import Change
from lab.faults.registry import present
from lab.faults.verb import Verb
from lab.progress import Say
from lab.topology import Topology

LEFT_S = 5.0  # if the program dies, what is in force is undone so long after it would have changed


class Maker(Protocol):
    """`Lab.make`."""

    def __call__(self, want: Want, *, span: Span | None = None) -> Change: ...


def carry_on(make: Maker, verb: Verb, topology: Topology, seconds: float | None, say: Say) -> str:
    """Until the time is over, or Ctrl-C; then undone. Returns what was done. Raises `LabError`."""
    lasts = seconds or verb.usual_s
    for problem in verb.problems(topology, lasts):
        raise UsageError(f"`{verb}` cannot be done: {problem}")
    keys = {fault.key for fault in verb.faults(topology)}
    began, turns = time.monotonic(), (0.0, *verb.turns(lasts), lasts)
    done = 0

    def want(new: frozenset[Fault]) -> Want:
        return lambda before: frozenset(fault for fault in present(before) if fault.key not in keys) | new

    try:
        for elapsed, following in itertools.pairwise(turns):
            new = verb.faults_at(topology, elapsed, lasts)
            started = time.monotonic()
            change = make(want(new), span=Span(following - elapsed + LEFT_S, partial(_these, new)) if new else None)
            took = time.monotonic() - started
            done += 1
            for fault in change.injected:
                say(f"{time.monotonic() - began:5.1f} s: {fault}")
            for fault in change.healed:
                say(f"{time.monotonic() - began:5.1f} s: no longer: {fault}")
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
    return f"{verb.said}: {done} turns in {time.monotonic() - began:.0f} s, and all of it undone"


def _these(faults: frozenset[Fault], topology: Topology) -> frozenset[Fault]:
    return faults
