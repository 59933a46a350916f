"""Which lab a command is about: what `--name`, `--file`, the environment and lab.yaml say."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.topology import Auth, LayoutName, Topology

FILE = "LAB_FILE"


def lab_file(given: Path | None) -> Path | None:
    from lab.places import workspace

    if given or os.environ.get(FILE):
        return given or Path(os.environ[FILE])
    return next((path for path in (Path.cwd() / "lab.yaml", workspace() / "lab.yaml") if path.is_file()), None)


def wanted_topology(
    file: Path | None, name: str | None, layout: str | None = None, auth: str | None = None, streams: Path | None = None
) -> "Topology":
    """The lab that lab.yaml and these options describe. Raises `UsageError` with everything that is wrong."""
    from dataclasses import replace

    from lab.topology import Topology
    from lab.validate import problems

    path = lab_file(file)
    if path:
        from lab.labfile import load

        topology = load(path)
    else:
        topology = Topology()
    if name:
        topology = topology.named(name)
        _require_none("--name", problems(topology))
    if streams:
        from lab.ownfolder import load as brought

        topology = replace(topology, own=brought(streams), layout="own")
        if not layout:
            _require_none(f"--streams {streams}", problems(topology))
    if layout:
        topology = replace(topology, layout=cast("LayoutName", layout))
        _require_none("--layout", problems(topology))
    if auth:
        topology = replace(topology, auth=cast("Auth", auth))
        _require_none("--auth", problems(topology))
    return topology


def _require_none(option: str, wrong: "Iterable[tuple[str, str]]") -> None:
    from lab.errors import UsageError

    sentences = [f"{option}: {sentence}" for _, sentence in wrong]
    if sentences:
        raise UsageError("\n".join(sentences))


def lab_name(name: str | None) -> str:
    if name:
        return name
    path = lab_file(None)
    if path is None:
        from lab.topology import DEFAULT_NAME

        return DEFAULT_NAME
    return wanted_topology(path, None).name
