"""What this kernel offers for links: tried, not looked up, in a namespace that ends with the network probe."""

from lab.errors import DockerError
from lab.netprobe.spare import Spare

ANYWHERE = 1  # a process id that is not looked at


def offered(spare: Spare) -> frozenset[str]:
    """`netem` (delay, loss), `tbf` (rates), `blocks` (one-way cuts and refusals): those that there are. Raises
    `DockerError` if they cannot be tried."""
    probe = spare.take()
    try:
        (answer,) = probe.ask([(ANYWHERE, "OFFERS")])
    finally:
        spare.give(probe)
    kind, *names = answer.split()
    if kind != "offers":
        raise DockerError(f"the network probe cannot try what the kernel offers: {answer}")
    return frozenset(names)
