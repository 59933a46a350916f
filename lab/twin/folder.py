"""The twin as files that `lab up --file` starts, and that you can edit: lab.yaml, a definition for each stream and
consumer, and what differs. `files` is pure; nothing here has credentials, since no twin has any."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from lab.errors import LabError, UsageError
from lab.topology import Topology
from lab.twin.mapping import Twin
from lab.twin.page import sentences

LAB, STREAMS, DIFFERENCES = "lab.yaml", "streams", "differences.txt"
RESERVED = "accounts"  # the file of accounts
LONGEST = 100


def files(made: Twin) -> dict[str, str]:
    """Path in the folder -> text."""
    named = _namer()
    found = {LAB: lab_yaml(made.topology), DIFFERENCES: "\n".join(sentences(made.notes)) + "\n"}
    names = {each["name"]: named(each["name"]) for each in made.streams}
    for each in made.streams:
        found[f"{STREAMS}/{names[each['name']]}.json"] = _json(each)
    for of, each in made.consumers:
        name = named(f"{names[of]}.{each['durable_name']}")
        found[f"{STREAMS}/{name}.json"] = _json({"stream_name": of, "name": each["durable_name"], "config": each})
    return found


def lab_yaml(topology: Topology) -> str:
    usual = Topology()
    sizes = ", ".join(f"{region}: {topology.size(region)}" for region in topology.regions)
    lines = [
        "# A twin of a running system, made by `lab twin`; differences.txt says what it does not have.",
        f"name: {topology.name}",
        f"regions: {{{sizes}}}",
        f"nats: {json.dumps(topology.nats)}",
        "layout: own",
        f"streams: {STREAMS}",
    ]
    if _differs(topology, usual, "store"):
        lines.append(f"store: {topology.store}")
    if _differs(topology, usual, "server_options"):
        lines += ["server_options:", *(f"  {key}: {json.dumps(it)}" for key, it in topology.server_options.items())]
    return "\n".join(lines) + "\n"


def _differs(topology: Topology, other: Topology, field: str) -> bool:
    return bool(getattr(topology, field) != getattr(other, field))


def write(folder: Path, made: Twin) -> Path:
    """Write the folder and return its lab.yaml. Raises `UsageError` if there is another folder of that name."""
    wanted = files(made)
    if folder.exists():
        if folder.is_dir() and _same(folder, wanted):
            return folder / LAB
        raise UsageError(
            f"`{folder}` is there already, and is not what would be written",
            f"delete it, or name another with `--write`; if it is a twin, `lab up --file {folder / LAB}` starts it",
        )
    try:
        (folder / STREAMS).mkdir(parents=True)
        for path, text in wanted.items():
            (folder / path).write_text(text, encoding="utf-8")
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise LabError(f"`{folder}` cannot be written: {error.strerror}", "name another with `--write`") from error
    return folder / LAB


def _same(folder: Path, wanted: dict[str, str]) -> bool:
    have = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return have.keys() == wanted.keys() and all(have[path].read_text() == text for path, text in wanted.items())


def _json(document: object) -> str:
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _namer() -> Callable[[str], str]:
    """Names of files for any names: on every file system, also on one that takes `A` and `a` for the same."""
    taken = {RESERVED}

    def name(wanted: str) -> str:
        plain = re.sub(r"[^A-Za-z0-9_.-]", "_", wanted)[:LONGEST].lstrip(".") or "_"
        found, number = plain, 2
        while found.lower() in taken:
            found, number = f"{plain}-{number}", number + 1
        taken.add(found.lower())
        return found

    return name
