"""Live readers: what is acknowledged, what is not, and how an ordered reader goes on after a gap."""

import numpy as np

from lab.check import payload
from lab.check.clock import Clock
from lab.check.form import Form
from lab.check.history import ACKED, FINE, LIVE, Array
from lab.check.load import feeds, subjects
from lab.check.readers import DURABLE, ORDERED, Reader
from lab.layouts import layout_of
from lab.topology import Topology

LAB = Topology()
STREAMS = tuple(stream.key for stream in layout_of(LAB).streams)
FORM = Form(LAB, STREAMS, subjects(feeds(layout_of(LAB))), b"8a61f0c2", 7)


class Delivered:
    """A reader and deliveries to it."""

    def __init__(self, kind: str) -> None:
        self.reader = Reader("west", kind, layout_of(LAB).copy("west"), FORM, Clock.start())

    def give(self, sequence: int, consumer_sequence: int, delivery: int = 1, mark: str = "8a61f0c2") -> None:
        content = payload.compose(mark, 0, 0, sequence, 64)
        subject = payload.subjects(layout_of(LAB))[payload.topic(7, 0, sequence)]
        source = f"foo-write-east:abc {sequence * 2} foo.east.> foo.> foo.east.check.1"
        self.reader.handle(sequence, 0, delivery, consumer_sequence, subject, content, source)

    @property
    def rows(self) -> Array:
        return np.frombuffer(bytes(self.reader.rows), LIVE)

    def acked(self) -> list[int]:
        return [int(row["sequence"]) for row in self.rows if row["flags"] & ACKED]


def test_what_came_is_kept_with_its_flags() -> None:
    durable = Delivered(DURABLE)
    durable.give(1, 1)
    durable.give(2, 2, mark="another1")
    assert durable.rows["flags"].tolist() == [FINE, FINE & 1]
    assert durable.reader.arrived == {"foo-write-east": 4}


def test_only_the_last_delivery_of_a_message_is_the_acknowledged_one() -> None:
    durable = Delivered(DURABLE)
    durable.give(1, 1)
    durable.give(1, 2, delivery=2)
    durable.reader.confirmed(1)
    assert [(int(row["delivery"]), bool(row["flags"] & ACKED)) for row in durable.rows] == [(1, False), (2, True)]


def test_an_ordered_reader_takes_nothing_after_a_gap() -> None:
    ordered = Delivered(ORDERED)
    ordered.give(1, 1)
    ordered.give(3, 3)
    ordered.give(4, 4)
    assert ordered.rows["sequence"].tolist() == [1]
    assert ordered.reader.again.is_set()
    assert ordered.reader.last == 1
