"""What `lab up` makes of nodes that an earlier one, which was killed, left half made."""

from fakes import FakeEngine

from lab import up
from lab.topology import Topology

TOPOLOGY = Topology()
CENTRAL = TOPOLOGY.node("central-2")


def test_a_node_that_never_ran_gets_the_networks_that_it_lacks_and_one_that_is_cut_stays_cut() -> None:
    engine = FakeEngine(TOPOLOGY)
    for node in ("central-2", "east-1"):
        engine.detach(TOPOLOGY.container(node), TOPOLOGY.network("central-east"))
    ran = {node.name for node in TOPOLOGY.nodes} - {"central-2"}
    found = up.attached(engine, engine.observe(TOPOLOGY.name), ran)
    assert found.containers["central-2"].addresses == CENTRAL.addresses
    assert "central-east" not in found.containers["east-1"].addresses
