"""YAML -> a `Scenario`: every problem at once, each with its line. What a file may say is what the types in `actions`,
`expectations` and `values` say; nothing of it is written down a second time here."""

import copy
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import yaml

from lab.errors import UsageError
from lab.faults.verb import Verb
from lab.layouts import layout_of
from lab.scenario import actions, expectations
from lab.scenario.builder import Builder
from lab.scenario.conditions import readable
from lab.scenario.scenario import ALWAYS, Expected, Length, Scenario, Step, Variant, When
from lab.topology import Topology
from lab.validate import problems

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
TOP = ("title", "about", "lab", "variants", "steps")
LAB_FIELDS = tuple(
    f.name for f in dataclasses.fields(Topology) if f.name not in ("name", "client_port", "monitor_port")
)


def read(path: Path, length: Length = "short") -> Scenario:
    """The scenario in a file; its name is the file's. Raises `UsageError` with all that is wrong."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"`{path}` is not there", "`lab scenario list` names those that are shipped") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"`{path}` cannot be read: {error}") from None
    return parse(text, path.name.partition(".")[0], str(path), length)


def parse(text: str, name: str, shown: str, length: Length = "short") -> Scenario:
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}: " if mark else ""
        raise UsageError(f"`{shown}` is not valid YAML: {place}{error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise UsageError(f"`{shown}` is not valid YAML: {error}") from None
    if not isinstance(root, yaml.MappingNode):
        raise UsageError(
            f"`{shown}` should have `title`, `about` and `steps`", "docs/scenarios/README.md has the format"
        )
    reader = _Reader(length)
    scenario = reader.scenario(root, name)
    if reader.problems or scenario is None:
        found = sorted(set(reader.problems))
        count = "a problem" if len(found) == 1 else f"{len(found)} problems"
        raise UsageError(
            f"`{shown}` has {count}:\n" + "\n".join(f"  {problem}" for problem in found),
            "docs/scenarios/README.md has the format",
        )
    return scenario


class _Reader(Builder):
    def __init__(self, length: Length) -> None:
        super().__init__(length)
        self.variants: tuple[str, ...] = ()

    # --- the file ---

    def scenario(self, root: yaml.MappingNode, name: str) -> Scenario | None:
        if not NAME.fullmatch(name):
            self.wrong(
                root, f"the file's name `{name}` should be words of lower-case letters and digits, joined by `-`"
            )
        parts = self.pairs(root, TOP, "a scenario")
        for key in ("title", "about", "steps"):
            if key not in parts:
                self.wrong(root, f"`{key}` is missing")
        variants = self.read_variants(parts)
        self.variants = tuple(variant.name for variant in variants)
        if variants:
            self.topology = variants[0].topology
        title, about = (self.attempt(str, parts.get(key), key) or "" for key in ("title", "about"))
        steps = tuple(self.steps(parts["steps"])) if "steps" in parts else ()
        if self.problems:
            return None
        return Scenario(name, title.strip(), about.strip(), variants, steps, self.length)

    def read_variants(self, parts: dict[str, yaml.Node]) -> tuple[Variant, ...]:
        base = self.lab(parts["lab"], Topology()) if "lab" in parts else Topology()
        if "variants" not in parts:
            return (Variant("", base, "lab" in parts),)
        node, found = parts["variants"], []
        if not isinstance(node, yaml.MappingNode) or not node.value:
            self.wrong(node, "`variants` should be names with a lab each, such as `original: {profile: seed}`")
            return ()
        for key, value in node.value:
            found.append(Variant(str(key.value), self.lab(value, base), True))
        return tuple(found)

    def lab(self, node: yaml.Node, base: Topology) -> Topology:
        hints = get_type_hints(Topology)
        values = {}
        for key, value in self.pairs(node, LAB_FIELDS, "a lab").items():
            hint = dict[str, Any] if key == "server_options" else hints[key]
            built = self.attempt(hint, value, key)
            if built is not None:
                values[key] = built
        topology = dataclasses.replace(base, **values)
        for field, sentence in problems(topology):
            self.wrong(node, f"lab, {field}: {sentence}")
        return topology

    def steps(self, node: yaml.Node) -> Iterator[Step]:
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self.wrong(node, "`steps` should be a list with a step for each `-`")
            return
        for item in node.value:
            yield from self.step(item)

    def step(self, node: yaml.Node) -> Iterator[Step]:
        parts = self.pairs(node, ("say", "when", "expect", "repeat", "steps", *actions.actions()), "a step")
        verbs = [key for key in parts if key in actions.actions()]
        say = (self.attempt(str, parts.get("say"), "say") or "").strip()
        when = self.condition(parts.get("when"))
        if "repeat" in parts or "steps" in parts:
            yield from self.repeated(node, parts, say, when)
            return
        if len(verbs) > 1:
            self.wrong(node, f"one step does one thing, not {' and '.join(f'`{verb}`' for verb in verbs)}")
        if not parts:
            return
        if not verbs and "say" not in parts and "expect" not in parts:
            self.wrong(node, "the step does, says and expects nothing")
        action = None
        if verbs:
            action = self.attempt(actions.actions()[verbs[0]], parts[verbs[0]])
            if action is not None:
                self.check_action(parts[verbs[0]], action)
        expect = tuple(self.expectations(parts["expect"])) if "expect" in parts else ()
        yield Step(node.start_mark.line + 1, say, action, expect, when)

    def repeated(self, node: yaml.Node, parts: dict[str, yaml.Node], say: str, when: When) -> Iterator[Step]:
        """The steps once for each item, with `{item}` in their texts replaced."""
        if "repeat" not in parts or "steps" not in parts or set(parts) - {"repeat", "steps", "say", "when"}:
            self.wrong(node, "`repeat` and `steps` belong together, and nothing else but `say` and `when`")
            return
        how = self.pairs(parts["repeat"], ("times", "each"), "`repeat`")
        items: list[str] = []
        if set(how) == {"times"}:
            items = [str(number + 1) for number in range(self.attempt(actions.Count, how["times"]) or 0)]
        elif set(how) == {"each"}:
            items = list(self.attempt(tuple[str, ...], how["each"]) or ())
        else:
            self.wrong(parts["repeat"], "`repeat` should have either `times: 3` or `each: [west-1, west-2]`")
        if say:
            yield Step(node.start_mark.line + 1, say, None, (), when)
        for item in items:
            for step in self.steps(_replaced(parts["steps"], item)):
                yield dataclasses.replace(step, when=when if step.when == ALWAYS else step.when)

    def expectations(self, node: yaml.Node) -> Iterator[Expected]:
        items = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for item in items:
            parts = self.pairs(item, ("when", "finding", *expectations.EXPECTATIONS), "an expectation")
            kinds = [key for key in parts if key in expectations.EXPECTATIONS]
            if len(kinds) != 1:
                if parts or not kinds:
                    self.wrong(item, f"an expectation should be one of {', '.join(expectations.EXPECTATIONS)}")
                continue
            built = self.attempt(expectations.EXPECTATIONS[kinds[0]], parts[kinds[0]])
            when = self.condition(parts.get("when"))
            finding = self.attempt(str, parts.get("finding"), "finding") or ""
            if built is not None:
                if built.within and built.throughout:
                    self.wrong(item, "`within` and `throughout` exclude each other")
                yield Expected(built, when, finding.strip())

    def condition(self, node: yaml.Node | None) -> When:
        when = self.attempt(When, node) or ALWAYS
        if node is not None and when.versions and not readable(when.versions):
            self.wrong(node, f"`{when.versions}` is not a condition on versions, such as `>=2.12.3 <2.15`")
        for variant in when.variants:
            if node is not None and variant not in self.variants:
                self.wrong(node, f"there is no variant `{variant}`")
        return when

    def check_action(self, node: yaml.Node, action: Any) -> None:
        if isinstance(action, actions.OnNodes) and not action.plain().arguments()["targets"]:
            self.wrong(node, "name nodes or regions, `stream_leader: foo-write-west` or `meta_leader: true`")
        if isinstance(action, Verb) and not isinstance(action, actions.OnNodes):
            try:
                action.faults(self.topology)
            except UsageError as error:
                self.wrong(node, error.message)
        below = layout_of(self.topology).subject("")
        if isinstance(action, actions.Publish) and not action.subject.startswith(below):
            self.wrong(node, f"the subject `{action.subject}` does not begin with `{below}`")
        if getattr(action, "as_", ""):
            if action.as_ in self.defined and actions.defines(type(action)) != self.defined[action.as_]:
                self.wrong(node, f"`{action.as_}` names something else already")
            self.defined[action.as_] = actions.defines(type(action))


def _replaced(node: yaml.Node, item: str) -> yaml.Node:
    """A copy with `{item}` in every text replaced."""
    fresh = copy.copy(node)
    if isinstance(node, yaml.ScalarNode):
        fresh.value = node.value.replace("{item}", item)
    elif isinstance(node, yaml.MappingNode):
        fresh.value = [(_replaced(key, item), _replaced(value, item)) for key, value in node.value]
    else:
        fresh.value = [_replaced(value, item) for value in node.value]
    return fresh
