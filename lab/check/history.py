"""What happened in a run, as values: every operation, every fault, everything that the streams held in the end.

A `History` is all that the checkers and the report see; `lab/check/store.py` keeps it on disk. Many small things are
rows of NumPy arrays, few large ones are dataclasses. Times are nanoseconds since the run began, of the one machine on
which everything ran: clients' times from the monotonic clock, servers' from the wall clock at the same zero.

A message is known by its id: the process that published it and that process's counter, from 0. A process does one thing
at a time. After an operation with an unknown outcome it is retired and another one, of a new number, takes its place:
so a late message of the old process contradicts no order. (Jepsen does the same.)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lab.layouts import Layout, Stream, layout_of
from lab.topology import Topology

SECOND = 1_000_000_000
Array = NDArray[Any]

# An operation's outcome: it happened, it surely did not, or it may have (at any time from then on).
OK, FAIL, INFO = 0, 1, 2
OUTCOMES = ("ok", "fail", "info")

# One publish. `intended` was fixed before the run: latency counts from there, so that a stall shows in every publish
# that it delayed. `stream` is an index into `Run.streams`, NOWHERE without an acknowledgement; `error` one into
# `Run.errors`, where 0 is "".
PUBLISH = np.dtype(
    [
        ("process", "<u4"),
        ("counter", "<u4"),
        ("intended", "<i8"),
        ("invoked", "<i8"),
        ("completed", "<i8"),
        ("sequence", "<u8"),
        ("outcome", "u1"),
        ("stream", "u1"),
        ("duplicate", "u1"),
        ("error", "u1"),
    ]
)
# One message as a stream held it in the final read. `origin` and `origin_sequence` are the stream that it was taken
# from and its place there: by `Nats-Stream-Source`, or the same sequence of what is mirrored; what was published into
# the stream itself has the stream's own. `stored` is the server's time of this copy.
ROW = np.dtype(
    [
        ("sequence", "<u8"),
        ("stored", "<i8"),
        ("origin_sequence", "<u8"),
        ("process", "<u4"),
        ("counter", "<u4"),
        ("origin", "u1"),
        ("flags", "u1"),
    ]
)
# One delivery to a live reader.
LIVE = np.dtype(
    [("time", "<i8"), ("sequence", "<u8"), ("process", "<u4"), ("counter", "<u4"), ("delivery", "<u4"), ("flags", "u1")]
)
NOWHERE = 255
ROAMING = "roaming"  # the place of a client that knows the servers of all regions
# Flags of a row: the body's checksum holds; the run's mark is in it; the subject is the one that this id was given.
INTACT, OURS, SUBJECT = 1, 2, 4
FINE = INTACT | OURS | SUBJECT
# Of a row that a probe published (known by its subject) and no publisher: it has no id, and is no phantom.
PROBE = 16
# Of a row that a client of `--client` published: its id is the client's own (`ClientRecord`). It is a PROBE as well.
CLIENT = 32
# Of a live row alone: the server confirmed its acknowledgement (a double ack).
ACKED = 8

# The kind of a fault that is none of the schedule's: what happened to a node without the check (`outside.py`).
OUTSIDE = "outside"

# What a run calls an origin, which may be a copy as well, and a mere copy.
StreamKind = Literal["write", "read"]


def kind_of(stream: Stream) -> StreamKind:
    return "write" if stream.is_origin else "read"


@dataclass(frozen=True)
class Process:
    """A publisher, bound to one region; `number` is its place in `Run.processes`. `origin` is the key of the stream
    that stores what it publishes; "" stands for where the layout stores what a client of the region publishes."""

    number: int
    region: str
    origin: str = ""


@dataclass(frozen=True)
class Phase:
    """A stretch of the run: warm-up, main, settle, read."""

    name: str
    began: int
    ended: int


@dataclass(frozen=True)
class FaultRecord:
    """One fault of the schedule as it went. `injected` and `healed` are when the command had ended, with its proof;
    None: it never did. `proven` says that it was seen to take hold; `evidence` is what was seen, `error` why not.

    `nodes`, `links` and `streams` say what it takes away while in force, whatever its kind: nodes that do not answer
    (down, frozen), links that carry nothing in some direction (by name, `central-west`), streams whose leader it
    deposes. `silenced` and `slowed` are the sides of networks where packets vanish, and where they are late or some of
    them lost (`west-1 east-west out`). The checkers derive from them which regions are isolated or without a quorum.
    Runs of earlier versions have no sides: there a link carries nothing at all.
    """

    id: str
    kind: str
    what: str  # as a person would say it: "partition central"
    args: Mapping[str, Any] = field(hash=False)
    began: int
    injected: int | None
    healing: int | None
    healed: int | None
    proven: bool
    evidence: str = ""
    error: str = ""
    nodes: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    silenced: tuple[str, ...] = ()
    slowed: tuple[str, ...] = ()

    @property
    def outside(self) -> bool:
        """Whether it is none of the check's own."""
        return self.kind == OUTSIDE

    def active(self, time: int) -> bool:
        """Whether it was, or may have been, in force at a time."""
        return self.began <= time and (self.healed is None or time < self.healed)


@dataclass(frozen=True)
class Probe:
    """One probe of what works in a region (`lab/observe/availability.py` has the operations)."""

    region: str
    operation: str
    time: int
    seconds: float
    outcome: Literal["ok", "fail", "info"]
    error: str = ""


@dataclass(frozen=True)
class Sample:
    """What the servers said of themselves at one moment.

    `last`: stream -> last sequence as its own region reports it. `arrived`: copy -> origin -> the last of its
    sequences that is there; None where it is not known. `leaders`: stream -> leader. `meta`: node -> the meta
    leader that it sees.
    """

    time: int
    last: Mapping[str, int] = field(hash=False)
    arrived: Mapping[str, Mapping[str, int | None]] = field(hash=False)
    leaders: Mapping[str, str] = field(hash=False)
    meta: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True)
class Read:
    """A stream's final read, in the stream's order. `first`..`last` was fixed by the stream's own state beforehand;
    `deleted` counts sequences in between that the server says are gone. `complete` is false when the read was not, and
    `error` says why: nothing is concluded from an absence then."""

    stream: str
    kind: StreamKind
    region: str
    rows: Array = field(hash=False)
    first: int = 1
    last: int = 0
    deleted: int = 0
    complete: bool = True
    error: str = ""


@dataclass(frozen=True)
class Replica:
    """One copy of a stream as the server that holds it reports it."""

    stream: str
    node: str
    leader: bool
    messages: int
    bytes: int
    first: int
    last: int
    deleted: int
    digest: str = ""  # of ids and sequences, read through this replica (`--deep`)


@dataclass(frozen=True)
class ClientReader:
    """A consumer of a client's own making. `place` is where the client is: a region, or `ROAMING`; `region` is the one
    whose copy it reads, or the bucket that follows that copy, which is then `bucket`. `deposed` is when its leader was
    made to step down. `rows` (LIVE) is what the client passed on."""

    place: str
    kind: str
    region: str
    began: int
    ended: int
    deposed: tuple[int, ...]
    rows: Array = field(hash=False)
    bucket: Array | None = field(default=None, hash=False)  # ROW rows

    @property
    def name(self) -> str:
        return f"{self.place} {self.kind}"


@dataclass(frozen=True)
class ClientFailure:
    """A client process that broke the protocol, ended, or did not answer."""

    process: str  # "west publisher"
    time: int
    sentence: str


@dataclass(frozen=True)
class ClientRecord:
    """What a client in some other language did in a run (`lab check --client`). Rows of `publishes` have as their
    process the index of its place in `places`, and as their error one into `errors`."""

    command: str
    client: str  # what it calls itself
    places: tuple[str, ...]
    errors: tuple[str, ...]
    failures: tuple[ClientFailure, ...]
    publishes: Array = field(hash=False)
    readers: tuple[ClientReader, ...]


@dataclass(frozen=True)
class Stall:
    """A time in which the check itself stood still, in ns."""

    began: int
    ended: int

    def __str__(self) -> str:
        lasted, began = (self.ended - self.began) / SECOND, self.began / SECOND
        return f"the check itself stalled for {lasted:.1f} s, {began:.0f} s into the run"


@dataclass(frozen=True)
class Run:
    """What a run was: enough to judge it without the lab. `streams` and `errors` are what rows index into."""

    id: str
    began: str  # ISO 8601, UTC: the zero of all times
    seed: int
    topology: Topology = field(hash=False)
    nats: str
    image: str
    mark: str  # eight characters in every body: tells this run's messages from another's
    processes: tuple[Process, ...]
    streams: tuple[str, ...]
    errors: tuple[str, ...]
    phases: tuple[Phase, ...]
    schedule: Mapping[str, Any] = field(hash=False)  # resolved: absolute times, no dice left
    ended: str  # "complete", "interrupted", or why it could not go on
    notes: tuple[str, ...] = ()  # what the run itself noticed, for example a server that restarted
    definitions: Mapping[str, Mapping[str, Any]] = field(
        default_factory=dict, hash=False
    )  # of the streams, as they were
    # Origin -> the subjects under which it stores what is published, by `payload.topic`; runs of before have none.
    subjects: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    stalls: tuple[Stall, ...] = ()  # in order; runs of before tell of them in their notes
    jump: float = 0.0  # by how many seconds the machine's clock was set meanwhile, which servers stamp by

    @cached_property
    def layout(self) -> Layout:
        """What its streams are for."""
        return layout_of(self.topology)

    @property
    def noticed(self) -> tuple[str, ...]:
        """Why it may prove less than it seems to, in sentences."""
        return (*self.notes, *map(str, self.stalls), *([self.jumped] if self.jump else []))

    @property
    def jumped(self) -> str:
        """Why no time of a server can be compared with one of the check; empty when it can."""
        told = f"this machine's clock jumped by {self.jump:+.1f} s"
        return f"{told}, so the servers' and Docker's times are not those of the run" if self.jump else ""

    def home(self, process: Process) -> str:
        """The key of the stream that stores what a process publishes."""
        return process.origin or self.layout.origin(process.region).key


@dataclass(frozen=True)
class History:
    """One run, whole."""

    run: Run
    publishes: Array = field(hash=False)
    reads: Mapping[str, Read] = field(hash=False)
    live: Mapping[tuple[str, str], Array] = field(hash=False)  # (place, "durable" or "ordered") -> LIVE rows
    faults: tuple[FaultRecord, ...] = ()
    probes: tuple[Probe, ...] = ()
    samples: tuple[Sample, ...] = ()
    replicas: tuple[Replica, ...] = ()
    damage: Mapping[str, str] = field(default_factory=dict, hash=False)  # file of the run's folder -> what is wrong
    client: ClientRecord | None = None

    def region_of(self, process: int) -> str:
        return self.run.processes[process].region

    def message(self, process: int, counter: int) -> str:
        """The id as people read it: `west/3:118`."""
        return f"{self.region_of(process)}/{process}:{counter}"

    @property
    def own_faults(self) -> tuple[FaultRecord, ...]:
        """The check's own."""
        return tuple(fault for fault in self.faults if not fault.outside)

    def active(self, time: int) -> tuple[FaultRecord, ...]:
        """The faults in force at a time."""
        return tuple(fault for fault in self.faults if fault.active(time))
