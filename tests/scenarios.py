"""Scenarios that tests write to play them on a lab."""

from pathlib import Path

HEAD = "title: A test\nabout: A test.\nsteps:\n"


def written(folder: Path, steps: str, head: str = HEAD) -> str:
    file = folder / "some-test.yaml"
    file.write_text(head + steps)
    return str(file)
