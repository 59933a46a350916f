"""A valid history with one thing changed is caught by the right properties, which name the message; unchanged never."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from small_histories import READS, REGIONS, WRITES, Entry, Publish, Small, small

from lab.check.checkers import judge
from lab.check.findings import Verdict
from lab.check.history import FAIL, INFO, INTACT, OK, SUBJECT, History

Expected = tuple[set[str], tuple[int, int]]  # the properties, and the message that each of them names
seeds = st.integers(0, 2**32)
many = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def red(verdict: Verdict) -> set[str]:
    return {finding.property for finding in verdict.findings if finding.validity == "violated"}


def pick_read(dice: random.Random, history: Small) -> list[Entry]:
    entries = history.streams[READS[dice.choice(REGIONS)]]
    if not entries:
        reject()
    return entries


def acked(history: Small, message: tuple[int, int]) -> bool:
    return any((p.process, p.counter) == message and p.outcome == OK for p in history.publishes)


def pick_publish(dice: random.Random, history: Small, outcome: int) -> Publish:
    chosen: list[Publish] = [publish for publish in history.publishes if publish.outcome == outcome]
    if not chosen:
        reject()
    publish: Publish = dice.choice(chosen)
    return publish


def lost(history: Small, entries: list[Entry], gone: Entry) -> set[str]:
    """What follows when an entry is no longer in a read stream. A gap is only one behind the origin's first entry."""
    left = [entry.origin_sequence for entry in entries if entry.origin == gone.origin]
    found = {"P6"}
    if acked(history, gone.key):
        found.add("P2a")
    if not left or gone.origin_sequence > min(left):
        found.add("P5c")
    return found


def drop_a_row(history: Small, dice: random.Random) -> Expected:
    entries = pick_read(dice, history)
    gone = entries.pop(dice.randrange(len(entries)))
    return lost(history, entries, gone), gone.key


def repeat_a_row(history: Small, dice: random.Random) -> Expected:
    entries = pick_read(dice, history)
    place = dice.randrange(len(entries))
    entries.insert(dice.randint(place + 1, len(entries)), replace(entries[place]))
    return {"P2b", "P4", "P6"}, entries[place].key


def swap_two_of_an_origin(history: Small, dice: random.Random) -> Expected:
    entries = pick_read(dice, history)
    place = dice.randrange(len(entries))
    after = [n for n in range(place + 1, len(entries)) if entries[n].origin == entries[place].origin]
    if not after:
        reject()
    earlier, later = entries[place], entries[after[0]]
    entries[place], entries[after[0]] = later, earlier
    same = earlier.process == later.process
    return {"P5a"} | ({"P5b"} if same else set()), later.key


def swap_two_in_a_write_stream(history: Small, dice: random.Random) -> Expected:
    entries = history.streams[WRITES[dice.choice(REGIONS)]]
    if len(entries) < 2:
        reject()
    place = dice.randrange(len(entries) - 1)
    earlier, later = entries[place], entries[place + 1]
    entries[place], entries[place + 1] = later, earlier
    found = {"P4"}
    if acked(history, earlier.key) or acked(history, later.key):
        found.add("P1")
    if earlier.process == later.process:
        found.add("P5b")
    return found, later.key if acked(history, later.key) else earlier.key


def move_a_row_to_another_region(history: Small, dice: random.Random) -> Expected:
    here, there = dice.sample(REGIONS, 2)
    entries = history.streams[READS[here]]
    if not entries:
        reject()
    gone = entries.pop(dice.randrange(len(entries)))
    history.streams[READS[there]].append(gone)
    return lost(history, entries, gone) | {"P2b", "P4"}, gone.key


def alter_a_byte(history: Small, dice: random.Random) -> Expected:
    entry = dice.choice(pick_read(dice, history))
    entry.flags &= ~INTACT
    return {"P3"}, entry.key


def alter_a_subject(history: Small, dice: random.Random) -> Expected:
    entry = dice.choice(pick_read(dice, history))
    entry.flags &= ~SUBJECT
    return {"P10"}, entry.key


def remove_a_publish(history: Small, dice: random.Random) -> Expected:
    publish = pick_publish(dice, history, OK)
    history.publishes.remove(publish)
    return {"P3"}, (publish.process, publish.counter)


def call_an_ok_failed(history: Small, dice: random.Random) -> Expected:
    publish = pick_publish(dice, history, OK)
    publish.outcome = FAIL
    return {"P3"}, (publish.process, publish.counter)


def call_a_failure_ok(history: Small, dice: random.Random) -> Expected:
    publish = pick_publish(dice, history, FAIL)
    home = WRITES[history.processes[publish.process]]
    publish.outcome, publish.stream, publish.sequence = OK, home, len(history.streams[home]) + 1
    later = [p for p in history.publishes if p.process == publish.process and p.counter > publish.counter]
    falling = {"P8"} if any(p.outcome == OK for p in later) else set()
    return {"P1", "P2a"} | falling, (publish.process, publish.counter)


def acknowledge_a_sequence_twice(history: Small, dice: random.Random) -> Expected:
    publish = pick_publish(dice, history, OK)
    others = [p for p in history.publishes if p.stream == publish.stream and p is not publish]
    if not others:
        reject()
    publish.sequence = dice.choice(others).sequence
    return {"P1", "P8"}, (publish.process, publish.counter)


def drop_the_tail(history: Small, dice: random.Random) -> Expected:
    entries = pick_read(dice, history)
    place = dice.randrange(max(0, len(entries) - 4), len(entries))
    gone = entries[place:]
    del entries[place:]
    found: set[str] = set()
    for entry in gone:
        found |= lost(history, entries, entry)
    return found, gone[0].key


def shift_a_process(history: Small, dice: random.Random) -> Expected:
    """Every message of one process stands where its next one should, in one region; its last becomes one too many."""
    entries = pick_read(dice, history)
    process = dice.choice(entries).process
    mine = [entry for entry in entries if entry.process == process]
    first = mine[0].key
    for entry in mine:
        entry.counter += 1
    tried = {(p.process, p.counter) for p in history.publishes}
    failed = {(p.process, p.counter) for p in history.publishes if p.outcome == FAIL}
    found = {"P4", "P6"}
    if acked(history, first):
        found.add("P2a")
    if any(entry.key not in tried or entry.key in failed for entry in mine):
        found.add("P3")
    return found, first


MUTATIONS: tuple[Callable[[Small, random.Random], Expected], ...] = (
    drop_a_row,
    repeat_a_row,
    swap_two_of_an_origin,
    swap_two_in_a_write_stream,
    move_a_row_to_another_region,
    alter_a_byte,
    alter_a_subject,
    remove_a_publish,
    call_an_ok_failed,
    call_a_failure_ok,
    acknowledge_a_sequence_twice,
    drop_the_tail,
    shift_a_process,
)


@given(seeds)
@many
def test_a_valid_history_is_never_violated(seed: int) -> None:
    assert red(judge(small(random.Random(seed)).history())) == set()


@given(seeds)
@many
def test_an_acknowledgement_that_was_not_heard_changes_nothing(seed: int) -> None:
    dice = random.Random(seed)
    history = small(dice)
    last = {publish.process: publish for publish in history.publishes if publish.outcome == OK}
    if not last:
        reject()
    publish = dice.choice(list(last.values()))
    publish.outcome, publish.stream, publish.sequence = INFO, "", 0
    assert red(judge(history.history())) == set()


def named(history: History, verdict: Verdict, message: tuple[int, int]) -> set[str]:
    name = history.message(*message)
    return {f.property for f in verdict.findings if any(name == example.message for example in f.examples)}


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: str(mutate.__name__))
@given(seed=seeds)
@many
def test_a_mutation_is_caught_by_the_right_properties_which_name_the_message(
    mutate: Callable[[Small, random.Random], Expected], seed: int
) -> None:
    dice = random.Random(seed)
    mutated = small(dice)
    expected, message = mutate(mutated, dice)
    history = mutated.history()
    verdict = judge(history)
    assert red(verdict) == expected
    assert verdict.validity == "violated"
    assert named(history, verdict, message)
