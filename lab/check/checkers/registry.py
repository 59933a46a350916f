"""Every property that a run is judged by, and the checker that judges it.

One checker may judge several. docs/checking.md and the report are made from this table.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lab.check.checkers import agreement, availability, convergence, delivery, processes, readers, sourcing, vacuity
from lab.check.checkers.index import Index
from lab.check.checkers.story import Draft


@dataclass(frozen=True)
class Property:
    """`meaning` is one sentence; `how` is what is compared; `cause` is what has violated it, or would."""

    id: str
    name: str
    meaning: str
    how: str = ""
    cause: str = ""


Checker = Callable[[Index], Iterator[Draft]]

PROPERTIES: tuple[Property, ...] = (
    Property("P0", "worth judging", "The run did what it set out to do, so that its verdict rests on something."),
    Property(
        "P1",
        "origin durability",
        "An acknowledged message is in its region's write stream, once, where the acknowledgement says.",
    ),
    Property("P2a", "no loss", "Every acknowledged message is in every region's read stream."),
    Property("P2b", "no duplicates", "No read stream holds a message twice."),
    Property(
        "P3",
        "no phantoms",
        "Nothing is stored that was not published, that was refused, or that differs from what was sent.",
    ),
    Property(
        "P4",
        "faithful sourcing",
        "Each row of a read stream is one entry of one write stream, and each entry is used once.",
    ),
    Property("P5a", "order of each origin", "A read stream holds the entries of each write stream in their order."),
    Property(
        "P5b",
        "order of each process",
        "Each stream holds the messages of one process in the order in which it published them.",
    ),
    Property("P5c", "no gaps", "A read stream leaves out no entry of a write stream."),
    Property(
        "P6",
        "convergence",
        "In the end all regions hold the same messages, each equally often; their order may differ.",
    ),
    Property("P7", "stable once seen", "What a reader was given stays in the stream, at the same sequence."),
    Property(
        "P8",
        "sane acknowledgements",
        "No two messages are acknowledged with one sequence, and sequences rise for each process.",
    ),
    Property("P9", "replica agreement", "The replicas of a stream agree."),
    Property(
        "P10",
        "subject restored",
        "A message has its published subject in read streams, and its region's in the write stream.",
    ),
    Property(
        "P11",
        "consumers deliver",
        "A durable consumer delivers all, and nothing again once acknowledged; an ordered one in order, without a gap.",
    ),
    Property(
        "L1", "local visibility", "What is published in a region is readable there within a second, isolated or not."
    ),
    Property("L2", "isolated writes", "An isolated region with all its nodes goes on accepting messages."),
    Property("L3", "isolated reads", "An isolated region can be read: Direct Get and existing consumers work."),
    Property("L4", "isolated control plane", "An isolated region without a majority creates no consumers or streams."),
    Property(
        "L5",
        "majority side",
        "Regions that still form a majority work as if nothing had happened, and can create consumers.",
    ),
    Property(
        "L6",
        "one node down",
        "A region that lost a node but not its quorum acknowledges again within the time of an election.",
    ),
    Property(
        "L7",
        "no quorum",
        "A region without a quorum acknowledges nothing, and works again within 20 s once it is back.",
    ),
    Property(
        "L8",
        "convergence time",
        "After a heal all regions have caught up within the bound that the server's timers give.",
    ),
    Property("L9", "control plane back", "After a heal consumers can be created again within 20 s."),
)

CHECKERS: dict[Checker, tuple[str, ...]] = {
    vacuity.vacuity: ("P0",),
    delivery.origin_durability: ("P1",),
    delivery.no_loss: ("P2a",),
    delivery.no_duplicates: ("P2b",),
    delivery.no_phantoms: ("P3",),
    sourcing.sourcing: ("P4", "P5a", "P5c"),
    processes.process_order: ("P5b",),
    agreement.convergence: ("P6",),
    readers.stable: ("P7",),
    processes.acknowledgements: ("P8",),
    agreement.replica_agreement: ("P9",),
    processes.subjects: ("P10",),
    readers.consumers: ("P11",),
    availability.availability: ("L1", "L2", "L3", "L4", "L5", "L6", "L7", "L9"),
    convergence.convergence_time: ("L8",),
}


def property_of(id_: str) -> Property:
    return next(each for each in PROPERTIES if each.id == id_)
