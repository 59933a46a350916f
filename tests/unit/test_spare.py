"""A network probe that stays for the next look."""

import time
from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from fakes import FakeEngine, FakeProbe

from lab.faults.condition import look
from lab.headstart import Headstart
from lab.netprobe import spare
from lab.netprobe.spare import Spare


@pytest.fixture
def kept(engine: FakeEngine) -> Iterator[Spare]:
    with Spare(engine, engine.topology.name) as kept:
        yield kept


def test_the_next_look_has_the_probe_of_the_last(kept: Spare) -> None:
    first = kept.take()
    kept.give(first)
    assert kept.take() is first


def test_two_looks_at_once_have_a_probe_each_of_which_one_is_kept(kept: Spare) -> None:
    first, second = kept.take(), kept.take()
    assert first is not second
    kept.give(first)
    kept.give(second)
    assert (first.running, kept.take()) == (False, second)


def test_one_that_has_ended_is_not_given_out_again(kept: Spare) -> None:
    first = kept.take()
    kept.give(first)
    first.close()
    assert kept.take().running


def test_it_ends_a_while_after_the_last_look(kept: Spare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spare, "KEPT_S", 0.05)
    probe = kept.take()
    kept.give(probe)
    deadline = time.monotonic() + 5
    while probe.running and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not probe.running


def test_a_probe_in_use_does_not_end_by_the_time_of_a_look_before(kept: Spare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spare, "KEPT_S", 0.05)
    kept.give(kept.take())
    probe = kept.take()
    time.sleep(0.2)
    assert probe.running


def test_the_probe_of_a_head_start_stays_too(kept: Spare, engine: FakeEngine) -> None:
    observing: Future[object] = Future()
    observing.set_result(engine.observe(kept.lab))
    probe = FakeProbe(engine)
    look(kept, Headstart(kept.lab, None, probe, observing)).whole.result()  # type: ignore[arg-type]
    assert kept.take() is probe
