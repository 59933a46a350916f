"""The process that waits until a fault is to end, and undoes it: `python -m lab.faults.timekeeper LAB FILE`. What it
undoes comes on stdin."""

import pickle
import sys
import time
from dataclasses import replace
from pathlib import Path

from lab.docker.engine import Engine
from lab.docker.observation import Observation
from lab.errors import LabError, NotRunning
from lab.faults import timers
from lab.faults.change import change
from lab.faults.fault import Fault
from lab.faults.plan import Change
from lab.faults.registry import present
from lab.faults.timers import Key, Timer
from lab.progress import silently
from lab.units import several

LOOK_S = 0.5  # how often it looks whether it is still wanted
TRIES, PAUSE_S = 5, 3.0


def wait(lab: str, file: Path, done: Change) -> None:
    """Until it is time, or nothing is left to undo."""
    while timer := timers.read(file):
        if timer.left_s <= 0:
            _undo(lab, timer, done)
            return
        time.sleep(min(LOOK_S, timer.left_s))


def _undo(lab: str, timer: Timer, done: Change) -> None:
    def want(before: Observation) -> frozenset[Fault]:
        now = present(before)
        left = timers.read(timer.file)  # with the lab's lock: nobody changes it any more
        return only(done, left.keys).undone(now) if left else now

    for turn in range(TRIES):
        try:
            change(Engine(), lab, want, silently)
        except NotRunning:
            break
        except LabError as error:
            told = error.message.splitlines()[0]
            timers.write(replace(timer, error=f"{told} ({several(turn + 1, 'try', 'tries')})"))
            time.sleep(PAUSE_S)
        else:
            break
    else:
        return  # the file stays, and says why
    timer.file.unlink(missing_ok=True)


def only(done: Change, keys: frozenset[Key]) -> Change:
    """The part of a change that is still a timer's to undo."""
    return replace(
        done,
        healed=tuple(fault for fault in done.healed if fault.key in keys),
        injected=tuple(fault for fault in done.injected if fault.key in keys),
        replaced=tuple(pair for pair in done.replaced if pair[0].key in keys),
    )


if __name__ == "__main__":
    wait(sys.argv[1], Path(sys.argv[2]), pickle.load(sys.stdin.buffer))  # noqa: S301 (from the process that started it)
