"""The JSON Schemas of lab.yaml and of schedules as tables, for docs/schemas/README.md. Those of scenarios are
`lab/scenario/reference.py`'s, which knows more about them than their schema says."""

from collections.abc import Iterator, Mapping
from typing import Any

from lab import labfile
from lab.check import schedulefile

WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}
Schema = Mapping[str, Any]


def tables() -> str:
    return "\n".join([*_file("lab.yaml", labfile.schema()), "", *_file("A schedule", schedulefile.schema())])


def _file(name: str, schema: Schema) -> Iterator[str]:
    yield from (f"### {name}", "")
    yield from _fields(schema)
    for kind, part in schema.get("$defs", {}).items():
        if "`kind`" not in part.get("description", ""):
            yield from ("", f"#### `kind: {kind}`", "", part.get("description", ""), "")
            yield from _fields(part)


def _fields(schema: Schema) -> Iterator[str]:
    required = schema.get("required", ())
    yield from ("| field | value |", "|---|---|")
    for name, part in schema["properties"].items():
        yield f"| `{name}`{'*' if name in required else ''} | {_words(part)} |"


def _words(schema: Schema) -> str:
    if "$ref" in schema:
        return f"`{schema['$ref'].split('/')[-1]}`"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        return " or ".join(dict.fromkeys(map(_words, options)))
    if schema["type"] == "array":
        return f"list of {_words(schema['items'])}"
    if schema["type"] == "object":
        values = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")]
        return f"mapping, with values: {_words(values[0])}"
    return "duration" if "ms|s|m" in schema.get("pattern", "") else WORDS[schema["type"]]
