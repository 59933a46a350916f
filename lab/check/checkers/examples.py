"""From what a checker found to what a person reads: findings with their first examples told as stories.

A checker returns `Draft`s, which name messages by number. The stories need a look through the whole run, so they are
told for all findings at once, in one pass, and only when there is something to tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lab.check.checkers.index import Index
from lab.check.checkers.stored import CHUNK, NONE, Mask, Numbers, Positions
from lab.check.findings import EXAMPLES, Example, Finding
from lab.check.history import OUTCOMES, SECOND, Array, FaultRecord
from lab.verdict import Validity

NOTHING = "there was nothing to look at"
BURST = 64  # positions this near belong to one burst
COPIES = 4  # of one message in one stream that a story names


@dataclass(frozen=True)
class Case:
    """One example: a message's number (NONE: about none of this run's), what is wrong with it, when. `name` is what a
    stored row calls itself that has no number."""

    message: int
    what: str
    time: int | None = None
    name: str = ""


@dataclass(frozen=True)
class Draft:
    property: str
    place: str
    validity: Validity
    checked: int
    violations: int
    sentence: str
    cases: tuple[Case, ...] = ()

    def empty(self) -> bool:
        """Whether it says nothing: there was nothing to look at, and there should not have been."""
        return self.sentence == NOTHING


def judged(
    property_: str,
    place: str,
    checked: int,
    violations: int,
    good: str,
    bad: str,
    cases: Sequence[Case] = (),
    doubt: str = "",
    excused: int = 0,
) -> Draft:
    """A draft with its validity: violated when there are violations, else unknown when in doubt. What is `excused`
    would be a violation if the check had not stood still meanwhile."""
    if violations:
        return Draft(property_, place, "violated", checked, violations, bad, tuple(cases))
    if excused:
        return Draft(property_, place, "unknown", checked, 0, f"{bad}, but the check itself stalled meanwhile")
    if doubt or not checked:
        return Draft(property_, place, "unknown", checked, 0, doubt or NOTHING)
    return Draft(property_, place, "valid", checked, 0, good)


def pick(positions: Positions | Numbers, most: int = EXAMPLES) -> list[int]:
    """The examples that explain: the first two, the last two, and the beginning of the largest burst."""
    if len(positions) <= most:
        return [int(position) for position in positions]
    ordered = np.sort(positions)
    bursts = np.split(ordered, np.flatnonzero(np.diff(ordered) > BURST) + 1)
    largest = max(bursts, key=len)
    chosen = dict.fromkeys(int(p) for part in (ordered[:2], ordered[-2:], largest, ordered) for p in part[:most])
    return sorted(list(chosen)[:most])


def seconds(time: int) -> str:
    return f"{time / SECOND:.3f} s"


def count(number: int, noun: str) -> str:
    if number == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}es" if noun.endswith("sh") else f"{noun}s"
    return f"{number:,} {plural}"


def tell(index: Index, drafts: Sequence[Draft]) -> list[Finding]:
    numbers = sorted({case.message for draft in drafts for case in draft.cases} - {NONE})
    stories = Stories(index, numbers) if numbers else None
    findings = []
    for draft in drafts:
        examples = tuple(_example(index, stories, case) for case in draft.cases[:EXAMPLES])
        findings.append(
            Finding(
                draft.property, draft.place, draft.validity, draft.checked, draft.violations, draft.sentence, examples
            )
        )
    return findings


def _example(index: Index, stories: "Stories | None", case: Case) -> Example:
    if case.message != NONE and stories:
        return stories.example(case)
    faults = index.history.active(case.time) if case.time is not None else ()
    story = case.what + (f"\n{_faults('then', faults)}" if case.time is not None else "")
    return Example(case.name, story, case.time, tuple(fault.id for fault in faults))


class Stories:
    """Everything that the run knows of a few messages."""

    def __init__(self, index: Index, numbers: list[int]) -> None:
        self.index = index
        wanted = np.zeros(index.messages.count, np.bool_)
        wanted[numbers] = True
        self.publishes: dict[int, list[Array]] = {number: [] for number in numbers}
        for row in index.publishes_of(wanted):
            self.publishes[int(index.messages.numbers(row))].append(row)
        self.copies = {stored.name: _copies(stored.numbers, stored.read.rows, wanted) for stored in index.all}

    def example(self, case: Case) -> Example:
        publishes = self.publishes[case.message]
        time = case.time
        if time is None and publishes:
            time = int(publishes[0]["invoked"])
        lines = [case.what, *(self._publish(row) for row in publishes)]
        if not publishes:
            lines.append("nobody published it")
        home = self._home(case.message)
        for name, copies in self.copies.items():
            rows = copies.get(case.message, [])
            if rows or name == home or self._expected(name, case.message):
                lines.append(self._held(name, rows))
        faults = self.index.history.active(time) if time is not None else ()
        return Example(
            self.index.messages.name(case.message), "\n".join(lines), time, tuple(fault.id for fault in faults)
        )

    def _home(self, number: int) -> str:
        run = self.index.history.run
        return run.home(run.processes[self.index.messages.process(number)])

    def _expected(self, name: str, number: int) -> bool:
        """Whether a copy should hold it."""
        messages, expected = self.index.messages, self.index.expected
        process = messages.process(number)
        origin, counter = int(messages.home[process]), number - int(messages.starts[process])
        topic = expected.topic(self.index.history.run.seed, origin, process, counter)
        return self.index.is_copy(name) and origin < len(self.index.streams) and expected.wanted(name, origin, topic)

    def _publish(self, row: Array) -> str:
        run = self.index.history.run
        outcome = OUTCOMES[int(row["outcome"])]
        told = f"published at {seconds(int(row['invoked']))}, {outcome} at {seconds(int(row['completed']))}"
        if outcome == "ok":
            place = int(row["stream"])
            stream = run.streams[place] if place < len(run.streams) else "no stream"
            told += f": {stream} acknowledged it as {int(row['sequence']):,}"
            told += " (a duplicate, it said)" if row["duplicate"] else ""
        elif row["error"] and int(row["error"]) < len(run.errors):
            told += f": {run.errors[int(row['error'])]}"
        return f"{told}; {_faults('then', self.index.history.active(int(row['invoked'])))}"

    def _held(self, name: str, rows: list[Array]) -> str:
        if not rows:
            stored = self.index.stored[name]
            return f"{name}: not there" + ("" if stored.complete else ", as far as it was read")
        places = []
        for row in rows[:COPIES]:
            faults = self.index.history.active(int(row["stored"]))
            origin = int(row["origin"])
            sourced = (
                f", from {self.index.streams[origin]} {int(row['origin_sequence']):,}"
                if origin < len(self.index.streams) and self.index.streams[origin] != name
                else ""
            )
            stored_at = f"stored at {seconds(int(row['stored']))}, {_faults('then', faults)}"
            places.append(f"at {int(row['sequence']):,}{sourced}, {stored_at}")
        more = f"; and {len(rows) - COPIES:,} times more" if len(rows) > COPIES else ""
        return f"{name}: " + "; ".join(places) + more


def _copies(numbers: Numbers, rows: Array, wanted: Mask) -> dict[int, list[Array]]:
    found: dict[int, list[Array]] = {}
    for start in range(0, len(numbers), CHUNK):
        part = numbers[start : start + CHUNK]
        for place in np.flatnonzero((part >= 0) & wanted[part]):
            found.setdefault(int(part[place]), []).append(rows[start + int(place)])
    return found


def _faults(when: str, faults: Sequence[FaultRecord]) -> str:
    if not faults:
        return f"no fault {when}"
    return f"in force {when}: " + ", ".join(f"{fault.what} ({fault.id})" for fault in faults)
