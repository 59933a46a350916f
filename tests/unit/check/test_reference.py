"""The fast checkers and the naive ones say the same of random histories, valid or with up to three things wrong."""

import random
from dataclasses import replace

import naive_checker
import pytest
from small_histories import READS, REGIONS, STREAMS, WRITES, Small, small

from lab.check.checkers import judge
from lab.check.history import FAIL, INFO, INTACT, OK, OURS, SUBJECT


def spoil(history: Small, dice: random.Random) -> None:
    """One thing wrong, at random; whatever follows from it."""
    name = dice.choice(STREAMS)
    entries = history.streams[name]
    place = dice.randrange(len(entries)) if entries else None
    what = dice.randrange(12)
    if what == 0 and history.publishes:
        dice.choice(history.publishes).outcome = dice.choice((OK, FAIL, INFO))
        for publish in history.publishes:
            if publish.outcome == OK and not publish.stream:
                publish.stream, publish.sequence = WRITES[history.processes[publish.process]], dice.randint(1, 9)
    elif what == 1 and history.publishes:
        dice.choice(history.publishes).sequence = dice.randint(1, 9)
    elif what == 2 and history.publishes:
        gone = dice.choice(history.publishes)
        history.publishes = [p for p in history.publishes if p is not gone]
    elif place is None:
        return
    elif what == 3:
        del entries[place]
    elif what == 4:
        entries.insert(dice.randrange(len(entries) + 1), replace(entries[place]))
    elif what == 5:
        other = dice.randrange(len(entries))
        entries[place], entries[other] = entries[other], entries[place]
    elif what == 6:
        history.streams[READS[dice.choice(REGIONS)]].append(replace(entries[place]))
    elif what == 7:
        entries[place].flags ^= dice.choice((INTACT, OURS, SUBJECT))
    elif what == 8:
        entries[place].process, entries[place].counter = dice.randrange(8), dice.randrange(6)
    elif what == 9 and name in READS.values():
        entries[place].origin_sequence = dice.randint(1, 9)
    elif what == 10 and name in READS.values():
        entries[place].origin = dice.choice([*WRITES.values(), "nowhere"])
    elif what == 11:
        del entries[place:]


@pytest.mark.parametrize("first", range(0, 1000, 250))
def test_fast_and_naive_agree_on_a_thousand_histories(first: int) -> None:
    seen: set[str] = set()
    spoilt = 0
    for seed in range(first, first + 250):
        dice = random.Random(seed)
        history = small(dice)
        for _ in range(dice.randint(0, 3)):
            spoil(history, dice)
        if any(entry.origin == name for name in WRITES.values() for entry in history.streams[name]):
            for name in WRITES.values():  # a write stream's rows are their own origin
                for place, entry in enumerate(history.streams[name], 1):
                    entry.origin, entry.origin_sequence = name, place
        values = history.history()
        findings = judge(values).findings
        assert not [f for f in findings if "failed" in f.sentence and f.checked == 0], (seed, findings)
        fast = {finding.property for finding in findings if finding.validity == "violated"}
        naive = naive_checker.violated(values)
        assert fast == naive, (seed, fast ^ naive)
        seen |= fast
        spoilt += bool(fast)
    assert spoilt > 125
    assert seen == {"P1", "P2a", "P2b", "P3", "P4", "P5a", "P5b", "P5c", "P6", "P8", "P10"}
