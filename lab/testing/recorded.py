"""A lab that remembers what a test did to it."""

import time
from dataclasses import dataclass
from typing import Any

from lab.api import Done, Lab
from lab.faults.change import Want
from lab.faults.plan import Change
from lab.faults.verb import Verb


@dataclass(frozen=True)
class Moment:
    """Something that was done: faults changed, or what was seen of a verb that is over at once. Seconds since 1970."""

    time: float
    what: Change | str


class RecordedLab(Lab):
    """A `Lab` that notes each change of faults. `began` is when the test began, in seconds since 1970; `worn` says that
    it is not what it was, so that the next test needs a fresh one."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.forget()
        self.worn = False

    def forget(self) -> None:
        """A new test begins."""
        self.began, self.moments = time.time(), list[Moment]()

    def make(self, want: Want, *arguments: Any, **named: Any) -> Change:
        change = super().make(want, *arguments, **named)
        if change.evidence:  # something was done
            self.moments.append(Moment(time.time(), change))
        return change

    def do(self, verb: Verb, **named: Any) -> Done:
        done = super().do(verb, **named)
        if done.seen:
            self.moments.append(Moment(time.time(), done.seen))
        return done

    def down(self, keep_data: bool = False, dry_run: bool = False) -> dict[str, int]:
        self.worn = self.worn or not dry_run
        return super().down(keep_data, dry_run)

    def upgrade(self, node: str, nats: str) -> None:
        self.worn = True
        super().upgrade(node, nats)
