"""What steps print: values -> text; pure."""

import json
from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from lab.observe.operations import Matrix
from lab.printable import printable
from lab.scenario.evidence import Answer, Held, Sent

if TYPE_CHECKING:
    from lab.faults.plan import Change
    from lab.jetstream.session import Entry

LINES = 10


def change(done: "Change") -> str:
    """A region's nodes in one line each, not in three."""
    lines = [f"injected: {fault}" for fault in done.injected] + [f"healed: {fault}" for fault in done.healed]
    if done.evidence:
        lines.append(f"proven: {done.evidence}")
    return "\n".join(lines)


def sent(publishes: Sequence[Sent]) -> str:
    if len(publishes) > 1:
        return counts(publishes)
    return "\n".join(
        f"stored in {one.stream} at sequence {one.sequence}"
        + (" (duplicate, not stored again)" if one.duplicate else "")
        if one.outcome == "ok"
        else f"{'refused' if one.outcome == 'fail' else 'no answer'}: {one.error}"
        for one in publishes
    )


def counts(publishes: Sequence[Sent]) -> str:
    """How many were acknowledged by whom, refused and why."""
    kinds = Counter(
        f"stored in {one.stream}"
        if one.outcome == "ok"
        else f"{'refused' if one.outcome == 'fail' else 'no answer'} in {one.region}: {one.error}"
        for one in publishes
    )
    return "\n".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))


def answer(got: Answer) -> str:
    if got.error:
        return printable(got.error)
    text = json.dumps(got.body)
    return text if len(text) <= 300 else text[:300] + "…"


def delivered(entries: "Sequence[Entry]") -> str:
    """The first of what a consumer got."""
    return "\n".join(f"{printable(e.subject)}  {printable(e.body.decode(errors='replace'))}" for e in entries[:LINES])


def side_by_side(held: Held, last: int) -> str:
    """The regions' orders in columns, each message by its origin and the start of its body."""
    columns = []
    for region, copies in held.regions.items():
        if isinstance(copies, str):
            columns.append([region, "cannot be read"])
            continue
        shown = (f"{copy.origin[0]}:{copy.origin[1]} {printable(copy.preview[:36])}" for copy in copies[-last:])
        columns.append([region, *shown])
    widths = [max(map(len, column)) for column in columns]
    rows = zip_longest(*columns, fillvalue="")
    return "\n".join(
        "   ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def matrix(found: Matrix) -> str:
    width = max(map(len, found.operations)) + 2
    lines = [" " * width + "".join(f"{region:<16}" for region in found.regions)]
    for operation in found.operations:
        cells = [found.cell(region, operation) for region in found.regions]
        words = {"works": "works", "fails": "fails", "silent": "no answer", "unknown": "?"}
        texts = [words[cell.state] + (f" {cell.code}" if cell.code is not None else "") for cell in cells]
        lines.append(f"{operation:<{width}}" + "".join(f"{text:<16}" for text in texts))
    return "\n".join(line.rstrip() for line in lines)
