"""The release that a twin runs: the system's own, else the nearest of the same minor version that can be had."""

import re
from dataclasses import replace

from lab.docker import binary, images
from lab.docker.engine import Engine
from lab.docker.versions import numbers
from lab.errors import DockerError
from lab.progress import Say
from lab.twin.definitions import Note
from lab.twin.mapping import Twin

MOST_TRIED = 3
HINT = "choose another with `--nats`"


def obtained(engine: Engine, made: Twin, say: Say, exactly: bool = False) -> Twin:
    """The twin with a version whose image is now here, and no other `exactly`. Raises `DockerError`."""
    wanted = made.topology.nats
    try:
        images.prepare(engine, wanted, None, say)
        return made
    except DockerError as error:
        if exactly:
            raise
        refused = error
    for version in nearest(wanted, _known(say))[:MOST_TRIED]:
        try:
            images.prepare(engine, version, None, say)
        except DockerError:
            continue
        note = Note("", "changed", f"nodes run nats-server {version}, since {wanted} cannot be had")
        return replace(made, topology=replace(made.topology, nats=version), notes=(note, *made.notes))
    raise DockerError(f"the system runs nats-server {wanted}: {refused.message}", HINT)


def _known(say: Say) -> tuple[str, ...]:
    try:
        return binary.releases()
    except DockerError as error:
        say(error.message)
        return ()


def nearest(wanted: str, known: tuple[str, ...]) -> list[str]:
    """The releases of the same minor version, the nearest first, of two the newer."""
    same = [each for each in known if numbers(each) == numbers(wanted) and each != wanted]
    return sorted(same, key=lambda each: (abs(_patch(each) - _patch(wanted)), -_patch(each)))


def _patch(version: str) -> int:
    found = re.match(r"\d+\.\d+\.(\d+)", version)
    return int(found[1]) if found else 0
