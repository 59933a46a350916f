"""From the name of a system to its twin: the whole of `lab twin` but the start, which is `Lab.up`.

from lab.api import Lab
from lab.twin.making import place, read

twin = read("production", name="rehearsal")
lab = Lab.up(place(twin, Path("rehearsal")))
"""

from collections.abc import Mapping
from pathlib import Path

from lab import labfile
from lab.contexts import default_folder
from lab.docker import owned
from lab.docker.engine import Engine
from lab.errors import LabError, UsageError
from lab.loop import finished
from lab.printable import printable
from lab.progress import Say, silently
from lab.topology import MAX_NODES, Topology
from lab.twin import folder, mapping, reading
from lab.twin.access import access
from lab.twin.mapping import Twin

NAME = "twin"


def read(
    source: str,
    *,
    name: str = NAME,
    system: str = "",
    user: str = "",
    password: str = "",
    creds: str = "",
    regions: Mapping[str, str] | None = None,
    max_nodes: int = MAX_NODES,
    nats: str = "",
    timeout: float = 5,
    say: Say = silently,
) -> Twin:
    """The twin of the system that `source` leads to, a URL or a context of the `nats` CLI; nothing is written. `system`
    leads to its system account, `regions` has names for the regions of clusters, `timeout` is for each answer, in
    seconds. Raises `LabError`."""
    contexts = default_folder()
    into = access(source, contexts, user, password, creds)
    try:
        found = finished(reading.read(into, access(system, contexts) if system else None, timeout, say))
        return mapping.twin(found, name, regions, max_nodes, nats)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise LabError(
            f"{into.called} answers with what this version cannot read: {printable(str(error))}",
            "please report it, with the version of its servers",
        ) from error


def place(made: Twin, where: Path) -> Topology:
    """Write the folder; returns the lab that its lab.yaml describes. Raises `LabError`."""
    return labfile.load(folder.write(where, made))


def require_new(engine: Engine, name: str) -> None:
    """Raises `UsageError` where a lab of this name is: it would keep its own streams."""
    if owned.count(engine, name)["containers"]:
        raise UsageError(
            f"the lab `{name}` is there already", f"`lab down --name {name}` removes it; or name another with `--name`"
        )
