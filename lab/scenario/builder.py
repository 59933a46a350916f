"""Builds values of the scenario's types from YAML nodes, and notes every problem with its line."""

import dataclasses
import difflib
import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import yaml

from lab.faults import arguments
from lab.observe.operations import OPERATIONS
from lab.scenario import actions, expectations
from lab.scenario.scenario import Length
from lab.topology import Topology
from lab.units import DURATION, duration_ns

REFERENCES = (
    actions.MessageRef,
    actions.TrafficRef,
    actions.ConsumeRef,
    actions.RequestRef,
    actions.NodesRef,
)


@dataclasses.dataclass(frozen=True, order=True)
class Problem:
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.sentence}"


class _Wrong(Exception):  # noqa: N818
    """A value that cannot be built; the problem is noted already."""


class Builder:
    """`defined` has the names that earlier steps gave, and what each may be used for."""

    def __init__(self, length: Length) -> None:
        self.length = length
        self.problems: list[Problem] = []
        self.topology = Topology()
        self.defined: dict[str, tuple[Any, ...]] = {}
        self.field = ""

    def wrong(self, node: yaml.Node, sentence: str) -> _Wrong:
        """Note a problem; a sentence without a subject is about the field that is being read."""
        told = f"`{self.field}` {sentence}" if self.field and sentence.startswith("should") else sentence
        self.problems.append(Problem(node.start_mark.line + 1, told))
        return _Wrong()

    def attempt(self, hint: Any, node: yaml.Node | None, field: str = "") -> Any:
        """The value, None when there is none or when it is wrong."""
        self.field = field
        if node is None:
            return None
        try:
            return self.build(hint, node)
        except _Wrong:
            return None
        finally:
            self.field = ""

    def build(self, hint: Any, node: yaml.Node) -> Any:
        origin = get_origin(hint)
        if hint is Any:
            return self.plain(node)
        if origin in (Union, types.UnionType):
            return self.build(next(part for part in get_args(hint) if part is not type(None)), node)
        if origin is tuple:
            items = node.value if isinstance(node, yaml.SequenceNode) else [node]
            return tuple(self.build(get_args(hint)[0], item) for item in items)
        if origin is dict:
            if not isinstance(node, yaml.MappingNode):
                raise self.wrong(node, f"should be a mapping, not {raw(node)}")
            return self.plain(node)
        if origin is Literal:
            text = self.scalar(str, node)
            if text not in get_args(hint):
                options = ", ".join(f"`{option}`" for option in get_args(hint) if option)
                raise self.wrong(node, f"should be one of {options}, not {raw(node)}")
            return text
        if dataclasses.is_dataclass(hint):
            return self.fields(hint, node)
        if hint in (arguments.Seconds, actions.Count):
            return self.measured(hint, node)
        if hint in (str, int, float, bool):
            return self.scalar(hint, node)
        return self.named(hint, node)

    def fields(self, kind: Any, node: yaml.Node) -> Any:
        hints = get_type_hints(kind)
        known = {f.name.rstrip("_"): f for f in dataclasses.fields(kind)}
        short = getattr(kind, "SHORT", "")
        if _empty(node):
            given: dict[str, yaml.Node] = {}
        elif short and not isinstance(node, yaml.MappingNode):
            given = {short.rstrip("_"): node}
        elif short and _is_measure(node) and hints[short] in (arguments.Seconds, actions.Count):
            given = {short: node}
        else:
            given = self.pairs(node, tuple(known), "this")
        values, bad = {}, False
        for key, value in given.items():
            self.field = key
            try:
                values[known[key].name] = self.build(hints[known[key].name], value)
            except _Wrong:
                bad = True
        for key, field in known.items():
            needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            if needed and key not in given:
                self.wrong(node, f"`{key}` is missing")
                bad = True
        if bad:
            raise _Wrong
        return kind(**values)

    def measured(self, hint: Any, node: yaml.Node) -> Any:
        """A duration or a count; `{short: …, long: …}` has one for each length."""
        if _is_measure(node):
            return self.measured(hint, self.pairs(node, ("short", "long"), "a length")[self.length])
        if hint is actions.Count:
            return self.scalar(int, node)
        text = node.value if isinstance(node, yaml.ScalarNode) else ""
        if text != "0" and not DURATION.fullmatch(text):
            raise self.wrong(node, f"should be a duration such as `20s` or `{{short: 8s, long: 45s}}`, not {raw(node)}")
        return duration_ns(text) / 1e9

    def named(self, hint: Any, node: yaml.Node) -> Any:
        """A text that must be the name of something there is."""
        text = self.scalar(str, node)
        regions, nodes = self.topology.regions, tuple(node.name for node in self.topology.nodes)
        if hint is arguments.Region:
            self.require(node, "region", text, regions)
        elif hint is actions.Node:
            self.require(node, "node", text, nodes)
        elif hint is arguments.Target:
            given = tuple(name for name, kinds in self.defined.items() if hint in kinds)
            if not arguments.is_role(text):
                self.require(node, "node or region", text, (*regions, *nodes, *given))
        elif hint is arguments.Link:
            ends = text.split("-")
            self.require(node, "link", text, [link.name for link in self.topology.links], len(ends) == 2, sorted(ends))
            return "-".join(sorted(ends))
        elif hint is expectations.Operation:
            self.require(node, "operation", text, OPERATIONS)
        elif hint in REFERENCES:
            given = tuple(name for name, kinds in self.defined.items() if hint in kinds)
            what = hint.__name__.removesuffix("Ref").lower()
            if text not in given:
                known = f"; so far there are {', '.join(f'`{name}`' for name in given)}" if given else ""
                raise self.wrong(node, f"no earlier step gave the name `{text}` (`as`) to a {what}{known}")
        elif hint is actions.Defined and not text:
            raise self.wrong(node, "a name is missing")
        return text

    def require(self, node: yaml.Node, kind: str, text: str, known: Any, fine: bool = True, ends: Any = ()) -> None:
        if fine and (text in known or (ends and "-".join(ends) in known)):
            return
        near = difflib.get_close_matches(text, known, 1)
        advice = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(f'`{name}`' for name in known)}"
        raise self.wrong(node, f"there is no {kind} `{text}`; {advice}")

    def scalar(self, kind: type, node: yaml.Node) -> Any:
        value = self.plain(node) if isinstance(node, yaml.ScalarNode) else None
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            wanted = {str: "text", int: "a whole number", float: "a number", bool: "`true` or `false`"}[kind]
            quotes = ": put it in quotes" if kind is str and isinstance(node, yaml.ScalarNode) and node.value else ""
            raise self.wrong(node, f"should be {wanted}, not {raw(node)}{quotes}")
        return value

    def plain(self, node: yaml.Node) -> Any:
        """As YAML reads it; the node may be a copy, so the loader is a fresh one."""
        try:
            return yaml.SafeLoader("").construct_document(node)
        except (yaml.YAMLError, ValueError) as error:
            raise self.wrong(node, f"YAML cannot read {raw(node)}: {error}") from None

    def pairs(self, node: yaml.Node, known: tuple[str, ...], what: str) -> dict[str, yaml.Node]:
        """Key -> value node; unknown and repeated keys are problems."""
        if not isinstance(node, yaml.MappingNode):
            self.wrong(node, f"{what} should be a mapping such as `{known[0]}: …`, not {raw(node)}")
            return {}
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else raw(key)
            if name in found:
                self.wrong(key, f"`{name}` stands there more than once")
            elif name not in known:
                near = difflib.get_close_matches(name.lower().replace("-", "_"), known, 1)
                advice = f"did you mean `{near[0]}`?" if near else f"known are {', '.join(known)}"
                self.wrong(key, f"{what} has no `{name}`; {advice}")
            else:
                found[name] = value
        return found


def _is_measure(node: yaml.Node) -> bool:
    return isinstance(node, yaml.MappingNode) and {str(key.value) for key, _ in node.value} == {"short", "long"}


def _empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")


def raw(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        text = node.value if len(node.value) <= 40 else node.value[:40] + "…"
        return f"`{text}`" if text else "nothing"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"
