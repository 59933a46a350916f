"""Which streams, subjects and accounts make the virtual stream: one module for each layout, all of them values.

`layout_of` gives the one that a topology names. A new layout is a module with a function from a topology to a `Layout`,
and one line in `LAYOUTS`.
"""

from collections.abc import Callable, Mapping

from lab.layouts.arbiter import arbiter
from lab.layouts.layout import Account, Client, Credentials, CredentialsFile, Layout, Stream, region_tag
from lab.layouts.mapped import mapped
from lab.layouts.mirror import mirror
from lab.layouts.operator_mode import with_credentials
from lab.layouts.own import own
from lab.layouts.seed import seed
from lab.layouts.stretch import stretch
from lab.layouts.transparent import transparent
from lab.topology import Topology

# By the word in `layout` of lab.yaml.
LAYOUTS: Mapping[str, Callable[[Topology], Layout]] = {
    "mapped": mapped,
    "seed": seed,
    "transparent": transparent,
    "mirror": mirror,
    "stretch": stretch,
    "arbiter": arbiter,
    "own": own,
}

__all__ = [
    "LAYOUTS",
    "Account",
    "Client",
    "Credentials",
    "CredentialsFile",
    "Layout",
    "Stream",
    "layout_of",
    "region_tag",
]


def layout_of(topology: Topology) -> Layout:
    """The layout that a topology names, made anew each time: its definitions are the caller's to change."""
    layout = LAYOUTS[topology.layout](topology)
    return with_credentials(layout) if topology.auth == "operator" else layout
