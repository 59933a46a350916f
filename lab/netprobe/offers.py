"""What this kernel offers for links: tried, not looked up, in a namespace that ends with the network probe."""

from lab.docker.engine import Engine
from lab.errors import DockerError
from lab.netprobe.session import Probe

ANYWHERE = 1  # a process id that is not looked at


def offered(engine: Engine, lab: str) -> frozenset[str]:
    """`netem` (delay, loss), `tbf` (rates), `blocks` (one-way cuts and refusals): those that there are. Raises
    `DockerError` if they cannot be tried."""
    probe = Probe(engine, lab)
    try:
        (answer,) = probe.ask([(ANYWHERE, "OFFERS")])
    finally:
        probe.close(wait=False)
    kind, *names = answer.split()
    if kind != "offers":
        raise DockerError(f"the network probe cannot try what the kernel offers: {answer}")
    return frozenset(names)
