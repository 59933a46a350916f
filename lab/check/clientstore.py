"""What a client of `--client` did, on disk and back: `client.json`, and rows in `clients/`."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from lab.check.history import LIVE, PUBLISH, ROW, Array, ClientFailure, ClientReader, ClientRecord

FILE, FOLDER = "client.json", "clients"
ROWS = ("rows", "bucket")


def save(record: ClientRecord | None, folder: Path) -> None:
    """Raises `OSError`."""
    if record is None:
        return
    (folder / FOLDER).mkdir(exist_ok=True)
    record.publishes.tofile(folder / FOLDER / "publishes.bin")
    readers = []
    for reader in record.readers:
        name = f"{reader.place}-{reader.kind}"
        reader.rows.tofile(folder / FOLDER / f"{name}.bin")
        if reader.bucket is not None:
            reader.bucket.tofile(folder / FOLDER / f"{name}-bucket.bin")
        readers.append({key: value for key, value in vars(reader).items() if key not in ROWS})
    document = {
        "command": record.command,
        "client": record.client,
        "places": record.places,
        "errors": record.errors,
        "failures": [asdict(failure) for failure in record.failures],
        "readers": readers,
    }
    (folder / FILE).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def load(folder: Path, damage: Mapping[str, str]) -> ClientRecord | None:
    """None when the run had no client, or what is there of it cannot be relied on. Raises `OSError`, `ValueError`,
    `KeyError` or `TypeError` for what is no record."""
    if not (folder / FILE).is_file() or any(name == FILE or name.startswith(f"{FOLDER}/") for name in damage):
        return None
    raw: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
    readers = []
    for reader in raw["readers"]:
        name = f"{reader['place']}-{reader['kind']}"
        bucket = folder / FOLDER / f"{name}-bucket.bin"
        held = _rows(bucket, ROW) if bucket.is_file() else None
        deposed = tuple(reader.pop("deposed"))
        readers.append(
            ClientReader(**reader, deposed=deposed, rows=_rows(folder / FOLDER / f"{name}.bin", LIVE), bucket=held)
        )
    return ClientRecord(
        raw["command"],
        raw["client"],
        tuple(raw["places"]),
        tuple(raw["errors"]),
        tuple(ClientFailure(**failure) for failure in raw["failures"]),
        _rows(folder / FOLDER / "publishes.bin", PUBLISH),
        tuple(readers),
    )


def _rows(path: Path, dtype: "np.dtype[Any]") -> Array:
    return np.fromfile(path, dtype)
