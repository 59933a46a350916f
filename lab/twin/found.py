"""What a running system told of itself, as values. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

UNNAMED = "Server name unknown"  # of a peer that the answering server has not met


@dataclass(frozen=True)
class Server:
    """A server as it presents itself. `cluster` is "" where it stands alone."""

    name: str
    cluster: str
    version: str = ""


@dataclass(frozen=True)
class Found:
    """`streams` and `consumers` are as the JetStream API lists them, consumers by their stream. `servers` said who they
    are: `all_servers` if they are all there are. `missing` are streams that are there and were not described."""

    streams: tuple[Mapping[str, Any], ...] = field(hash=False)
    consumers: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict, hash=False)
    servers: tuple[Server, ...] = ()
    all_servers: bool = False
    apart: tuple[str, ...] = ()  # servers without JetStream, or of another domain
    missing: tuple[str, ...] = ()
    limits: Mapping[str, Any] = field(default_factory=dict, hash=False)  # of the account
    domain: str = ""
    max_payload: int = 0

    @property
    def names(self) -> frozenset[str]:
        return frozenset(config(entry)["name"] for entry in self.streams)

    def entries(self) -> Iterator[Mapping[str, Any]]:
        """Every stream and consumer."""
        yield from self.streams
        for consumers in self.consumers.values():
            yield from consumers


def config(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The definition of a stream or a consumer, without what is not set."""
    return {key: value for key, value in (entry.get("config") or {}).items() if value is not None}


def cluster(entry: Mapping[str, Any]) -> str:
    """Where a stream or a consumer is now."""
    return str((entry.get("cluster") or {}).get("name") or "")


def holders(entry: Mapping[str, Any]) -> frozenset[str]:
    """The servers that have it, as far as they are known by name."""
    where = entry.get("cluster") or {}
    names = [where.get("leader"), *(replica.get("name") for replica in where.get("replicas") or ())]
    return frozenset(str(name) for name in names if name and not str(name).startswith(UNNAMED))
