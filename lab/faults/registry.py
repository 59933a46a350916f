"""Every kind of fault and every verb that there is. A new one is a module and a line here; what is registered is found
everywhere: in Python, on the command line, in scenarios, in schedules and in random mixes."""

from collections.abc import Iterable

from lab.docker.observation import Observation
from lab.faults.block import Block
from lab.faults.cut import Cut, CutLink, Join
from lab.faults.down import Down, Kill, Start, Stop
from lab.faults.fault import Fault
from lab.faults.flap import Flap
from lab.faults.heal import Heal
from lab.faults.partition import Partition
from lab.faults.paused import Pause, Paused, Resume
from lab.faults.shape import Shaped, ShapeLink
from lab.faults.step_down import StepDown
from lab.faults.swizzle import Swizzle
from lab.faults.verb import Draw, Verb

# In the order in which they are healed: a node that starts should find its networks.
KINDS: list[type[Fault]] = [Paused, Cut, Down, Block, Shaped]
# In the order in which they are listed.
VERBS: list[type[Verb]] = [
    Partition,
    CutLink,
    Join,
    ShapeLink,
    Flap,
    Swizzle,
    Stop,
    Kill,
    Start,
    Pause,
    Resume,
    StepDown,
    Heal,
]


def register(*things: type[Fault] | type[Verb]) -> None:
    """Add kinds and verbs that are defined elsewhere; before the commands are loaded if they are to be commands too."""
    KINDS.extend(thing for thing in things if issubclass(thing, Fault))
    VERBS.extend(thing for thing in things if issubclass(thing, Verb))


def verbs() -> dict[str, type[Verb]]:
    """By name."""
    return {verb.name: verb for verb in VERBS}


def draws() -> dict[str, Draw]:
    """What a random mix draws from, by name."""
    return {draw.name: draw for verb in VERBS for draw in verb.draws()}


def present(observation: Observation) -> frozenset[Fault]:
    """The faults in force. The kernel must have been asked (`lab/netprobe/interfaces.py`)."""
    return frozenset(fault for kind in KINDS for fault in kind.observe(observation))


def held_by_docker(observation: Observation) -> frozenset[Fault]:
    """Those in force that Docker alone knows of."""
    return frozenset(fault for kind in KINDS if not kind.in_kernel for fault in kind.observe(observation))


def ordered(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Faults as they are listed everywhere: by kind, then by name."""
    return tuple(sorted(faults, key=lambda fault: (fault.kind, str(fault))))
