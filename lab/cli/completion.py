"""What the shell completes: names of labs, regions, nodes, links, streams, scenarios, runs and contexts.

The shell calls this at each Tab, so it is quick, and says nothing where it knows nothing.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

import typer

from lab.faults.arguments import FOLLOWERS, LEADER, META

if TYPE_CHECKING:
    from lab.topology import Topology

DOCKER_S = 1.0
Names = Callable[[typer.Context], Iterable[str]]
Complete = Callable[[typer.Context, str], list[str]]


def completing(names: Names, joined: bool = False) -> Complete:
    """A completion of one of these names or, if they can be `joined` by commas, of the last one."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        before = incomplete.split(",")[:-1] if joined else []
        with suppress(Exception):  # whatever it is, the command itself will say it
            known = [name for name in names(context) if name not in before]
            return [found for name in known if (found := ",".join([*before, name])).startswith(incomplete)]
        return []

    return complete


def _topology(context: typer.Context) -> "Topology":
    """That of the lab that the words before it name: of the running one, else as it would be started."""
    from lab.cli.selection import lab_name, wanted_topology
    from lab.docker.engine import Engine
    from lab.errors import LabError

    name = context.params.get("name")
    try:
        return Engine().within(DOCKER_S).observe(lab_name(name)).topology
    except LabError:
        return wanted_topology(context.params.get("file"), name)


def _labs(context: typer.Context) -> Iterable[str]:
    from lab.docker.engine import Engine
    from lab.docker.owned import labs as labs_on

    return labs_on(Engine().within(DOCKER_S))


def _nodes(context: typer.Context) -> Iterable[str]:
    topology = _topology(context)
    return [*topology.regions, *(node.name for node in topology.nodes)]


def _links(context: typer.Context) -> Iterable[str]:
    topology = _topology(context)
    return [*(link.name for link in topology.links), *topology.regions, META]


def _streams(context: typer.Context) -> list[str]:
    from lab.layouts import layout_of

    return [stream.key for stream in layout_of(_topology(context)).streams]


def _targets(context: typer.Context) -> Iterable[str]:
    roles = [role + stream for role in (LEADER, FOLLOWERS) for stream in _streams(context)]
    return [*_nodes(context), META, *roles]


def _layouts(context: typer.Context) -> Iterable[str]:
    from lab.layouts import LAYOUTS

    return LAYOUTS


def _scenarios(context: typer.Context) -> Iterable[str]:
    from lab.scenario.shipped import shipped

    return shipped()


def _runs(context: typer.Context) -> Iterable[str]:
    from lab.check.folder import summaries
    from lab.places import workspace

    return [summary.id for summary in summaries(workspace())]


def _contexts(context: typer.Context) -> Iterable[str]:
    from lab.contexts import default_folder, names

    return names(default_folder())


labs = completing(_labs)
regions = completing(lambda context: _topology(context).regions)
groups = completing(lambda context: _topology(context).regions, joined=True)
nodes = completing(_nodes)
links = completing(_links)
_target = completing(_targets)
leaders = completing(lambda context: [*_streams(context), "meta"])
layouts = completing(_layouts)
scenarios = completing(_scenarios)
tests = completing(lambda context: [*_scenarios(context), "check"])
runs = completing(_runs)
contexts = completing(_contexts)


def targets(context: typer.Context, incomplete: str) -> list[str]:
    """Bash reads a role such as `@leader:foo-read-east` as four words, and has what follows the colon replaced, or
    without a colon all of it, for which Typer has no way."""
    words = context.params.get("targets") or ()
    begun = "".join(words[len(words) - 1 - words[::-1].index("@") :]) if "@" in words else ""
    if begun == "@":
        return []
    roles = [role.removeprefix(begun) for role in _target(context, begun + incomplete)] if ":" in begun else []
    return roles or _target(context, incomplete)
