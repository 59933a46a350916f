"""The verbs of a scenario's steps, as values. `str()` is the `lab` command that does the same, where there is one.

A field whose name ends in `_` stands in the file without it: `in`, `as`. `SHORT` is the field that a verb's plain text
or list fills: `kill: central` is `kill: {targets: [central]}`.
"""

import re
import shlex
from dataclasses import dataclass, field, fields, make_dataclass
from functools import cache
from typing import Any, ClassVar, Literal, NewType, cast, get_args

from lab.faults.arguments import FOLLOWERS, LEADER, META, Region, Seconds, Stream, Target
from lab.faults.registry import verbs
from lab.faults.verb import Verb
from lab.layouts import layout_of
from lab.topology import Topology

Count = NewType("Count", int)  # `3`, or `{short: 3, long: 10}`
Node = NewType("Node", str)
Defined = NewType("Defined", str)  # a name for later steps
MessageRef = NewType("MessageRef", str)  # names of earlier steps, by what they are
TrafficRef = NewType("TrafficRef", str)
ConsumeRef = NewType("ConsumeRef", str)
RequestRef = NewType("RequestRef", str)
TimedRef = NewType("TimedRef", str)
NodesRef = NewType("NodesRef", str)

DEFAULT_SUBJECT = layout_of(Topology()).subject("test")
DEFAULT_TRAFFIC = layout_of(Topology()).subject("traffic")
NAMELESS, DEFAULT_STREAM = Defined(""), Stream("")
PATIENCE, MOMENT = Seconds(5), Seconds(2)
ONE, RATE, MANY = Count(1), Count(20), Count(100)


@dataclass(frozen=True)
class Publish:
    """Publish in a region and keep the acknowledgements. With `count`, the messages are numbered. `together` sends all
    before waiting for any. Unless the step expects something of `published`, all must be acknowledged."""

    in_: Region
    body: str
    subject: str = DEFAULT_SUBJECT
    count: Count = ONE
    id: str = ""
    timeout: Seconds = PATIENCE
    together: bool = False
    as_: Defined = NAMELESS
    SHORT: ClassVar[str] = ""

    def __str__(self) -> str:
        extra = (f" --count {self.count}" if self.count > 1 else "") + (f" --id {self.id}" if self.id else "")
        return f"lab pub {self.in_} {self.subject} {shlex.quote(self.body)}{extra}"


@dataclass(frozen=True)
class Wait:
    """Let time pass."""

    seconds: Seconds
    SHORT: ClassVar[str] = "seconds"

    def __str__(self) -> str:
        return f"sleep {self.seconds:g}"


@dataclass(frozen=True)
class CreateConsumer:
    """Create a durable pull consumer; `stream` is the region's read stream by default. It delivers what was
    stored since the scenario began, unless `deliver` says otherwise. It must work; to see a refusal use `request`. The
    server calls it `app-1f2e3d`, so that an `app` of yours is not touched. It is deleted when the scenario ends."""

    name: str
    in_: Region
    stream: Stream = DEFAULT_STREAM
    filter: str = ""
    deliver: Literal["", "all", "new", "last", "last_per_subject"] = ""
    as_: Defined = NAMELESS
    SHORT: ClassVar[str] = ""

    def __str__(self) -> str:
        return f"create consumer {self.name} on {self.stream or 'the read stream'} in {self.in_}"


@dataclass(frozen=True)
class DeleteConsumer:
    """Delete a consumer."""

    name: str
    in_: Region
    stream: Stream = DEFAULT_STREAM
    SHORT: ClassVar[str] = ""

    def __str__(self) -> str:
        return f"delete consumer {self.name} of {self.stream or 'the read stream'} in {self.in_}"


@dataclass(frozen=True)
class Consume:
    """Fetch up to `count` messages through a consumer, waiting `within`, and acknowledge each."""

    consumer: str
    in_: Region
    as_: Defined
    stream: Stream = DEFAULT_STREAM
    count: Count = MANY
    within: Seconds = MOMENT
    SHORT: ClassVar[str] = ""

    def __str__(self) -> str:
        return f"fetch up to {self.count} messages through consumer {self.consumer} in {self.in_}"


@dataclass(frozen=True)
class Request:
    """Any request of the JetStream API, such as `STREAM.INFO.foo`; `answered` judges the answer. The name of a consumer
    that the scenario created stands for the server's name of it."""

    call: str
    in_: Region
    as_: Defined
    body: dict[str, Any] = field(default_factory=dict, hash=False)
    timeout: Seconds = PATIENCE
    SHORT: ClassVar[str] = ""

    def __str__(self) -> str:
        import json

        return f"nats --context sc-{self.in_} req '$JS.API.{self.call}' '{json.dumps(self.body) if self.body else ''}'"


@dataclass(frozen=True)
class Purge:
    """Purge a stream by its real name."""

    stream: Stream
    in_: Region
    SHORT: ClassVar[str] = ""

    def __str__(self) -> str:
        return f"purge {self.stream}"


@dataclass(frozen=True)
class Traffic:
    """Publish in the background at `rate` messages a second in each region, keeping every acknowledgement."""

    in_: tuple[Region, ...]
    as_: Defined
    rate: Count = RATE
    subject: str = DEFAULT_TRAFFIC
    SHORT: ClassVar[str] = ""

    def __str__(self) -> str:
        return f"publish {self.rate} messages a second in {' and '.join(self.in_)}, in the background"


@dataclass(frozen=True)
class StopTraffic:
    """End background traffic; its acknowledged messages count as published from then on."""

    of: TrafficRef
    SHORT: ClassVar[str] = "of"

    def __str__(self) -> str:
        return f"stop the background traffic `{self.of}`"


@dataclass(frozen=True)
class Upgrade:
    """Replace nodes, one after the other, by servers of another version on the same volumes."""

    nodes: tuple[Node, ...]
    to: str
    SHORT: ClassVar[str] = ""

    def __str__(self) -> str:
        return f"replace {', '.join(self.nodes)} by nats-server {self.to}"


@dataclass(frozen=True)
class View:
    """Print the regions' read streams side by side, each message by its origin."""

    in_: tuple[Region, ...]
    last: Count = RATE
    SHORT: ClassVar[str] = "in_"

    def __str__(self) -> str:
        return "; ".join(f"lab view {region} --last {self.last}" for region in self.in_)


@dataclass(frozen=True)
class Compare:
    """Print what `lab compare` says about the scenario's messages."""

    SHORT: ClassVar[str] = ""

    def __str__(self) -> str:
        return "lab compare"


@dataclass(frozen=True)
class Probe:
    """Print what works right now."""

    SHORT: ClassVar[str] = ""

    def __str__(self) -> str:
        return "lab probe"


# A step's action: one of these, or a verb of `lab/faults/registry.py`.
Action = (
    Publish
    | Wait
    | CreateConsumer
    | DeleteConsumer
    | Consume
    | Request
    | Purge
    | Traffic
    | StopTraffic
    | Upgrade
    | View
    | Compare
    | Probe
    | Verb
)
OWN: tuple[type, ...] = tuple(kind for kind in get_args(Action) if kind is not Verb)


def actions() -> dict[str, type]:
    """What a step may do, by its name in a file."""
    own = {_snake(kind.__name__): kind for kind in OWN}
    faults = {verb.name.replace("-", "_"): step_form(verb) for verb in verbs().values() if not verb.turning}
    return own | faults


def _snake(name: str) -> str:
    return re.sub("(?<!^)(?=[A-Z])", "_", name).lower()


# --- verbs of faults as steps ---


class OnNodes:
    """What a step has beside its verb: the leader or the followers of a stream instead of `targets`, found when the
    step runs, and with `as` a name for the nodes in later steps."""

    VERB: ClassVar[type[Verb]]
    targets: tuple[Target, ...]
    stream_leader: Stream
    stream_followers: Stream
    meta_leader: bool
    as_: Defined

    def plain(self) -> Verb:
        """The verb, with roles among its targets."""
        roles = [f"{LEADER}{self.stream_leader}"] if self.stream_leader else []
        roles += [f"{FOLLOWERS}{self.stream_followers}"] if self.stream_followers else []
        roles += [META] if self.meta_leader else []
        given = {field.name: getattr(self, field.name) for field in fields(self.VERB)}  # type: ignore[arg-type]
        return self.VERB(**given | {"targets": (*self.targets, *roles)})

    def __str__(self) -> str:
        return str(self.plain())


@cache
def step_form(verb: type[Verb]) -> type[Verb]:
    """A verb as a step has it: where it takes nodes, these may be given a name, and found by what they lead."""
    if verb.SHORT != "targets":
        return verb
    extra = [
        ("targets", tuple[Target, ...], field(default=())),
        ("stream_leader", Stream, field(default=DEFAULT_STREAM)),
        ("stream_followers", Stream, field(default=DEFAULT_STREAM)),
        ("meta_leader", bool, field(default=False)),
        ("as_", Defined, field(default=NAMELESS)),
    ]
    space = {"VERB": verb, "__doc__": verb.__doc__}
    return cast(type[Verb], make_dataclass(verb.__name__, extra, bases=(OnNodes, verb), namespace=space, frozen=True))


def defines(kind: type) -> tuple[Any, ...]:
    """What the name that an action gives (`as`) may be used for later."""
    if issubclass(kind, OnNodes):
        return NodesRef, Target
    others: dict[type, tuple[Any, ...]] = {
        Publish: (MessageRef, TimedRef),
        Traffic: (TrafficRef, MessageRef, TimedRef),
        CreateConsumer: (TimedRef,),
        Consume: (ConsumeRef,),
        Request: (RequestRef, TimedRef),
    }
    return others.get(kind, ())
