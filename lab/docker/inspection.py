"""What `docker inspect` says of all that belongs to a lab, as it says it."""

import json
from typing import Any

from lab.docker.engine import Engine
from lab.docker.labels import LABEL_NAME

LISTED = {"container": ("ps", "-aq"), "network": ("network", "ls", "-q"), "volume": ("volume", "ls", "-q")}


def inspect(engine: Engine, lab: str) -> dict[str, list[dict[str, Any]]]:
    """Containers, networks and volumes with the lab's label. Raises `DockerError`."""
    found = {}
    for kind, listing in LISTED.items():
        ids = engine.read(*listing, "--filter", f"label={LABEL_NAME}={lab}").split()
        found[f"{kind}s"] = json.loads(engine.read("inspect", "--type", kind, *ids)) if ids else []
    return found
