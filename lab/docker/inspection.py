"""What `docker inspect` says of all that belongs to a lab, as it says it."""

import json
from typing import Any

from lab.docker.engine import Engine
from lab.docker.labels import LABEL_NAME
from lab.docker.owned import KINDS


def inspect(engine: Engine, lab: str) -> dict[str, list[dict[str, Any]]]:
    """Containers, networks and volumes with the lab's label. Raises `DockerError`."""
    found = {}
    for kind, listing in KINDS.items():
        ids = engine.read(*listing, "-q", "--filter", f"label={LABEL_NAME}={lab}").split()
        found[kind] = json.loads(engine.read("inspect", "--type", kind.removesuffix("s"), *ids)) if ids else []
    return found
