"""What this kernel offers for links: tried, not looked up, in a namespace that ends with the network probe."""

from lab.docker.engine import Engine
from lab.netprobe.session import Probe

HOST = 1  # the first process: any namespace will do to begin with


def offered(engine: Engine, lab: str) -> frozenset[str]:
    """`netem` (delay, loss), `tbf` (rates), `blocks` (one-way cuts and refusals): those that there are."""
    probe = Probe(engine, lab)
    try:
        kind, *names = probe.ask([(HOST, "OFFERS")])[0].split()
        return frozenset(names if kind == "offers" else ())
    finally:
        probe.close(wait=False)
