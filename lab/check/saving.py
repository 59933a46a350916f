"""A run's folder written: the plan before it begins, everything else when it has ended."""

import asyncio
import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lab import files
from lab.check import folder as folders
from lab.check import store
from lab.check.gathered import Gathered, Options
from lab.check.history import LIVE, PUBLISH, ROW, SECOND, Array, History, Read, Replica, Run, kind_of
from lab.check.outside import full_disks
from lab.check.schedule import Schedule
from lab.docker.engine import Engine
from lab.docker.observation import Observation
from lab.errors import DockerError
from lab.layouts import layout_of
from lab.topology import Topology
from lab.units import duration_ns


def save_plan(
    folder: Path,
    root: Path,
    topology: Topology,
    nats: str,
    schedule: Schedule,
    configs: Mapping[str, Any],
    options: Options,
) -> None:
    from lab.check.schedulefile import dump

    plan = {"schedule.resolved.yaml": dump(schedule), "repro.txt": again(folder, topology, schedule, nats, options)}
    plan |= {f"streams/{name}.json": json.dumps(config, indent=2) + "\n" for name, config in configs.items()}
    compose = files.compose_path(topology, root)
    if compose.is_file():
        plan["compose.yaml"] = compose.read_text(encoding="utf-8")
    folders.write(folder, plan)


def again(folder: Path, topology: Topology, schedule: Schedule, nats: str, options: Options) -> str:
    """The commands that do a run again. Pure."""
    flags = "".join(f" --{name}" for name in ("deep", "clean") if getattr(options, name))
    flags += f" --client {shlex.quote(options.client)}" if options.client else ""
    named = ("name", "nats")  # by the options below
    changed = [field for field in topology.differing(Topology()) if field not in named]
    needs = f"# lab.yaml: {', '.join(changed)} differ from the defaults (run.json has them)\n" if changed else ""
    return (
        f"# The same faults at the same times on the same messages; how the servers interleave is theirs.\n{needs}"
        f"lab up --name {topology.name} --nats {nats}\n"
        f"lab check --name {topology.name} --replay {folder.name}{flags}\n"
        f"# When the faults were drawn from the seed, this draws the same: lab check --seed {schedule.seed}\n"
        f"# The verdict again, without a lab:\nlab check --judge {folder.name}\n"
    )


def as_defined(topology: Topology, definitions: Mapping[str, Mapping[str, Any]]) -> Topology:
    """The topology with the age limit and the replicas that the streams really have. Pure."""
    ages = {definitions[origin.key].get("max_age", 0) for origin in layout_of(topology).origins}
    replicas = {definition.get("num_replicas", 1) for definition in definitions.values()}
    age = min(ages, key=lambda age: age or float("inf"))
    same = age == duration_ns(topology.max_age)
    return replace(
        topology, max_age=topology.max_age if same else f"{age / SECOND:g}s" if age else "0", replicas=min(replicas)
    )


async def save(engine: Engine, gathered: Gathered) -> None:
    """Raises `LabError` when the disk does not take it."""
    try:
        await asyncio.to_thread(gathered.watch.look)
        after = await asyncio.to_thread(engine.observe, gathered.observation.topology.name)
        gathered.watch.compare(after)
        servers = await asyncio.to_thread(folders.collect, engine, after, gathered.clock.wall / SECOND)
        logs = {node: servers.get(f"servers/{node}/nats.log", "") for node in after.containers}
        gathered.watch.note(full_disks(logs))
        gathered.notes += _restarts(gathered, after)
    except DockerError as error:
        servers = {}
        gathered.notes.append(f"the servers' logs could not be had: {error.message}")
    if gathered.watch.missed:
        gathered.notes.append(gathered.watch.missed)
    await asyncio.to_thread(folders.write, gathered.folder, servers)
    await asyncio.to_thread(store.save, history(gathered), gathered.folder)


def history(gathered: Gathered) -> History:
    topology, ledger, folder = gathered.observation.topology, gathered.ledger, gathered.folder
    versions = {container.image for container in gathered.observation.containers.values()}
    run = Run(  # judged by the streams as they were, which somebody may have defined otherwise
        id=folder.name,
        began=gathered.clock.began,
        seed=ledger.seed,
        topology=as_defined(topology, gathered.definitions),
        nats=gathered.nats,
        image=", ".join(sorted(versions)),
        mark=ledger.mark,
        processes=tuple(ledger.processes),
        streams=ledger.streams,
        errors=tuple(ledger.errors),
        phases=tuple(gathered.phases),
        schedule=gathered.schedule.document(),
        ended=gathered.ended,
        notes=tuple(gathered.notes),
        definitions=gathered.definitions,
        subjects=ledger.subjects,
        stalls=tuple(gathered.observed.stalls),
        jump=gathered.observed.jump or gathered.clock.jump(),
    )
    observed = gathered.observed
    return History(
        run,
        _rows(folder / "publishes.bin", PUBLISH),
        {read.stream: read for read in _reads(gathered)},
        {(reader.place, reader.kind): np.frombuffer(bytes(reader.rows), LIVE) for reader in observed.live},
        gathered.faults,
        tuple(sorted(observed.probes, key=lambda probe: probe.time)),
        tuple(observed.samples),
        tuple(gathered.replicas),
        client=gathered.client.record() if gathered.client else None,
    )


def _reads(gathered: Gathered) -> list[Read]:
    topology, done = gathered.observation.topology, {done.stream: done for done in gathered.done}
    layout = layout_of(topology)
    bounds = {bounds.stream: bounds for bounds in gathered.bounds}
    found = []
    for stream in layout.streams:
        key = stream.key
        rows = _rows(gathered.folder / "reads" / f"{key}.bin", ROW)
        limits, result, before = bounds.get(key), done.get(key), gathered.before[key]
        why = ""
        if not result or not result.complete:
            why = gathered.unreadable.get(key) or (result.error if result else "the run ended before it was read")
        first, last, deleted = (limits.first, limits.last, limits.deleted) if limits else (before + 1, before, 0)
        found.append(Read(key, kind_of(stream), stream.region, rows, first, last, deleted, not why, why))
    return found


def _rows(path: Path, dtype: "np.dtype[Any]") -> Array:
    """What of a file is whole rows; nothing when it is not there."""
    if not path.is_file() or path.stat().st_size < dtype.itemsize:
        return np.empty(0, dtype)
    return np.memmap(path, dtype, "r", shape=(path.stat().st_size // dtype.itemsize,))


def _restarts(gathered: Gathered, after: Observation) -> list[str]:
    """Servers that ended, or that started again without Docker's events telling of it."""
    told = {node for record in gathered.faults for node in record.nodes}
    found = []
    for name, container in after.containers.items():
        before = gathered.observation.containers[name]
        if container.out_of_memory:
            found.append(f"{name} ran out of memory")
        if container.state != "running":
            found.append(f"{name} is {container.state} (exit code {container.exit_code}) at the end")
        elif name not in told and container.started_at != before.started_at:
            found.append(f"{name} was restarted by something else than the check")
    return found


def with_digest(replica: Replica, stream: str, found: Mapping[str, str]) -> Replica:
    return replace(replica, digest=found.get(replica.node, "")) if replica.stream == stream else replica
