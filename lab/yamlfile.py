"""The one reader of files that people write by hand: lab.yaml, scenarios, schedules. Notes every problem with its line.

A file is composed into PyYAML's nodes, which know their lines; values are validated by the types that they become
(`lab/yamltypes.py`), and what is wrong with one is looked up among the nodes. What values mean together is left to the
module of each file. Import this only where a file is read: pydantic costs more than the rest of a command's start.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from lab.errors import UsageError
from lab.yamltypes import JSON, Reading, Types, Wrong, suggestion

LARGEST_BYTES = 1_000_000  # a schedule for a day fits; PyYAML takes 10 s for so much
MOST_VALUES = 200_000  # a few lines of aliases can stand for billions
MOST_COPIED = 50_000  # so can a line that repeats; reading so many copies takes a few seconds
DEEPEST = 50  # far above what any file needs, far below where Python's stack ends


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong. Line 0 is the file as a whole; `place` is the field, "" where the sentence names it."""

    line: int
    place: str
    sentence: str

    def __str__(self) -> str:
        parts = (f"line {self.line}" if self.line else "", self.place)
        return f"{', '.join(part for part in parts if part)}: {self.sentence}"


class Entry(NamedTuple):
    """`name: node` in a file. An item of a list, or the whole file, has no name and is its own key."""

    name: str
    key: yaml.Node
    node: yaml.Node

    @property
    def line(self) -> int:
        return _line(self.key)

    @property
    def text(self) -> str:
        """The value as it stands in the file, or what it is instead of a word."""
        return _name(self.node)

    @property
    def items(self) -> "list[Entry] | None":
        """The items of a list; None for what is none."""
        return [_item(node) for node in self.node.value] if isinstance(self.node, yaml.SequenceNode) else None

    @property
    def children(self) -> "list[Entry] | None":
        """The entries of a mapping, in their order; None for what is none."""
        if not isinstance(self.node, yaml.MappingNode):
            return None
        return [Entry(_name(key), key, node) for key, node in self.node.value]


# --- from a file to nodes ---


def load(path: Path, types: Types, shown: str = "", missing: str = "") -> "Document":
    """The file as nodes; `missing` is the hint when it is not there. Raises `UsageError` for what is no YAML."""
    shown = shown or str(path)
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        known = {FileNotFoundError: "it is not there", IsADirectoryError: "it is a folder, not a file"}
        why, absent = known.get(type(error), error.strerror or str(error)), isinstance(error, FileNotFoundError)
        raise UsageError(f"`{shown}` cannot be read: {why}", missing if absent else "") from error
    if len(data) > LARGEST_BYTES:
        raise UsageError(f"`{shown}` is too large: at most {LARGEST_BYTES:,} bytes are read")
    try:
        return parse(data.decode("utf-8-sig"), types, shown)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"`{shown}` is not UTF-8 text: line {line}", "save it as UTF-8") from None


def parse(text: str, types: Types, shown: str) -> "Document":
    """The same for a text that is there already."""
    try:
        loader = _Loader(text)
        root = loader.get_single_node() or yaml.ScalarNode("tag:yaml.org,2002:null", "", loader.get_mark())
    except _TooMuch as error:
        raise UsageError(f"`{shown}` has a problem:\n  {error.problem}") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise UsageError(f"`{shown}` is not valid YAML: {place}{error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UsageError(f"`{shown}` is not valid YAML: line {line} has a character that is not text") from None
    return Document(shown, types, loader, _item(root))


class _TooMuch(Exception):  # noqa: N818
    def __init__(self, line: int, place: str, sentence: str) -> None:
        self.problem = Problem(line, place, sentence)


class _Loader(yaml.SafeLoader):
    """Composes nodes, and stops where a few lines would become more than memory or the stack can hold."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.above: list[Any] = []  # anchors, or None, of the nodes that are being composed
        self.place = ""
        self.extents: dict[int, tuple[int, int]] = {}  # of each node: its values and levels, aliases written out

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if len(self.above) == 1 and isinstance(index, yaml.ScalarNode):
            self.place = index.value
        self.require(event, not isinstance(event, yaml.AliasEvent) or event.anchor not in self.above, "contains itself")
        self.require(event, len(self.above) < DEEPEST, f"is nested too deeply: at most {DEEPEST} levels are read")
        self.above.append(event.anchor)
        node = super().compose_node(parent, index)
        self.above.pop()
        if node is not None:
            values, levels = self.extents.setdefault(id(node), self.extent(node))
            what = f"stands for more than {MOST_VALUES:,} values"
            self.require(event, values <= MOST_VALUES, what)
            self.require(event, len(self.above) + levels <= DEEPEST, "is nested too deeply")
        return node

    def extent(self, node: yaml.Node) -> tuple[int, int]:
        inside = [self.extents[id(part)] for part in _parts(node)]
        return 1 + sum(values for values, _ in inside), 1 + max((levels for _, levels in inside), default=0)

    def require(self, event: Any, fine: bool, sentence: str) -> None:
        if not fine:
            raise _TooMuch(event.start_mark.line + 1, self.place, sentence)


@dataclass
class Document:
    """A file while it is read."""

    shown: str
    types: Types
    loader: yaml.SafeLoader
    file: Entry
    problems: list[Problem] = field(default_factory=list)
    copied: int = 0

    def wrong(self, entry: Entry | None, sentence: str, place: str = "") -> None:
        """Note a problem; without an entry, of the file as a whole."""
        self.problems.append(Problem(entry.line if entry else 0, place, sentence))

    def refuse(self, hint: str = "") -> None:
        """Raises `UsageError` with all problems in the order of the file, when there are any."""
        if self.problems:
            problems = sorted(set(self.problems))
            count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
            raise UsageError(f"`{self.shown}` has {count}:\n" + "\n".join(f"  {p}" for p in problems), hint)

    def top(self, known: Iterable[str], example: str, hint: str, what: str = "") -> dict[str, Entry]:
        """The entries of the file. Raises `UsageError` when it has something else than entries."""
        if self.file.children is None and not _empty(self.file.node):
            raise UsageError(f"`{self.shown}` should hold lines such as `{example}`, not {_raw(self.file.node)}", hint)
        return {} if self.file.children is None else self.entries(self.file, known, what)

    def entries(self, entry: Entry, known: Iterable[str], what: str, place: str = "") -> dict[str, Entry]:
        """The entries of a mapping by name; unknown and repeated names are problems. `what` is what should have them;
        when that is "", their names are their places."""
        if entry.children is None:
            example = f"a mapping such as `{next(iter(known))}: …`"
            self.wrong(entry, f"{what} should be {example}, not {_raw(entry.node)}", place)
        entries: dict[str, Entry] = {}
        for child in entry.children or ():
            name, at = child.name, place if what else child.name
            if name in entries:
                self.wrong(child, f"{f'`{name}` ' if what else ''}{_twice(entries[name].key)}", at)
            elif name in known:
                entries[name] = child
            else:
                lacks = f"{what} has no `{name}`" if what else "there is no such field"
                self.wrong(child, f"{lacks}; {suggestion(name, known)}", at)
        return entries

    def read(self, hint: Any, entry: Entry, reading: Reading | None = None, place: str = "", expected: str = "") -> Any:
        """The value of an entry as a `hint`; None when something is wrong with it, which is noted.

        `place` is where its problems are said to be, `expected` says in words what the whole value should be."""
        before = len(self.problems)
        value, problems = self.types.validate(hint, self._plain(entry.node, place), reading or Reading())
        for problem in problems:
            self._note(problem, entry, place, expected)
        return value if len(self.problems) == before else None

    def room_for(self, entry: Entry, copies: int) -> bool:
        """Whether so many copies may be made of an entry; noted when they become too many."""
        self.copied += _size(entry.node) * copies
        if self.copied > MOST_COPIED:
            self.wrong(entry, f"this stands for more than {MOST_COPIED:,} values, once what repeats is written out")
        return self.copied <= MOST_COPIED

    def replaced(self, entry: Entry, old: str, new: str) -> Entry:
        """A copy with a part of every text replaced; ask for `room_for` it first."""

        def fresh(node: yaml.Node) -> yaml.Node:
            if isinstance(node, yaml.ScalarNode):
                value: Any = node.value.replace(old, new)
            elif isinstance(node, yaml.MappingNode):
                value = [(fresh(key), fresh(part)) for key, part in node.value]
            else:
                value = [fresh(part) for part in node.value]
            return type(node)(node.tag, value, node.start_mark, node.end_mark)

        return entry._replace(node=fresh(entry.node))

    def _plain(self, node: yaml.Node, place: str = "") -> Any:
        """As YAML reads it. A part that YAML cannot read stays a node, which no type takes."""
        if isinstance(node, yaml.SequenceNode) and node.tag.endswith(":seq"):
            return [self._plain(part, place) for part in node.value]
        if isinstance(node, yaml.MappingNode) and node.tag.endswith(":map"):
            return self._mapping(node, place)
        if not isinstance(node, yaml.ScalarNode):
            return node
        with suppress(yaml.YAMLError, ValueError, LookupError):  # a tag, an impossible date, a number of 5,000 digits
            value = self.loader.construct_object(node)
            # Python does not even print a number as long as one may be that stands there in hexadecimal digits.
            return node if type(value) is int and abs(value) >= 2**63 else value
        return node

    def _mapping(self, node: yaml.MappingNode, place: str) -> dict[Any, Any]:
        values: dict[Any, Any] = {}
        keys: dict[Any, yaml.Node] = {}
        for key, value in node.value:
            name, entry = self._plain(key), _item(key)
            if not isinstance(key, yaml.ScalarNode):
                self.wrong(entry, f"a name should be text, not {_raw(key)}", place)
            elif key.tag.endswith(":merge"):
                self.wrong(entry, "`<<` is not understood here: write the lines out", place)
            elif name in keys:
                self.wrong(entry, f"`{key.value}` {_twice(keys[name])}", place)
            else:
                keys[name], values[name] = key, self._plain(value, place)
        return values

    def _note(self, problem: Wrong, entry: Entry, place: str, expected: str) -> None:
        """Say where something is wrong, and what stands there instead of what should."""
        at, path = self._follow(entry, problem.loc)
        wanted = expected if expected and not path else problem.expected
        names = [*([] if place else [entry.name]), *path]
        where = f"`{names[-1]}` " if names else ""
        if names and isinstance(names[-1], int):
            where = f"each of `{names[-2]}` " if len(names) > 1 else "each "
        if problem.sentence:
            sentence = problem.sentence
        elif problem.key:
            sentence = f"a name should be {wanted}, not {_raw(at.key)}{_quotes(at.key)}"
        elif _empty(at.node):
            sentence = f"{where}has no value; it should be {wanted}"
        else:
            quotes = _quotes(at.node) if wanted in ("text", JSON) else self._no_quotes(at.node, wanted)
            sentence = f"{where}should be {wanted}, not {_raw(at.node)}{quotes}{problem.advice}"
        self.wrong(at, sentence, place)

    def _no_quotes(self, node: yaml.Node, wanted: str) -> str:
        """Advice where quotes make a text of what is wanted as a number."""
        read = self.loader.resolve(yaml.ScalarNode, node.value, (True, False)) if _is_text(node) else ""  # type: ignore[no-untyped-call]
        return ": leave out the quotes" if wanted == "a whole number" and read.endswith(":int") else ""

    def _follow(self, entry: Entry, loc: Iterable[int | str]) -> tuple[Entry, list[int | str]]:
        """Where a path leads, and the part of it that stands in the file: an item that is given without its list is
        not there, nor the name of a field that `SHORT` leaves out."""
        path: list[int | str] = []
        for part in loc:
            if isinstance(entry.node, yaml.SequenceNode) and isinstance(part, int):
                entry = _item(entry.node.value[part])
                path.append(part)
            elif isinstance(entry.node, yaml.MappingNode):
                for key, node in entry.node.value:
                    name = self._plain(key)
                    if part in (key.value, name, str(name)):  # pydantic makes a text or a number of any name
                        entry = Entry(str(part), key, node)
                        path.append(part)
                        break
        return entry, path


def _item(node: yaml.Node) -> Entry:
    return Entry("", node, node)


def _parts(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")


def _raw(node: yaml.Node) -> str:
    """A value as it stands in the file; YAML may have read `no` as false and `1:30` as 90."""
    if isinstance(node, yaml.ScalarNode):
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in node.value[:40])
        text += "…" if len(node.value) > 40 else ""
        return f"`{text}`" if text else "nothing"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"


def _name(key: yaml.Node) -> str:
    return str(key.value) if isinstance(key, yaml.ScalarNode) else _raw(key)


def _is_text(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag.endswith(":str")


def _quotes(node: yaml.Node) -> str:
    """Advice where quotes would make a text of what YAML reads as a number, a date or a truth."""
    return ": put it in quotes" if isinstance(node, yaml.ScalarNode) and not _is_text(node) else ""


def _twice(first: yaml.Node) -> str:
    return f"is listed twice, first in line {_line(first)}"


# --- from values to a file ---


def dump(document: Any, comment: str) -> str:
    """A mapping as a file, with a comment in its first line."""
    text: str = yaml.safe_dump(document, sort_keys=False, default_flow_style=None, width=120)
    return f"# {comment}\n{text}"


def _size(node: yaml.Node) -> int:
    return 1 + sum(map(_size, _parts(node)))
