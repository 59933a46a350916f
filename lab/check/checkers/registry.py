"""Every property that a run is judged by, and the checker that judges it.

One checker may judge several. docs/checking.md and the report are made from this table.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lab.check.checkers import (
    agreement,
    availability,
    clients,
    convergence,
    delivery,
    processes,
    readers,
    sourcing,
    vacuity,
    visibility,
)
from lab.check.checkers.examples import Draft
from lab.check.checkers.index import Index


@dataclass(frozen=True)
class Property:
    """`meaning` is one sentence; `how` is what is compared; `cause` is what violates it for real, or would."""

    id: str
    name: str
    meaning: str
    how: str
    cause: str


Checker = Callable[[Index], Iterator[Draft]]

PROPERTIES: tuple[Property, ...] = (
    Property(
        "P0",
        "worth judging",
        "The run did what it set out to do, so that its verdict rests on something.",
        "At least 10 acknowledged messages in each region and phase; every fault proven, healed, and "
        "published into; whole final reads; no stall of the check itself, no node that died or was frozen by "
        "anything else (Docker's events); "
        "at most 1 % unknown outcomes outside faults; the sources' time waited for.",
        "Ctrl-C, a full disk, a machine that is too slow, a fault that did not take hold, a server that ran "
        "out of memory.",
    ),
    Property(
        "P1",
        "origin durability",
        "An acknowledged message is in its origin, the stream that stores it, once, where the acknowledgement says.",
        "The row at the acknowledged sequence is that message; no other row of any origin is. What the "
        "stream's own limits made it drop by the final read is not missing.",
        "One replica and a lost volume; memory storage and a killed region; a purge.",
    ),
    Property(
        "P2a",
        "no loss",
        "Every acknowledged message is in every copy that selects it.",
        "Each acknowledged id, looked up in each copy that its way leads to; the lost ones by their place in their "
        "process, and those apart that expired before they were sourced. What a limit of the copy dropped "
        "after it had arrived is not lost.",
        "A copy that lacks a source; a `max_age` shorter than the outage; a purge; one `Nats-Msg-Id` "
        "used in two regions.",
    ),
    Property(
        "P2b",
        "no duplicates",
        "No copy holds a message twice.",
        "Rows with an id that stands further up already.",
        "Profile `seed`: it sources everything again after a leader change (2.12.3 to 2.14.6) or a SIGKILL "
        "(2.15.1). A client that tries again without `Nats-Msg-Id`.",
    ),
    Property(
        "P3",
        "no phantoms",
        "Nothing is stored that was not published, that was refused, or that differs from what was sent.",
        "The run's mark, the checksum and the id in each body, and the outcome of its publish, in all streams.",
        "Another program that publishes; a read stream that was changed by hand; a flipped bit; an error "
        "that the client took for a refusal.",
    ),
    Property(
        "P4",
        "faithful sourcing",
        "Each row of a copy is one entry of one stream that it takes from, and each entry is used once.",
        "`Nats-Stream-Source` of each row: the pair of origin and sequence occurs once, and that "
        "stream has the same id there. So what the server duplicated differs from what a client sent twice: "
        "that has two sequences.",
        "As P2b; a write stream that was deleted and made anew, or lost its volume, so that its sequences begin again.",
    ),
    Property(
        "P5a",
        "order of each origin",
        "A copy holds the entries of each stream that it takes from in their order.",
        "The origin's sequences rise, by first occurrences: duplicates are P4's and hide no disorder.",
        "No cause is known on current servers.",
    ),
    Property(
        "P5b",
        "order of each process",
        "Each stream holds the messages of one process in the order in which it published them.",
        "The counters of each process rise, by first occurrences, in all streams. A process ends "
        "with its first unknown outcome, so that a late message of it contradicts nothing.",
        "No cause is known on current servers.",
    ),
    Property(
        "P5c",
        "no gaps",
        "A copy leaves out no entry that it selects of a stream that it takes from.",
        "The sequences from the first that came to the last of the stream that it takes from, without those that "
        "this stream itself has no more.",
        "A source that begins behind where it ended; a purge of a read stream; a source that never comes back.",
    ),
    Property(
        "P6",
        "convergence",
        "In the end copies of the same, and so all regions, hold the same messages, each equally often; their order "
        "may differ.",
        "How often each id is in each copy; one is at fault where it is not with the majority. "
        "The share of pairs in another order is told, and allowed.",
        "As P2a and P2b, in one region only.",
    ),
    Property(
        "P7",
        "stable once seen",
        "What a reader was given stays in the stream, at the same sequence.",
        "Each delivery to a live reader, looked up in the final read at its sequence.",
        "A leader that delivered what its followers did not have, and lost it; a purge or a delete on a read stream.",
    ),
    Property(
        "P8",
        "sane acknowledgements",
        "No two messages are acknowledged with one sequence, and sequences rise for each process.",
        "The acknowledgements alone, without those that say `duplicate`.",
        "A leader that acknowledged before its quorum had it, and was deposed.",
    ),
    Property(
        "P9",
        "replica agreement",
        "The replicas of a stream agree.",
        "Messages, bytes, first and last sequence and deleted ones as each server reports them; with "
        "`--deep` also a digest of everything, read through each replica.",
        "A replica whose store was restored from an older copy, or has flipped bits.",
    ),
    Property(
        "P10",
        "subject restored",
        "A message has in each stream the subject that filters and transforms on its way give it.",
        "Each row's subject against the one that its id was given.",
        "A wrong transform or mapping.",
    ),
    Property(
        "P11",
        "consumers deliver",
        "A durable consumer delivers all, and nothing again once acknowledged; an ordered one in order, without a gap.",
        "The live readers' deliveries against the final read. Again is meant after the server confirmed the "
        "acknowledgement. What comes at the end only counts for a reader that got nothing for 30 s.",
        "A consumer that lost its state with its leader; one that is stuck.",
    ),
    Property(
        "L1",
        "local visibility",
        "What is published in a region is readable there within a second, isolated or not.",
        "From acknowledgement to the row in a copy of the region, at the 99th percentile of each "
        "stretch in which the region's own servers and streams were left alone.",
        "A source that waits for its timer.",
    ),
    Property(
        "L2",
        "isolated writes",
        "An isolated region with all its nodes goes on accepting messages.",
        "At least 99 % of publishes, from 2 s after the isolation.",
        "A stream that is placed in another region; too few nodes.",
    ),
    Property(
        "L3",
        "isolated reads",
        "An isolated region can be read: Direct Get and existing consumers work.",
        "Every such probe, from 2 s after the isolation. The JetStream API's own Get needs the meta leader, and is not "
        "asked for. Of a stream with replicas in several regions only Direct Get, once servers must have noticed.",
        "`allow_direct: false`, as in layout `seed`.",
    ),
    Property(
        "L4",
        "isolated control plane",
        "An isolated region without a majority creates no consumers or streams.",
        "Every probe that tries, from 20 s after the isolation, fails.",
        "A meta group that counts its members wrongly.",
    ),
    Property(
        "L5",
        "majority side",
        "Regions that still form a majority work as if nothing had happened, and can create consumers.",
        "At least 99.9 % of publishes, from 2 s on; each consumer within 5 s, from 20 s on, and not within "
        "20 s of any other fault; of a stream with replicas in several regions none.",
        "A meta group without a majority, for example with regions of different size.",
    ),
    Property(
        "L6",
        "one node down",
        "A region that lost a node but not its quorum acknowledges again within the time of an election.",
        "Never longer than 10 s without an acknowledgement.",
        "A leader on a frozen node; an overloaded machine.",
    ),
    Property(
        "L7",
        "no quorum",
        "A region without a quorum acknowledges nothing, and works again within 20 s once it is back.",
        "No publish that was sent a second after the quorum was lost is acknowledged before it is back; "
        "after it is, one is within 20 s.",
        "A stream with one replica: it needs no quorum.",
    ),
    Property(
        "L8",
        "convergence time",
        "After a heal all regions have caught up within the bound that the server's timers give.",
        "Every message acknowledged before the heal is in every copy within T(d) + 15 s, where d is "
        "how long the outage was.",
        "A source that stopped and never tried again (issue 8323).",
    ),
    Property(
        "L9",
        "control plane back",
        "After a heal consumers can be created again within 20 s.",
        "The first probe in each region that can create one.",
        "A meta group that cannot elect a leader.",
    ),
)

PROPERTIES += (
    Property(
        "C1",
        "client answers",
        "The client goes on running and answers what it is asked.",
        "Each request has an answer within its time-out and 10 s; each line is one of the protocol's.",
        "An exception that nobody catches; a call without a time-out.",
    ),
    Property(
        "C2",
        "client tells the truth",
        "What the client reports as published is stored where it says and in every region; what it reports as failed "
        "is nowhere.",
        "Each publish of the client against the final reads. What it does not know is neither.",
        "A failure that is swallowed; a time-out that is taken for a success, or for a failure.",
    ),
    Property(
        "C3",
        "client publishes once",
        "No message of the client is in write streams twice.",
        "Rows of all write streams with an id that was there already.",
        "A client that tries again without `Nats-Msg-Id`, or in another region with it.",
    ),
    Property(
        "C4",
        "client's consumers deliver",
        "Each consumer of the client's making passes on all messages, ordered ones in order and once, none again after "
        "its acknowledgement.",
        "What the client passed on against the final read of the stream or bucket. Again is meant after the server "
        "confirmed the acknowledgement. What is missing at the end is C5's.",
        "An acknowledgement before the work is done; an ordered consumer that begins again in the wrong place.",
    ),
    Property(
        "C5",
        "client does not stall",
        "Where there is something to publish or to read, the client is never silent for more than 30 s in which its "
        "region is left alone.",
        "The longest time in which nothing was acknowledged, or nothing came although the stream had something. Only "
        "that part counts in which no fault touched the region's nodes and streams, nor in the 20 s before, and a "
        "majority of all nodes was in reach; of roaming clients, in which that is so in all regions.",
        "A consumer that starts no new pull after a leader change; a reconnect that gives up.",
    ),
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
    visibility.local_visibility: ("L1",),
    availability.availability: ("L2", "L3", "L4", "L5", "L6", "L7", "L9"),
    convergence.convergence_time: ("L8",),
    clients.clients: clients.PROPERTIES,
}


def property_of(id_: str) -> Property:
    return next(each for each in PROPERTIES if each.id == id_)
