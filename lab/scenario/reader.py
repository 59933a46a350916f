"""What a scenario file describes. What it may say is what the types in `actions`, `expectations` and `scenario` say;
nothing of that is written down a second time here, but for what only makes sense together."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lab import labfile, yamlfile
from lab.errors import UsageError
from lab.faults import arguments, step_down
from lab.faults.path import ends, way
from lab.faults.verb import OFFERS, Verb
from lab.layouts import layout_of
from lab.observe.operations import OPERATIONS
from lab.printable import printable
from lab.scenario import actions, expectations
from lab.scenario.conditions import readable
from lab.scenario.expectations.outcomes import Took
from lab.scenario.scenario import ALWAYS, Expected, Feature, Length, Scenario, Step, Variant, When
from lab.topology import OLD_LAYOUT, LayoutName, Topology
from lab.units import DURATION, duration_ns, shortened
from lab.yamlfile import Document, Entry
from lab.yamltypes import Find, Reading, Types, at_least, by_length, known, one_of, text

FORMAT = "docs/scenarios/README.md has the format"
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
CONSUMER = re.compile(r"[^\s.*>/\\]{1,200}")
CREATE = "STREAM.CREATE."
SURROGATE = re.compile("[\ud800-\udfff]")
LAB = {name: hint for name, hint in labfile.TYPES.items() if name not in ("name", "client_port", "monitor_port")}
DURATION_TEXT = text(
    "a duration such as `20s` or `{short: 8s, long: 45s}`",
    f"0|{DURATION.pattern}",
    lambda given: duration_ns(given) / 1e9,
    numbers=True,
)
VOCABULARY = labfile.VOCABULARY | {
    arguments.Seconds: by_length("Durations", DURATION_TEXT),
    actions.Count: by_length("Counts", at_least(0)),
    expectations.Operation: one_of("operation", OPERATIONS),
    Feature: one_of("kernel feature", sorted(OFFERS)),
}
READS = Types(VOCABULARY)
REFERENCES = {
    "message": actions.MessageRef,
    "traffic": actions.TrafficRef,
    "consume": actions.ConsumeRef,
    "request": actions.RequestRef,
    "publish or request": actions.TimedRef,
    "nodes": actions.NodesRef,
}


@dataclasses.dataclass(frozen=True)
class Repeat:
    """How often steps are repeated, or what for; `{item}` in their texts is replaced."""

    times: actions.Count | None = None
    each: tuple[str, ...] = ()


def read(path: Path, length: Length = "short") -> Scenario:
    """The scenario in a file; its name is the file's. Raises `UsageError` with all that is wrong."""
    document = yamlfile.load(path, READS, missing="`lab scenario list` lists the shipped ones")
    return _Reader(document, length).scenario(path.name.partition(".")[0])


def parse(text: str, name: str, shown: str, length: Length = "short") -> Scenario:
    """The same for a text that is there already."""
    return _Reader(yamlfile.parse(text, READS, shown), length).scenario(name)


def schema() -> dict[str, Any]:
    """The JSON Schema of a scenario file."""
    lab = READS.table("Lab", LAB)
    kinds = expectations.EXPECTATIONS
    expectation = READS.table(
        "Expectation", {"when": When, "finding": str, **kinds}, oneOf=[{"required": [name]} for name in kinds]
    )
    verbs = actions.actions()
    one = [{"required": [name]} for name in verbs]
    fields = {"say": str, "when": When, "expect": tuple[expectation, ...], "repeat": Repeat, "steps": list["Step"]}  # type: ignore[valid-type]
    step = READS.table("Step", fields | verbs, oneOf=[*one, {"not": {"anyOf": one}}])
    file: dict[str, Any] = {"title": str, "about": str, "needs": tuple[Feature, ...], "layouts": tuple[LayoutName, ...]}
    file |= {"lab": lab, "variants": dict[str, lab], "steps": list[step]}  # type: ignore[valid-type]
    return READS.schema(
        "A scenario of NATS Region Lab", READS.table("Scenario", file, required=("title", "about", "steps"))
    )


class _Reader:
    """`defined` has the names that earlier steps gave, and what each may be used for."""

    def __init__(self, document: Document, length: Length) -> None:
        self.document = document
        self.length = length
        self.topology = Topology()
        self.variants: tuple[str, ...] = ()
        self.layouts: tuple[LayoutName, ...] = ()
        self.actions = actions.actions()
        self.defined: dict[str, tuple[Any, ...]] = {}
        self.created: list[str] = []  # streams that a step asks a server for

    # --- the file ---

    def scenario(self, name: str) -> Scenario:
        document = self.document
        top = ("title", "about", "needs", "layouts", "lab", "variants", "steps")
        parts = document.top(top, "title: …", FORMAT, "a scenario")
        if not NAME.fullmatch(name):
            should = "should be words of lower-case letters and digits, joined by `-`"
            document.wrong(document.file, f"the file's name `{name}` {should}")
        for key in ("title", "about", "steps"):
            if key not in parts:
                document.wrong(document.file, f"`{key}` is missing")
        variants = self.read_variants(parts)
        self.variants = tuple(variant.name for variant in variants)
        if variants:
            self.topology = variants[0].topology
        title, about = (self.value(str, parts, key) or "" for key in ("title", "about"))
        needs = self.value(tuple[Feature, ...], parts, "needs") or ()
        self.layouts = self.value(tuple[LayoutName, ...], parts, "layouts") or ()
        steps = tuple(self.steps(parts["steps"])) if "steps" in parts else ()
        document.refuse(FORMAT)
        return Scenario(name, title.strip(), about.strip(), variants, steps, self.length, needs, self.layouts)

    def value(self, hint: Any, parts: Mapping[str, Entry], key: str) -> Any:
        """The value of an entry; None when it is not there or wrong."""
        return self.document.read(hint, parts[key], self.reading()) if key in parts else None

    def read_variants(self, parts: Mapping[str, Entry]) -> tuple[Variant, ...]:
        base = self.lab(parts["lab"], Topology()) if "lab" in parts else Topology()
        if "variants" not in parts:
            return (Variant("", base, "lab" in parts),)
        entry = parts["variants"]
        if not entry.children:
            example = "names with a lab each, such as `original: {layout: seed}`"
            self.document.wrong(entry, f"`variants` should be {example}")
        labs = self.document.entries(entry, [child.name for child in entry.children or ()], "`variants`")
        return tuple(Variant(name, self.lab(lab, base), True) for name, lab in labs.items())

    def lab(self, entry: Entry, base: Topology) -> Topology:
        return labfile.read(self.document, self.document.entries(entry, (*LAB, OLD_LAYOUT), "a lab"), base, entry)

    # --- steps ---

    def steps(self, entry: Entry) -> Iterator[Step]:
        if not entry.items:
            self.document.wrong(entry, "`steps` should be a list with a step for each `-`")
        for step in entry.items or ():
            yield from self.step(step)

    def step(self, entry: Entry) -> Iterator[Step]:
        wrong = self.document.wrong
        known = ("say", "when", "expect", "repeat", "steps", *self.actions)
        parts = self.document.entries(entry, known, "a step")
        verbs = [key for key in parts if key in self.actions]
        say = (self.value(str, parts, "say") or "").strip()
        when = self.condition(parts)
        if "repeat" in parts or "steps" in parts:
            yield from self.repeated(entry, parts, say, when)
            return
        if len(verbs) > 1:
            wrong(entry, f"one step does one thing, not {' and '.join(f'`{verb}`' for verb in verbs)}")
        if not parts:
            return
        if not verbs and "say" not in parts and "expect" not in parts:
            wrong(entry, "the step does, says and expects nothing")
        action = self.value(self.actions[verbs[0]], parts, verbs[0]) if verbs else None
        if action is not None:
            self.check_action(parts[verbs[0]], action)
        expect = tuple(self.expectations(parts["expect"])) if "expect" in parts else ()
        yield Step(entry.line, say, action, expect, when)

    def repeated(self, entry: Entry, parts: Mapping[str, Entry], say: str, when: When) -> Iterator[Step]:
        """The steps once for each item, with `{item}` in their texts replaced."""
        if "repeat" not in parts or "steps" not in parts or set(parts) - {"repeat", "steps", "say", "when"}:
            what = "`repeat` needs `steps`, and allows only `say` and `when` beside them"
            self.document.wrong(entry, what)
            return
        repeat = self.value(Repeat, parts, "repeat")
        if repeat is None:
            return
        if (repeat.times is None) == (not repeat.each):
            what = "`repeat` should have either `times: 3` or `each: [west-1, west-2]`"
            self.document.wrong(parts["repeat"], what)
            return
        if say:
            yield Step(entry.line, say, None, (), when)
        items = repeat.each or range(1, repeat.times + 1)
        if not self.document.room_for(parts["steps"], len(items)):
            return
        for item in items:
            for step in self.steps(self.document.replaced(parts["steps"], "{item}", str(item))):
                yield dataclasses.replace(step, when=when if step.when == ALWAYS else step.when)

    def expectations(self, entry: Entry) -> Iterator[Expected]:
        kinds = expectations.EXPECTATIONS
        for one in [entry] if entry.items is None else entry.items:
            parts = self.document.entries(one, (*kinds, "when", "finding"), "an expectation")
            named = [key for key in parts if key in kinds]
            if len(named) != 1:
                if one.children is not None:
                    self.document.wrong(one, f"an expectation should be one of {', '.join(kinds)}")
                continue
            built = self.value(kinds[named[0]], parts, named[0])
            when, finding = self.condition(parts), self.value(str, parts, "finding") or ""
            if built is not None:
                for problem in self.unfit(built):
                    self.document.wrong(one, problem)
                yield Expected(built, when, finding.strip())

    def unfit(self, expectation: Any) -> Iterator[str]:
        """What does not go together in an expectation, as sentences."""
        if expectation.within and expectation.throughout:
            yield "use `within` or `throughout`, not both"
        if isinstance(expectation, Took):
            if not expectation.at_least and not expectation.at_most:
                yield "`took` needs `at_least: 100ms` or `at_most: 100ms`"
            if expectation.in_ and actions.MessageRef not in self.defined[expectation.of]:
                yield f"`in` is for publishes, and `{expectation.of}` is none"

    def condition(self, parts: Mapping[str, Entry]) -> When:
        when: When = self.value(When, parts, "when") or ALWAYS
        if when.versions and not readable(when.versions):
            what = f"`{when.versions}` is not a condition on versions, such as `>=2.12.3 <2.15`"
            self.document.wrong(parts["when"], what)
        for variant in when.variants:
            if variant not in self.variants:
                self.document.wrong(parts["when"], f"there is no variant `{variant}`")
        return when

    def check_action(self, entry: Entry, action: Any) -> None:
        """What only makes sense together, and the name that the action gives."""
        wrong = self.document.wrong
        if isinstance(action, actions.OnNodes) and not action.plain().arguments()["targets"]:
            wrong(entry, "name nodes or regions, `stream_leader: foo-write-west` or `meta_leader: true`")
        if isinstance(action, Verb) and not isinstance(action, actions.OnNodes):
            try:
                action.faults(self.topology)
            except UsageError as error:
                wrong(entry, error.message)
        for problem in self.refused(action):
            wrong(entry, problem)
        if isinstance(action, actions.Request) and action.call.startswith(CREATE):
            self.created.append(action.call.removeprefix(CREATE))
        if getattr(action, "as_", ""):
            if action.as_ in self.defined and actions.defines(type(action)) != self.defined[action.as_]:
                wrong(entry, f"`{action.as_}` is already the name of something else")
            self.defined[action.as_] = actions.defines(type(action))

    def refused(self, action: Any) -> Iterator[str]:
        """What a server, or `lab pub`, would refuse however the lab is, as sentences."""
        if isinstance(action, actions.Publish | actions.Traffic):
            problem = layout_of(self.topology).subject_problem(action.subject)
            if problem:
                yield f"the subject `{shortened(printable(action.subject))}` {problem}"
        if isinstance(action, actions.Publish):
            if not action.id.isprintable():
                yield f"the id `{shortened(printable(action.id))}` has what cannot be printed"
            if SURROGATE.search(action.body):
                yield "the body has an escape that is not a character"
        if isinstance(action, actions.Publish | actions.Consume) and action.count < 1:
            yield f"`count` should be 1 or more, not `{action.count}`"
        if isinstance(action, actions.Traffic) and action.rate < 1:
            yield f"`rate` should be 1 or more, not `{action.rate}`"
        if isinstance(action, actions.CreateConsumer) and not CONSUMER.fullmatch(action.name):
            yield f"the name `{shortened(printable(action.name))}` should have no spaces and none of `.*>/\\`"

    # --- names ---

    def reading(self) -> Reading:
        """What there is to name at this point of the file."""
        regions, nodes = self.topology.regions, tuple(node.name for node in self.topology.nodes)
        targets = known("node or region", (*regions, *nodes, *self.given(arguments.Target)))
        names: dict[Any, Find] = {
            arguments.Region: known("region", regions),
            arguments.Target: lambda name: self.role(name) if arguments.is_role(name) else targets(name),
            arguments.Path: self.path,
            arguments.Stream: self.stream,
            arguments.Leader: lambda name: name if name == step_down.META else self.stream(name),
            actions.Node: known("node", nodes),
            actions.Defined: _named,
            **{kind: self.earlier(what, kind) for what, kind in REFERENCES.items()},
        }
        return Reading(names, self.length)

    def given(self, kind: Any) -> tuple[str, ...]:
        return tuple(name for name, kinds in self.defined.items() if kind in kinds)

    def path(self, name: str) -> str:
        roles = [end for end in ends(name) if arguments.is_role(end)]
        if roles:
            for role in roles:
                self.role(role)
            return name
        way(self.topology, name)
        links = {"-".join(link.regions[::-1]): link.name for link in self.topology.links}
        return links.get(name, name)

    def stream(self, name: str) -> str:
        layouts = [layout_of(self.topology)]
        layouts += [layout_of(dataclasses.replace(self.topology, layout=word)) for word in self.layouts]
        keys = dict.fromkeys(stream.key for layout in layouts for stream in layout.streams)
        names = (*keys, layouts[0].virtual_name, *self.created)
        return str(known("stream", names)(name))

    def role(self, name: str) -> str:
        stream = arguments.stream_of(name)
        if stream is not None:
            self.stream(stream)
        return name

    def earlier(self, what: str, kind: Any) -> Find:
        given = self.given(kind)

        def find(name: str) -> str:
            if name not in given:
                others = f"; so far there are {', '.join(f'`{name}`' for name in given)}" if given else ""
                raise UsageError(f"no earlier step gave the name `{name}` (`as`) to a {what}{others}")
            return name

        return find


def _named(name: str) -> str:
    if not name:
        raise UsageError("a name is missing")
    return name
