"""What each property is called in a report."""

TITLES = {
    "P0": "the run proves something",
    "P1": "acknowledged means stored",
    "P2a": "nothing lost",
    "P2b": "nothing twice",
    "P3": "nothing invented",
    "P4": "faithful sourcing",
    "P5a": "order of each origin",
    "P5b": "order of each publisher",
    "P5c": "no gaps",
    "P6": "regions agree",
    "P7": "seen once, seen for ever",
    "P8": "acknowledgements make sense",
    "P9": "replicas agree",
    "P10": "subject restored",
    "P11": "consumers get everything",
    "L1": "own messages at once",
    "L2": "writes while isolated",
    "L3": "reads while isolated",
    "L4": "control plane while isolated",
    "L5": "majority side works",
    "L6": "one node down",
    "L7": "two nodes down",
    "L8": "catching up in time",
    "L9": "control plane recovers",
}


def title(property_: str) -> str:
    return TITLES.get(property_, property_)
