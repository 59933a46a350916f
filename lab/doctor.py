"""What this machine can do, check by check, with what mends each. Nothing is changed, but that the engine gets the
image of the network probe."""

from dataclasses import dataclass
from typing import Literal

from lab.docker import conflicts, images, neighbours, owned
from lab.docker.engine import Engine
from lab.docker.versions import COMPOSE_MINIMUM, ENGINE_MINIMUM, INSTALL_COMPOSE, Versions, numbers
from lab.errors import LabError
from lab.netprobe.offers import offered
from lab.netprobe.spare import Spare
from lab.topology import Topology

State = Literal["ok", "missing", "limited"]
KERNEL = (  # as the network probe calls it, the module, what faults need it for
    ("netem", "sch_netem", "delay, loss, duplicates and reordering on links"),
    ("tbf", "sch_tbf", "limited rates of links"),
    ("blocks", "nf_tables", "one-way cuts and refused connections"),
)


@dataclass(frozen=True)
class Check:
    """One finding. `missing`: the lab cannot run; `limited`: it runs, something is not to be had."""

    name: str
    state: State
    finding: str
    hint: str = ""


def examine(engine: Engine, topology: Topology) -> list[Check]:
    """All checks; those that need an engine are left out when there is none."""
    try:
        versions = engine.versions()
    except LabError as error:
        return [Check("Docker engine", "missing", error.message, error.hint)]
    checks = [_engine(versions), _compose(versions), _image(engine, topology)]
    if owned.count(engine, topology.name)["containers"]:
        checks.append(Check("ports and subnets", "ok", f"in use by the lab `{topology.name}` itself"))
    else:
        checks += _free(engine, topology)
    return [*checks, _processors(versions, topology), _neighbours(topology), *_kernel(engine, topology)]


def _engine(versions: Versions) -> Check:
    found = (
        f"{versions.engine} ({versions.system}/{versions.architecture}, API {versions.api}), client {versions.client}"
    )
    if versions.system != "linux":
        return Check("Docker engine", "missing", found, "switch Docker Desktop to Linux containers")
    if versions.podman:
        return Check(
            "Docker engine", "missing", f"Podman {found}", "a lab needs Docker Engine (docs/engines.md says why)"
        )
    if numbers(versions.engine) < ENGINE_MINIMUM:
        return Check("Docker engine", "missing", found, f"{'.'.join(map(str, ENGINE_MINIMUM))} or newer is needed")
    if versions.machine.rootless:
        return Check(
            "Docker engine", "limited", f"rootless {found}", "docs/engines.md says what cannot be had without root"
        )
    return Check("Docker engine", "ok", found)


def _compose(versions: Versions) -> Check:
    minimum = ".".join(map(str, COMPOSE_MINIMUM))
    if not versions.compose:
        return Check("Docker Compose", "missing", "the plugin was not found", INSTALL_COMPOSE)
    if numbers(versions.compose) < COMPOSE_MINIMUM:
        return Check("Docker Compose", "missing", versions.compose, f"{minimum} or newer is needed: {INSTALL_COMPOSE}")
    return Check("Docker Compose", "ok", versions.compose)


def _image(engine: Engine, topology: Topology) -> Check:
    found = images.find(engine, topology.nats, None)
    if found:
        return Check("server image", "ok", f"{found.name} ({found.origin})")
    return Check(
        "server image", "limited", f"none of {topology.nats} is here yet", "`lab up` or `lab image --prepare` gets one"
    )


def _processors(versions: Versions, topology: Topology) -> Check:
    crowded = versions.machine.crowded(len(topology.nodes))
    if crowded:
        return Check("processors", "limited", crowded, "make the lab smaller, or use a larger machine")
    return Check("processors", "ok", f"{versions.machine.processors or 'not known'}")


def _neighbours(topology: Topology) -> Check:
    shortage = neighbours.shortage(topology)
    if shortage:
        return Check("neighbour table", "limited", shortage, neighbours.HINT)
    room = neighbours.limit()
    found = "not known" if room is None else f"{room:,}, of which the lab takes up to {neighbours.wanted(topology):,}"
    return Check("neighbour table", "ok", f"entries: {found}")


def _free(engine: Engine, topology: Topology) -> list[Check]:
    first, last = topology.nodes[0].client_port, topology.nodes[-1].monitor_port
    try:
        conflicts.check_ports(engine, topology)
        ports = Check("ports", "ok", f"all {2 * len(topology.nodes)} between {first} and {last} are free")
    except LabError as error:
        ports = Check("ports", "missing", error.message, error.hint)
    clashes = conflicts.overlapping(engine, topology)
    if clashes:
        subnets = Check(
            "subnets", "missing", "; ".join(clashes[:3]), "set `subnet_pool` in lab.yaml, or choose another `--name`"
        )
    else:
        subnets = Check(
            "subnets",
            "ok",
            f"{len(topology.subnets)} of /{topology.subnet_prefix} from {topology.subnet_pool} are free",
        )
    return [ports, subnets]


def _kernel(engine: Engine, topology: Topology) -> list[Check]:
    """What faults on links need, asked of the kernel that runs the containers."""
    try:
        with Spare(engine, topology.name) as spare:
            there = offered(spare)
    except LabError as error:
        return [Check("kernel", "limited", error.message, error.hint)]
    return [
        Check(f"kernel: {module}", "ok", f"there, for {what}")
        if name in there
        else Check(
            f"kernel: {module}",
            "limited",
            f"not there, so no {what}",
            f"where its kernel has the module, `modprobe {module}` on the machine that runs the containers "
            "(Ubuntu: package `linux-modules-extra`); cuts and partitions do not need it",
        )
        for name, module, what in KERNEL
    ]
