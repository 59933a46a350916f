"""As `mapped` in all regions but the smallest, which only votes: its servers are peers of the meta group, and hold no
streams and have no clients.

With two regions of equal size neither has a majority when they lose each other. A third, small one decides.
"""

from dataclasses import replace

from lab.layouts.layout import Layout
from lab.layouts.mapped import mapped
from lab.topology import Topology


def arbiter(topology: Topology) -> Layout:
    acting = tuple(region for region in topology.regions if region != topology.arbiter)
    return replace(mapped(topology, acting), name="arbiter")
