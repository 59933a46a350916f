"""What happens to a lab, gathered from Docker, the servers' logs and their advisories, in the order of time."""

import asyncio
import heapq
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any

from lab.docker import events as docker
from lab.docker.engine import Engine
from lab.docker.eventstream import EventStream
from lab.docker.observation import Observation
from lab.errors import LabError
from lab.faults.condition import look
from lab.faults.fault import Fault
from lab.faults.registry import held_by_docker, present
from lab.layouts import layout_of
from lab.netprobe.spare import Spare
from lab.observe.events import Containers, Event, Logs, compared, from_advisory, stamp

# The sources differ in how soon they tell, and some of Docker's events only make sense with what follows.
HOLD_S = 1.0
LOOK_S = 2.0

Item = docker.Event | Event


def past(engine: Engine, observation: Observation, since: int, until: int) -> list[Event]:
    """What can still be had of the time between two moments in ns since 1970: the last 256 of Docker's events, and the
    logs of the containers that exist. Advisories are not kept by anybody."""
    topology, logs = observation.topology, Logs(observation.topology)

    def of_log(node: str) -> list[Event]:
        lines = engine.log_since(observation.containers[node].name, since / 1e9).splitlines()
        return [event for line in lines if (event := logs.tell(node, line))]

    with ThreadPoolExecutor() as pool, EventStream(engine, topology.name, since, until) as stream:
        reading = pool.map(of_log, observation.containers)
        remembered, containers = [*stream], Containers(topology)
        told = [event for n, each in enumerate(remembered) for event in containers.tell(each, remembered[n + 1 :])]
        told += [event for events in reading for event in events]
    first, last = stamp(since), stamp(until)
    return sorted((event for event in told if first <= event.time <= last), key=lambda event: event.time)


def follow(engine: Engine, observation: Observation, now: int, since: int | None = None) -> Iterator[Event]:
    """What happens from the moment `now` on, without end; first what is `past` since another. Advisories from the first
    look on. Closing it ends all that it began. Raises `DockerError` when Docker stops telling."""
    with _Sources(engine, observation, now) as sources:
        if since is not None:
            yield from past(engine, observation, since, now)
        containers = Containers(observation.topology, held_by_docker(observation))
        for item, ahead in in_order(sources.came):
            if isinstance(item, Event):
                yield item
            else:
                yield from containers.tell(item, ahead)


def in_order(came: "SimpleQueue[Item | LabError]") -> Iterator[tuple[Item, list[docker.Event]]]:
    """What came, sorted by time, each a while after it came, with Docker's events that are known to follow it. Raises
    an error that came."""
    waiting: list[tuple[str, int, Item]] = []
    arrivals: deque[tuple[float, str]] = deque()
    numbers = count()
    while True:
        with suppress(Empty):
            item = came.get(timeout=0.1)
            if isinstance(item, LabError):
                raise item
            at = item.time if isinstance(item, Event) else stamp(item.time)
            heapq.heappush(waiting, (at, next(numbers), item))
            arrivals.append((time.monotonic(), at))
        while arrivals and arrivals[0][0] < time.monotonic() - HOLD_S:
            _, until = arrivals.popleft()
            while waiting and waiting[0][0] <= until:
                item = heapq.heappop(waiting)[2]
                yield item, [other for _, _, other in sorted(waiting) if isinstance(other, docker.Event)]


def kernel_faults(engine: Engine, lab: str, over: threading.Event) -> Iterator[Event]:
    """How the faults that nodes have in the kernel come and go, until it is `over`. Nobody tells of them, so they are
    looked for every few seconds, and compared with the look before."""
    before: frozenset[Fault] | None = None
    pause = 0.0
    with Spare(engine, lab) as spare:
        while not over.wait(pause):
            pause = LOOK_S
            try:
                seen = look(spare).whole.result()
            except LabError:  # the lab is just being removed, or Docker is busy
                continue
            now = frozenset(fault for fault in present(seen) if fault.in_kernel)
            if before is not None:
                yield from compared(before, now, stamp(time.time_ns()))
            before = now


class _Sources:
    """A thread for each source, all of which put what they read into one queue."""

    def __init__(self, engine: Engine, observation: Observation, since: int) -> None:
        self._engine, self._observation, self._since = engine, observation, since
        self._topology = observation.topology
        self._logs = Logs(self._topology)
        self.came: SimpleQueue[Item | LabError] = SimpleQueue()
        self._over = threading.Event()
        self._ends: list[Callable[[], object]] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> "_Sources":
        try:
            stream = EventStream(self._engine, self._topology.name, self._since)
            self._begin(self._read_docker, stream, end=stream.close)
            for node in self._observation.containers:
                self._follow_log(node, self._since)
            self._begin(self._listen)
            self._begin(self._look)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for end in self._ends:
            end()
        for thread in self._threads:
            thread.join()

    def _begin(self, read: Callable[..., None], *arguments: Any, end: Callable[[], object] | None = None) -> None:
        """Read in a thread, which ends when `end` is called."""
        thread = threading.Thread(target=read, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
        if end:
            self._ends.append(end)
            if self._over.is_set():  # meanwhile
                end()

    # --- the threads ---

    def _read_docker(self, stream: EventStream) -> None:
        try:
            for event in stream:
                self.came.put(event)
                if event.action == "start":
                    self._follow_log(event.node, event.time)
        except LabError as error:
            self.came.put(error)

    def _follow_log(self, node: str, since: int) -> None:
        """Until the container ends; a log is followed anew when it starts again."""
        lines = self._engine.logs(self._topology.container(node), follow=True, since=since)
        self._begin(self._read_log, node, lines, end=lines.close)

    def _read_log(self, node: str, lines: Iterable[str]) -> None:
        for line in lines:
            event = self._logs.tell(node, line)
            if event:
                self.came.put(event)

    def _listen(self) -> None:
        """To the advisories of each account, in each region: what is told on one side of a cut does not come to the
        other. One that comes to several regions is told once, by its id."""
        from lab.jetstream import advisories

        layout, nodes, seen = layout_of(self._topology), self._topology.region_nodes, set[str]()

        def hear(account: str, advisory: dict[str, Any]) -> None:
            id_ = str(advisory.get("id"))
            event = None if id_ in seen else from_advisory(layout, account, advisory)
            seen.add(id_)
            if event:
                self.came.put(event)

        async def listen() -> None:
            following = [
                advisories.follow(region, nodes(region), account.credentials, partial(hear, account.name))
                for account in layout.accounts
                for region in ([account.region] if account.region else layout.regions)
            ]
            listening = asyncio.gather(*following)
            await asyncio.to_thread(self._over.wait)
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

        asyncio.run(listen())

    def _look(self) -> None:
        for event in kernel_faults(self._engine, self._topology.name, self._over):
            self.came.put(event)
