"""The scenarios that are shipped, and finding one by its name or its file."""

from pathlib import Path

from lab.errors import unknown
from lab.scenario.reader import read
from lab.scenario.scenario import Length, Scenario


def shipped() -> dict[str, Path]:
    """Name -> file."""
    folder = Path(__file__).with_name("files")
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def find(given: str, length: Length = "short") -> Scenario:
    """A shipped scenario by its name, or the one in a file. Raises `UsageError`."""
    known = shipped()
    if given in known:
        return read(known[given], length)
    if "/" in given or given.endswith((".yaml", ".yml")):
        return read(Path(given), length)
    raise unknown("scenario", given, known)
