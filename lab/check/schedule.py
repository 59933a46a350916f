"""What a check will do, before it does it: load, phases, and each fault with its time. Pure.

Everything random is decided here, from the seed: the same seed and lab give the same schedule. Times are seconds;
`at` counts from the end of the warm-up. What can be asked for are the verbs of `lab/faults/registry.py`.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from lab.errors import UsageError
from lab.faults.effects import joined
from lab.faults.fault import Fault
from lab.faults.registry import draws, verbs
from lab.faults.verb import OFFERS, Verb
from lab.topology import Topology

RATE, PROCESSES = 1000, 6
DURATION_S, WARMUP_S, SETTLE_S = 150.0, 8.0, 8.0
# A cut that is over, and the gateways back, before the servers' own health check of sources (10 s) costs some seconds
# until all has arrived; a longer one 30 to 50. So the mix has one long fault, the first, and short ones.
LONG_S, SHORT_S, PAUSE_S = 22.0, 5.0, 4.0
CALM_S = 30.0
STEP_DOWN_S = 4.0


@dataclass(frozen=True)
class Planned:
    """One fault of a schedule. `seconds` is 0 for what is over at once, such as a step-down."""

    id: str
    verb: Verb
    at: float
    seconds: float

    @property
    def kind(self) -> str:
        return self.verb.name

    @property
    def end(self) -> float:
        return self.at + self.seconds

    def __str__(self) -> str:
        return self.verb.said


@dataclass(frozen=True)
class Schedule:
    """`rate` is publishes a second over all regions, `processes` the publishers in each; `duration` is how long they
    publish: warm-up, faults, and `settle` after the last heal."""

    seed: int
    rate: int = RATE
    processes: int = PROCESSES
    duration: float = DURATION_S
    warmup: float = WARMUP_S
    settle: float = SETTLE_S
    faults: tuple[Planned, ...] = ()

    @property
    def main(self) -> float:
        """How long faults may be in force."""
        return self.duration - self.warmup - self.settle

    def document(self) -> dict[str, Any]:
        """As a schedule file has it, with nothing left to chance."""
        plain = {key: value for key, value in asdict(self).items() if key != "faults"}
        return plain | {"faults": [_entry(fault) for fault in self.faults]}


def _entry(fault: Planned) -> dict[str, Any]:
    entry = {"id": fault.id, "kind": fault.kind, "at": fault.at} | fault.verb.arguments()
    return entry | ({"for": fault.seconds} if fault.seconds else {})


def kinds() -> dict[str, type[Verb]]:
    """What a schedule may ask for: every verb that does not only undo."""
    return {name: verb for name, verb in verbs().items() if not verb.undoes}


def random_faults(seed: int, topology: Topology, main: float, offers: Collection[str] = OFFERS) -> tuple[Planned, ...]:
    """A mix for `main` seconds of what a kernel that `offers` so much can do, one fault at a time and a quiet
    window after each: first a long partition or a long loss of a region, then heavy and light ones in turn, each
    kind once before any comes again. The last ones are light, so that a source that gave its origin up (see
    `SHORT_S`) is back when the load ends."""
    random = Random(f"{seed} faults")  # noqa: S311 (a schedule, not a secret)
    faults: list[Planned] = []
    every = {name: draw for name, draw in draws().items() if not draw.needs or draw.needs in offers}
    bags: dict[bool, list[str]] = {True: [], False: []}
    now = 2.0
    while True:
        heavy = len(faults) % 2 == 0 and now + SHORT_S <= main - CALM_S
        if not faults:
            name = random.choice(("partition", "kill-region"))
        else:
            bag = bags[heavy]
            if not bag:
                names = sorted(name for name, draw in every.items() if draw.heavy is heavy)
                bag += random.sample(names, len(names))
            name = bag.pop()
        verb = every[name].make(topology, random)
        seconds = LONG_S if not faults and main - CALM_S >= LONG_S else SHORT_S if verb.lasting else 0.0
        if now + (seconds or STEP_DOWN_S) > main:
            return tuple(faults)
        faults.append(Planned(f"f{len(faults) + 1}", verb, round(now, 3), seconds))
        now += (seconds or STEP_DOWN_S) + PAUSE_S * random.uniform(0.75, 1.25)


def resolve(
    seed: int,
    topology: Topology,
    rate: int = RATE,
    duration: float = DURATION_S,
    offers: Collection[str] = OFFERS,
) -> Schedule:
    """The default check: a random mix of every kind. Raises `UsageError` when it cannot be."""
    schedule = Schedule(seed, rate, duration=duration)
    schedule = Schedule(seed, rate, duration=duration, faults=random_faults(seed, topology, schedule.main, offers))
    refuse(problems(schedule, topology))
    return schedule


# --- what can be wrong ---


Wrong = tuple[Planned | str, str]  # a fault or the name of a field, and what is wrong with it


def place(subject: Planned | str) -> str:
    """What a problem is said to be of."""
    return subject if isinstance(subject, str) else f"{subject.id} ({subject.kind})"


def refuse(wrong: Iterable[Wrong]) -> None:
    """Raises `UsageError` with all of it, if there is any."""
    lines = [f"  {place(subject)}: {sentence}" for subject, sentence in wrong]
    if lines:
        raise UsageError("this check cannot be run:\n" + "\n".join(lines), "docs/check.md has the format")


def problems(schedule: Schedule, topology: Topology) -> Iterator[Wrong]:
    """Everything that is wrong with a schedule on this lab."""
    if not 1 <= schedule.rate <= 100_000:
        yield "rate", f"must be 1 to 100000 publishes a second, not {schedule.rate}"
    if not 1 <= schedule.processes <= 200:
        yield "processes", f"must be 1 to 200 in each region, not {schedule.processes}"
    for name in ("warmup", "settle"):
        if getattr(schedule, name) < 1:
            yield name, f"must be at least 1 s, not {getattr(schedule, name):g} s"
    if schedule.main <= 0:
        yield (
            "duration",
            f"{schedule.duration:g} s leave no time for faults after {schedule.warmup:g} s of warm-up "
            f"and before {schedule.settle:g} s of settling",
        )
        return
    usable: list[tuple[Planned, frozenset[Fault]]] = []
    names: set[str] = set()
    for fault in schedule.faults:
        wrong = list(_fault_problems(fault, schedule, topology))
        yield from ((fault, sentence) for sentence in wrong)
        if not wrong:
            usable.append((fault, fault.verb.faults(topology)))
        if fault.id in names:
            yield fault, f"the id `{fault.id}` is listed twice"
        names.add(fault.id)
    yield from _contradictions(usable, topology)


def _fault_problems(fault: Planned, schedule: Schedule, topology: Topology) -> Iterator[str]:
    if fault.at < 0:
        yield f"begins {-fault.at:g} s before the warm-up ends; `at` counts from there"
    if fault.verb.lasting and fault.seconds <= 0:
        yield f"lasts {fault.seconds:g} s; `for` must be more than nothing"
    if fault.end > schedule.main:
        yield f"ends {fault.end:g} s after the warm-up, but faults must be over after {schedule.main:g} s"
    yield from fault.verb.problems(topology, fault.seconds)


def _contradictions(usable: list[tuple[Planned, frozenset[Fault]]], topology: Topology) -> Iterator[Wrong]:
    """Faults that are in force at the same time and cannot both be: the same thing twice, or a node down and frozen."""
    for index, (one, mine) in enumerate(usable):
        for other, theirs in usable[index + 1 :]:
            if one.end <= other.at or other.end <= one.at:
                continue
            twice = sorted(str(fault) for fault in mine & theirs)
            if twice:
                yield other, f"overlaps with {place(one)}, and both say that {twice[0]}"
            nodes = [joined(fault.affects(topology) for fault in faults).out for faults in (mine, theirs)]
            both = sorted(nodes[0] & nodes[1])
            if both and not twice:
                yield other, f"overlaps with {place(one)}: {both[0]} cannot be down and paused"
