"""Which nodes a role stands for at this moment: `@meta`, `@leader:STREAM`, `@followers:STREAM`."""

from collections.abc import Iterable

from lab.docker.observation import Observation
from lab.errors import LabError
from lab.faults.arguments import FOLLOWERS, LEADER, META
from lab.jetstream import leaders


async def nodes_of(observation: Observation, roles: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Role -> nodes. Raises `LabError` for one that nobody has."""
    return {role: await _nodes(observation, role) for role in dict.fromkeys(roles)}


async def _nodes(observation: Observation, role: str) -> tuple[str, ...]:
    if role.startswith(FOLLOWERS):
        stream = role.removeprefix(FOLLOWERS)
        nodes = await leaders.followers(observation, stream)
        if not nodes:
            raise LabError(f"no node follows {stream} at this moment")
        return tuple(nodes)
    of = leaders.META if role == META else role.removeprefix(LEADER)
    leader = await leaders.leader(observation, of)
    if not leader:
        raise LabError(f"nobody leads {of} at this moment", "`lab status` shows who leads")
    return (leader,)
