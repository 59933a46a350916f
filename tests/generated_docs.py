"""The parts of the documentation that are made from the code: `make docs` writes them anew, tests/unit/test_docs.py
compares."""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import command_reference
import drawings
import schema_reference

from lab import errors, labfile
from lab.api import Lab
from lab.check import schedulefile
from lab.check.checkers.registry import PROPERTIES
from lab.clients import protocol
from lab.compat.pages import across
from lab.compat.values import Compatibility
from lab.layouts import LAYOUTS
from lab.profiles import PROFILES
from lab.scenario import reader, reference
from lab.verdict import EXIT_CODES

DOCS = Path(__file__).resolve().parents[1] / "docs"


def properties() -> str:
    rows = [f"| **{each.id}** {each.name} | {each.meaning} | {each.how} | {each.cause} |" for each in PROPERTIES]
    return "\n".join(
        ["| property | what it means | how it is checked | what violates it for real |", "|---|---|---|---|", *rows]
    )


def methods() -> str:
    """Every public method of `Lab` with its docstring, in the order of the source."""
    rows = ["| method | what it does |", "|---|---|"]
    for kind in Lab.__mro__:
        for name, member in vars(kind).items():
            if kind.__module__.startswith("lab.") and not name.startswith("_") and member.__doc__:
                rows.append(f"| `{_call(name, member)}` | {' '.join(member.__doc__.split())} |")
    return "\n".join(rows)


def _call(name: str, member: Any) -> str:
    if isinstance(member, property):
        return f"lab.{name}"
    words = []
    for each in inspect.signature(getattr(Lab, name)).parameters.values():
        star = "*" if each.kind is each.VAR_POSITIONAL else ""
        default = "" if each.default is each.empty else f"={getattr(each.default, '__name__', repr(each.default))}"
        words.append(f"{star}{each.name}{default}")
    owner = "Lab" if isinstance(member, classmethod) else "lab"
    return f"{owner}.{name}({', '.join(word for word in words if word != 'self')})"


def profiles() -> str:
    rows = [f"| `{name}` | {kind.shape} | {kind.round_trip:g} ms | {kind.source} |" for name, kind in PROFILES.items()]
    return "\n".join(["| profile | each direction | round trip | source |", "|---|---|---|---|", *rows])


# What an exit code means; which there are is said by lab/verdict.py and lab/errors.py.
MEANINGS = {
    0: "done; the regions agree, the expectations held, the verdict is valid",
    1: "failed; the message says why and what to do",
    2: "the command line or a file asks for something invalid",
    3: "the regions differ; an expectation, a prediction or a property was violated",
    4: "cannot tell, for example because a region cannot be read or a fault could not be proven",
    129: "the terminal was closed",
    130: "interrupted by Ctrl-C",
    143: "ended by SIGTERM",
}


def exit_codes() -> str:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.LabError)]
    known = {*EXIT_CODES.values(), *(kind.exit_code for kind in kinds), 129}  # 129: lab/loop.py, on SIGHUP
    assert known == MEANINGS.keys()
    rows = []
    for code, meaning in MEANINGS.items():
        verdicts = [f"verdict *{word}*" for word, other in EXIT_CODES.items() if other == code]
        raised = [f"`{kind.__name__}`" for kind in kinds if kind.exit_code == code]
        rows.append(f"| {code} | {meaning} | {', '.join([*verdicts, *raised])} |")
    return "\n".join(["| exit code | meaning | in Python |", "|---|---|---|", *rows])


def calls() -> str:
    """What `lab compat --json` printed on each layout."""
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (DOCS / "data/compat").glob("*.json")}
    return across([Compatibility.from_json(found[layout]) for layout in LAYOUTS if layout in found])


def decisions() -> str:
    pages = sorted((DOCS / "decisions").glob("0*.md"))
    titles = [(path.name, path.read_text(encoding="utf-8").split("\n")[0].removeprefix("# ")) for path in pages]
    return "\n".join(f"- [{title}]({name})" for name, title in titles)


# Page, name of the part, what it should be.
PARTS: tuple[tuple[Path, str, Callable[[], str]], ...] = (
    (DOCS / "checking.md", "properties", properties),
    (DOCS / "api.md", "methods", methods),
    (DOCS / "faults.md", "profiles", profiles),
    (DOCS / "commands.md", "commands", command_reference.reference),
    (DOCS / "compat.md", "calls", calls),
    (DOCS / "concepts.md", "quorum", drawings.quorum),
    (DOCS / "decisions/README.md", "decisions", decisions),
    (DOCS / "exit-codes.md", "exit codes", exit_codes),
    (DOCS / "commands.md", "overview", command_reference.overview),
    (DOCS / "schemas/README.md", "fields", schema_reference.tables),
    (DOCS / "scenarios/README.md", "verbs and expectations", reference.tables),
)

# What `lab schema` prints, by its argument.
SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "lab": labfile.schema,
    "scenario": reader.schema,
    "schedule": schedulefile.schema,
    "client": protocol.schema,
}


def renewed(page: str, name: str, part: str) -> str:
    """The page with one part as it should be. Raises `ValueError` when the page has no such part."""
    begin, end = f"<!-- {name}: written by `make docs` -->", f"<!-- end of {name} -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"the page has no part between `{begin}` and `{end}`")
    return f"{before}{begin}\n\n{part}\n\n{end}{after}"


def schema(kind: str) -> str:
    return json.dumps(SCHEMAS[kind](), indent=2) + "\n"


if __name__ == "__main__":
    for name, draw in drawings.DRAWINGS.items():
        (DOCS / "images" / f"{name}.svg").write_text(draw(), encoding="utf-8")
    for kind in SCHEMAS:
        (DOCS / "schemas" / f"{kind}.json").write_text(schema(kind), encoding="utf-8")
    for path, name, make in PARTS:
        path.write_text(renewed(path.read_text(encoding="utf-8"), name, make()), encoding="utf-8")
