"""`Lab`: the one door to a lab, for the command line, scenarios, checks and programs of your own.

    from lab.api import Lab

    lab = Lab.up()
    with lab.partition("central"):
        lab.publish("west", "foo.test", "written while central is away")
    lab.until_healthy()
    assert lab.compare().verdict == "agree"

Every method returns when its work is done, and raises a `LabError` with a message and a hint if it fails. Nothing is
remembered between calls: the faults in force are read from Docker. Labs share nothing, so you can use several side by
side, also in threads. You can call methods while an event loop is running; they block it. All times are in seconds.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from lab import places
from lab.docker import owned
from lab.docker.engine import Engine
from lab.docker.observation import Observation
from lab.errors import UsageError
from lab.faults.condition import look
from lab.faults.fault import Fault
from lab.faults.methods import VerbMethods
from lab.faults.registry import ordered, present
from lab.faults.verb import Verb
from lab.headstart import Headstart
from lab.loop import finished
from lab.netprobe.offers import offered
from lab.netprobe.spare import Spare
from lab.progress import Say, silently
from lab.streammethods import StreamMethods
from lab.topology import DEFAULT_NAME, Topology
from lab.units import LONGEST_S

if TYPE_CHECKING:
    from lab.bundle import Bundle
    from lab.faults.change import Span, Want
    from lab.faults.plan import Change
    from lab.faults.timers import Timer
    from lab.graph.graph import Graph
    from lab.hasten import Hastened
    from lab.observe.comparison import Comparison
    from lab.observe.events import Event
    from lab.observe.operations import Matrix
    from lab.observe.rtt import RoundTrips
    from lab.observe.status import Snapshot

V = TypeVar("V", bound=Verb)
Announce = Callable[[Observation, frozenset[Fault]], None]
HEALTHY_S = 240.0


@dataclass(frozen=True)
class Done:
    """A verb that was carried out: what it changed or, if it was over at once, what was seen.

    A `with` block undoes it at its end: heals what was injected, brings back what was healed or replaced.
    """

    lab: "Lab"
    verb: Verb
    change: "Change | None" = None
    seen: str = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        done = self.change
        if done:
            self.lab.make(lambda before: done.undone(present(before)))


class Lab(StreamMethods, VerbMethods[Done]):
    """A lab, by its name. `say` is called with each line of progress; `engine` is the Docker engine, by default the one
    that the `docker` command talks to; `root` is the folder for the generated files, by default the checkout, or where
    there is none a folder of your data."""

    def __init__(
        self,
        name: str = DEFAULT_NAME,
        *,
        engine: Engine | None = None,
        root: Path | None = None,
        say: Say = silently,
        begun: Headstart | None = None,
    ) -> None:
        self.name, self.say = name, say
        self.engine, self.root = engine or Engine(), root or places.generated()
        self._begun, self._spare = begun, Spare(self.engine, name)

    @classmethod
    def up(
        cls,
        topology: Topology | None = None,
        *,
        nats: str | None = None,
        image: str | None = None,
        timeout: float = 90,
        keep: bool = False,
        engine: Engine | None = None,
        root: Path | None = None,
        say: Say = silently,
        announce: "Callable[[Snapshot], None] | None" = None,
    ) -> Self:
        """Start a lab, define its streams, and wait until it is healthy; what is already up stays up. Faults in force
        stay in force.

        `timeout` bounds each wait. `nats` is a server version other than the topology's, `image` any other server
        image. If the first start fails, what it created is removed unless `keep`. `announce` is called with the status
        of the lab that is up. Raises `LabError`."""
        from lab.up import bring_up

        topology = topology or Topology()
        lab = cls(topology.name, engine=engine, root=root, say=say)
        snapshot = finished(bring_up(lab.engine, topology, lab.root, nats or topology.nats, image, timeout, keep, say))
        if announce:
            announce(snapshot)
        return lab

    @classmethod
    def attach(
        cls, name: str = DEFAULT_NAME, *, engine: Engine | None = None, root: Path | None = None, say: Say = silently
    ) -> Self:
        """A lab that is already up. Raises `NotRunning` if it is not."""
        lab = cls(name, engine=engine, root=root, say=say)
        lab.observe()
        return lab

    def down(self, keep_data: bool = False, dry_run: bool = False) -> dict[str, int]:
        """Remove containers, networks and, unless `keep_data`, volumes, and with them all faults. Returns how many of
        each."""
        if dry_run:
            return owned.count(self.engine, self.name)
        from lab.faults import timers
        from lab.faults.change import exclusive

        with exclusive(self.name, self.say):
            timers.end_all(self.name)
            return owned.remove(self.engine, self.name, volumes=not keep_data, say=self.say)

    def upgrade(self, node: str, nats: str) -> None:
        """Replace a node by a server of version `nats` on the same volume; returns when it greets clients."""
        from lab.faults.change import exclusive
        from lab.upgrade import upgrade

        with exclusive(self.name, self.say):
            upgrade(self.engine, self.condition(), self.root, node, nats, self.say)

    # --- looking ---

    def observe(self) -> Observation:
        """What Docker says about the lab. Raises `NotRunning` if nothing of it exists."""
        return self.engine.observe(self.name)

    def condition(self) -> Observation:
        """The same, with what the kernel does at the nodes' interfaces."""
        return look(self._spare, self._take_begun()).whole.result()

    @property
    def topology(self) -> Topology:
        """Regions, nodes, links and streams of the running lab."""
        return self.observe().topology

    def faults(self) -> tuple[Fault, ...]:
        """The faults in force, as read from Docker and from the kernel."""
        return ordered(present(self.condition()))

    def offers(self) -> frozenset[str]:
        """What the kernel that the nodes run on has for links: `netem` (delay, loss), `tbf` (rates), `blocks` (one-way
        cuts, refusals). The lab need not be up."""
        return offered(self._spare)

    def status(self) -> "Snapshot":
        """Nodes, links, streams and their true lag, faults in force."""
        from lab.observe import status

        return finished(status.take(look(self._spare, self._take_begun())))

    def streams(self) -> "Snapshot":
        """A status without the lags, which is quicker: its `streams`, and the names of those that are `absent`."""
        from lab.observe import status

        return finished(status.read(self.observe(), arrivals=False))

    def probe(self, timeout: float = 3, prepared: bool = False) -> "Matrix":
        """What works right now in each region, by one real request for each operation, with `timeout` each. Pass
        `prepared` if you called `prepare_probe` before the fault."""
        from lab.observe import availability
        from lab.virtual import require_virtual

        observed = self.observe()
        require_virtual(observed.topology, "probe")
        return finished(availability.matrix(observed, timeout=timeout, prepared=prepared))

    def prepare_probe(self) -> None:
        """Create the durable consumer in each region that a probe needs to exist before a fault."""
        from lab.observe import availability

        finished(availability.prepare_all(self.observe()))

    def rtt(self, count: int = 20) -> "RoundTrips":
        """Measure round trips (ms) and loss (0 to 1) between all nodes that run, with `count` datagrams each way."""
        from lab.observe import rtt

        return rtt.measure(self._spare, count)

    def compare(self, wait: float = 0) -> "Comparison":
        """Compare the messages of all regions, except those of `probe`; looks again for up to `wait` seconds until they
        agree."""
        from lab.observe.contents import gather
        from lab.virtual import require_virtual

        deadline = time.monotonic() + wait
        require_virtual(self.topology, "compare")
        while True:
            found = finished(gather(self.observe()))
            if found.verdict == "agree" or time.monotonic() >= deadline:
                return found
            time.sleep(0.2)

    def until_healthy(self, timeout: float = HEALTHY_S) -> "Snapshot":
        """Wait until gateways, meta leader, streams and sources are as they should be. Raises `NotReady` after
        `timeout` seconds, naming what is still missing."""
        from lab.observe import ready

        return finished(ready.until_healthy(self.engine, self.observe(), timeout, self.say))

    def hasten(self, timeout: float = HEALTHY_S) -> "Hastened":
        """Like `until_healthy`, but makes leaders step down to speed it up. Servers do not do this on their own, so do
        not use it to study convergence."""
        from lab import hasten

        return finished(hasten.until_healthy(self.engine, self.observe(), timeout, self.say))

    def logs(
        self,
        *targets: str,
        each: Callable[[str, str], None],
        follow: bool = False,
        tail: int | None = None,
        observed: Observation | None = None,
    ) -> None:
        """Call `each` with the node and each line of its server's log, of all nodes unless you name some: the last
        `tail` lines, and with `follow` what comes. `observed` is what `observe` just returned, if you have it."""
        from lab.observe.relay import relay

        relay(self.engine, observed or self.observe(), targets, each, follow, tail)

    def graph(self, topology: Topology | None = None) -> "Graph":
        """Regions, nodes and links with what faults do to them, for `lab.graph.FORMATS`. `topology` is what the lab
        would be, for one that does not run."""
        from lab.observe import drawn

        return drawn.take(self.condition, topology or Topology(name=self.name))

    def collect(self, archive: Path, topology: Topology | None = None) -> "Bundle":
        """Write logs, monitoring, generated files, what Docker says, versions, events and faults into a zip archive,
        without secrets. `topology` is what the lab would be, for one that does not run."""
        from lab.bundle import collect

        return collect(self.engine, topology or Topology(name=self.name), self.root, archive, self.say)

    def events(self, follow: bool = False, since: float | None = None) -> "Iterator[Event]":
        """What happened, in the order of time: faults and their ends, nodes, leaders, gateways, quorum.

        Without `follow`, all that Docker and the servers' logs still know of, or of the last `since` seconds. With it,
        what happens from this call on, about a second late and without end, after what happened in the last `since`
        seconds; advisories, and faults in the kernel, come only then. Closing the iterator ends what it began."""
        from lab.observe import feed

        observation, now = self.observe(), time.time_ns()
        began = None if since is None else now - round(since * 1e9)
        if follow:
            return feed.follow(self.engine, observation, now, began)
        return iter(feed.past(self.engine, observation, began or 0, now))

    # --- faults ---

    def do(
        self,
        verb: Verb,
        *,
        seconds: float | None = None,
        dry_run: bool = False,
        announce: Announce | None = None,
    ) -> Done:
        """Carry out a verb and prove it. Targets given by role are looked up first. After `seconds` it is undone, even
        if this program has ended. `announce` is called before anything is done, with what was observed and the faults
        that will be in force."""
        if seconds is not None and (not verb.lasting or verb.undoes):
            raise UsageError(f"`{verb.name}` is over at once, and cannot last for a time")
        if seconds is not None and not 0 < seconds <= LONGEST_S:
            raise UsageError(f"a fault cannot last for {seconds:,.9g} s; it must be more than 0 s, and a day at most")
        verb = self.resolved(verb)
        if verb.turning and not dry_run:
            from lab.faults.turning import carry_on

            return Done(self, verb, seen=carry_on(self.name, self.make, verb, self.topology, seconds, self.say))
        if not verb.lasting:
            return Done(self, verb, seen="" if dry_run else finished(verb.strike(self.observe())))

        def want(before: Observation) -> frozenset[Fault]:
            wanted = verb.wanted(present(before), before.topology)
            if announce:
                announce(before, wanted)
            return wanted

        from lab.faults.change import Span

        return Done(self, verb, self.make(want, dry_run, Span(seconds, verb.faults) if seconds is not None else None))

    def make(
        self, want: "Want", dry_run: bool = False, span: "Span | None" = None, within: "Timer | None" = None
    ) -> "Change":
        """Bring exactly those faults into force that `want` returns for what is observed, and prove it. `span` says for
        how long, `within` which timer stays."""
        from lab.faults.change import change

        return change(self.engine, self.name, want, self.say, dry_run, self._take_begun(), span, within)

    def _take_begun(self) -> Headstart | None:
        begun, self._begun = self._begun, None
        return begun

    def timers(self) -> "tuple[Timer, ...]":
        """What undoes faults by itself: when, and which, by their keys."""
        from lab.faults import timers

        return tuple(timers.of(self.name))

    def resolved(self, verb: V) -> V:
        """The verb with the nodes that its roles, such as `@meta`, stand for now. Raises `LabError` if none does."""
        if not verb.roles():
            return verb
        from lab.jetstream import roles

        nodes = finished(roles.nodes_of(self.observe(), verb.roles()))
        for role, names in nodes.items():
            self.say(f"{role} is {', '.join(names)}")
        return verb.with_nodes(nodes)
