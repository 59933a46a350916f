"""What happens to a lab, as values in the lab's words: faults and their ends, nodes, leaders, gateways, quorum.

Pure: what Docker, a server's log or an advisory says becomes an `Event`, or nothing. `feed.py` reads all that.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from lab.docker import events as docker
from lab.faults.cut import Cut
from lab.faults.down import KILLED, Down
from lab.faults.fault import Fault
from lab.faults.paused import Paused
from lab.faults.registry import ordered
from lab.layouts import Layout, layout_of
from lab.topology import GATEWAY_PORT, Node, Topology

Kind = Literal["injected", "healed", "node", "leader", "gateway", "quorum", "advisory"]
NEAR_NS = 10**9  # between a container's end and its leaving of networks


@dataclass(frozen=True)
class Event:
    """`time` is ISO 8601 in UTC. `node` is where it happened or who says so. `fault` is what was injected or healed,
    `region` the other side of a gateway, `stream` what the event is about; "" and None where there is none."""

    time: str
    kind: Kind
    text: str
    node: str = ""
    region: str = ""
    stream: str = ""
    fault: Fault | None = None


def stamp(ns: int) -> str:
    """Nanoseconds since 1970 as `time` has them."""
    seconds, rest = divmod(ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"


# --- faults ---


def compared(before: Iterable[Fault], now: Iterable[Fault], time: str) -> Iterator[Event]:
    """What two looks at the faults in force differ in, as they are said."""
    old, new = ({str(fault): fault for fault in ordered(faults)} for faults in (before, now))
    yield from (_healed(fault, time) for text, fault in old.items() if text not in new)
    yield from (_injected(fault, time) for text, fault in new.items() if text not in old)


def _injected(fault: Fault, time: str) -> Event:
    return Event(time, "injected", str(fault), fault.node, fault=fault)


def _healed(fault: Fault, time: str) -> Event:
    return Event(time, "healed", str(fault), fault.node, fault=fault)


class Containers:
    """What Docker's events of a lab's nodes mean; to be told in the order of their times.

    A container that ends leaves its networks, and one that starts joins them: that is neither a cut nor its end. What
    tells them apart is what came before and, with newer engines, the end that comes a moment later.
    """

    def __init__(self, topology: Topology, in_force: Iterable[Fault] = ()) -> None:
        """`in_force` before the first event, as far as that is known."""
        self.topology = topology
        self._down = {fault.node: fault for fault in in_force if isinstance(fault, Down)}
        self._off = {(fault.node, fault.link) for fault in in_force if isinstance(fault, Cut)}  # node and network
        self._new: set[str] = set()  # nodes that never ran
        self._leaving: set[tuple[str, str]] = set()  # networks that nodes leave because they end

    def tell(self, event: docker.Event, ahead: Sequence[docker.Event] = ()) -> Iterator[Event]:
        """What an event means; `ahead` are those that are known to follow."""
        node = next((node for node in self.topology.nodes if node.name == event.node), None)
        if node and event.network:
            key = event.network.removeprefix(self.topology.network(""))
            if key in node.addresses and not self._own(event, key, ahead):
                yield self._network(event, key, node)
        elif node:
            yield from self._container(event, node)

    def _container(self, event: docker.Event, node: Node) -> Iterator[Event]:
        time, name = stamp(event.time), node.name
        match event.action:
            case "create":
                self._new.add(name)
                yield Event(time, "node", f"{name} was created", name)
            case "start":
                self._leaving = {(other, key) for other, key in self._leaving if other != name}
                down = self._down.pop(name, Down(name))
                yield Event(time, "node", f"{name} was started", name) if name in self._new else _healed(down, time)
                self._new.discard(name)
            case "die":
                self._down[name] = Down(name, event.exit_code == KILLED)
                self._leaving |= {(name, key) for key in node.addresses} - self._off
                yield _injected(self._down[name], time)
            case "pause":
                yield _injected(Paused(name), time)
            case "unpause":
                yield _healed(Paused(name), time)
            case "oom":
                yield Event(time, "node", f"{name} is out of memory", name)
            case "destroy":
                self._off = {(other, key) for other, key in self._off if other != name}
                yield Event(time, "node", f"{name} was removed", name)

    def _own(self, event: docker.Event, key: str, ahead: Sequence[docker.Event]) -> bool:
        """Whether a container leaves or joins a network only because it ends or starts, or is said to once more, as
        Docker 20.10 says everything twice that it is told to detach."""
        place = (event.node, key)
        soon = {other.action for other in ahead if other.node == event.node and other.time <= event.time + NEAR_NS}
        if event.action == "connect":
            starts = event.node in self._new or event.node in self._down or "start" in soon
            return starts and place not in self._off
        if place in self._leaving:
            self._leaving.remove(place)
            return True
        return "die" in soon or place in self._off

    def _network(self, event: docker.Event, key: str, node: Node) -> Event:
        time, joins = stamp(event.time), event.action == "connect"
        (self._off.discard if joins else self._off.add)((node.name, key))
        if key == node.region:
            did = "is back on" if joins else "was taken off"
            return Event(time, "node", f"{node.name} {did} the network of {node.region}", node.name)
        cut = Cut(node.name, key)
        return _healed(cut, time) if joins else _injected(cut, time)


# --- servers' logs ---


class Logs:
    """What the servers' log lines mean."""

    def __init__(self, topology: Topology) -> None:
        self._layout = layout_of(topology)
        self._nodes = {address: node for node in topology.nodes for address in node.addresses.values()}

    def tell(self, node: str, line: str) -> Event | None:
        """What a line means that begins with Docker's time; None for most."""
        time, _, said = line.partition(" ")
        for pattern, tell in LINES:
            match = pattern.search(said)
            if match:
                return tell(self, _microseconds(time), node, match)
        return None

    def _meta(self, time: str, node: str, _: re.Match[str]) -> Event:
        return Event(time, "leader", f"{node} leads the meta group", node)

    def _no_meta(self, time: str, node: str, _: re.Match[str]) -> Event:
        return Event(time, "leader", f"{node} knows no meta leader", node)

    def _stream(self, time: str, node: str, match: re.Match[str]) -> Event:
        stream = self._key(match)
        return Event(time, "leader", f"{node} leads {stream}", node, stream=stream)

    def _no_quorum(self, time: str, node: str, match: re.Match[str]) -> Event:
        stream = self._key(match)
        what = f"the consumer {match['consumer']} of {stream}" if match["consumer"] else stream
        return Event(time, "quorum", f"{node} has no quorum for {what}", node, stream=stream)

    def _connected(self, time: str, node: str, match: re.Match[str]) -> Event:
        to = f"{match['region']}{self._named(match['address'])}"
        return Event(time, "gateway", f"{node} has a gateway connection to {to}", node, match["region"])

    def _closed(self, time: str, node: str, match: re.Match[str]) -> Event | None:
        other = self._nodes.get(match["address"])
        if other is None:
            return None
        lost = f"{node} lost its gateway connection to {other.region} ({other.name}): {match['why'].lower()}"
        return Event(time, "gateway", lost, node, other.region)

    def _named(self, address: str) -> str:
        return f" ({self._nodes[address].name})" if address in self._nodes else ""

    def _key(self, match: re.Match[str]) -> str:
        stream = self._layout.find(match["account"], match["stream"])
        return stream.key if stream else match["stream"]


STREAM = r"'(?P<account>.+?) > (?P<stream>[^ ]+)'"
# Outbound connections go to the gateway port; inbound ones, the same seen from the other side, come from any other.
PEER = rf"(?P<address>[0-9.]+):{GATEWAY_PORT} - gid:\d+ - "
LINES: tuple[tuple[re.Pattern[str], Callable[[Logs, str, str, re.Match[str]], Event | None]], ...] = (
    (re.compile("Self is new JetStream cluster metadata leader"), Logs._meta),
    (re.compile("JetStream cluster no metadata leader"), Logs._no_meta),
    (re.compile(f"JetStream cluster new stream leader for {STREAM}"), Logs._stream),
    (
        re.compile(r"'(?P<account>.+?) > (?P<stream>[^ ]+)( > (?P<consumer>[^ ]+))?' has NO quorum"),
        Logs._no_quorum,
    ),
    (re.compile(PEER + 'Outbound gateway connection to "(?P<region>[^"]+)" .*registered'), Logs._connected),
    (re.compile(PEER + "Gateway connection closed: (?P<why>[^-]+?)( - |$)"), Logs._closed),
)


def _microseconds(time: str) -> str:
    """Docker's time in a log, which has nine digits or fewer, as `stamp` writes it."""
    whole, _, fraction = time.removesuffix("Z").partition(".")
    return f"{whole}.{fraction[:6]:0<6}Z"


# --- advisories ---

# Said by the servers' logs as well, or for each request and each passing consumer.
LEFT_OUT = ("api_audit", "consumer_action", "_leader_elected", "_quorum_lost")


def from_advisory(layout: Layout, account: str, advisory: Mapping[str, Any]) -> Event | None:
    """What a JetStream advisory of an account says; None for what the logs say as well, and for what is no news."""
    name, stream = str(advisory.get("type", "")).split(".")[-1], str(advisory.get("stream", ""))
    if not name or not advisory.get("timestamp") or name.endswith(LEFT_OUT):
        return None
    known = layout.find(account, stream)
    stream = known.key if known else stream
    about = " ".join(filter(None, (str(advisory.get("action", "")), stream, str(advisory.get("consumer", "")))))
    text = ": ".join(filter(None, (name.replace("_", " "), about)))
    return Event(_microseconds(str(advisory["timestamp"])), "advisory", text, stream=stream)
