"""What a run's folder must hold: each file's size and checksum, written when everything else is.

It tells a run that was written to its end from one that was not, and finds what was cut short, exchanged or added
since. It guards against damage, not against forgery: a checksum is a CRC-32.
"""

import json
from pathlib import Path
from typing import Any
from zlib import crc32

FILE = "manifest.json"
# What a verdict rests on; reports, logs and plots may be changed.
PATTERNS = (
    "run.json",
    "history.jsonl",
    "client.json",
    "replicas.json",
    "publishes.bin",
    "reads/*.bin",
    "live/*.bin",
    "clients/*.bin",
)
CHUNK = 1 << 20


def write(folder: Path) -> None:
    """Raises `OSError`."""
    files = {name: _described(folder / name) for name in _present(folder)}
    (folder / FILE).write_text(json.dumps({"files": files}, indent=1) + "\n", encoding="utf-8")


def damage(folder: Path) -> dict[str, str]:
    """File -> what is wrong with it, as the rest of a sentence that begins with its name."""
    try:
        expected: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))["files"]
        expected = {name: (int(file["bytes"]), str(file["crc32"])) for name, file in expected.items()}
    except FileNotFoundError:
        return {FILE: "is not there: the run was not written to its end, or the file was removed"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return {FILE: f"cannot be read: {error}"}
    found = {}
    for name, (size, checksum) in expected.items():
        try:
            have = _described(folder / name)
        except OSError as error:
            found[name] = (
                "is not there" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
            )
            continue
        if have["bytes"] != size:
            found[name] = f"has {have['bytes']:,} bytes and had {size:,} when the run was written"
        elif have["crc32"] != checksum:
            found[name] = "holds other bytes than when the run was written"
    return found | {name: "was not there when the run was written" for name in _present(folder) if name not in expected}


def _present(folder: Path) -> list[str]:
    paths = (path for pattern in PATTERNS for path in sorted(folder.glob(pattern)))
    return [str(path.relative_to(folder)) for path in paths]


def _described(path: Path) -> dict[str, Any]:
    checksum, size = 0, 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            checksum, size = crc32(chunk, checksum), size + len(chunk)
    return {"bytes": size, "crc32": f"{checksum:08x}"}
