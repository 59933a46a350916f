"""What is in force, from Docker and from the kernel, when nothing is to be changed."""

from concurrent.futures import ThreadPoolExecutor

from lab.docker.engine import Engine
from lab.docker.observation import Observation
from lab.netprobe.interfaces import asked
from lab.netprobe.session import Probe


def observe(engine: Engine, lab: str) -> Observation:
    """The lab with what the kernel says at its nodes' interfaces. Raises `NotRunning` when nothing of it exists."""
    with ThreadPoolExecutor(1) as pool:
        observing = pool.submit(engine.observe, lab)
        probe = Probe(engine, lab)
        try:
            return asked(observing.result(), probe)
        finally:
            probe.close(wait=False)
