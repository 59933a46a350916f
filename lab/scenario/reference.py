"""The reference of the format as Markdown tables, made from the types that the reader reads by; pure."""

import dataclasses
import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from lab.faults import arguments
from lab.scenario import actions, expectations


def tables() -> str:
    """Verbs, then expectations."""
    lines = ["### Verbs", "", "| verb | what it does | fields |", "|---|---|---|"]
    lines += [_row(name, kind) for name, kind in actions.actions().items()]
    lines += ["", "### Expectations", "", "| expectation | holds when | fields |", "|---|---|---|"]
    lines += [_row(name, kind) for name, kind in expectations.EXPECTATIONS.items()]
    return "\n".join(lines)


def _row(name: str, kind: Any) -> str:
    what = " ".join((kind.__doc__ or "").split()).replace("|", "\\|")
    return f"| `{name}` | {what} | {', '.join(_fields(kind))} |"


def _fields(kind: Any) -> Iterator[str]:
    """Each field with its type; `*` for one that must be there."""
    hints = get_type_hints(kind)
    timed = {f.name for f in dataclasses.fields(expectations.Timed)} if issubclass(kind, expectations.Timed) else ()
    for f in dataclasses.fields(kind):
        if f.name not in timed:
            needed = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
            short = " (can stand alone)" if f.name == kind.SHORT else ""
            yield f"`{f.name.rstrip('_')}`{'*' if needed else ''}: {_type(hints[f.name])}{short}"


def _type(hint: Any) -> str:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _type(next(part for part in get_args(hint) if part is not type(None)))
    if origin is tuple:
        return f"list of {_type(get_args(hint)[0])}"
    if origin is dict:
        return "mapping"
    if origin is Literal:
        return " or ".join(f"`{option}`" for option in get_args(hint) if option)
    names = {
        arguments.Seconds: "duration",
        actions.Count: "number",
        arguments.Leader: "stream or `meta`",
        arguments.Target: "node, region or name",
        actions.Defined: "name",
        actions.MessageRef: "name of a publish",
        actions.TrafficRef: "name of a traffic",
        actions.ConsumeRef: "name of a consume",
        actions.RequestRef: "name of a request",
        actions.TimedRef: "name of a publish, a request or a consumer's creation",
        actions.NodesRef: "name of nodes",
        str: "text",
        int: "number",
        bool: "`true` or `false`",
    }
    return names.get(hint) or str(hint.__name__).lower()
