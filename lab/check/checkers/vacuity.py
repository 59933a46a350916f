"""P0: reasons why a run proves less than it seems to. Each makes the verdict unknown; none makes it violated."""

from collections.abc import Iterator

import numpy as np

from lab.check.checkers.examples import Case, Draft, count, seconds
from lab.check.checkers.index import Index
from lab.check.checkers.stored import chunks
from lab.check.history import INFO, OK, OURS, PROBE, SECOND, FaultRecord

LEAST = 10  # acknowledged messages in each region and phase
SEVERAL = 6  # sentences about the same
QUIET_PHASES = ("settle", "quiet", "read")  # little or nothing is published there
SHORTEST = 5 * SECOND  # a fault of a moment still needs a publish within this time
RECOVERY = 20 * SECOND  # after a fault, in which unknown outcomes are its own
UNKNOWN_SHARE = 0.01


def vacuity(index: Index) -> Iterator[Draft]:
    found = [*_outside(index), *_run(index), *_publishes(index), *_faults(index), *_reads(index), *_outcomes(index)]
    for place, sentence, time in found:
        yield Draft("P0", place, "unknown", 1, 0, sentence, (Case(-1, sentence, time),) if time is not None else ())
    if not found:
        run = index.history.run
        checked = len(index.history.publishes) + len(index.history.faults) + len(index.stored)
        ran = max((phase.ended for phase in run.phases), default=0)
        yield Draft(
            "P0", "", "valid", checked, 0, f"the run was whole: {seconds(ran)}, with all that its verdict rests on"
        )


Reason = tuple[str, str, int | None]


def _outside(index: Index) -> Iterator[Reason]:
    """What was not the check's doing comes first: it may explain the rest."""
    for fault in index.history.faults:
        if fault.outside:
            yield "", fault.evidence, fault.began


def _run(index: Index) -> Iterator[Reason]:
    run = index.history.run
    if run.ended != "complete":
        yield "", f"the run did not end as planned: {run.ended}", None
    for note in run.noticed:
        yield "", note, None
    if not index.waited and any(len(index.pending(stored)) for stored in index.reads):
        yield "", "the final reads began before every source had to be back, and messages were missing then", None
    for name, stored in index.stored.items():
        last = index.before.get(name, 0)
        there = stored.read.rows[: len(stored.numbers) - len(stored.after(last))]
        if (there["flags"] & (OURS | PROBE) == 0).any():
            yield (
                name,
                f"{name} was not empty at the start: messages of another run, up to {last:,}, were read as well",
                None,
            )


def _publishes(index: Index) -> Iterator[Reason]:
    run = index.history.run
    phases = [phase for phase in run.phases if phase.name not in QUIET_PHASES]
    fed = _fed(index)
    counts = np.zeros((len(phases), len(fed)), np.int64)
    pairs = list(fed)
    feed_of = np.array([pairs.index((process.region, run.home(process))) for process in run.processes], np.int64)
    for _, rows in chunks(index.history.publishes):
        good = rows[rows["outcome"] == OK]
        for place, phase in enumerate(phases):
            inside = good[(good["invoked"] >= phase.began) & (good["invoked"] < phase.ended)]
            counts[place] += np.bincount(feed_of[inside["process"]], minlength=len(fed))
    for place, phase in enumerate(phases):
        few = [
            (n, region, name) for n, ((region, _), name) in zip(counts[place], fed.items(), strict=True) if n < LEAST
        ]
        if len(few) > SEVERAL:
            told = f"fewer than {LEAST} acknowledged messages in {len(few)} of {len(fed)} streams during {phase.name}"
            yield "", told, None
            continue
        for number, region, name in few:
            yield region, f"only {count(int(number), 'acknowledged message')} in {name} during {phase.name}", None
    if not phases:
        yield "", "the run has no phase in which anything was published", None


def _fed(index: Index) -> dict[tuple[str, str], str]:
    """Region and origin of every stretch of the load, with its name."""
    run, layout = index.history.run, index.layout
    pairs = [(process.region, run.home(process)) for process in run.processes]
    if layout.virtual_name:
        pairs += [(region, layout.origin(region).key) for region in layout.regions]
    many = {region for region, _ in pairs if len({origin for where, origin in pairs if where == region}) > 1}
    every = [(region, layout.origin(region).key) for region in layout.regions] if layout.virtual_name else []
    return {
        pair: f"{pair[1]}, from {pair[0]}," if pair[0] in many else pair[0] for pair in dict.fromkeys(every + pairs)
    }


def _faults(index: Index) -> Iterator[Reason]:
    published = _published(index)
    for fault in index.history.own_faults:
        what = f"{fault.what} ({fault.id})"
        if fault.injected is None:
            yield "", f"{what} never took hold{_why(fault)}", fault.began
        elif not fault.proven:
            yield "", f"{what} is not proven to have taken hold{_why(fault)}", fault.injected
        if fault.healed is None:
            yield "", f"{what} was not healed{_why(fault)}", fault.began
        elif fault.injected is not None and fault.id not in published:
            yield "", f"nobody published while {what} was in force", fault.injected


def _published(index: Index) -> set[str]:
    """The faults in whose time somebody published."""
    found: set[str] = set()
    for _, rows in chunks(index.history.publishes):
        invoked = rows["invoked"].copy()
        for fault in index.history.faults:
            if fault.injected is not None and fault.healed is not None:
                end = max(fault.healing or fault.healed, fault.injected + SHORTEST)
                if ((invoked >= fault.injected) & (invoked < end)).any():
                    found.add(fault.id)
    return found


def _why(fault: FaultRecord) -> str:
    return f": {fault.error}" if fault.error else ""


def _reads(index: Index) -> Iterator[Reason]:
    for name in (stream.key for stream in index.layout.streams):
        if name not in index.stored:
            yield name, f"{name} was not read", None
        elif index.stored[name].problem:
            yield name, index.stored[name].problem, None
    for stored in index.reads:
        if len(index.history.publishes) and not index.expected.table(stored.name).any():
            yield stored.name, f"nothing that was published is selected on the way to {stored.name}", None


def _outcomes(index: Index) -> Iterator[Reason]:
    calm = unknown = 0
    for _, rows in chunks(index.history.publishes):
        outside = np.ones(len(rows), np.bool_)
        for fault in index.history.faults:
            end = np.iinfo(np.int64).max if fault.healed is None else fault.healed + RECOVERY
            outside &= (rows["completed"] < fault.began) | (rows["invoked"] > end)
        calm += int(outside.sum())
        unknown += int((outside & (rows["outcome"] == INFO)).sum())
    if calm and unknown / calm > UNKNOWN_SHARE:
        yield (
            "",
            f"{unknown:,} of {count(calm, 'publish')} outside all faults had an unknown outcome: more than 1 %",
            None,
        )
