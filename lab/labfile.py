"""Reads `lab.yaml`, which people write by hand, into a `Topology`.

Owns the file: its syntax, the type of each value, the place of each problem. What values mean together is
`topology.problems()`. Import it only where a file is read: pydantic costs more than the rest of the command's start.
"""

import difflib
import ipaddress
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast, get_type_hints

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from lab.errors import UsageError
from lab.topology import Topology
from lab.validate import problems

FIELDS = tuple(f.name for f in fields(Topology))
TYPES: dict[str, Any] = get_type_hints(Topology) | {"regions": list[str]}
DURATIONS = ("max_age", "duplicate_window")
FREE_TEXT = ("name", "stream")
SUBNET = ("subnet_pool", "subnet_prefix")
# What a value should be, where its type does not say enough.
EXPECTED = {
    "regions": "a list of names, such as `[west, east]`",
    "nats": 'a full version, such as `2.15.1`, or a tag in quotes, such as `"2.12"`',
    "profile": "`fixed` or `seed`",
    "max_age": "a duration, such as `1h`, or `0`",
    "duplicate_window": "a duration, such as `2m`, or `0`",
    "memory": "a size for Docker, such as `256m`",
    "store": "a size for NATS, such as `1GB`",
    "server_options": "a mapping, such as `ping_interval: 5s`",
}
SHAPES = {
    "nats": re.compile(r"\w[\w.-]{0,127}", re.ASCII),
    "memory": re.compile(r"[1-9]\d*[bkmgBKMG]?", re.ASCII),
    "store": re.compile(r"[1-9]\d*([kmgtKMGT]([iI]?[bB])?)?", re.ASCII),
}
# Fields that a problem of a field can come from: it is not reported while one of them is wrong itself, and it is
# placed at the first of them that is in the file when the field is left at its default.
PORTS = ("client_port", "monitor_port", "port_step", "nodes_per_region", "regions", "name")
CAUSES: dict[str, tuple[str, ...]] = {
    "replicas": ("nodes_per_region",),
    "client_port": PORTS,
    "monitor_port": PORTS,
    "subnet_pool": ("subnet_prefix", "regions", "name"),
    "subnet_prefix": ("subnet_pool", "name"),
}


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong, where; line 0 is the file as a whole or a default."""

    line: int
    field: str
    sentence: str

    def __str__(self) -> str:
        return f"{f'line {self.line}, ' if self.line else ''}{self.field}: {self.sentence}"


def load(path: Path) -> Topology:
    """The topology that a file describes; what it leaves out has its default. Raises `UsageError` with all problems."""
    name = _shown(path)
    root, loader = _parse(_text(path, name), name)
    if root is None or _empty(root):
        return Topology()
    if not isinstance(root, yaml.MappingNode):
        raise UsageError(
            f"`{name}` should hold lines such as `replicas: 3`, not {_raw(root)}", "`lab.example.yaml` has every field"
        )
    file = _File(root, loader)
    file.check_types()
    file.check_meaning()
    if file.problems:
        found = sorted(set(file.problems))
        count = "a problem" if len(found) == 1 else f"{len(found)} problems"
        raise UsageError(f"`{name}` has {count}:\n" + "\n".join(f"  {problem}" for problem in found))
    return _topology(file.values)


def _shown(path: Path) -> str:
    """The path as people call it: relative when it is below the current folder."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _text(path: Path, name: str) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"`{name}` is not there", "`cp lab.example.yaml lab.yaml` makes one") from None
    except IsADirectoryError:
        raise UsageError(f"`{name}` is a folder, not a file") from None
    except OSError as error:
        raise UsageError(f"`{name}` cannot be read: {error.strerror or error}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"`{name}` is not UTF-8 text: line {line}", "save it as UTF-8") from None


def _parse(text: str, name: str) -> tuple[yaml.Node | None, yaml.SafeLoader]:
    try:
        loader = yaml.SafeLoader(text)
        return loader.get_single_node(), loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise UsageError(f"`{name}` is not valid YAML: {place}{error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UsageError(f"`{name}` is not valid YAML: line {line} has a character that is not text") from None
    except RecursionError:
        raise UsageError(f"`{name}` is nested too deeply") from None


class _File:
    """A mapping while it is checked: `values` are the fields that are fine so far, `bad` the ones that are not."""

    def __init__(self, root: yaml.MappingNode, loader: yaml.SafeLoader) -> None:
        self.problems: list[Problem] = []
        self.values: dict[str, Any] = {}
        self.bad: set[str] = set()
        self.nodes: dict[str, yaml.Node] = {}
        self.lines: dict[str, int] = {}
        for key, value in root.value:
            self._read(_raw(key).strip("`") if isinstance(key, yaml.ScalarNode) else _raw(key), key, value, loader)

    def _read(self, field: str, key: yaml.Node, value: yaml.Node, loader: yaml.SafeLoader) -> None:
        line = key.start_mark.line + 1
        if field in self.lines:
            self.problems.append(Problem(line, field, f"stands there already, in line {self.lines[field]}"))
            return
        self.lines[field], self.nodes[field] = line, value
        if field not in FIELDS:
            near = difflib.get_close_matches(field.lower().replace("-", "_"), FIELDS, 1)
            advice = f"did you mean `{near[0]}`?" if near else f"known fields: {', '.join(FIELDS)}"
            self.problems.append(Problem(line, field, f"there is no such field; {advice}"))
            return
        for option, place in _repeated(value):
            self._wrong(field, f"`{option}` stands there more than once", place)
        try:
            read = loader.construct_object(value, deep=True)
        except (yaml.YAMLError, ValueError, RecursionError):
            # A tag, an impossible date, a list as a key: nothing that a field takes.
            what = f"not {_raw(value)}" if isinstance(value, yaml.ScalarNode) else "and YAML cannot read this one"
            self._wrong(field, f"should be {_expected(field)}, {what}{_quotes(field, value)}")
            return
        self.values[field] = "0" if field in DURATIONS and read == 0 and type(read) is int else read

    def _wrong(self, field: str, sentence: str, line: int | None = None) -> None:
        self.bad.add(field)
        self.problems.append(Problem(self._line(field) if line is None else line, field, sentence))

    def _line(self, field: str) -> int:
        return next((self.lines[key] for key in (field, *CAUSES.get(field, ())) if key in self.lines), 0)

    def check_types(self) -> None:
        """Report each value of a wrong type or shape."""
        try:
            MODEL.model_validate(self.values)
        except ValidationError as error:
            # A value that fits none of an option's types gives one error for each type.
            for field, *item in dict.fromkeys(details["loc"][:2] for details in error.errors()):
                self._wrong_type(str(field), item[0] if item and field in ("regions", "server_options") else None)
        for field, shape in SHAPES.items():
            value = self.values.get(field, "")
            if field not in self.bad and field in self.values and not shape.fullmatch(value):
                self._wrong_type(field, None)
        self._check_subnets()

    def _check_subnets(self) -> None:
        """What is wrong with these two by themselves; `_meaning` needs a pool and a prefix that are possible."""
        if "subnet_pool" in self.values.keys() - self.bad:
            try:
                ipaddress.IPv4Network(self.values["subnet_pool"])
            except ValueError as error:
                self._wrong("subnet_pool", f"`{self.values['subnet_pool']}` is not an IPv4 network: {error}")
        if "subnet_prefix" in self.values.keys() - self.bad and not 16 <= self.values["subnet_prefix"] <= 27:
            self._wrong("subnet_prefix", f"must be 16 to 27, not {self.values['subnet_prefix']}")

    def _wrong_type(self, field: str, item: str | int | None) -> None:
        node = self.nodes[field]
        if item is None:
            if _empty(node):
                self._wrong(field, f"has no value; it should be {_expected(field)} (leave it out for the default)")
            else:
                self._wrong(field, f"should be {_expected(field)}, not {_raw(node)}{_quotes(field, node)}")
        elif isinstance(node, yaml.SequenceNode) and isinstance(item, int):
            part = node.value[item]
            self._wrong(field, f"a name should be text, not {_raw(part)}{_quotes('name', part)}", _mark(part))
        else:
            pairs = node.value if isinstance(node, yaml.MappingNode) else []
            key, part = next(((k, v) for k, v in pairs if k.value == str(item)), _odd_pair(pairs, node))
            if key.tag.endswith(":str"):
                sentence = f"`{item}` should be text, a number, true or false, not {_raw(part)}"
            else:
                sentence = f"an option's name should be text, not {_raw(key)}"
            self._wrong(field, sentence, _mark(key))

    def check_meaning(self) -> None:
        """Report what is wrong with the values that are of the right type."""
        fine = {key: value for key, value in self.values.items() if key not in self.bad}
        for field, sentence in _meaning(fine):
            if not self.bad.intersection((field, *CAUSES.get(field, ()))):
                self.problems.append(Problem(self._line(field), field, sentence))


def _odd_pair(pairs: list[tuple[yaml.Node, yaml.Node]], node: yaml.Node) -> tuple[yaml.Node, yaml.Node]:
    """The first option whose name YAML reads as something other than text, such as `yes`."""
    return next(((key, value) for key, value in pairs if not key.tag.endswith(":str")), (node, node))


def _topology(values: dict[str, Any]) -> Topology:
    return Topology(**(values | {"regions": tuple(values["regions"])} if "regions" in values else values))


def _meaning(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """`problems()`, in two passes: it looks at ports by way of addresses and fails when subnets make no sense."""
    with suppress(IndexError):  # too many nodes for a network, which it said before it got there
        yield from problems(_topology({key: value for key, value in values.items() if key not in SUBNET}))
    subnets = {key: values[key] for key in ("name", "regions", *SUBNET) if key in values}
    try:
        yield from ((field, text) for field, text in problems(_topology(subnets)) if field in SUBNET)
    except (ValueError, IndexError) as error:
        yield _subnet_problem(_topology(subnets), error)


def _subnet_problem(topology: Topology, error: Exception) -> tuple[str, str]:
    networks = f"networks of /{topology.subnet_prefix} do not fit into `{topology.subnet_pool}`"
    return "subnet_prefix", f"{networks} for the lab `{topology.name}`: {error}"


def _model() -> type[BaseModel]:
    """Made from `Topology`, so that a field is written down once."""
    definitions: dict[str, Any] = {field: (TYPES[field], None) for field in FIELDS}
    config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
    return cast("type[BaseModel]", create_model("LabFile", __config__=config, **definitions))


MODEL = _model()


def _expected(field: str) -> str:
    return EXPECTED.get(field) or ("a whole number" if TYPES[field] is int else "text")


def _raw(node: yaml.Node) -> str:
    """A value as it stands in the file; YAML may have read `no` as false and `1:30` as 90."""
    if isinstance(node, yaml.ScalarNode):
        text = node.value if len(node.value) <= 40 else node.value[:40] + "…"
        return f"`{text}`" if text else "nothing"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"


def _empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")


def _quotes(field: str, node: yaml.Node) -> str:
    """Advice where quotes would make a text of what YAML reads as a number, a date or a truth."""
    unquoted = isinstance(node, yaml.ScalarNode) and not node.tag.endswith((":str", ":null"))
    return ": put it in quotes" if unquoted and field in FREE_TEXT else ""


def _mark(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def _repeated(node: yaml.Node) -> Iterator[tuple[str, int]]:
    seen: set[str] = set()
    for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
        if isinstance(key, yaml.ScalarNode) and key.value in seen:
            yield key.value, _mark(key)
        seen.add(str(key.value))
