"""What is in force, from Docker and from the kernel, when nothing is to be changed."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from lab.docker.observation import Observation
from lab.headstart import Headstart
from lab.netprobe.interfaces import asked
from lab.netprobe.spare import Spare


@dataclass(frozen=True)
class Looking:
    """A look that is under way: what Docker says, and later that with what the kernel says. Either raises `NotRunning`
    when nothing of the lab exists."""

    docker: "Future[Observation]"
    whole: "Future[Observation]"


def look(spare: Spare, begun: Headstart | None = None) -> Looking:
    """What Docker and the kernel say of a lab from now on, through its probe."""
    pool = ThreadPoolExecutor(2)
    docker = begun.observing if begun else pool.submit(spare.engine.observe, spare.lab)
    probe = begun.probe if begun else spare.take()

    def ask() -> Observation:
        try:
            return asked(docker.result(), probe)
        finally:
            spare.give(probe)

    whole = pool.submit(ask)
    pool.shutdown(wait=False)
    return Looking(docker, whole)
