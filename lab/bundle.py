"""Everything that helps to understand a problem with a lab, in one archive that may be attached to an issue.

What cannot be had, because a server or Docker does not answer, is left out and said so: that is when it is needed.
"""

import json
import os
import platform
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import __version__, doctor, files
from lab.check.folder import collect as servers
from lab.docker.engine import Engine
from lab.docker.inspection import inspect
from lab.errors import LabError
from lab.faults.condition import look
from lab.faults.registry import ordered, present
from lab.layouts import layout_of
from lab.loop import finished
from lab.netprobe.spare import Spare
from lab.observe import status
from lab.plain import plain
from lab.progress import Say
from lab.redaction import redacted
from lab.topology import Topology

DAY_NS = 24 * 3600 * 10**9
PATIENCE_S = 10.0  # with Docker, for each part: it may be what is broken


@dataclass(frozen=True)
class Bundle:
    """An archive: the files in it, and what could not be had, with the reason."""

    archive: str
    files: tuple[str, ...]
    missing: dict[str, str]


def collect(engine: Engine, topology: Topology, root: Path, archive: Path, say: Say) -> Bundle:
    """Write the archive, whole or not at all. `topology` has the lab's name, and is what it would be where it does not
    run. Raises `LabError` when it cannot be written."""
    files.require_replaceable(archive)
    engine = engine.within(PATIENCE_S)
    with suppress(LabError):
        topology = engine.observe(topology.name).topology
    found: dict[str, str] = {}
    missing: dict[str, str] = {}
    for part, gather in _parts(engine, topology, root):
        say(f"collecting {part}")
        try:
            found |= gather()
        except (LabError, OSError) as error:
            missing[part] = str(error)
    found["README.txt"] = _readme(topology, missing)
    layout = layout_of(topology)
    secrets = [account.password for account in (*layout.accounts, layout.system)]
    _write(archive, {name: redacted(text, secrets, os.environ.get("HOME", "")) for name, text in found.items()})
    return Bundle(str(archive), tuple(sorted(found)), missing)


def _parts(engine: Engine, topology: Topology, root: Path) -> Iterator[tuple[str, Callable[[], dict[str, str]]]]:
    """What there is to collect, each with how to get it: file -> text."""
    lab = topology.name
    yield "versions", lambda: {"versions.json": _json(_versions())}
    yield "Docker's version", lambda: {"docker/version.json": _json(engine.versions())}
    yield "the machine", lambda: {"doctor.json": _json(doctor.examine(engine, topology))}
    yield "generated files", lambda: _generated(topology, root)
    yield "Docker's view", lambda: {f"docker/{kind}.json": _json(it) for kind, it in inspect(engine, lab).items()}
    yield "Docker's events", lambda: {"docker/events.json": _json(_events(engine, lab))}
    with Spare(engine, lab) as spare:
        yield "faults", lambda: {"faults.json": _json(ordered(present(look(spare).whole.result())))}
        yield "status", lambda: {"status.json": _json(finished(status.take(look(spare))))}
    yield "logs and monitoring", lambda: servers(engine, engine.observe(lab), began=0)


def _versions() -> dict[str, str]:
    return {"lab": __version__, "python": platform.python_version(), "system": platform.platform()}


def _generated(topology: Topology, root: Path) -> dict[str, str]:
    """As they are on disk, and how they differ from what the topology gives."""
    folder = files.folder(topology, root)
    paths = [path for name in ("compose", "configs", "streams") for path in sorted((folder / name).glob("*"))]
    found = {f"files/{path.relative_to(folder)}": path.read_text(errors="replace") for path in paths if path.is_file()}
    differences = [f"{it.path} is {it.state}\n{it.diff}" for it in files.differences(topology, root)]
    return found | {"files/differences.txt": "\n".join(differences) or "none\n"}


def _events(engine: Engine, lab: str) -> Any:
    now = time.time_ns()
    return engine.events(lab, now - DAY_NS, now)


def _json(value: Any) -> str:
    return json.dumps(plain(value), indent=1) + "\n"


def _readme(topology: Topology, missing: dict[str, str]) -> str:
    left_out = "".join(f"- {part}: {why}\n" for part, why in missing.items()) or "- nothing\n"
    return f"""\
The lab {topology.name} at {time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}, as `lab collect` found it.

Passwords, tokens and keys were replaced by [removed], your home folder by ~. Subjects and names of streams and
consumers are in monitoring documents and logs; bodies of messages are in none of the files.

Not available:
{left_out}"""


def _write(archive: Path, found: dict[str, str]) -> None:
    partial = archive.with_name(f".{archive.name}.{os.getpid()}")  # another one may be writing, too
    try:
        archive.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as file:
            for name, text in sorted(found.items()):
                file.writestr(f"{archive.stem}/{name}", text)
        partial.replace(archive)
    except OSError as error:
        raise LabError(
            f"`{archive}` cannot be written: {error.strerror}", "name another file with `--output`"
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
