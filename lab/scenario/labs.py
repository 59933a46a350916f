"""Which lab a scenario is played on: the one that runs, when it fits, or one of its own, which is removed again."""

import asyncio
import re
import shutil
import threading
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from lab import files
from lab.api import Lab
from lab.docker import owned
from lab.docker.conflicts import check_free
from lab.docker.engine import Engine
from lab.docker.observation import COMPLETES, Observation
from lab.errors import LabError, NotRunning, UsageError
from lab.progress import Say
from lab.scenario.context import Context
from lab.scenario.scenario import Feature, Scenario, Variant
from lab.topology import LayoutName, Topology
from lab.up import bring_up

UP_S = 120.0
NAME_LENGTH = 31
_CHOOSING = threading.Lock()
# What a scenario cannot do without; names, ports and sizes are the lab's own matter.
ESSENTIAL = ("regions", "nodes_per_region", "sizes", "stream", "replicas", "max_age", "duplicate_window")


def fits(have: Topology, wanted: Topology, layouts: tuple[LayoutName, ...] = ()) -> bool:
    """Whether a lab is as wanted, or has another of the layouts that will do."""
    same = have.layout == wanted.layout and have.layout_options == wanted.layout_options
    return (same or have.layout in layouts) and all(getattr(have, name) == getattr(wanted, name) for name in ESSENTIAL)


def lacking(lab: Lab, scenario: Scenario) -> tuple[Feature, ...]:
    """What the scenario needs and the kernel does not offer. Raises `DockerError` if that cannot be tried."""
    offers = lab.offers() if scenario.needs else frozenset()
    return tuple(feature for feature in scenario.needs if feature not in offers)


def own_name(lab: str, scenario: str, variant: str, attempt: int = 0) -> str:
    """`<lab>-<scenario>`, shortened with a digest where it would be too long."""
    plain = re.sub("[^a-z0-9]+", "-", variant.lower()).strip("-")
    full = "-".join(part for part in (lab, scenario, plain, str(attempt or "")) if part)
    if len(full) <= NAME_LENGTH:
        return full
    return f"{full[: NAME_LENGTH - 5].rstrip('-')}-{zlib.crc32(full.encode()) % 65536:04x}"


def free_topology(
    engine: Engine, wanted: Topology, lab: str, scenario: str, variant: str, reserved: set[int]
) -> Topology:
    """The wanted topology under a name whose ports and subnets nobody has. `reserved` has the slots of labs that are
    only about to come up; the new one is put there. Raises `LabError` when nothing is free."""
    problem: LabError | None = None
    with _CHOOSING:
        taken = owned.labs(engine)
        for attempt in (0, *range(2, 20)):
            topology = wanted.named(own_name(lab, scenario, variant, attempt))
            if topology.name in taken or topology.slot in reserved:
                continue
            try:
                check_free(engine, topology)
            except LabError as error:
                problem = error
                continue
            reserved.add(topology.slot)
            return topology
    raise problem or LabError(f"no name is free for a lab for `{scenario}`", "`lab list` shows the labs")


def running(engine: Engine, lab: str, variant: Variant, layouts: tuple[LayoutName, ...] = ()) -> Observation | None:
    """The running lab when the scenario may be played on it. Raises `UsageError` where it runs and does not fit."""
    if variant.own:
        return None
    try:
        observation = engine.observe(lab)
    except NotRunning:
        return None
    if observation.damage:
        raise UsageError(f"the lab `{lab}` {observation.damage}", COMPLETES)
    return observation if fits(observation.topology, variant.topology, layouts) else None


@asynccontextmanager
async def own(engine: Engine, root: Path, topology: Topology, say: Say) -> AsyncIterator[Context]:
    """A lab for one scenario: brought up, handed over, removed with its files, whatever happens."""
    say(f"starting the lab {topology.name} (nats-server {topology.nats}, layout {topology.layout})")
    lab = Lab(topology.name, engine=engine, root=root, say=say)
    try:
        await bring_up(engine, topology, root, topology.nats, None, UP_S, False, say)
        yield Context(lab, topology, await asyncio.to_thread(lab.observe))
    finally:
        try:
            await asyncio.shield(asyncio.to_thread(remove, lab, topology))
        except LabError as error:  # what the scenario showed stands all the same
            say(f"the lab {topology.name} could not be removed completely: {error.message}")


def remove(lab: Lab, topology: Topology) -> None:
    """The lab and its generated files. Raises `LabError`."""
    lab.down()
    folder = files.folder(topology, lab.root)
    if folder != lab.root:
        shutil.rmtree(folder, ignore_errors=True)
