"""Which messages are a probe's, and that nothing shows or judges them."""

import numpy as np
import pytest

from lab.check import payload
from lab.check.clock import Clock
from lab.check.form import Form
from lab.check.history import LIVE, OURS, PROBE
from lab.check.load import feeds, subjects
from lab.check.readers import ORDERED, Reader
from lab.layouts import layout_of
from lab.observe.comparison import Copy
from lab.observe.contents import without_probes
from lab.observe.operations import OPERATIONS
from lab.observe.probe_messages import is_probe, new_subject
from lab.topology import Topology

LAB = Topology()
LAYOUT = layout_of(LAB)
FORM = Form(LAB, tuple(s.key for s in LAYOUT.streams), subjects(feeds(LAYOUT)), b"8a61f0c2", 7)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_a_probe_publishes_on_is_known(operation: str) -> None:
    assert is_probe(LAYOUT, new_subject(LAYOUT, "west", operation))


@pytest.mark.parametrize(
    "subject",
    [
        "foo.probe",
        "foo.probe.x",
        "foo.probe.west.publish",
        "foo.probe.west.publish.1f2e3d4c.x",
        "foo.probe.west.publish.mine1234",
        "foo.probe.west.nothing.1f2e3d4c",
        "foo.probe.lab-compat.mine.py1",
        "foo.probe.lab-compat.1f2e3d4c",
        "foo.x.probe.west.publish.1f2e3d4c",
        "bar.probe.west.publish.1f2e3d4c",
    ],
)
def test_a_subject_of_somebody_else_is_not_taken_for_a_probes(subject: str) -> None:
    assert not is_probe(LAYOUT, subject)


def test_a_comparison_knows_nothing_of_them() -> None:
    mine = Copy(("foo-write-west", 1), "foo.test", "x", b"")
    probes = Copy(("foo-write-west", 2), new_subject(LAYOUT, "west", "publish"), "lab probe", b"")
    assert without_probes([mine, probes], LAYOUT) == [mine]


def test_a_check_takes_them_for_no_message_of_another_run() -> None:
    reader = Reader("west", ORDERED, LAYOUT.copy("west"), FORM, Clock.start())
    reader.handle(1, 0, 1, 1, new_subject(LAYOUT, "west", "publish"), b"lab probe", "")
    reader.handle(2, 0, 1, 2, "foo.test", b"another's", "")
    reader.handle(3, 0, 1, 3, payload.subjects(LAYOUT)[0], payload.compose("8a61f0c2", 0, 0, 1, 64), "")
    flags = np.frombuffer(bytes(reader.rows), LIVE)["flags"]
    assert [bool(flag & PROBE) for flag in flags] == [True, False, False]
    assert [bool(flag & OURS) for flag in flags] == [False, False, True]
