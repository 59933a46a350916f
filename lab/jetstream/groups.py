"""Who leads a Raft group, as the servers' own documents say it; pure. `leaders.py` asks for them."""

from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]


def leader(group: Document | None) -> str:
    """The node that leads, by a `cluster` or `meta_cluster` section; "" when it names none."""
    return str((group or {}).get("leader", ""))


def followers(group: Document | None) -> list[str]:
    """The nodes that hold a copy and do not lead."""
    return [str(replica["name"]) for replica in (group or {}).get("replicas") or []]


def leads(node: str, detail: Document) -> bool:
    """Whether a node leads a stream, by the detail of it that the node itself gives in `/jsz`."""
    return leader(detail.get("cluster")) in ("", node)


def meta_leader(jsz: Document | None) -> str | None:
    """The meta leader that a node names in its `/jsz`: "" when it knows none, None when it did not answer."""
    return None if jsz is None else leader(jsz.get("meta_cluster"))


def most_named(views: Mapping[str, str | None]) -> str:
    """The leader that most of those name who name one; "" when nobody does."""
    named = [view for view in views.values() if view]
    return max(set(named), key=named.count, default="")


def by_majority(views: Mapping[str, str | None]) -> str:
    """The leader that more than half of all nodes name; "" when there is none. Whom fewer name may lead no more: a
    region that is cut off names the old leader for a while."""
    leader = most_named(views)
    return leader if 2 * list(views.values()).count(leader) > len(views) else ""
