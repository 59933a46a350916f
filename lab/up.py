"""Bringing a lab up: image, files, containers, streams, health. The whole of `lab up`."""

import asyncio
from collections.abc import Collection
from pathlib import Path

from lab import credentials, files
from lab.docker import images, neighbours, owned
from lab.docker.conflicts import check_free
from lab.docker.deaths import require_alive
from lab.docker.engine import Engine
from lab.docker.observation import Observation
from lab.docker.versions import COMPOSE_MINIMUM, INSTALL_COMPOSE, numbers
from lab.errors import Died, DockerError, LabError, NotRunning, UsageError
from lab.faults.change import apply, exclusive
from lab.faults.condition import look
from lab.faults.down import Down
from lab.faults.fault import Fault
from lab.faults.registry import held_by_docker, present
from lab.faults.shape import Shaped
from lab.jetstream import streams
from lab.jetstream.session import connect
from lab.layouts import Layout, layout_of
from lab.netprobe.interfaces import asked
from lab.netprobe.session import Probe
from lab.netprobe.spare import Spare
from lab.observe import ready, status
from lab.progress import Say
from lab.render import stream_configs
from lab.topology import Node, Topology
from lab.units import several


async def bring_up(
    engine: Engine,
    topology: Topology,
    root: Path,
    version: str,
    wanted_image: str | None,
    timeout: float,
    keep: bool,
    say: Say,
) -> status.Snapshot:
    """Create and start what is missing, define the streams, wait until healthy. What a failed first start created is
    removed again unless `keep`; volumes that were there before stay. `timeout` in seconds bounds each wait."""

    with exclusive(topology.name, say):
        had = await asyncio.to_thread(owned.count, engine, topology.name)
        if had["containers"]:
            require_layout((await asyncio.to_thread(engine.observe, topology.name)).topology, topology)
        chosen = await asyncio.to_thread(images.prepare, engine, version, wanted_image, say)
        if not had["containers"]:
            files.remove(topology, root, files.outdated(topology, root))
        changed = [d.path for d in files.differences(topology, root) if d.state == "changed"]
        written = files.write(topology, root, only_missing=True)
        if topology.auth == "operator":
            place = files.folder(topology, root)
            if not had["volumes"] or not credentials.are_there(place):
                say("making keys and credentials")
                written += credentials.write(layout_of(topology), place)
        if changed:
            used = f"used as they are, not as `lab render` writes them: {', '.join(changed)}"
            say(f"warning: in `{files.folder(topology, root)}`, {used}")
        shortage = neighbours.shortage(topology)
        if shortage:
            say(f"warning: {shortage}; {neighbours.HINT}")
        machine = await asyncio.to_thread(engine.machine)
        crowded = machine.crowded(len(topology.nodes))
        if crowded:
            say(f"warning: {crowded}")
        if machine.rootless:
            say("warning: this engine is rootless, and may not let the lab make faults (docs/engines.md)")
        starting = asyncio.ensure_future(asyncio.to_thread(_start, engine, topology, root, chosen, say))
        try:
            kept, observation = await asyncio.shield(starting)
            found = await _ready(engine, observation, kept, timeout, say)
            if await asyncio.to_thread(_condition, engine, observation.topology, say):
                with Spare(engine, topology.name) as spare:
                    return await status.take(look(spare))
            return found
        except BaseException as error:
            if not had["containers"] and not keep:
                say("start failed; removing what was created (`--keep` leaves it)")
                await asyncio.wait({starting})  # Compose goes on in its thread, and would create more behind our back
                await _remove(engine, topology.name, not had["volumes"], say)
                files.remove(topology, root, written)
                if isinstance(error, Died):
                    error.hint = _mend(files.folder(topology, root), f"configs/{error.node}.conf", changed)
            raise


def _condition(engine: Engine, topology: Topology, say: Say) -> bool:
    """Give links what they always do, where they do not do it yet; whether there was any. Raises `LabError`."""
    if not topology.conditions:
        return False
    probe = Probe(engine, topology.name)
    before = asked(engine.observe(topology.name), probe)
    now = present(before)
    lacking = frozenset(fault for fault in now if isinstance(fault, Shaped) and fault.lacking)
    if lacking:
        say("shaping the links")
    return not apply(engine, before, now - lacking, probe).nothing


def _mend(folder: Path, config: str, changed: list[str]) -> str:
    """What to do about a server that ended, where nothing is left of its lab."""
    if config in changed:
        return f"mend `{folder / config}`, or have `lab render` write it anew"
    return "`server_options` in lab.yaml goes to the server as it is; `lab up --keep` leaves the lab for `lab logs`"


async def _remove(engine: Engine, lab: str, volumes: bool, say: Say) -> None:
    """What failed is the error to be raised, whatever becomes of this."""
    try:
        await asyncio.to_thread(owned.remove, engine, lab, volumes)
    except LabError as error:
        say(f"some of it could not be removed: {error.message}; `lab down --name {lab}` tries again")


def _start(
    engine: Engine, topology: Topology, root: Path, chosen: images.Image, say: Say
) -> tuple[frozenset[Fault], Observation]:
    """Create what is missing and start what never ran. Returns the faults that were in force before, which stay so."""
    compose = engine.compose_version()
    if not compose or numbers(compose) < COMPOSE_MINIMUM:
        raise DockerError(
            f"Docker Compose is {'too old: ' + compose if compose else 'missing'}",
            f"version {'.'.join(map(str, COMPOSE_MINIMUM))} or newer is needed: {INSTALL_COMPOSE}",
        )
    try:
        before: Observation | None = engine.observe(topology.name)
    except NotRunning:
        before = None
    if before is None or before.missing:
        check_free(engine, topology, say)
    kept: frozenset[Fault] = frozenset()
    ran: set[str] = set()
    if before is not None:
        require_image(before, chosen.name, topology, say)
        unborn = {name for name, container in before.containers.items() if container.state == "created"}
        ran = before.containers.keys() - unborn
        kept = frozenset(fault for fault in held_by_docker(before) if fault.node not in unborn)
        for name in before.detached:
            node = topology.node(name)
            say(f"putting {name} back on the network {topology.network(node.region)}")
            engine.attach(topology.container(node), topology.network(node.region), node.addresses[node.region])
        if not before.missing and not unborn:
            return kept, engine.observe(topology.name) if before.detached else before
    say("starting the containers")
    engine.compose_up(files.compose_path(topology, root), chosen.name)
    return kept, attached(engine, engine.observe(topology.name), ran)


def attached(engine: Engine, observation: Observation, ran: Collection[str]) -> Observation:
    """With all networks of the nodes that have only now been started: where Compose was killed between creating one and
    attaching it, it starts it as it is."""
    topology = observation.topology
    lacking = [
        (node, key)
        for node in topology.nodes
        if node.name in observation.containers.keys() - ran
        for key in node.addresses.keys() - observation.containers[node.name].addresses.keys()
    ]
    for node, key in lacking:
        engine.attach(topology.container(node), topology.network(key), node.addresses[key])
    return engine.observe(topology.name) if lacking else observation


def require_layout(running: Topology, wanted: Topology) -> None:
    """A lab keeps its streams and accounts. Raises `UsageError` when others were asked for."""
    for option in ("layout", "auth"):
        has, other = getattr(running, option), getattr(wanted, option)
        if has != other:
            same = "--streams` with its folder" if has == "own" else f"--{option} {has}`"
            raise UsageError(
                f"the lab `{running.name}` is there with {option} `{has}`, not `{other}`",
                f"`lab down` removes it with its messages; `lab up {same} leaves it as it is",
            )
    if running.own != wanted.own:
        raise UsageError(
            f"the lab `{running.name}` is there with other definitions of streams",
            "`lab down` removes it with its messages, and `lab up` then starts it with these",
        )


def require_image(before: Observation, chosen: str, topology: Topology, say: Say) -> None:
    """Nodes keep the server that they have. Raises `UsageError` when another one was asked for in so many words."""
    others = sorted({container.image for container in before.containers.values()} - {chosen})
    version = images.tag(chosen)
    others = [image for image in others if images.tag(image) != version]
    if not others:
        return
    runs = f"the lab `{topology.name}` is there with {' and '.join(others)}, not with {chosen}"
    hint = "`lab down` removes it with its messages, and `lab up` then starts another"
    if version != topology.nats:
        raise UsageError(runs, hint)
    say(f"warning: {runs}, and stays so; {hint}")


async def _ready(
    engine: Engine, observation: Observation, kept: frozenset[Fault], timeout: float, say: Say
) -> status.Snapshot:
    down = {fault.node for fault in kept if isinstance(fault, Down)}
    await asyncio.to_thread(require_alive, engine, observation, down)
    if len(down) == len(observation.topology.nodes):
        say("every node is down, as after a restart of this machine; `lab heal --wait` starts them")
        return await status.read(observation)
    if kept:
        say(f"{several(len(kept), 'fault')} in force, and left in force; `lab heal` undoes them")
        return await status.read(observation)
    topology = observation.topology
    try:
        say("waiting for the meta leader")
        await ready.until_meta_leader(engine, observation, timeout)
        layout = layout_of(topology)
        if topology.auth == "operator":
            await _introduce(layout)
        async with streams.sessions(layout, topology.region_nodes, layout.regions[0]) as sessions:
            say("defining the streams")
            await streams.define(sessions, stream_configs(topology), patience=20)
            await streams.define_consumers(sessions, layout)
        return await ready.until_healthy(engine, observation, timeout, say)
    except LabError:  # when a node died meanwhile, its last words say more than what failed for want of it
        await asyncio.to_thread(lambda: require_alive(engine, engine.observe(topology.name)))
        raise


async def _introduce(layout: Layout) -> None:
    """Have every server enable JetStream for the account: in operator mode each does so when it first hears of it. As a
    request, that may be refused (10039); as a stream, it may not be stored (10049)."""

    async def introduce(node: Node) -> None:
        async with connect(node.region, [node], layout.accounts[0].credentials):
            pass

    await asyncio.gather(*(introduce(node) for node in layout.topology.nodes))
