"""Show what works right now: one real request for each region and operation, with latency and error code.

`probe` asks one thing on a session that is open, `matrix` asks everything everywhere. Both are bounded in time and
never raise for what a server or a network does: that is what they report.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from secrets import token_hex

from lab.docker.observation import Observation
from lab.errors import NatsError, NoAnswer
from lab.jetstream import consumers, groups, monitor
from lab.jetstream.session import NO_RESPONDERS, ApiError, Session, connect
from lab.layouts import Layout, layout_of
from lab.observe import probe_messages
from lab.observe.operations import (
    DIRECT_GET,
    EXISTING_CONSUMER,
    GET,
    META_LEADER,
    NEW_CONSUMER,
    NEW_STREAM,
    OPERATIONS,
    PUBLISH,
    SEE_OWN_PUBLISH,
    Cell,
    Matrix,
    State,
)
from lab.topology import Topology

__all__ = [
    "DIRECT_GET",
    "DURABLE",
    "EXISTING_CONSUMER",
    "GET",
    "META_LEADER",
    "NEW_CONSUMER",
    "NEW_STREAM",
    "OPERATIONS",
    "PUBLISH",
    "SEE_OWN_PUBLISH",
    "TIMEOUT_S",
    "Cell",
    "Matrix",
    "State",
    "ghost_stream",
    "matrix",
    "prepare",
    "prepare_all",
    "probe",
    "row",
]

DURABLE = "lab-probe"
TIMEOUT_S = 3.0
POLL_S = 0.05
NO_MESSAGE, NO_CONSUMER = 10037, 10014
# A request into a cut gateway may be carried out after the heal, its asker long gone: what it makes must end by itself.
GHOST_LIFE_S = 5


class _Unknown(Exception):  # noqa: N818 (a result, not a mishap)
    pass


async def probe(
    session: Session, operation: str, topology: Topology, timeout: float = TIMEOUT_S, durable: str = ""
) -> Cell:
    """Try one operation on an open session; ends within about `timeout` seconds and never raises."""
    layout = layout_of(topology)
    name = durable or _durable(layout, session.region)
    return await _timed(session.region, operation, timeout, lambda: _ASK[operation](session, layout, timeout, name))


def _durable(layout: Layout, region: str) -> str:
    """Each region has its own, also where all read the same stream."""
    return f"{DURABLE}-{region}" if layout.copy(region).spread else DURABLE


async def _timed(region: str, operation: str, timeout: float, ask: Callable[[], Awaitable[str]]) -> Cell:
    began = time.monotonic()

    def cell(state: State, code: int | None = None, detail: str = "") -> Cell:
        return Cell(region, operation, state, round(time.monotonic() - began, 4), code, detail)

    try:
        async with asyncio.timeout(timeout + 0.5):
            return cell("works", detail=await ask())
    except _Unknown as reason:
        return cell("unknown", detail=str(reason))
    except ApiError as error:
        return cell("fails", error.code, error.message)
    except (TimeoutError, NoAnswer):
        return cell("silent", detail=f"no answer within {timeout:g} s")
    except NatsError as error:
        return cell("fails", detail=error.message)


async def prepare(session: Session, topology: Topology, timeout: float = TIMEOUT_S, durable: str = "") -> bool:
    """Make the durable that `existing-consumer` needs, which must be there before a fault; whether it is there now."""
    layout = layout_of(topology)
    stream = layout.copy(session.region).name
    durable = durable or _durable(layout, session.region)
    with suppress(NatsError):  # its own leader knows it, with or without a meta leader
        await session.api(f"CONSUMER.INFO.{stream}.{durable}", timeout=timeout)
        return True
    with suppress(NatsError):  # the meta leader knows it, even when it has lost its own
        if durable in ((await session.api(f"CONSUMER.NAMES.{stream}", timeout=timeout))["consumers"] or ()):
            return True
    config = {
        "filter_subject": probe_messages.subjects(layout, session.region, EXISTING_CONSUMER),
        "deliver_policy": "new",
        "ack_policy": "all",
    }
    try:
        await consumers.create(session, stream, durable, config, timeout)
    except NatsError:
        return False
    return True


async def matrix(
    observation: Observation,
    operations: Sequence[str] = OPERATIONS,
    timeout: float = TIMEOUT_S,
    prepared: bool = False,
) -> Matrix:
    """Every operation in every region, all side by side. The durables are made where they can be, unless that is known
    to have been done (`prepared`)."""
    topology, regions = observation.topology, layout_of(observation.topology).regions
    rows = await asyncio.gather(*(row(observation, region, operations, timeout, prepared) for region in regions))
    return Matrix(topology.name, regions, tuple(operations), tuple(cell for cells in rows for cell in cells))


async def prepare_all(observation: Observation, timeout: float = TIMEOUT_S) -> None:
    """Make every region's durable, where a region can be reached and lets one."""
    layout = layout_of(observation.topology)

    async def one(region: str) -> None:
        with suppress(NatsError):
            async with connect(region, observation.running_nodes(region), layout.credentials(region)) as session:
                await prepare(session, observation.topology, timeout)

    await asyncio.gather(*(one(region) for region in layout.regions))


async def row(
    observation: Observation,
    region: str,
    operations: Sequence[str] = OPERATIONS,
    timeout: float = TIMEOUT_S,
    prepared: bool = False,
) -> tuple[Cell, ...]:
    """The operations in one region, side by side on a connection of its own."""
    topology, nodes = observation.topology, observation.running_nodes(region)

    def none(why: str) -> tuple[Cell, ...]:
        return tuple(Cell(region, operation, "fails", 0, None, why) for operation in operations)

    if not nodes:
        return none(f"no node of {region} is running")
    try:
        async with connect(region, nodes, layout_of(topology).credentials(region)) as session:
            known = prepared or EXISTING_CONSUMER not in operations
            made = known or await prepare(session, topology, timeout)
            cells = await asyncio.gather(*(probe(session, operation, topology, timeout) for operation in operations))
    except NatsError as error:
        return none(error.message)
    return tuple(cells) if made else tuple(_never_made(cell) for cell in cells)


def _never_made(cell: Cell) -> Cell:
    """A durable that could not be made and does not deliver tells nothing of how an existing one would fare."""
    if cell.operation != EXISTING_CONSUMER or cell.state == "works":
        return cell
    return Cell(cell.region, cell.operation, "unknown", cell.seconds, cell.code, f"no `{DURABLE}` was made in time")


async def _publish(session: Session, layout: Layout, timeout: float, durable: str) -> str:
    subject = probe_messages.new_subject(layout, session.region, PUBLISH)
    ack = await session.publish(subject, b"lab probe", timeout=timeout)
    return f"{ack.stream} {ack.sequence}"


async def _see_own_publish(session: Session, layout: Layout, timeout: float, durable: str) -> str:
    """By the stream's own count of the subject: that needs neither Direct Get, which not every layout allows, nor the
    meta leader."""
    subject = probe_messages.new_subject(layout, session.region, SEE_OWN_PUBLISH)
    deadline = time.monotonic() + timeout
    await session.publish(subject, b"lab probe", timeout=timeout)
    while time.monotonic() < deadline:
        left = max(0.1, deadline - time.monotonic())
        info = await session.api(f"STREAM.INFO.{layout.virtual_name}", {"subjects_filter": subject}, left)
        if info["state"].get("subjects"):
            return layout.copy(session.region).name
        await asyncio.sleep(POLL_S)
    raise NatsError(f"not in {layout.copy(session.region).name} within {timeout:g} s")


async def _get(session: Session, layout: Layout, timeout: float, durable: str) -> str:
    try:
        await session.api(
            f"STREAM.MSG.GET.{layout.read_name(session.region)}", {"last_by_subj": layout.every_subject}, timeout
        )
    except ApiError as error:
        if error.code != NO_MESSAGE:
            raise
        return "the stream is empty"
    return ""


async def _direct_get(session: Session, layout: Layout, timeout: float, durable: str) -> str:
    request = {"last_by_subj": layout.every_subject}
    return "" if await session.direct_get(layout.read_name(session.region), request, timeout) else "the stream is empty"


async def _existing_consumer(session: Session, layout: Layout, timeout: float, durable: str) -> str:
    """A fresh message comes out of the durable and its acknowledgement is confirmed."""
    subject = probe_messages.new_subject(layout, session.region, EXISTING_CONSUMER)
    deadline = time.monotonic() + timeout
    await session.publish(subject, b"lab probe", timeout=timeout)
    while time.monotonic() < deadline:
        left = max(0.1, deadline - time.monotonic())
        try:
            deliveries = await consumers.fetch(session, layout.virtual_name, durable, 1, left)
        except ApiError as error:
            if error.code == NO_RESPONDERS:
                await _require_durable(session, layout, durable)
            raise
        for delivery in deliveries:
            if delivery.entry.subject == subject:
                await consumers.acknowledge(session, delivery, max(0.1, deadline - time.monotonic()))
                return delivery.entry.subject
    raise NoAnswer(f"`{durable}` did not deliver within {timeout:g} s")


async def _require_durable(session: Session, layout: Layout, durable: str) -> None:
    try:
        await session.api(f"CONSUMER.INFO.{layout.virtual_name}.{durable}", timeout=0.5)
    except ApiError as error:
        if error.code == NO_CONSUMER:
            raise _Unknown(f"there is no `{durable}`") from None
    except NatsError:
        return


async def _new_consumer(session: Session, layout: Layout, timeout: float, durable: str) -> str:
    stream, name = layout.copy(session.region).name, f"{DURABLE}-{token_hex(4)}"
    config = {"name": name, "deliver_policy": "new", "num_replicas": 1, "mem_storage": True}
    config |= {"durable_name": "", "ack_policy": "none", "inactive_threshold": GHOST_LIFE_S * 10**9}
    await consumers.create(session, stream, name, config, timeout)
    with suppress(NatsError):
        await consumers.delete(session, stream, name, 1)
    return name


async def _new_stream(session: Session, layout: Layout, timeout: float, durable: str) -> str:
    """Always the same name in a region, so that at most one ghost can be left, and goes with the next that works."""
    name = ghost_stream(session.region)
    config = {"name": name, "subjects": [name], "storage": "memory", "placement": layout.placement(session.region)}
    await session.api(f"STREAM.CREATE.{name}", config | {"max_msgs": 1, "num_replicas": 1}, timeout)
    with suppress(NatsError):
        await session.api(f"STREAM.DELETE.{name}", timeout=1)
    return name


def ghost_stream(region: str) -> str:
    return f"{DURABLE}-{region}"


async def _meta_leader(session: Session, layout: Layout, timeout: float, durable: str) -> str:
    """As the server sees it that the session talks to."""
    node = layout.topology.node(session.server)
    leader = groups.meta_leader(await asyncio.to_thread(monitor.get, node.monitor_port, "/jsz", timeout))
    if leader is None:
        raise NoAnswer(f"{node.name}: no answer within {timeout:g} s")
    if not leader:
        raise NatsError(f"{node.name} knows no meta leader")
    return leader


_ASK: dict[str, Callable[[Session, Layout, float, str], Awaitable[str]]] = {
    PUBLISH: _publish,
    SEE_OWN_PUBLISH: _see_own_publish,
    GET: _get,
    DIRECT_GET: _direct_get,
    EXISTING_CONSUMER: _existing_consumer,
    NEW_CONSUMER: _new_consumer,
    NEW_STREAM: _new_stream,
    META_LEADER: _meta_leader,
}
