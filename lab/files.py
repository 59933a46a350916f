"""The generated files on disk: where they are, writing them, and what differs from the topology."""

import difflib
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from lab import places
from lab.errors import LabError, UsageError
from lab.render import files as render
from lab.topology import Topology

RECORD = ".rendered"  # beside the generated files: the digest of each as it was written


@dataclass(frozen=True)
class Difference:
    """One generated file that is not as the topology says; `diff` is unified, empty for a file that is missing."""

    path: str
    state: str  # "missing", "changed"
    diff: str


def folder(topology: Topology, root: Path) -> Path:
    """A folder by the lab's name. In the checkout the default topology's files are the committed ones, and those of
    every other lab are ignored."""
    if root != places.CHECKOUT:
        return root / topology.name
    return root if topology == Topology() else root / ".lab" / topology.name


def compose_path(topology: Topology, root: Path) -> Path:
    return folder(topology, root) / "compose" / "compose.yaml"


def differences(topology: Topology, root: Path) -> list[Difference]:
    found = []
    for path, wanted in render(topology).items():
        target = folder(topology, root) / path
        if not target.is_file():
            found.append(Difference(path, "missing", ""))
            continue
        have = target.read_text(encoding="utf-8", errors="replace")
        if have != wanted:
            lines = difflib.unified_diff(
                wanted.splitlines(keepends=True),
                have.splitlines(keepends=True),
                f"{path} (rendered)",
                f"{path} (on disk)",
            )
            found.append(Difference(path, "changed", "".join(lines)))
    return found


def write(topology: Topology, root: Path, only_missing: bool = False) -> list[str]:
    """Write the files that are missing or (unless `only_missing`) changed; returns their paths."""
    wanted, place = render(topology), folder(topology, root)
    different = differences(topology, root)
    written = [each.path for each in different if each.state == "missing" or not only_missing]
    for path in written:
        replace(place / path, wanted[path])
    edited = {each.path for each in different} - {*written}
    as_rendered = {path: _digest(wanted[path].encode()) for path in wanted if path not in edited}
    with suppress(LabError):  # a checkout that is somebody else's need not be written to
        _record(place, _recorded(place) | as_rendered)
    return written


def require_replaceable(path: Path) -> None:
    """For what is written beside it and then renamed: a device would be gone. Raises `UsageError`."""
    if path.exists() and not path.is_file():
        raise UsageError(
            f"`{path}` is {'a folder' if path.is_dir() else 'not a file'}", "name a file, or one to be made"
        )


def outdated(topology: Topology, root: Path) -> list[str]:
    """Files that were rendered when the lab was described otherwise, or by another version, and that nobody has edited
    since."""
    wanted, place = render(topology), folder(topology, root)
    found = []
    for path, digest in _recorded(place).items():
        with suppress(OSError):
            content = (place / path).read_bytes()
            if _digest(content) == digest and content != wanted.get(path, "").encode():
                found.append(path)
    return found


def remove(topology: Topology, root: Path, paths: list[str]) -> None:
    """Remove files that `write` wrote, and the folders that are empty then."""
    place = folder(topology, root)
    for path in paths:
        (place / path).unlink(missing_ok=True)
    _record(place, {path: digest for path, digest in _recorded(place).items() if path not in paths})
    for empty in sorted({place, *((place / path).parent for path in paths)}, reverse=True):
        with suppress(OSError):
            empty.rmdir()


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def _recorded(place: Path) -> dict[str, str]:
    """Path -> digest; what cannot be read is not known."""
    try:
        lines = (place / RECORD).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    return {path: digest for digest, _, path in (line.partition("  ") for line in lines)}


def _record(place: Path, digests: dict[str, str]) -> None:
    if digests == _recorded(place):
        return
    if digests:
        replace(place / RECORD, "".join(f"{digest}  {path}\n" for path, digest in digests.items()))
    else:
        (place / RECORD).unlink(missing_ok=True)


def replace(target: Path, content: str, mode: int = 0o644) -> None:
    """Whole or not at all: a full disk or a kill leaves the old file. The server in the container may run as another
    user, and reads it. Raises `LabError`."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(content)
            Path(name).chmod(mode)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise LabError(
            f"`{target}` cannot be written: {error.strerror}", "is the disk full, or the folder not yours?"
        ) from error
