"""Docker's events of a lab's nodes and of their networks, remembered or as they happen.

`Engine.events` knows containers only, by their label. Events of networks have no labels: they name a container by its
id, so that ids are looked up first and then learned from the events of containers.
"""

import json
from collections.abc import Iterator
from typing import Any

from lab.docker.engine import Engine
from lab.docker.events import Event
from lab.docker.labels import LABEL_NAME, LABEL_NODE
from lab.docker.logs import Logs
from lab.docker.mishaps import explain
from lab.errors import DockerError


class EventStream:
    """What happened to a lab's nodes since a moment in ns since 1970: up to `until`, or as it comes, until `close`.

    The engine keeps its last 256 events. A context manager. Iterating raises `DockerError` when Docker stops telling.
    """

    def __init__(self, engine: Engine, lab: str, since: int, until: int | None = None) -> None:
        self._lab, self._ends = lab, until is not None
        label = f"label={LABEL_NAME}={lab}"
        rows = engine.read(
            "ps", "-a", "--no-trunc", "--filter", label, "--format", f'{{{{.ID}}}} {{{{.Label "{LABEL_NODE}"}}}}'
        )
        self._nodes = dict(row.split(" ", 1) for row in rows.splitlines())
        moments = {"since": since, "until": until}
        times = [f"--{name}={ns // 10**9}.{ns % 10**9:09d}" for name, ns in moments.items() if ns is not None]
        self._lines = Logs(
            "events", *times, "--filter=type=container", "--filter=type=network", "--format", "{{json .}}"
        )

    def __iter__(self) -> Iterator[Event]:
        for line in self._lines:
            try:
                raw = json.loads(line)
            except ValueError:  # the command's last words
                raise explain(line, "events") from None
            event = self._event(raw)
            if event:
                yield event
        if not self._ends:
            raise DockerError("Docker stopped telling what happens", "is the engine still running?")

    def _event(self, raw: dict[str, Any]) -> Event | None:
        """None for what is not about a node of this lab."""
        about: dict[str, str] = raw["Actor"]["Attributes"]
        time, action = int(raw["timeNano"]), raw["Action"]
        if raw["Type"] == "network":
            node = self._nodes.get(about.get("container", ""), "")
            return Event(time, node, action, network=about["name"]) if node else None
        if about.get(LABEL_NAME) != self._lab or LABEL_NODE not in about:
            return None
        self._nodes[raw["Actor"]["ID"]] = about[LABEL_NODE]
        code = about.get("exitCode")
        return Event(time, about[LABEL_NODE], action, None if code is None else int(code))

    def close(self) -> None:
        """End it, from any thread."""
        self._lines.close()

    def __enter__(self) -> "EventStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
