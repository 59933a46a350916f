"""What the kernel does at the nodes' interfaces, asked through the network probe."""

from dataclasses import replace

from lab.docker.observation import Interface, Observation
from lab.netprobe.session import Probe

PLAIN = "plain"


def asked(observation: Observation, probe: Probe) -> Observation:
    """The observation, with what the kernel says. A node that has just ended has nothing at its interfaces."""
    alive = [container for container in observation.containers.values() if container.pid]
    on = [(container, network) for container in alive for network in container.addresses]
    shapes = probe.ask([(c.pid, f"QDISC {c.addresses[network]}") for c, network in on])
    blocks = probe.ask([(container.pid, "BLOCKS") for container in alive])
    found = {
        (container.node, network): Interface(answer)
        for (container, network), answer in zip(on, shapes, strict=True)
        if answer.startswith(("shape ", "other "))
    }
    for container, answer in zip(alive, blocks, strict=True):
        for network, chains in _chains(answer).items():
            shaped = found.get((container.node, network), Interface())
            found[container.node, network] = replace(shaped, chains=frozenset(chains))
    return replace(observation, interfaces=found)


def _chains(answer: str) -> dict[str, set[str]]:
    """Network -> chains. A kernel without nftables answers with an error, and blocks nothing."""
    kind, *words = answer.split()
    found: dict[str, set[str]] = {}
    for network, _, chain in (word.partition(":") for word in words if kind == "blocks"):
        found.setdefault(network, set()).add(chain)
    return found
