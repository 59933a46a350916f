"""Reads and writes schedules as YAML, which people write by hand. Every problem is reported at once.

Owns the file's syntax and the type of each value; what a schedule means on a lab is `lab/check/schedule.py`'s.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import yaml

from lab.check.schedule import Planned, Schedule, kinds, problems, random_faults, refuse
from lab.errors import UsageError
from lab.faults.arguments import EXPECTED, Link, Seconds
from lab.topology import Topology
from lab.units import duration_ns

WHOLE = ("seed", "rate", "processes")
TIMES = ("duration", "warmup", "settle")
OLD_KINDS: dict[str, dict[str, Any]] = {"meta-step-down": {"kind": "step-down", "of": "meta"}}


def load(path: Path, topology: Topology, seed: int) -> Schedule:
    """The schedule of a file on this lab. Without `faults` they are drawn from the seed. Raises `UsageError` with all
    problems."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"the schedule `{path}` cannot be read: {reason}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1})" if mark else ""
        raise UsageError(f"the schedule `{path}` is not YAML{place}: {getattr(error, 'problem', error)}") from None
    if not isinstance(raw, dict):
        raise UsageError(f"the schedule `{path}` is not a mapping", "docs/check.md has the format")
    found: list[str] = []
    schedule = _schedule(raw, topology, seed, found)
    if not found:
        found += problems(schedule, topology)
    refuse(found, f"the schedule `{path}` cannot be run on this lab")
    return schedule


def dump(schedule: Schedule) -> str:
    """A schedule with nothing left to chance, as `load` reads it."""
    text: str = yaml.safe_dump(_plain(schedule.document()), sort_keys=False, default_flow_style=None, width=120)
    return "# Resolved: the same file gives the same faults at the same times.\n" + text


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _schedule(raw: dict[Any, Any], topology: Topology, seed: int, found: list[str]) -> Schedule:
    known = {*WHOLE, *TIMES, "faults"}
    found += [f"{key}: there is no such field; known: {', '.join(sorted(known))}" for key in raw if key not in known]
    values: dict[str, Any] = {"seed": seed}
    for key in WHOLE:
        if key in raw:
            if isinstance(raw[key], int) and not isinstance(raw[key], bool):
                values[key] = raw[key]
            else:
                found.append(f"{key}: should be a whole number, not `{raw[key]}`")
    for key in TIMES:
        if key in raw:
            values[key] = _seconds(key, raw[key], found)
    schedule = Schedule(**values)
    if "faults" not in raw:
        return replace(schedule, faults=random_faults(schedule.seed, topology, schedule.main))
    if not isinstance(raw["faults"], list):
        found.append("faults: should be a list")
        return schedule
    faults = [fault for index, entry in enumerate(raw["faults"]) for fault in _fault(index, entry, found)]
    return replace(schedule, faults=tuple(sorted(faults, key=lambda fault: (fault.at, fault.id))))


def _fault(index: int, entry: Any, found: list[str]) -> Iterator[Planned]:
    """The fault of one entry, unless something is wrong with it."""
    place, before = f"fault {index + 1}", len(found)
    if not isinstance(entry, dict):
        found.append(f"{place}: should be a mapping such as `{{at: 10s, for: 8s, kind: partition, groups: [central]}}`")
        return
    entry = entry | OLD_KINDS.get(str(entry.get("kind")), {})
    verb = kinds().get(str(entry.get("kind")))
    if verb is None:
        found.append(f"{place}: unknown kind `{entry.get('kind')}`; known kinds: {', '.join(kinds())}")
        return
    entry = {verb.ALIASES.get(key, key): value for key, value in entry.items()}
    hints = {key: hint for key, hint in get_type_hints(verb).items() if key in {f.name for f in fields(verb)}}  # type: ignore[arg-type]
    known = {"id", "kind", "at", *hints} | ({"for"} if verb.lasting else set())
    found += [
        f"{place}: a {verb.name} has no `{key}`; it has {', '.join(sorted(known))}" for key in entry if key not in known
    ]
    needed = {f.name for f in fields(verb) if f.default is MISSING}  # type: ignore[arg-type]
    args = {
        key: _argument(place, key, hint, entry.get(key), found)
        for key, hint in hints.items()
        if key in entry or key in needed
    }
    at = _seconds(f"{place}, at", entry.get("at"), found)
    lasts = _seconds(f"{place}, for", entry.get("for"), found) if verb.lasting else 0.0
    if len(found) == before:
        yield Planned(str(entry.get("id", f"f{index + 1}")), verb(**args), at, lasts)


def _argument(place: str, key: str, hint: Any, value: Any, found: list[str]) -> Any:
    several = get_origin(hint) is tuple
    item = get_args(hint)[0] if several else hint
    if item is Seconds:
        return _seconds(f"{place}, {key}", value, found)
    if several:
        value = [value] if isinstance(value, str) else value
        if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
            return tuple(value)
    elif item is Link and isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "-".join(value)
    elif isinstance(value, getattr(item, "__supertype__", item)) and value != "":
        return value
    found.append(f"{place}: `{key}` should be {EXPECTED.get(item, 'a number')}")
    return None


def _seconds(place: str, value: Any, found: list[str]) -> float:
    """Seconds of `10s`, `1m30s` or a plain number."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    try:
        if isinstance(value, str):
            sign = -1 if value.startswith("-") else 1
            return sign * duration_ns(value.lstrip("-")) / 1e9
    except UsageError:
        pass
    found.append(f"{place}: should be a time such as `10s`, not {'nothing' if value is None else f'`{value}`'}")
    return 0.0
