"""The properties of messages once more, as naive as can be: lists, counters, sets; no numbers, no figures.

Gives only which properties are violated. Knows whole reads only, of runs that waited long enough.
"""

from collections import Counter
from collections.abc import Iterator

from lab.check.history import FAIL, INTACT, OK, OURS, SUBJECT, History


def violated(history: History) -> set[str]:
    return set(_violations(history))


def _violations(history: History) -> Iterator[str]:
    run, topology, layout = history.run, history.run.topology, history.run.layout
    writes = {layout.origin(region).key: region for region in topology.regions}
    reads = [layout.copy(region).key for region in topology.regions]
    rows = {name: [tuple(row.tolist()) for row in read.rows] for name, read in history.reads.items()}
    held = {name: {row[0]: row for row in rows[name]} for name in rows}
    attempts: dict[tuple[int, int], set[int]] = {}
    acks, per_process = Counter[tuple[int, int]](), dict[tuple[int, int], list[tuple[int, int]]]()
    for process, counter, _, _, _, sequence, outcome, stream, duplicate, _ in history.publishes.tolist():
        attempts.setdefault((process, counter), set()).add(outcome)
        if outcome == OK:
            home = layout.origin(run.processes[process].region).key
            entry = held[home].get(sequence)
            if run.streams[stream] != home or entry is None or not known(entry) or key(entry) != (process, counter):
                yield "P1"
            if not duplicate:
                acks[stream, sequence] += 1
                per_process.setdefault((process, stream), []).append((counter, sequence))
    if any(number > 1 for number in acks.values()):
        yield "P8"
    for given in per_process.values():
        sequences = [sequence for _, sequence in sorted(given)]
        if sequences != sorted(sequences):
            yield "P8"
    for process, counter in list(attempts):  # an id that this run could have given, whether it did or not
        attempts |= {(process, lower): attempts.get((process, lower), set()) for lower in range(counter)}
    acked = {message for message, outcomes in attempts.items() if OK in outcomes}
    for name in rows:
        ours = [row for row in rows[name] if known(row) and key(row) in attempts]
        if any(not known(row) or not attempts.get(key(row)) for row in rows[name]):
            yield "P3"
        if any(not row[6] & INTACT for row in rows[name]):
            yield "P3"
        if any(attempts[key(row)] == {FAIL} for row in ours):
            yield "P3"
        if any(known(row) and not row[6] & SUBJECT for row in rows[name]):
            yield "P10"
        firsts = list(dict.fromkeys(key(row) for row in ours))
        for process in range(len(run.processes)):
            counters = [counter for owner, counter in firsts if owner == process]
            if counters != sorted(counters):
                yield "P5b"
        if name in writes:
            if len(firsts) < len(ours) or any(run.processes[row[3]].region != writes[name] for row in ours):
                yield "P1"
            continue
        if len(firsts) < len(ours):
            yield "P2b"
        if acked - set(firsts):
            yield "P2a"
        pairs = [(row[5], row[2]) for row in rows[name]]
        if len(set(pairs)) < len(pairs):
            yield "P4"
        for origin, _ in pairs:
            if origin >= len(run.streams) or run.streams[origin] not in writes:
                yield "P4"
        for row in rows[name]:
            entry = held[run.streams[row[5]]].get(row[2]) if row[5] < len(run.streams) else None
            if entry is None or identity(entry, attempts) != identity(row, attempts):
                yield "P4"
        for place, origin_name in enumerate(writes):
            got = [sequence for origin, sequence in dict.fromkeys(pairs) if origin == place]
            if got != sorted(got):
                yield "P5a"
            lowest = min(got, default=0)
            if any(sequence >= lowest and sequence not in got for sequence in held[origin_name]):
                yield "P5c"
    bags = [Counter(identity(row, attempts) for row in rows[name]) for name in reads]
    if any(bag != bags[0] for bag in bags):
        yield "P6"
    for (region, reader), live in history.live.items():
        name = layout.copy(region).key
        seen = live.tolist()
        for _, sequence, process, counter, _, flags in seen:
            entry = held[name].get(sequence)
            delivered = (sequence, 0, 0, process, counter, 0, flags)
            if entry is None or identity(entry, attempts) != identity(delivered, attempts):
                yield "P7"
        sequences = [delivery[1] for delivery in seen]
        expected = [row[0] for row in rows[name] if sequences and row[0] >= sequences[0]]
        if reader == "ordered" and sequences != expected[: len(sequences)]:
            yield "P11"
        if reader == "durable" and set(expected[: len(sequences)]) - set(sequences):
            yield "P11"


def known(row: tuple[int, ...]) -> bool:
    return bool(row[6] & OURS)


def key(row: tuple[int, ...]) -> tuple[int, int]:
    return row[3], row[4]


def identity(row: tuple[int, ...], attempts: dict[tuple[int, int], set[int]]) -> tuple[int, int] | None:
    """A message's id; None for one that nobody of this run can have sent."""
    return key(row) if known(row) and key(row) in attempts else None
