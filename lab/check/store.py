"""Run folders: a `History` on disk and back. Everything that a judgement needs is in `runs/<id>/`.

    run.json          what the run was (`Run`), and each final read's bounds
    publishes.bin     PUBLISH rows
    reads/<stream>.bin            ROW rows
    live/<place>-<reader>.bin     LIVE rows; a region, or a stream
    history.jsonl     faults, probes and samples, one JSON object a line, as they happened
    replicas.json     the copies of each stream
    client.json, clients/*.bin    what a client of `--client` did (`clientstore.py`), if there was one
    manifest.json     what all these were when the run was written (`manifest.py`); runs of format 1 have none

Of a run that is damaged, what can still be read is read, and `History.damage` says what cannot be relied on.

Rows are read as memory maps: a run of ten million messages is judged without being loaded.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from lab.check import clientstore, manifest
from lab.check.history import (
    LIVE,
    OUTCOMES,
    PUBLISH,
    ROW,
    Array,
    FaultRecord,
    History,
    Phase,
    Probe,
    Process,
    Read,
    Replica,
    Run,
    Sample,
    Stall,
)
from lab.errors import LabError, Untold, UsageError
from lab.topology import Topology

FORMAT = 2
WITHOUT_MANIFEST = 1
T = TypeVar("T")
EVENTS: dict[str, type[Any]] = {"fault": FaultRecord, "probe": Probe, "sample": Sample}


def save(history: History, folder: Path) -> None:
    """Write a whole history. Raises `LabError` when the disk does not take it."""
    try:
        for name in ("reads", "live"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        _write_rows(folder / "publishes.bin", history.publishes)
        for stream, read in history.reads.items():
            _write_rows(folder / "reads" / f"{stream}.bin", read.rows)
        for (region, reader), rows in history.live.items():
            _write_rows(folder / "live" / f"{region}-{reader}.bin", rows)
        write_events(folder, history.faults, history.probes, history.samples)
        write_json(folder / "replicas.json", [asdict(replica) for replica in history.replicas])
        clientstore.save(history.client, folder)
        write_run(folder, history.run, history.reads)
        manifest.write(folder)
    except OSError as error:
        raise LabError(f"the run cannot be written to `{folder}`: {error.strerror}", "is the disk full?") from error


def _write_rows(path: Path, rows: Array) -> None:
    """A run writes rows into their place as they come, and maps them: such a file must not be cut while it is read."""
    mapped = (
        isinstance(rows, np.memmap) and rows.filename is not None and Path(rows.filename).resolve() == path.resolve()
    )
    if mapped and path.stat().st_size == rows.nbytes:
        return
    beside = path.with_suffix(".new")
    rows.tofile(beside)
    beside.replace(path)


def write_events(folder: Path, *groups: Iterable[FaultRecord | Probe | Sample]) -> None:
    with (folder / "history.jsonl").open("w", encoding="utf-8") as file:
        for group in groups:
            for event in group:
                kind = next(kind for kind, type_ in EVENTS.items() if isinstance(event, type_))
                file.write(json.dumps({"event": kind} | asdict(event)) + "\n")


def write_run(folder: Path, run: Run, reads: Mapping[str, Read]) -> None:
    document = asdict(run) | {
        "format": FORMAT,
        "reads": {
            name: {f.name: getattr(read, f.name) for f in fields(Read) if f.name != "rows"}
            for name, read in reads.items()
        },
    }
    write_json(folder / "run.json", document)


def write_json(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def load(folder: Path) -> History:
    """The history of a run folder, with what is damaged of it. Raises `UsageError` for one that is no run or of another
    version, and for one without a manifest that is damaged; `Untold` when the damage leaves nothing to read."""
    damage = manifest.damage(folder) if (folder / manifest.FILE).is_file() else {}
    try:
        document = _document(folder)
        if document.get("format") == FORMAT:
            damage = damage or manifest.damage(folder)
        elif document.get("format") != WITHOUT_MANIFEST:
            raise UsageError(
                f"`{folder}` was written by another version of the lab (format {document.get('format')}, not {FORMAT})",
                "judge it with the version that wrote it",
            )
        run = _described(folder, document)
    except UsageError as error:
        if not damage:
            raise
        raise Untold(f"the run in `{folder}` is damaged: {listed(damage)}", error.hint) from error
    return _history(folder, document, run, damage)


def listed(damage: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {what}" for name, what in damage.items())


def _history(folder: Path, document: Mapping[str, Any], run: Run, damage: Mapping[str, str]) -> History:
    """Nothing of a damaged file is taken: half of it would look like a run in which the other half never happened."""

    def rows(name: str, dtype: "np.dtype[Any]") -> Array:
        return np.empty(0, dtype) if name in damage else _rows(folder / name, dtype)

    def lines(name: str) -> str:
        return "" if name in damage else (folder / name).read_text(encoding="utf-8")

    try:
        reads = {
            name: Read(rows=rows(f"reads/{name}.bin", ROW), **bounds) for name, bounds in document["reads"].items()
        }
        live = {}
        for path in sorted((folder / "live").glob("*.bin")):
            place, _, reader = path.stem.rpartition("-")
            if place in run.topology.regions or place in run.streams:
                live[place, reader] = rows(f"live/{path.name}", LIVE)
        events: dict[str, list[Any]] = {kind: [] for kind in EVENTS}
        for line in lines("history.jsonl").splitlines():
            raw = json.loads(line)
            kind = raw.pop("event")
            events[kind].append(_value(EVENTS[kind], raw))
        replicas = [Replica(**raw) for raw in json.loads(lines("replicas.json") or "[]")]
        publishes = rows("publishes.bin", PUBLISH)
        _refuse_foreign(run, publishes)
        client = clientstore.load(folder, damage)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(folder, error) from error
    return History(
        run,
        publishes,
        reads,
        live,
        tuple(events["fault"]),
        tuple(events["probe"]),
        tuple(events["sample"]),
        tuple(replicas),
        damage,
        client,
    )


def _refuse_foreign(run: Run, publishes: Array) -> None:
    """Raises `ValueError` for rows that this run cannot have written."""
    if len(publishes) and (
        int(publishes["process"].max()) >= len(run.processes) or int(publishes["outcome"].max()) >= len(OUTCOMES)
    ):
        raise ValueError("publishes.bin holds publishes of processes that the run does not have")


def _damaged(folder: Path, error: Exception) -> UsageError:
    return UsageError(f"the run in `{folder}` is damaged or truncated: {error}", "`lab runs` lists the whole ones")


def _document(folder: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"`{folder}` is not a run: it has no run.json", "`lab runs` lists the runs") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"the run in `{folder}` is damaged: {error}", "`lab runs` lists the whole ones") from error
    return document if isinstance(document, dict) else {}


def _described(folder: Path, document: Mapping[str, Any]) -> Run:
    try:
        return _run(document)
    except (ValueError, KeyError, TypeError, LabError) as error:
        raise _damaged(folder, error) from error


def _run(document: Mapping[str, Any]) -> Run:
    late = ("definitions", "subjects", "stalls", "jump")  # runs of before have none
    raw = {f.name: document[f.name] for f in fields(Run) if f.name in document or f.name not in late}
    raw["subjects"] = {origin: tuple(stored) for origin, stored in raw.get("subjects", {}).items()}
    raw["topology"] = Topology.from_label(json.dumps(raw["topology"]))
    raw["processes"] = tuple(Process(**process) for process in raw["processes"])
    raw["phases"] = tuple(Phase(**phase) for phase in raw["phases"])
    raw["stalls"] = tuple(Stall(**stall) for stall in raw.get("stalls", ()))
    raw |= {key: tuple(raw[key]) for key in ("streams", "errors", "notes")}
    return Run(**raw)


def _value(type_: type[T], raw: Mapping[str, Any]) -> T:
    return type_(**{key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()})


def _rows(path: Path, dtype: "np.dtype[Any]") -> Array:
    size = path.stat().st_size
    if size % dtype.itemsize:
        raise ValueError(f"{path.name} ends in the middle of a row")
    return np.memmap(path, dtype, "r") if size else np.empty(0, dtype)
