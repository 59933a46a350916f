"""The messages that `lab probe` and `lab compat` leave in the virtual stream, and how they are known; pure.

They have to publish, or they would not show that publishing works, and nothing can take a message out of every region
again: a delete acts on one copy alone. So they stay, and what shows or judges messages leaves them out.
"""

import re
from secrets import token_hex

from lab.layouts import Layout
from lab.observe.operations import OPERATIONS

MARK, CALLS = "probe", "lab-compat"
TAIL = re.compile(rf"{MARK}\.(?:[^.]+\.(?:{'|'.join(OPERATIONS)})\.[0-9a-f]{{8}}|{CALLS}\.[0-9a-f]{{8}}\.[\w.-]+)")


def new_subject(layout: Layout, region: str, operation: str) -> str:
    """A subject of its own for each message: `foo.probe.west.publish.1f2e3d4c`."""
    return layout.subject(MARK, region, operation, token_hex(4))


def of_calls(layout: Layout, token: str) -> str:
    """What the subjects begin with that `lab compat` uses: `foo.probe.lab-compat.1f2e3d4c`."""
    return layout.subject(MARK, CALLS, token)


def subjects(layout: Layout, region: str, operation: str) -> str:
    """The subjects of all messages of one operation in a region, for a filter."""
    return layout.subject(MARK, region, operation, ">")


def every_subject(layout: Layout) -> str:
    """All of them, for a filter."""
    return layout.subject(MARK, ">")


def is_probe(layout: Layout, subject: str) -> bool:
    """Whether a subject, as clients read it, is that of a probe's message. Others below `foo.probe` are not."""
    start = layout.subject("")
    return bool(layout.virtual_name) and subject.startswith(start) and TAIL.fullmatch(subject, len(start)) is not None
