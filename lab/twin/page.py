"""A twin as text and as JSON. Pure."""

from collections.abc import Iterable
from typing import Any

from lab.printable import printable
from lab.twin.definitions import Note
from lab.twin.mapping import Twin
from lab.units import several

SHOWN = 8


def text(made: Twin) -> str:
    """The regions beside their clusters, how much there is of what, and every difference."""
    rows = [("CLUSTER", "SERVERS", "REGION", "NODES")]
    for region in made.regions:
        cluster = "–" if region.cluster is None else printable(region.cluster) or "(no cluster)"
        rows.append((cluster, str(region.servers), region.name, str(region.nodes)))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    has = f"{several(len(made.streams), 'stream')}, {several(len(made.consumers), 'durable consumer')}"
    return "\n".join(
        [*lines, "", f"nats-server {printable(made.topology.nats)}, {has}", "", *sentences(made.notes, SHOWN)]
    )


def sentences(notes: Iterable[Note], most: int | None = None) -> list[str]:
    """A line for each difference, with all that it is about, or `most` of them; what others named may be in it."""
    about: dict[tuple[str, str], list[str]] = {}
    for note in notes:
        about.setdefault((note.what, note.sentence), []).append(note.about)
    return [
        printable(f"{what}: {_listed(names, most)}: {sentence}" if any(names) else f"{what}: {sentence}")
        for (what, sentence), names in about.items()
    ]


def _listed(names: list[str], most: int | None) -> str:
    more = len(names) - (most or len(names))
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def plain(made: Twin) -> dict[str, Any]:
    return {
        "name": made.topology.name,
        "nats": made.topology.nats,
        "regions": made.regions,
        "streams": [each["name"] for each in made.streams],
        "consumers": [{"stream": of, "consumer": each["durable_name"]} for of, each in made.consumers],
        "notes": made.notes,
    }
