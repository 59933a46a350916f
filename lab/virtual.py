"""The virtual stream as clients use it, and the streams beneath it: publish, view, define, clean."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from lab.docker.observation import Observation
from lab.errors import UsageError
from lab.jetstream import groups, monitor, streams
from lab.jetstream.session import Ack, Entry, connect
from lab.jetstream.streams import Definitions
from lab.layouts import Layout, layout_of
from lab.observe.probe_messages import is_probe
from lab.printable import printable
from lab.render import stream_configs
from lab.topology import Node, Topology
from lab.units import shortened

T = TypeVar("T")


async def publish(
    observation: Observation,
    region: str,
    subject: str,
    bodies: Sequence[str],
    message_id: str = "",
    each: Callable[[Ack], None] | None = None,
) -> list[Ack]:
    """One after the other; bytes that are no UTF-8 stand in bodies as surrogate escapes. Raises `NatsError` for the
    first that is not acknowledged, `UsageError` for a subject that is none of the stream, or no message id."""
    layout = layout_of(observation.topology)
    require_subject(layout, subject)
    require_message_id(message_id)
    headers = {"Nats-Msg-Id": message_id} if message_id else None
    acks = []
    async with connect(region, observation.require_running(region), layout.credentials(region)) as session:
        for body in bodies:
            acks.append(await session.publish(subject, body.encode(errors="surrogateescape"), headers))
            if each:
                each(acks[-1])
    return acks


def require_subject(layout: Layout, subject: str) -> None:
    problem = layout.subject_problem(subject)
    if problem:
        raise UsageError(
            f"`{shortened(printable(subject))}` is not a subject of the stream: it {problem}",
            f"subjects are `{layout.subject('…')}`, without wildcards, such as `{layout.subject('test')}`",
        )


def require_virtual(topology: Topology, what: str) -> None:
    """Raises `UsageError` for a lab whose streams are the user's own."""
    if not layout_of(topology).virtual_name:
        raise UsageError(
            f"this lab has no virtual stream to {what}: its streams are your own",
            "`lab check` judges them, `lab streams list` shows them",
        )


def require_message_id(text: str) -> None:
    if not text.isprintable():
        raise UsageError(f"`{shortened(printable(text))}` is not a message id: it has what cannot be printed")


async def view(observation: Observation, region: str, last: int, probes: bool = False) -> list[Entry]:
    """The last so many messages that a region has, all of them with 0; those of `lab probe` only with `probes`."""
    layout = layout_of(observation.topology)
    stream, stored = layout.read_name(region), layout.first_stored(layout.copy(region))

    def shown(entry: Entry) -> bool:
        return probes or not is_probe(layout, entry.subject)

    async with connect(region, observation.require_running(region), layout.credentials(region)) as session:
        # The virtual name on purpose: the region's servers turn it into their own copy's.
        state = (await session.stream_info(stream))["state"]
        first, end = max(1, state["first_seq"]), state["last_seq"]
        found: list[Entry] = []
        step = last or end
        while end >= first and (not last or len(found) < last):  # backwards, since not every message counts
            start = max(first, end - step + 1)
            found = [entry async for entry in session.read(stream, start, end, stored=stored) if shown(entry)] + found
            end, step = start - 1, step * 4
        return found[-last:]


async def define(observation: Observation, dry_run: bool) -> Definitions:
    """Create the streams that are missing, and with your own their consumers."""
    configs, layout = stream_configs(observation.topology), layout_of(observation.topology)

    async def use(sessions: streams.Sessions) -> Definitions:
        done = await streams.define(sessions, configs, dry_run)
        if not dry_run:
            await streams.define_consumers(sessions, layout)
        return done

    return await _anywhere(observation, use)


async def clean(observation: Observation, dry_run: bool) -> tuple[str, ...]:
    """Delete the streams with their messages; the names of those that were there."""
    configs = stream_configs(observation.topology)
    return await _anywhere(observation, lambda sessions: streams.clean(sessions, configs, dry_run))


async def _anywhere(observation: Observation, use: Callable[[streams.Sessions], Awaitable[T]]) -> T:
    """In whichever region has a running node, first where the meta leader is known."""
    running = observation.running_nodes()
    readings = await monitor.read(list(running))

    def knows_leader(node: Node) -> bool:
        return bool(groups.meta_leader(readings[node.name].jsz))

    layout = layout_of(observation.topology)
    nodes = sorted(running, key=lambda node: not knows_leader(node))

    def of(region: str) -> list[Node]:
        return [node for node in nodes if node.region == region]

    if not nodes:
        raise UsageError("no node is running", "`lab heal` undoes every fault")
    near = next((node.region for node in nodes if node.region in layout.regions), layout.regions[0])
    async with streams.sessions(layout, of, near) as sessions:
        return await use(sessions)
