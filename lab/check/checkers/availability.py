"""What worked, where and when: L2 to L7 and L9, from publishes and probes, in windows of a certain condition.

Each bound is that of docs/checking.md. A region that was never in a condition has no finding for it.
"""

from collections.abc import Iterator

import numpy as np

from lab.check.checkers.conditions import Conditions, Window
from lab.check.checkers.examples import Case, Draft, count, judged, pick, seconds
from lab.check.checkers.index import Index
from lab.check.checkers.outages import ELECTIONS, noticing, outages
from lab.check.checkers.publishes import Publishes, publishes_of
from lab.check.checkers.stored import NONE
from lab.check.history import OK, SECOND, Probe
from lab.layouts import Layout
from lab.observe.operations import CONTROL_PLANE, DIRECT_GET, LOCAL_READS, NEW_CONSUMER

# All in nanoseconds, as all times of a history.
SETTLE = 2 * SECOND  # a publish that was under way when a fault took hold
UNAWARE = ELECTIONS  # until a region knows that it is alone
CONSUMER_MADE = 5 * SECOND  # L5: to create one
NODE_LOST = 10 * SECOND  # L6: without an acknowledgement, when a quorum is left
QUORUM_BACK = CONTROL_BACK = 20 * SECOND  # L7, L9

FULL = ("max_msgs", "max_bytes", "max_msgs_per_subject")
ISOLATED_RATIO, MAJORITY_RATIO = 0.99, 0.999


def availability(index: Index) -> Iterator[Draft]:
    conditions = Conditions(index.history)
    for region in index.topology.regions:
        windows = conditions.of(region)
        probes = [probe for probe in index.history.probes if probe.region == region]
        yield from _isolated(index, region, windows, probes)
        yield from _majority(index, region, windows, probes)
        groups = stores(index, region)
        for replicas, places in groups.items():
            place = region if len(groups) == 1 else f"{region} R{replicas}"
            yield from _writes(index, region, place, conditions.with_replicas(replicas).of(region), places)
        yield from _control_plane_back(index, region, probes)


def _writes(index: Index, region: str, place: str, windows: list[Window], places: frozenset[int]) -> Iterator[Draft]:
    publishes = publishes_of(index, region, places)
    alone = [window for w in _alone(windows) if (window := w.after(SETTLE))]
    yield from _ratio(index, "L2", place, alone, publishes, ISOLATED_RATIO, "while the region was isolated")
    side = [window for w in _side(windows) if (window := w.after(SETTLE))]
    yield from _ratio(index, "L5", place, side, publishes, MAJORITY_RATIO, PARTED)
    yield from _node_down(index, region, place, windows, publishes)
    yield from _no_quorum(index, region, place, windows, publishes)


def accepts_alone(layout: Layout, key: str) -> bool:
    """Whether a stream accepts what is published in its region whatever happens elsewhere: it lives there alone, and
    never refuses what is new because it is full."""
    stream = layout.stream(key)
    limited = any(int(stream.definition.get(name) or -1) > 0 for name in FULL)
    return len(stream.regions) == 1 and not (limited and stream.definition.get("discard") == "new")


def reads_at_home(layout: Layout, region: str) -> bool:
    """Whether all replicas of what the clients of a region read are there."""
    return region in layout.clients and layout.copy(region).regions == (region,)


def reads_alone(layout: Layout, region: str) -> tuple[tuple[str, ...], int]:
    """Which reads a region promises while it is isolated, and how long (ns) after it was cut off. Where there are
    replicas elsewhere, any of them may be asked until servers notice who is gone, and consumers need a majority."""
    if reads_at_home(layout, region):
        return LOCAL_READS, SETTLE
    return (DIRECT_GET,), SETTLE + noticing(layout.topology)


def stores(index: Index, region: str) -> dict[int, frozenset[int]]:
    """Replicas -> the places of the streams with so many that live in a region and are filled there. Where clients
    publish into a stream that lives elsewhere, their region alone promises nothing."""
    run, groups = index.history.run, dict[int, set[int]]()
    for process in run.processes:
        key = run.home(process)
        here = key in index.streams and process.region == region == index.layout.stream(key).region
        if here and accepts_alone(index.layout, key):
            defined = run.definitions.get(key)
            replicas = int(defined.get("num_replicas") or 1) if defined else index.topology.replicas
            groups.setdefault(replicas, set()).add(index.streams.index(key))
    return {replicas: frozenset(places) for replicas, places in sorted(groups.items())}


# --- L2, L3, L4 ---


def _alone(windows: list[Window]) -> list[Window]:
    return [w for w in windows if w.condition.isolated and not w.condition.down and w.calm]


def _isolated(index: Index, region: str, windows: list[Window], probes: list[Probe]) -> Iterator[Draft]:
    isolated = _alone(windows)
    operations, grace = reads_alone(index.layout, region)
    calm = [window for w in isolated if (window := w.after(grace))]
    reads = [probe for window in calm for probe in _probes(probes, window, operations)]
    if reads:
        failed = [probe for probe in reads if probe.outcome != "ok"]
        good = f"all of {count(len(reads), 'local read')} worked while the region was isolated"
        bad = f"of {count(len(reads), 'local read')} did not work while the region was isolated"
        yield _probed(index, "L3", region, len(reads), failed, good, bad)
    aware = [w for w in isolated if not w.condition.majority]
    control = [probe for w in aware if (w2 := w.after(UNAWARE)) for probe in _probes(probes, w2, CONTROL_PLANE)]
    if control:
        worked = [probe for probe in control if probe.outcome == "ok"]
        yield judged(
            "L4",
            region,
            len(control),
            len(worked),
            f"all of {count(len(control), 'attempt')} to create a consumer or stream failed in isolation, as they must",
            f"{len(worked):,} of {count(len(control), 'attempt')} to create a consumer or stream worked in isolation, "
            "where there is no majority",
            [_probe(probe) for probe in _some(worked)],
        )


def _ratio(
    index: Index, property_: str, region: str, windows: list[Window], publishes: Publishes, least: float, when: str
) -> Iterator[Draft]:
    parts = [publishes.within(window.began, window.ended) for window in windows]
    total = sum(len(part.outcome) for part in parts)
    if not total:
        return
    failed = [part.outcome != OK for part in parts]
    wrong = [f & ~index.stalls.during(p.invoked, p.completed) for f, p in zip(failed, parts, strict=True)]
    bad, certain = (sum(int(mask.sum()) for mask in masks) for masks in (failed, wrong))
    few, fewer = (1 - number / total < least for number in (bad, certain))
    cases = [c for p, mask in zip(parts, wrong, strict=True) for c in p.cases(mask, "the publish ended as {outcome}")]
    told = f"{total - bad:,} of {count(total, 'publish')} worked {when}"
    violations = certain if fewer else 0
    yield judged(property_, region, total, violations, told, f"only {told}", cases, excused=bad if few else 0)


# --- L5 ---


PARTED = "while another region was out of reach"


def _side(windows: list[Window]) -> list[Window]:
    return [w for w in windows if w.condition.parted and w.condition.majority and not w.condition.down and w.calm]


def _majority(index: Index, region: str, windows: list[Window], probes: list[Probe]) -> Iterator[Draft]:
    if not reads_at_home(index.layout, region):
        return  # a consumer of one replica may be placed in a region that is out of reach
    aware = [window for w in _side(windows) if not w.condition.slowed and (window := w.after(UNAWARE))]
    # Any fault anywhere may depose the meta leader, and so may its heal.
    marks = [t for f in index.history.faults for t in (f.began, f.injected, f.healing, f.healed) if t is not None]
    made = [
        probe
        for window in aware
        for probe in _probes(probes, window, (NEW_CONSUMER,))
        if not any(mark - CONSUMER_MADE < probe.time < mark + ELECTIONS for mark in marks)
    ]
    if made:
        failed = [probe for probe in made if probe.outcome != "ok" or probe.seconds * SECOND > CONSUMER_MADE]
        good = f"all of {count(len(made), 'consumer')} could be created {PARTED}"
        bad = f"of {count(len(made), 'consumer')} could not be created within {CONSUMER_MADE / SECOND:g} s {PARTED}"
        yield _probed(index, "L5", f"{region} consumers", len(made), failed, good, bad)


# --- L6, L7 ---


def _node_down(index: Index, region: str, place: str, windows: list[Window], publishes: Publishes) -> Iterator[Draft]:
    """With a quorum left, no longer without an acknowledgement than an election takes."""
    own = {node.name for node in index.topology.region_nodes(region)}
    heals = [fault.healed for fault in index.history.faults if fault.healed and own & {*fault.nodes}]
    checked, worst, cases = 0, 0, []
    violations = excused = 0
    for window in windows:
        if not (window.condition.down and window.condition.quorum):
            continue
        # It may only just have its quorum back.
        bound = QUORUM_BACK if any(0 <= window.began - healed < QUORUM_BACK for healed in heals) else NODE_LOST
        part = publishes.within(window.began, window.ended)
        if not len(part.outcome):
            continue
        checked += len(part.outcome)
        good = np.sort(part.completed[part.outcome == OK])
        edges = np.concatenate(([window.began], good[good <= window.ended], [window.ended]))
        gaps = np.diff(edges)
        worst = max(worst, int(gaps.max()))
        long = gaps > bound
        stalled = index.stalls.during(edges[:-1], edges[1:])
        excused += int((long & stalled).sum())
        for at in np.flatnonzero(long & ~stalled):
            violations += 1
            what = (
                f"no publish in {region} was acknowledged from {seconds(int(edges[at]))} to "
                f"{seconds(int(edges[at + 1]))}, with {window.condition.up} of {window.condition.nodes} nodes up"
            )
            cases.append(Case(NONE, what, int(edges[at])))
    if checked:
        yield judged(
            "L6",
            place,
            checked,
            violations,
            f"never longer than {worst / SECOND:.1f} s without an acknowledgement while a node was down",
            f"up to {worst / SECOND:.1f} s without an acknowledgement while a node was down",
            cases,
            excused=excused,
        )


def _no_quorum(index: Index, region: str, place: str, windows: list[Window], publishes: Publishes) -> Iterator[Draft]:
    """Without a quorum nothing is acknowledged; with it back, publishes work again within 20 s."""
    checked, false, cases, slow, excused = 0, 0, [], 0, 0
    for window in windows:
        if window.condition.quorum is not False:
            continue
        part = publishes.within(window.began + SECOND, window.ended)
        wrong = (part.outcome == OK) & (part.completed < window.ended)
        checked += len(part.outcome)
        false += int(wrong.sum())
        cases += part.cases(wrong, f"acknowledged with {window.condition.up} of {window.condition.nodes} nodes up")
        back = _back(index, region, window, windows, publishes)
        if back is not None:
            checked += 1
            if back > QUORUM_BACK and index.stalls.during(window.ended, window.ended + back):
                excused += 1
            elif back > QUORUM_BACK:
                slow += 1
                what = f"publishes in {region} worked again only {seconds(back)} after its quorum was back"
                cases.append(Case(NONE, what, window.ended))
    if checked:
        late = slow if false else slow or excused
        told = [(false, "acknowledged without a quorum"), (late, "late to work again after it was back")]
        yield judged(
            "L7",
            place,
            checked,
            false + slow,
            "nothing was acknowledged without a quorum, and publishes worked again within 20 s after it was back",
            "publishes: " + ", ".join(f"{number:,} {text}" for number, text in told if number),
            cases,
            excused=excused,
        )


def _back(index: Index, region: str, window: Window, windows: list[Window], publishes: Publishes) -> int | None:
    """How long after the quorum was back the first publish worked; None when the next fault or the end came first."""
    own = {node.name for node in index.topology.region_nodes(region)}
    healed = [f.healed for f in index.history.faults if f.healed and f.healing == window.ended and own & set(f.nodes)]
    if not healed:
        return None
    time = max(healed)
    later = [f.began for f in index.history.faults if f.began > window.ended and own & set(f.nodes)]
    until = min([*later, windows[-1].ended if windows else time])
    part = publishes.within(time, until)
    good = part.completed[part.outcome == OK]
    first = int(good.min()) - time if len(good) else None
    if first is not None:
        return first
    tried = int(part.invoked[-1]) - time if len(part.invoked) else 0
    return tried if tried > QUORUM_BACK else None


# --- L9 ---


def _control_plane_back(index: Index, region: str, probes: list[Probe]) -> Iterator[Draft]:
    checked, late, worst, excused = 0, 0, 0, 0
    cases: list[Case] = []
    for outage in outages(index.history):
        if outage.outside or not any(fault.nodes or fault.links for fault in outage.faults):
            continue
        tries = [
            probe
            for probe in probes
            if probe.operation == NEW_CONSUMER and outage.healed <= probe.time < (outage.until or probe.time + 1)
        ]
        ends = [probe.time + round(probe.seconds * SECOND) for probe in tries if probe.outcome == "ok"]
        back = min(ends) - outage.healed if ends else None
        given_up = tries and tries[-1].time - outage.healed >= CONTROL_BACK
        if back is None and not given_up:
            continue
        checked += 1
        worst = max(worst, back or 0)
        if back is not None and back <= CONTROL_BACK:
            continue
        if index.stalls.during(outage.healed, min(ends, default=tries[-1].time)):
            excused += 1
        else:
            late += 1
            told = (
                f"only {seconds(back)} after it" if back is not None else "not again before the next fault or the end"
            )
            cases.append(
                Case(
                    NONE,
                    f"healed at {seconds(outage.healed)}: consumers could be created in {region} {told}",
                    outage.healed,
                )
            )
    if checked:
        yield judged(
            "L9",
            region,
            checked,
            late,
            f"consumers could be created again at most {worst / SECOND:.1f} s after each of {count(checked, 'heal')}",
            f"after {late or excused:,} of {count(checked, 'heal')} no consumer could be created for 20 s",
            cases,
            excused=excused,
        )


def _probes(probes: list[Probe], window: Window, operations: tuple[str, ...]) -> list[Probe]:
    """Probes that began and ended in a window."""
    return [
        probe
        for probe in probes
        if probe.operation in operations
        and window.began <= probe.time
        and probe.time + round(probe.seconds * SECOND) <= window.ended
    ]


def _probed(index: Index, id_: str, place: str, checked: int, failed: list[Probe], good: str, bad: str) -> Draft:
    """`bad` follows the number of those that failed."""
    wrong = index.stalls.certain(failed)
    told, cases = f"{len(wrong or failed):,} {bad}", [_probe(probe) for probe in _some(wrong)]
    return judged(id_, place, checked, len(wrong), good, told, cases, excused=len(failed) - len(wrong))


def _some(probes: list[Probe]) -> list[Probe]:
    return [probes[place] for place in pick(np.arange(len(probes)))]


def _probe(probe: Probe) -> Case:
    told = f"{probe.operation} in {probe.region} at {seconds(probe.time)}: {probe.outcome} after {probe.seconds:.3f} s"
    return Case(NONE, told + (f" ({probe.error})" if probe.error else ""), probe.time)
