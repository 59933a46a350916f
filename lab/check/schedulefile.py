"""What a schedule file describes, and a schedule as a file. What a schedule means on a lab is in `schedule.py`."""

from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any, Literal, NewType, get_args, get_type_hints

from lab import yamlfile
from lab.check.schedule import Planned, Schedule, kinds, place, problems, random_faults
from lab.faults import arguments
from lab.faults.arguments import EXPECTED, Seconds
from lab.faults.verb import OFFERS, Verb
from lab.topology import Topology
from lab.units import DURATION, duration_ns
from lab.yamlfile import Document, Entry
from lab.yamltypes import Types, joined, must_be_given, text

FORMAT = "docs/check.md has the format"
TYPES: dict[str, Any] = {
    "seed": int,
    "rate": int,
    "processes": int,
    "duration": Seconds,
    "warmup": Seconds,
    "settle": Seconds,
}
Id = NewType("Id", str)
FAULT: dict[str, Any] = {"id": Id, "kind": str, "at": Seconds, "for": Seconds}
# Kinds of earlier versions: the verb, and the arguments that it stands for.
OLD_KINDS: dict[str, tuple[str, dict[str, Any]]] = {"meta-step-down": ("step-down", {"of": "meta"})}
NUMBER = r"[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?"


def _seconds(given: str) -> float:
    """Of `10s`, `1m30s` or a plain number. What is below zero is refused by what knows the time that it counts from."""
    sign, length = (-1, given[1:]) if given.startswith("-") else (1, given)
    return sign * (float(length) if length[-1].isdigit() else duration_ns(length) / 1e9)


READS = Types(
    {
        Id: text("a name", ".+", numbers=True),
        arguments.Path: joined("-"),
        Seconds: text("a time such as `10s`", f"-?({NUMBER}|{DURATION.pattern})", read=_seconds, numbers=True),
    }
)


def load(path: Path, topology: Topology, seed: int, offers: Collection[str] = OFFERS) -> Schedule:
    """The schedule of a file on this lab. Without `faults` they are drawn from the seed, out of what the kernel
    `offers`. Raises `UsageError` with all problems."""
    document = yamlfile.load(path, READS)
    entries = document.top((*TYPES, "faults"), "rate: 500", FORMAT)
    values = {key: document.read(TYPES[key], entries[key], place=key) for key in TYPES if key in entries}
    planned = _faults(document, entries["faults"]) if "faults" in entries else []
    document.refuse(FORMAT)
    schedule = Schedule(**{"seed": seed} | values)
    if "faults" in entries:
        faults = sorted((fault for fault, _ in planned), key=lambda fault: (fault.at, fault.id))
        schedule = replace(schedule, faults=tuple(faults))
    else:
        schedule = replace(schedule, faults=random_faults(schedule.seed, topology, schedule.main, offers))
    for subject, sentence in problems(schedule, topology):
        at = entries.get(subject) if isinstance(subject, str) else next((e for f, e in planned if f == subject), None)
        document.wrong(at, sentence, place(subject))
    document.refuse(FORMAT)
    return schedule


def dump(schedule: Schedule) -> str:
    """A schedule with nothing left to chance, as `load` reads it."""
    return yamlfile.dump(schedule.document(), "Resolved: the same file gives the same faults at the same times.")


def schema() -> dict[str, Any]:
    """The JSON Schema of a schedule file."""
    every: dict[str, tuple[str, dict[str, Any]]] = {name: (name, {}) for name in kinds()} | OLD_KINDS
    faults = [_table(name, kinds()[verb], given) for name, (verb, given) in every.items()]
    file = READS.table("Schedule", TYPES | {"faults": list[reduce(or_, faults)]})  # type: ignore[misc]
    return READS.schema("A schedule of NATS Region Lab", file)


def _table(name: str, verb: type[Verb], given: Mapping[str, Any]) -> Any:
    fields = _types(verb, given) | {"kind": Literal[name]}
    needed = [key for key in _needed(verb, given) if key not in verb.ALIASES.values()]
    return READS.table(name, fields, ["kind", *needed], verb.__doc__ or "")


def _types(verb: type[Verb], given: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry may have, by all names."""
    hints = get_type_hints(verb)
    arguments = {f.name: hints[f.name] for f in fields(verb) if f.name not in given}  # type: ignore[arg-type]
    aliases = {alias: arguments[name] for alias, name in verb.ALIASES.items() if name in arguments}
    return {key: hint for key, hint in FAULT.items() if key != "for" or verb.lasting} | arguments | aliases


def _needed(verb: type[Verb], given: Mapping[str, Any]) -> list[str]:
    """What an entry must have beside its kind."""
    arguments = [f.name for f in fields(verb) if must_be_given(f) and f.name not in given]  # type: ignore[arg-type]
    return ["at", *(["for"] if verb.lasting else []), *arguments]


def _faults(document: Document, entry: Entry) -> list[tuple[Planned, Entry]]:
    """The faults that nothing is wrong with, each with its place in the file."""
    if entry.items is None:
        document.wrong(entry, "should be a list", "faults")
    planned = [(_fault(document, f"fault {number}", item), item) for number, item in enumerate(entry.items or (), 1)]
    return [(fault, item) for fault, item in planned if fault]


def _fault(document: Document, here: str, entry: Entry) -> Planned | None:
    """The fault of an entry; None when something is wrong with it, which is noted."""
    before = len(document.problems)
    if entry.children is None:
        example = "a mapping such as `{at: 10s, for: 8s, kind: partition, groups: [central]}`"
        document.wrong(entry, f"should be {example}", here)
        return None
    kind = next((child.text for child in entry.children if child.name == "kind"), "")
    name, given = OLD_KINDS.get(kind, (kind, {}))
    verb = kinds().get(name)
    if verb is None:
        document.wrong(entry, f"unknown kind `{kind}`; known kinds: {', '.join(kinds())}", here)
        return None
    types, values = _types(verb, given), dict(given)
    for key, part in document.entries(entry, types, f"a {kind}", here).items():
        values[verb.ALIASES.get(key, key)] = _value(document, f"{here}, {key}", types[key], part)
    for key in _needed(verb, given):
        if key not in values:
            document.wrong(entry, "is missing", f"{here}, {key}")
    if len(document.problems) > before:
        return None
    id_, at, seconds = values.pop("id", here.replace("fault ", "f")), values.pop("at"), values.pop("for", 0.0)
    del values["kind"]
    return Planned(id_, verb(**values), at, seconds)


def _value(document: Document, here: str, hint: Any, entry: Entry) -> Any:
    item = get_args(hint)[0] if get_args(hint) else hint
    expected = "" if item is Seconds else EXPECTED.get(item, "")
    value = document.read(hint, entry, place=here, expected=expected)
    if value in ("", ()):
        document.wrong(entry, f"should be {expected or 'something'}, not nothing", here)
    return value
