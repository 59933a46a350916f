"""Each property by hand: a few messages, the whole finding."""

from dataclasses import replace

import pytest
from small_histories import MS, READS, WRITES, Delivery, Entry, Publish, Small

from lab.check.checkers import judge
from lab.check.findings import Finding
from lab.check.history import ACKED, FAIL, FINE, INFO, INTACT, OK, PROBE, SECOND, SUBJECT, Phase, Replica, Sample

WEST, CENTRAL, EAST = "foo-read-west", "foo-read-central", "foo-read-east"


def three() -> Small:
    """west/0:0, west/0:1 and central/1:0, everywhere in this order."""
    sent = [(0, 0, "west"), (0, 1, "west"), (1, 0, "central")]
    publishes: list[Publish] = []
    streams: dict[str, list[Entry]] = {name: [] for name in (*WRITES.values(), *READS.values())}
    for turn, (process, counter, region) in enumerate(sent):
        home = WRITES[region]
        entry = Entry(process, counter, home, len(streams[home]) + 1, stored=turn * SECOND + MS)
        streams[home].append(entry)
        publishes.append(Publish(process, counter, OK, entry.origin_sequence, home, time=turn * SECOND))
        for read in READS.values():
            streams[read].append(replace(entry, stored=turn * SECOND + 5 * MS))
    return Small(["west", "central", "east"], publishes, streams)


def findings(history: Small, property_: str) -> list[Finding]:
    return [finding for finding in judge(history.history()).findings if finding.property == property_]


def finding(history: Small, property_: str, place: str) -> Finding:
    return next(each for each in findings(history, property_) if each.place == place)


def violated(history: Small) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in judge(history.history()).findings:
        if each.validity == "violated":
            found.setdefault(each.property, []).append(each.place)
    return found


def test_nothing_is_wrong_with_three_messages() -> None:
    assert violated(three()) == {}
    assert finding(three(), "P1", "foo-write-west") == Finding(
        "P1", "foo-write-west", "valid", 2, 0, "2 acknowledged messages, each once and where its acknowledgement says"
    )


def test_a_lost_message_is_told_as_a_story() -> None:
    history = three()
    del history.streams[CENTRAL][0]
    lost = finding(history, "P2a", CENTRAL)
    assert (lost.validity, lost.checked, lost.violations) == ("violated", 3, 1)
    assert lost.sentence == "1 of 3 acknowledged messages are not there: 1 at the beginning of a process"
    (example,) = lost.examples
    assert (example.message, example.time, example.faults) == ("west/0:0", 0, ())
    assert example.story.splitlines() == [
        "lost in foo-read-central (before the first that is there of its process)",
        "published at 0.000 s, ok at 0.002 s: foo-write-west acknowledged it as 1; no fault then",
        "foo-write-west: at 1, stored at 0.001 s, no fault then",
        "foo-read-west: at 1, from foo-write-west 1, stored at 0.005 s, no fault then",
        "foo-read-central: not there",
        "foo-read-east: at 1, from foo-write-west 1, stored at 0.005 s, no fault then",
    ]


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        ([0], "1 at the beginning of a process"),
        ([1], "1 in the middle"),
        ([2], "1 at the end of a process"),
        ([0, 1, 2], "3 of processes that lost everything"),
        ([0, 2], "1 at the beginning of a process, 1 at the end of a process"),
    ],
)
def test_losses_are_told_apart_by_where_they_are(gone: list[int], told: str) -> None:
    home = WRITES["west"]
    entries = [Entry(0, counter, home, counter + 1) for counter in range(3)]
    streams: dict[str, list[Entry]] = {name: [] for name in (*WRITES.values(), *READS.values())}
    streams[home] = entries
    for read in READS.values():
        streams[read] = [replace(entry) for entry in entries]
    streams[EAST] = [replace(entry) for entry in entries if entry.counter not in gone]
    publishes = [Publish(0, counter, OK, counter + 1, home) for counter in range(3)]
    lost = finding(Small(["west"], publishes, streams), "P2a", EAST)
    assert lost.sentence == f"{len(gone)} of 3 acknowledged messages are not there: {told}"


def test_an_incomplete_read_proves_no_loss_but_a_duplicate() -> None:
    history = three()
    del history.streams[CENTRAL][0]
    history.incomplete = (CENTRAL,)
    assert violated(history) == {}
    assert finding(history, "P2a", CENTRAL).validity == "unknown"
    assert finding(history, "P6", CENTRAL).validity == "unknown"
    history.streams[CENTRAL].append(replace(history.streams[CENTRAL][0]))
    assert violated(history) == {"P2b": [CENTRAL], "P4": [CENTRAL], "P6": [CENTRAL]}


def test_sequences_that_a_read_lacks_make_it_incomplete_unless_the_server_calls_them_deleted() -> None:
    history = three()
    for place, entry in enumerate(history.streams[CENTRAL], 1):
        entry.sequence = place
    del history.streams[CENTRAL][1]
    history.bounds[CENTRAL] = (1, 3, 0)
    assert violated(history) == {}
    assert "lacks 1 sequences" in finding(history, "P0", CENTRAL).sentence
    history.bounds[CENTRAL] = (1, 3, 1)
    assert violated(history) == {"P2a": [CENTRAL], "P5c": [CENTRAL], "P6": [CENTRAL]}


def test_a_client_that_tries_twice_is_not_called_a_server_that_duplicates() -> None:
    history = three()
    again = Entry(0, 0, WRITES["west"], 3)
    history.publishes.append(Publish(0, 0, OK, 3, WRITES["west"], time=3 * SECOND))
    for name in (WRITES["west"], *READS.values()):
        history.streams[name].append(replace(again))
    assert violated(history) == {"P1": ["foo-write-west"], "P2b": [*READS.values()]}
    history.streams[EAST].append(replace(again))
    assert violated(history)["P4"] == [EAST]
    assert "the server duplicated them" in finding(history, "P4", EAST).sentence


def test_an_unknown_outcome_may_be_there_everywhere_or_nowhere_but_not_here_and_there() -> None:
    history = three()
    history.publishes[2] = Publish(1, 0, INFO, time=2 * SECOND)
    assert violated(history) == {}
    for name in (WRITES["central"], *READS.values()):
        del history.streams[name][-1]
    assert violated(history) == {}
    history = three()
    history.publishes[2] = Publish(1, 0, INFO, time=2 * SECOND)
    del history.streams[EAST][2]
    assert violated(history) == {"P5c": [EAST], "P6": [EAST]}


def test_phantoms_of_every_kind_are_counted_apart() -> None:
    history = three()
    entries = history.streams[WEST]
    entries[0].flags &= ~INTACT
    history.publishes[1].outcome, history.publishes[1].stream = FAIL, ""
    entries += [Entry(9, 9, WRITES["west"], 3, flags=INTACT | SUBJECT), Entry(0, 7, WRITES["west"], 4)]
    found = finding(history, "P3", WEST)
    assert found.violations == 4
    assert found.sentence == (
        "of 5 rows, 1 is not of this run, 1 is not as it was sent: its bytes do not match their checksum, "
        "1 was never published, 1 was refused when it was published, yet it is there"
    )
    assert {example.message for example in found.examples} == {"", "west/0:0", "west/0:7", "west/0:1"}


def test_a_message_of_a_probe_is_no_phantom() -> None:
    history = three()
    history.streams[WRITES["west"]].append(Entry(0, 0, WRITES["west"], 3, flags=PROBE))
    for read in READS.values():
        history.streams[read].append(Entry(0, 0, WRITES["west"], 3, flags=PROBE))
    assert violated(history) == {}


def test_what_was_there_before_the_run_and_comes_again_is_a_duplicate_and_no_phantom() -> None:
    history = three()
    for name in WRITES.values():
        for place, entry in enumerate(history.streams[name], 11):
            entry.sequence = entry.origin_sequence = place
    for publish in history.publishes:
        publish.sequence, publish.time = publish.sequence + 10, publish.time + SECOND
    for read in READS.values():
        for entry in history.streams[read]:
            entry.origin_sequence += 10
    history.samples = (Sample(0, dict.fromkeys(WRITES.values(), 10), {}, {}, {}),)
    assert violated(history) == {}
    history.streams[EAST].append(Entry(9, 9, WRITES["west"], 4, flags=INTACT | SUBJECT))
    assert violated(history) == {"P4": [EAST], "P6": [EAST]}


def test_expired_is_no_loss_of_the_write_stream_but_of_a_read_stream_that_never_had_it() -> None:
    history = three()
    history.topology = replace(history.topology, max_age="20s", duplicate_window="2s")
    history.phases = (Phase("main", 0, 60 * SECOND),)
    del history.streams[WRITES["west"]][0]
    history.streams[WRITES["west"]][0].sequence = 2
    del history.streams[EAST][0]
    assert violated(history) == {"P2a": [EAST], "P6": [EAST]}
    assert "1 expired before they were sourced" in finding(history, "P2a", EAST).sentence
    assert "(1 expired since)" in finding(history, "P1", "foo-write-west").sentence
    history.phases = (Phase("main", 0, 10 * SECOND),)
    assert violated(history)["P1"] == ["foo-write-west"]
    assert "purged or deleted" in finding(history, "P1", "foo-write-west").examples[0].story


def test_what_a_source_still_had_time_to_bring_is_unknown_and_not_lost() -> None:
    history = three()
    history.phases = (Phase("main", 0, 4 * SECOND), Phase("read", 5 * SECOND, 6 * SECOND))
    del history.streams[EAST][1]
    assert "P2a" not in violated(history)
    assert finding(history, "P2a", EAST).validity == "unknown"
    assert any("before every source had to be back" in each.sentence for each in findings(history, "P0"))
    history.phases = (Phase("main", 0, 4 * SECOND), Phase("read", 60 * SECOND, 61 * SECOND))
    assert violated(history) == {"P2a": [EAST], "P5c": [EAST], "P6": [EAST]}


def test_regions_are_blamed_by_majority() -> None:
    history = three()
    history.streams[EAST].append(Entry(2, 0, WRITES["east"], 1))
    found = findings(history, "P6")
    assert [(each.place, each.validity) for each in found] == [(WEST, "valid"), (CENTRAL, "valid"), (EAST, "violated")]
    del history.streams[WEST][0]
    assert [each.place for each in findings(history, "P6") if each.violations] == [WEST, EAST]


def test_another_order_between_origins_is_allowed_and_told() -> None:
    history = three()
    entries = history.streams[EAST]
    entries[1], entries[2] = entries[2], entries[1]
    assert violated(history) == {}
    assert "in another order" in finding(history, "P6", EAST).sentence


def test_acknowledgements_that_fall_or_repeat() -> None:
    history = three()
    history.publishes[0].sequence, history.publishes[1].sequence = 2, 1
    assert finding(history, "P8", "foo-write-west").violations == 1
    assert "lower than its process got before" in finding(history, "P8", "foo-write-west").examples[0].story
    history.publishes[0].sequence = 1
    assert "that another message has" in finding(history, "P8", "foo-write-west").examples[0].story
    history.publishes[1].duplicate = True
    assert finding(history, "P8", "foo-write-west").validity == "valid"


def seen(*sequences: int, flags: int = FINE) -> list[Delivery]:
    ids = {1: (0, 0), 2: (0, 1), 3: (1, 0)}
    return [Delivery(number, *ids[number], flags, turn * SECOND) for turn, number in enumerate(sequences)]


@pytest.mark.parametrize(
    ("sequences", "sentence"),
    [
        ((1, 2, 3), "3 delivered in order, without a gap"),
        ((2, 3), "2 delivered in order, without a gap"),
        ((1, 3), "of 2 delivered, 1 after a gap"),
        ((1, 2, 2, 3), "of 4 delivered, 1 out of order or again"),
        ((1, 3, 2), "of 3 delivered, 1 out of order or again, 1 after a gap"),
    ],
)
def test_an_ordered_reader(sequences: tuple[int, ...], sentence: str) -> None:
    history = three()
    history.live = {("west", "ordered"): seen(*sequences)}
    assert finding(history, "P11", "west ordered").sentence == sentence


def test_a_durable_reader_may_get_something_again_until_its_acknowledgement_was_confirmed() -> None:
    history = three()
    history.live = {("west", "durable"): [*seen(1, 2), *seen(1, 2, 3, flags=FINE | ACKED)]}
    assert finding(history, "P11", "west durable").validity == "valid"
    history.live = {("west", "durable"): [*seen(1, 2, flags=FINE | ACKED), *seen(2, 3)]}
    again = finding(history, "P11", "west durable")
    assert (again.violations, again.examples[0].message) == (1, "west/0:1")


def test_a_durable_reader_that_skips_is_violated_and_one_that_ends_early_is_unknown_unless_it_was_stuck() -> None:
    history = three()
    history.live = {("west", "durable"): seen(1, 3)}
    assert finding(history, "P11", "west durable").examples[0].message == "west/0:1"
    history.live = {("west", "durable"): seen(1, 2)}
    history.phases = (Phase("main", 0, 4 * SECOND), Phase("read", 20 * SECOND, 21 * SECOND))
    assert finding(history, "P11", "west durable").validity == "unknown"
    history.phases = (Phase("main", 0, 4 * SECOND), Phase("read", 60 * SECOND, 61 * SECOND))
    assert finding(history, "P11", "west durable").validity == "violated"


def test_what_a_reader_was_given_must_stay() -> None:
    history = three()
    history.live = {("west", "ordered"): seen(1, 2, 3)}
    del history.streams[WEST][2]
    gone = finding(history, "P7", "west ordered")
    assert gone.sentence == "1 of 3 deliveries are not in the final read as they were given"
    assert gone.examples[0].story.splitlines()[0] == (
        "the ordered reader of west was given foo-read-west 3 at 2.000 s; it is now gone"
    )


def test_replicas_are_compared_and_counted() -> None:
    same = Replica(WEST, "west-1", True, 3, 300, 1, 3, 0)
    history = three()
    history.replicas = (same, replace(same, node="west-2"), replace(same, node="west-3", messages=2, bytes=200))
    assert finding(history, "P9", WEST).sentence == "the replicas differ: west-3 in its messages, bytes"
    history.replicas = (same, replace(same, node="west-2"))
    assert finding(history, "P9", WEST).sentence == "2 of 3 replicas of foo-read-west answered"
    history.replicas = tuple(replace(same, node=f"west-{n}", digest="abc") for n in (1, 2, 3))
    assert finding(history, "P9", WEST).validity == "valid"
    history.replicas = (*history.replicas[:2], replace(same, node="west-3", digest="abd"))
    assert finding(history, "P9", WEST).violations == 1


def test_two_regions_that_differ_are_both_named() -> None:
    history = three()
    del history.streams[EAST]
    del history.streams[CENTRAL][0]
    assert [each.place for each in findings(history, "P6") if each.violations] == [WEST, CENTRAL]
    assert finding(history, "P2a", EAST).sentence == "foo-read-east was not read"


def test_a_checker_that_fails_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from lab.check import checkers

    def broken(_: object) -> list[object]:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(checkers, "CHECKERS", {broken: ("P4",)})
    verdict = judge(three().history())
    assert any("its checker failed: ZeroDivisionError: by zero" in each.sentence for each in verdict.findings)
    assert verdict.validity == "unknown"


def test_a_history_that_cannot_be_judged_is_unknown() -> None:
    history = three()
    history.publishes[0].counter = 4_000_000_000
    verdict = judge(history.history())
    assert (verdict.validity, verdict.findings[0].property) == ("unknown", "P0")
    assert "the counters of the publishes are not dense" in verdict.findings[0].sentence


def test_a_source_header_that_makes_no_sense_is_named() -> None:
    history = three()
    history.streams[EAST][2].origin_sequence = 2**60
    assert violated(history) == {"P4": [EAST]}
