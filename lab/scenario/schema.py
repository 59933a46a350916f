"""The JSON Schema of a scenario file, made from the types that the reader reads by; pure."""

import dataclasses
import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from lab.faults import arguments
from lab.observe.operations import OPERATIONS
from lab.scenario import actions, expectations
from lab.scenario.scenario import When
from lab.topology import Topology

DURATION = {"type": "string", "pattern": r"^(0|(\d+(\.\d+)?(ms|s|m|h|d))+)$"}
NOT_FOR_A_FILE = ("name", "client_port", "monitor_port")


def document() -> dict[str, Any]:
    when = _ref("when")
    expectation = _choice(
        {name: _kind(kind) for name, kind in expectations.EXPECTATIONS.items()},
        {"when": when, "finding": {"type": "string"}},
        exactly_one=True,
    )
    step = _choice(
        {name: _kind(kind) for name, kind in actions.actions().items()},
        {
            "say": {"type": "string"},
            "when": when,
            "expect": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/expectation"}}, _ref("expectation")]},
            "repeat": {
                "type": "object",
                "properties": {"times": _type(actions.Count), "each": _many({"type": "string"})},
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
            },
            "steps": {"type": "array", "items": _ref("step")},
        },
        exactly_one=False,
    )
    lab = {
        "type": "object",
        "properties": {
            f.name: {"type": "object"} if f.name == "server_options" else _type(get_type_hints(Topology)[f.name])
            for f in dataclasses.fields(Topology)
            if f.name not in NOT_FOR_A_FILE
        },
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A scenario of NATS Region Lab",
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "about": {"type": "string"},
            "lab": _ref("lab"),
            "variants": {"type": "object", "additionalProperties": _ref("lab"), "minProperties": 1},
            "steps": {"type": "array", "items": _ref("step"), "minItems": 1},
        },
        "required": ["title", "about", "steps"],
        "additionalProperties": False,
        "$defs": {
            "expectation": expectation,
            "step": step,
            "lab": lab,
            "when": _fields(When),
            "duration": _lengths(DURATION),
            "count": _lengths({"type": "integer"}),
            "operation": {"enum": list(OPERATIONS)},
            "quantity": _type(expectations.Quantity, inside=False),
            "names": _many({"type": "string"}),
        },
    }


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def _choice(kinds: dict[str, Any], others: dict[str, Any], exactly_one: bool) -> dict[str, Any]:
    either = [{"required": [name]} for name in kinds]
    none = [] if exactly_one else [{"not": {"anyOf": either}}]
    return {
        "type": "object",
        "properties": kinds | others,
        "additionalProperties": False,
        "oneOf": either + none,
    }


def _kind(kind: Any) -> dict[str, Any]:
    """A verb or an expectation: its fields, or what `SHORT` allows in their place."""
    description = " ".join((kind.__doc__ or "").split())
    full = _fields(kind)
    forms = [full]
    if kind.SHORT:
        forms.append(_type(get_type_hints(kind)[kind.SHORT]))
    if not full.get("required"):
        forms.append({"type": "null"})
    return {"description": description} | (full if len(forms) == 1 else {"anyOf": forms})


def _fields(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    fields = dataclasses.fields(kind)
    needed = [
        f.name.rstrip("_")
        for f in fields
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    shape: dict[str, Any] = {
        "type": "object",
        "properties": {f.name.rstrip("_"): _type(hints[f.name]) for f in fields},
        "additionalProperties": False,
    }
    return shape | ({"required": needed} if needed else {})


def _many(item: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [item, {"type": "array", "items": item}]}


def _lengths(item: dict[str, Any]) -> dict[str, Any]:
    both = {"type": "object", "properties": {"short": item, "long": item}, "required": ["short", "long"]}
    return {"anyOf": [item, both | {"additionalProperties": False}]}


def _type(hint: Any, inside: bool = True) -> dict[str, Any]:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _type(next(part for part in get_args(hint) if part is not type(None)))
    if origin is tuple:
        item = _type(get_args(hint)[0])
        return _ref("names") if item == {"type": "string"} else _many(item)
    if origin is dict or hint is Any:
        return {"type": "object"} if origin is dict else {}
    if origin is Literal:
        return {"enum": [option for option in get_args(hint) if option]}
    if hint is expectations.Quantity and inside:
        return _ref("quantity")
    if dataclasses.is_dataclass(hint):
        short = getattr(hint, "SHORT", "")
        full = _fields(hint)
        return {"anyOf": [full, _type(get_type_hints(hint)[short])]} if short else full
    if hint is arguments.Seconds:
        return _ref("duration")
    if hint is actions.Count:
        return _ref("count")
    if hint is expectations.Operation:
        return _ref("operation")
    return {"type": {int: "integer", float: "number", bool: "boolean"}.get(hint, "string")}
