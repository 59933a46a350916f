"""What a check will do, before it does it: load, phases, and each fault with its time. Pure.

Everything random is decided here, from the seed: the same seed and lab give the same schedule. Times are seconds;
`at` counts from the end of the warm-up. What a kind of fault needs and does stands in `KINDS`, one entry each.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from lab.errors import UsageError
from lab.faults import Down, Fault, Paused
from lab.faults.cut import link_cuts
from lab.faults.partition import groups, partition
from lab.layouts import layout_of
from lab.topology import Topology

RATE, PROCESSES = 1000, 6
DURATION_S, WARMUP_S, SETTLE_S = 150.0, 8.0, 8.0
# A cut that is over, and the gateways back, before the servers' own health check of sources (10 s) costs some seconds
# until all has arrived; a longer one 30 to 50. So the mix has one long fault, the first, and short ones.
LONG_S, SHORT_S, PAUSE_S = 22.0, 5.0, 4.0
CALM_S = 30.0
STEP_DOWN_S = 4.0
FLAP_PERIOD_S = 4.0

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Planned:
    """One fault of a schedule. `seconds` is 0 for what is over at once, such as a step-down."""

    id: str
    kind: str
    at: float
    seconds: float
    args: Arguments = field(hash=False)

    @property
    def end(self) -> float:
        return self.at + self.seconds

    def __str__(self) -> str:
        return KINDS[self.kind].say(self.args)


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
    entry = {"id": fault.id, "kind": fault.kind, "at": fault.at} | dict(fault.args)
    return entry | ({"for": fault.seconds} if fault.seconds else {})


# --- kinds ---


@dataclass(frozen=True)
class Kind:
    """What a kind of fault needs (`needs`: field -> what it should be), what it puts in force, how it is said, and how
    one is drawn. `values` raises `UsageError` for names that the lab does not have."""

    needs: Mapping[str, str] = field(hash=False)
    values: Callable[[Topology, Arguments], frozenset[Fault]]
    say: Callable[[Arguments], str]
    draw: Callable[[Topology, Random], dict[str, Any]]
    lasting: bool = True


def _partition(topology: Topology, args: Arguments) -> frozenset[Fault]:
    return frozenset(partition(topology, groups(topology, args["groups"])))


def _cut(topology: Topology, args: Arguments) -> frozenset[Fault]:
    return frozenset(link_cuts(topology, topology.link(args["link"])))


def _down(killed: bool) -> Callable[[Topology, Arguments], frozenset[Fault]]:
    return lambda topology, args: frozenset(
        Down(node.name, killed) for node in topology.select([str(name) for name in args["targets"]])
    )


def _paused(topology: Topology, args: Arguments) -> frozenset[Fault]:
    return frozenset(Paused(node.name) for node in topology.select([str(name) for name in args["targets"]]))


def _stream(topology: Topology, args: Arguments) -> frozenset[Fault]:
    names = streams(topology)
    if args["stream"] not in names:
        raise UsageError(f"unknown stream `{args['stream']}`", f"known streams: {', '.join(f'`{n}`' for n in names)}")
    return frozenset()


def streams(topology: Topology) -> tuple[str, ...]:
    """All names, the write streams first."""
    return tuple(stream.key for stream in layout_of(topology).streams)


def _draw_link(topology: Topology, random: Random) -> dict[str, Any]:
    return {"link": random.choice(topology.links).name}


def _draw_node(topology: Topology, random: Random) -> dict[str, Any]:
    return {"targets": [random.choice(topology.nodes).name]}


def _draw_region(topology: Topology, random: Random) -> dict[str, Any]:
    return {"targets": [random.choice(topology.regions)]}


def _say_targets(verb: str) -> Callable[[Arguments], str]:
    return lambda args: f"{verb} {', '.join(args['targets'])}"


GROUPS = 'a list of groups of regions, such as `[central]` or `["west,east", central]`'
LINK = "a link, such as `central-west`"
TARGETS = "a list of nodes or regions, such as `[east-1]`"
KINDS: dict[str, Kind] = {
    "partition": Kind(
        {"groups": GROUPS},
        _partition,
        lambda args: f"partition {' '.join(args['groups'])}",
        lambda topology, random: {"groups": [random.choice(topology.regions)]},
    ),
    "cut": Kind({"link": LINK}, _cut, lambda args: f"cut {args['link']}", _draw_link),
    "flap": Kind(
        {"link": LINK, "period": "seconds of one cut and one join together"},
        _cut,
        lambda args: f"flap {args['link']}",
        lambda topology, random: _draw_link(topology, random) | {"period": FLAP_PERIOD_S},
    ),
    "stop": Kind({"targets": TARGETS}, _down(False), _say_targets("stop"), _draw_node),
    "kill": Kind({"targets": TARGETS}, _down(True), _say_targets("kill"), _draw_node),
    "pause": Kind({"targets": TARGETS}, _paused, _say_targets("pause"), _draw_node),
    "step-down": Kind(
        {"stream": "a stream, such as `foo-read-east`"},
        _stream,
        lambda args: f"step down the leader of {args['stream']}",
        lambda topology, random: {"stream": random.choice(streams(topology))},
        lasting=False,
    ),
    "meta-step-down": Kind(
        {}, lambda *_: frozenset(), lambda _: "step down the meta leader", lambda *_: {}, lasting=False
    ),
}
# What a random mix draws from: every kind, and whole regions for those that take targets. What parts regions is heavy.
Draw = Callable[[Topology, Random], dict[str, Any]]
HEAVY: dict[str, tuple[str, Draw]] = {
    **{kind: (kind, KINDS[kind].draw) for kind in ("partition", "cut", "flap")},
    **{f"{kind}-region": (kind, _draw_region) for kind in ("stop", "kill", "pause")},
}
LIGHT: dict[str, tuple[str, Draw]] = {kind: (kind, entry.draw) for kind, entry in KINDS.items() if kind not in HEAVY}


def random_faults(seed: int, topology: Topology, main: float) -> tuple[Planned, ...]:
    """A mix for `main` seconds, one fault at a time and a quiet window after each: first a long partition or a long
    loss of a region, then heavy and light ones in turn, each kind once before any comes again. The last ones are light,
    so that a source that gave its origin up (see `SHORT_S`) is back when the load ends."""
    random = Random(f"{seed} faults")  # noqa: S311 (a schedule, not a secret)
    faults: list[Planned] = []
    bags: dict[bool, list[str]] = {True: [], False: []}
    now = 2.0
    while True:
        heavy = len(faults) % 2 == 0 and now + SHORT_S <= main - CALM_S
        if not faults:
            name = random.choice(("partition", "kill-region"))
        else:
            bag = bags[heavy]
            if not bag:
                bag += random.sample(sorted(HEAVY if heavy else LIGHT), len(HEAVY if heavy else LIGHT))
            name = bag.pop()
        kind, draw = (HEAVY | LIGHT)[name]
        seconds = LONG_S if not faults and main - CALM_S >= LONG_S else SHORT_S if KINDS[kind].lasting else 0.0
        if now + (seconds or STEP_DOWN_S) > main:
            return tuple(faults)
        faults.append(Planned(f"f{len(faults) + 1}", kind, round(now, 3), seconds, draw(topology, random)))
        now += (seconds or STEP_DOWN_S) + PAUSE_S * random.uniform(0.75, 1.25)


def resolve(seed: int, topology: Topology, rate: int = RATE, duration: float = DURATION_S) -> Schedule:
    """The default check: a random mix of every kind. Raises `UsageError` when it cannot be."""
    schedule = Schedule(seed, rate, duration=duration)
    schedule = Schedule(seed, rate, duration=duration, faults=random_faults(seed, topology, schedule.main))
    refuse(list(problems(schedule, topology)), "this check cannot be run")
    return schedule


# --- what can be wrong ---


def refuse(found: list[str], what: str) -> None:
    if found:
        raise UsageError(f"{what}:\n" + "\n".join(f"  {line}" for line in found), "docs/check.md has the format")


def problems(schedule: Schedule, topology: Topology) -> Iterator[str]:
    """Everything that is wrong with a schedule on this lab."""
    if not 1 <= schedule.rate <= 100_000:
        yield f"rate: must be 1 to 100000 publishes a second, not {schedule.rate}"
    if not 1 <= schedule.processes <= 200:
        yield f"processes: must be 1 to 200 in each region, not {schedule.processes}"
    for name in ("warmup", "settle"):
        if getattr(schedule, name) < 1:
            yield f"{name}: must be at least 1 s, not {getattr(schedule, name):g} s"
    if schedule.main <= 0:
        yield (
            f"duration: {schedule.duration:g} s leave no time for faults after {schedule.warmup:g} s of warm-up "
            f"and before {schedule.settle:g} s of settling"
        )
        return
    usable: list[tuple[Planned, frozenset[Fault]]] = []
    for fault in schedule.faults:
        wrong = list(_fault_problems(fault, schedule, topology))
        yield from (f"{fault.id} ({fault.kind}): {line}" for line in wrong)
        if not wrong:
            usable.append((fault, KINDS[fault.kind].values(topology, fault.args)))
    names = [fault.id for fault in schedule.faults]
    yield from (f"{name}: stands there more than once" for name in sorted({n for n in names if names.count(n) > 1}))
    yield from _contradictions(usable)


def _fault_problems(fault: Planned, schedule: Schedule, topology: Topology) -> Iterator[str]:
    kind = KINDS[fault.kind]
    try:
        kind.values(topology, fault.args)
    except UsageError as error:
        yield f"{error.message}" + (f" ({error.hint})" if error.hint else "")
    if fault.at < 0:
        yield f"begins {-fault.at:g} s before the warm-up ends; `at` counts from there"
    if kind.lasting and fault.seconds <= 0:
        yield f"lasts {fault.seconds:g} s; `for` must be more than nothing"
    if fault.end > schedule.main:
        yield f"ends {fault.end:g} s after the warm-up, but faults must be over after {schedule.main:g} s"
    if fault.kind == "flap" and not 1 <= float(fault.args["period"]) <= fault.seconds:
        yield f"its period of {fault.args['period']:g} s must be 1 s or more, and not above the {fault.seconds:g} s"


def _contradictions(usable: list[tuple[Planned, frozenset[Fault]]]) -> Iterator[str]:
    """Faults that are in force at the same time and cannot both be: the same thing twice, or a node down and frozen."""
    for index, (one, mine) in enumerate(usable):
        for other, theirs in usable[index + 1 :]:
            if one.end <= other.at or other.end <= one.at:
                continue
            twice = sorted(str(fault) for fault in mine & theirs)
            if twice:
                yield f"{one.id} and {other.id} overlap, and both have it that {twice[0]}"
            nodes = [{f.node for f in faults if isinstance(f, (Down, Paused))} for faults in (mine, theirs)]
            both = sorted(nodes[0] & nodes[1])
            if both and not twice:
                yield f"{one.id} and {other.id} overlap: {both[0]} cannot be down and paused"
