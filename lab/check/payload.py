"""What the check publishes: bodies that say who they are and whether they are whole, subjects and sizes by seed. Pure.

    mark origin process counter length padding crc32
    8a61f0c2 0 3 118 64 ........................... 5d41402a

`origin` is the place in `Run.streams` of the stream that is to store it. `length` is the whole body's, the checksum is
of all before it. Subject and size follow from the seed and the id alone, so that a reader knows which subject a message
must have.
"""

from dataclasses import dataclass
from struct import Struct
from zlib import crc32

from lab.layouts import Layout

SUBJECTS = 16
SMALL, MIDDLE, LARGE = 64, 1024, 65536
NOBODY = 0xFFFFFFFF
_PADDING = b"." * LARGE
_KEY = Struct("<QII")


@dataclass(frozen=True, slots=True)
class Body:
    """A body as it was read; `process` is `NOBODY` for one that has another form."""

    mark: bytes
    origin: int
    process: int
    counter: int
    intact: bool


ALIEN = Body(b"", 0, NOBODY, 0, False)
EMPTY = Body(b"", 0, NOBODY, 0, True)


def compose(mark: str, origin: int, process: int, counter: int, size: int) -> bytes:
    head = f"{mark} {origin} {process} {counter} {size} ".encode()
    text = head + _PADDING[: max(0, size - len(head) - 9)] + b" "
    return text + b"%08x" % crc32(text)


def parse(body: bytes) -> Body:
    if not body:
        return EMPTY
    parts = body[:80].split(b" ", 5)
    try:
        origin, process, counter, length = map(int, parts[1:5])
        intact = length == len(body) and body[-8:] == b"%08x" % crc32(body[:-8])
    except (ValueError, IndexError):
        return ALIEN
    if not (0 <= process < NOBODY and 0 <= counter <= NOBODY):
        return ALIEN
    return Body(parts[0], origin, process, counter, intact)


def dice(seed: int, process: int, counter: int) -> int:
    """32 bits that look random and are the same for the same message of the same seed."""
    return crc32(_KEY.pack(seed & 0xFFFFFFFFFFFFFFFF, process, counter))


def topic(seed: int, process: int, counter: int, count: int = SUBJECTS) -> int:
    """Which of its origin's subjects, of which there are `count`, a message is published on."""
    return (dice(seed, process, counter) >> 4) % count


def subjects(layout: Layout) -> list[str]:
    """What the check publishes on, by `topic`."""
    return [layout.subject("check", str(number)) for number in range(SUBJECTS)]


def client_mark(mark: bytes) -> bytes:
    """The mark in the bodies of a run's client, whose processes have numbers of their own."""
    return b"x" + mark[1:]


def size(seed: int, process: int, counter: int) -> int:
    """64 bytes mostly, one in twenty 1 KiB, one in a thousand 64 KiB."""
    roll = (dice(seed, process, counter) >> 12) % 1000
    return LARGE if roll == 0 else MIDDLE if roll <= 50 else SMALL
