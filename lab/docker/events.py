"""What Docker remembers of a lab's containers: values only. `engine.py` and `eventstream.py` read them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lab.docker.labels import LABEL_NODE


@dataclass(frozen=True)
class Event:
    """Something that happened to a node's container, by Docker's name for it: `die`, `start`, `pause`, `unpause`,
    `kill` (a signal was sent), `oom`, `destroy`, … `time` is in ns since 1970; only `die` has an exit code, only
    `connect` and `disconnect` have a network."""

    time: int
    node: str
    action: str
    exit_code: int | None = None
    network: str = ""


def parsed(lines: Iterable[str]) -> list[Event]:
    """Events from what `docker events --format '{{json .}}'` prints of containers."""
    return [_event(json.loads(line)) for line in lines]


def _event(raw: dict[str, Any]) -> Event:
    about: dict[str, str] = raw["Actor"]["Attributes"]
    code = about.get("exitCode")
    return Event(int(raw["timeNano"]), about.get(LABEL_NODE, ""), raw["Action"], None if code is None else int(code))
