"""The verbs of a scenario's steps, as values. `str()` is the `lab` command that does the same, where there is one.

A field whose name ends in `_` stands in the file without it: `in`, `as`. `SHORT` is the field that a verb's plain text
or list fills: `kill: central` is `kill: {targets: [central]}`.
"""

import shlex
from dataclasses import dataclass, field
from typing import Any, ClassVar, NewType

from lab.layouts import layout_of
from lab.topology import Topology

Seconds = NewType("Seconds", float)  # `20s`, or `{short: 8s, long: 45s}`
Count = NewType("Count", int)  # `3`, or `{short: 3, long: 10}`
Region = NewType("Region", str)
Target = NewType("Target", str)  # a node, a region, or the name that an earlier step gave to nodes
Node = NewType("Node", str)
Link = NewType("Link", str)
Defined = NewType("Defined", str)  # a name for later steps
MessageRef = NewType("MessageRef", str)  # names of earlier steps, by what they are
TrafficRef = NewType("TrafficRef", str)
ConsumeRef = NewType("ConsumeRef", str)
RequestRef = NewType("RequestRef", str)
NodesRef = NewType("NodesRef", str)

DEFAULT_SUBJECT = layout_of(Topology()).subject("test")
DEFAULT_TRAFFIC = layout_of(Topology()).subject("traffic")
NAMELESS, ANYWHERE = Defined(""), Region("")
PATIENCE, MOMENT = Seconds(5), Seconds(2)
ONE, RATE, MANY = Count(1), Count(20), Count(100)


@dataclass(frozen=True)
class Publish:
    """Publish in a region and keep the acknowledgements. With `count`, ` 1`, ` 2` … follow the body. `together` sends
    all before waiting for any. Unless an expectation of the step speaks of `published`, all must be acknowledged."""

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
class _OnNodes:
    """Nodes or regions by name, or the leader or the followers of a stream, found when the step runs. `as` names the
    nodes for later steps."""

    targets: tuple[Target, ...] = ()
    stream_leader: str = ""
    stream_followers: str = ""
    meta_leader: bool = False
    as_: Defined = NAMELESS
    SHORT: ClassVar[str] = "targets"

    def __str__(self) -> str:
        words: list[str] = [*self.targets]
        words += [f"<leader of {self.stream_leader}>"] if self.stream_leader else []
        words += [f"<followers of {self.stream_followers}>"] if self.stream_followers else []
        words += ["<meta leader>"] if self.meta_leader else []
        return f"lab {type(self).__name__.lower()} {' '.join(words)}"


@dataclass(frozen=True)
class Stop(_OnNodes):
    """Down by SIGTERM."""


@dataclass(frozen=True)
class Kill(_OnNodes):
    """Down by SIGKILL."""


@dataclass(frozen=True)
class Pause(_OnNodes):
    """Frozen."""


@dataclass(frozen=True)
class Start(_OnNodes):
    """Up again."""


@dataclass(frozen=True)
class Resume(_OnNodes):
    """Thawed."""


@dataclass(frozen=True)
class Partition:
    """Groups as `lab partition` takes them; regions that are not named form the last group."""

    groups: tuple[str, ...]
    SHORT: ClassVar[str] = "groups"

    def __str__(self) -> str:
        return f"lab partition {' '.join(self.groups)}"


@dataclass(frozen=True)
class Cut:
    """One link, as `west-central`."""

    link: Link
    SHORT: ClassVar[str] = "link"

    def __str__(self) -> str:
        return f"lab cut {self.link}"


@dataclass(frozen=True)
class Join:
    """Undo the cut of a link."""

    link: Link
    SHORT: ClassVar[str] = "link"

    def __str__(self) -> str:
        return f"lab join {self.link}"


@dataclass(frozen=True)
class Heal:
    """Undo every fault."""

    SHORT: ClassVar[str] = ""

    def __str__(self) -> str:
        return "lab heal"


@dataclass(frozen=True)
class Wait:
    """Let time pass."""

    seconds: Seconds
    SHORT: ClassVar[str] = "seconds"

    def __str__(self) -> str:
        return f"sleep {self.seconds:g}"


@dataclass(frozen=True)
class StepDown:
    """Make the leader of a stream (or `meta`) resign; of `meta` in favour of a region, with `to`."""

    of: str
    to: Region = ANYWHERE
    SHORT: ClassVar[str] = "of"

    def __str__(self) -> str:
        return f"step down the leader of {self.of}" + (f" in favour of {self.to}" if self.to else "")


@dataclass(frozen=True)
class CreateConsumer:
    """Create a durable pull consumer; `stream` is the region's read stream unless said otherwise. It must work; to see
    a refusal use `request`. It is deleted when the scenario ends."""

    name: str
    in_: Region
    stream: str = ""
    filter: str = ""
    deliver: str = "all"
    SHORT: ClassVar[str] = ""

    def __str__(self) -> str:
        return f"create consumer {self.name} on {self.stream or 'the read stream'} in {self.in_}"


@dataclass(frozen=True)
class DeleteConsumer:
    """Delete a consumer."""

    name: str
    in_: Region
    stream: str = ""
    SHORT: ClassVar[str] = ""

    def __str__(self) -> str:
        return f"delete consumer {self.name} of {self.stream or 'the read stream'} in {self.in_}"


@dataclass(frozen=True)
class Consume:
    """Fetch up to `count` messages through a consumer, waiting `within`, and acknowledge each."""

    consumer: str
    in_: Region
    as_: Defined
    stream: str = ""
    count: Count = MANY
    within: Seconds = MOMENT
    SHORT: ClassVar[str] = ""

    def __str__(self) -> str:
        return f"fetch up to {self.count} messages through consumer {self.consumer} in {self.in_}"


@dataclass(frozen=True)
class Request:
    """Any request of the JetStream API, such as `STREAM.INFO.foo`; `answered` judges the answer."""

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

    stream: str
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
    """Print what `lab compare` says of the scenario's messages."""

    SHORT: ClassVar[str] = ""

    def __str__(self) -> str:
        return "lab compare"


@dataclass(frozen=True)
class Probe:
    """Print what works right now."""

    SHORT: ClassVar[str] = ""

    def __str__(self) -> str:
        return "lab probe"


Action = (
    Publish
    | Stop
    | Kill
    | Pause
    | Start
    | Resume
    | Partition
    | Cut
    | Join
    | Heal
    | Wait
    | StepDown
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
)
VERBS: dict[str, type] = {
    "publish": Publish,
    "stop": Stop,
    "kill": Kill,
    "pause": Pause,
    "start": Start,
    "resume": Resume,
    "partition": Partition,
    "cut": Cut,
    "join": Join,
    "heal": Heal,
    "wait": Wait,
    "step_down": StepDown,
    "create_consumer": CreateConsumer,
    "delete_consumer": DeleteConsumer,
    "consume": Consume,
    "request": Request,
    "purge": Purge,
    "traffic": Traffic,
    "stop_traffic": StopTraffic,
    "upgrade": Upgrade,
    "view": View,
    "compare": Compare,
    "probe": Probe,
}
# What the name that a verb gives (`as`) may be used for later.
DEFINES: dict[type, tuple[Any, ...]] = {
    Publish: (MessageRef,),
    Traffic: (TrafficRef, MessageRef),
    Consume: (ConsumeRef,),
    Request: (RequestRef,),
    **dict.fromkeys((Stop, Kill, Pause, Start, Resume), (NodesRef, Target)),
}
