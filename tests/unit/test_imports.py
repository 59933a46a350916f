"""Who may import what: each outside library behind one module, pure modules free of adapters however far one looks, and
nothing in circles."""

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Library -> the modules or folders that alone may import it.
BEHIND = {
    "python_on_whales": ("lab/docker/client.py",),
    "nats": ("lab/jetstream/", "lab/compat/natspy/"),
    "typer": ("lab/cli/",),
    "pydantic": ("lab/yamltypes.py",),
    "yaml": ("lab/yamlfile.py",),
    "numpy": ("lab/check/",),
    "pytest": ("lab/testing/plugin.py",),
}
# What touches the world: disks, networks, other programs, clocks, the environment.
WORLD = {
    *("asyncio", "http", "multiprocessing", "os", "pathlib", "shutil", "signal", "socket", "subprocess", "tempfile"),
    *("threading", "time", "urllib", "webbrowser"),
}
DOERS = tuple(  # of the faults' folder
    f"{name}.py" for name in ("change", "condition", "hands", "plan", "proof", "timekeeper", "timers", "turning")
)
# What is a function of its arguments alone; a folder means all that is in it.
PURE = (
    "lab/errors.py",
    "lab/plain.py",
    "lab/progress.py",
    "lab/redaction.py",
    "lab/topology.py",
    "lab/units.py",
    "lab/validate.py",
    "lab/verdict.py",
    "lab/view.py",
    "lab/docker/labels.py",
    "lab/docker/mishaps.py",
    "lab/docker/observation.py",
    "lab/docker/versions.py",
    "lab/layouts",
    "lab/streamgraph",
    "lab/render",
    "lab/graph",
    "lab/html",
    "lab/jetstream/groups.py",
    *(f"lab/faults/{path.name}" for path in sorted((ROOT / "lab/faults").glob("*.py")) if path.name not in DOERS),
    "lab/check/schedule.py",
    "lab/docker/events.py",
    *(f"lab/observe/{name}.py" for name in ("comparison", "events", "operations")),
    "lab/scenario/expectations",
    *(
        f"lab/scenario/{name}.py"
        for name in ("actions", "conditions", "evidence", "page", "reference", "report", "show", "scenario")
    ),
    "lab/check/history.py",
    "lab/check/findings.py",
    "lab/check/payload.py",
    "lab/check/schedule.py",
    "lab/check/checkers",
    "lab/check/figures",
    "lab/check/report",
    "lab/compat/pages.py",
    "lab/compat/values.py",
    "lab/matrix/bisect.py",
    "lab/matrix/pages.py",
    "lab/matrix/values.py",
    *(f"lab/twin/{name}.py" for name in ("definitions", "found", "mapping", "page", "regions")),
)


# Numbers in arrays touch nothing.
ALSO = {f"lab/check/{place}": {"numpy"} for place in ("history.py", "findings.py", "checkers", "figures", "report")}


@dataclass
class Module:
    """What a file imports: when it is imported itself, for types only, or when one of its functions runs."""

    path: str
    at_import: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)

    @property
    def everywhere(self) -> set[str]:
        return self.at_import | self.later

    def read(self, statements: Iterable[ast.stmt], into: set[str]) -> None:
        for statement in statements:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                into |= set(names(statement))
            elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                self.read(statement.body, self.later)
            elif isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
                self.read(statement.body, self.later)
                self.read(statement.orelse, into)
            else:  # `try`, `with`, `match`, classes: what is in them runs as well
                for child in ast.iter_child_nodes(statement):
                    if isinstance(child, ast.stmt):
                        self.read([child], into)
                    elif isinstance(child, ast.ExceptHandler | ast.match_case):
                        self.read(child.body, into)


def names(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    """The modules that a statement loads. What `from x import y` loads is `x.y` when there is such a module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    assert node.level == 0, "imports are absolute"
    assert node.module
    for alias in node.names:
        whole = f"{node.module}.{alias.name}"
        yield whole if whole in PATHS else node.module


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


PATHS = {dotted(path): path for path in sorted((ROOT / "lab").rglob("*.py"))}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def modules() -> dict[str, Module]:
    """Each module of the lab by its dotted name."""
    found = {}
    for name, path in PATHS.items():
        found[name] = Module(path.relative_to(ROOT).as_posix())
        found[name].read(tree(path).body, found[name].at_import)
    return found


def of(place: str) -> list[str]:
    """The modules that a file or a folder is."""
    found = [name for name, m in modules().items() if m.path == place or m.path.startswith(f"{place}/")]
    assert found
    return found


def within(name: str, modules: Iterable[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def packages(name: str) -> Iterator[str]:
    """A module and the packages around it, which are imported before it."""
    while name:
        yield name
        name = name.rpartition(".")[0]


def chain(start: str, wanted: Iterable[str]) -> list[str]:
    """How importing a module comes to import one of the wanted ones, step by step; [] when it does not."""
    came: dict[str, str] = dict.fromkeys(packages(start), "")
    queue = list(came)
    for name in queue:
        if within(name, wanted):
            steps = [name]
            while came[steps[0]]:
                steps.insert(0, came[steps[0]])
            return steps
        for imported in modules()[name].at_import if name in modules() else ():
            for each in packages(imported):
                if each not in came:
                    came[each] = name
                    queue.append(each)
    return []


def circles() -> list[list[str]]:
    """Groups of modules that import each other, in whatever way (Tarjan's algorithm)."""
    graph = {name: [n for n in module.everywhere if n in PATHS] for name, module in modules().items()}
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = low[name] = len(order)
        stack.append(name)
        for other in graph[name]:
            if other not in order:
                visit(other)
            if other in stack:
                low[name] = min(low[name], low[other])
        if low[name] == order[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                found.append(sorted(group))

    for name in graph:
        if name not in order:
            visit(name)
    return found


@pytest.mark.parametrize(("library", "homes"), BEHIND.items())
def test_each_library_is_imported_behind_its_modules_only(library: str, homes: tuple[str, ...]) -> None:
    users = {module.path for module in modules().values() if any(within(n, {library}) for n in module.everywhere)}
    assert users
    assert all(any(user == home or (home.endswith("/") and user.startswith(home)) for home in homes) for user in users)


@pytest.mark.parametrize("place", PURE)
def test_importing_a_pure_module_loads_nothing_that_touches_the_world(place: str) -> None:
    outside = WORLD | (BEHIND.keys() - ALSO.get(place, set()))
    assert [steps for name in of(place) if (steps := chain(name, outside))] == []


@pytest.mark.parametrize("place", ALSO)
def test_neither_a_verdict_nor_a_report_touches_the_world_later(place: str) -> None:
    for name in of(place):
        assert [steps for later in modules()[name].later if (steps := chain(later, WORLD | BEHIND.keys()))] == []


def test_only_the_docker_folder_runs_docker() -> None:
    runs = {path for path in PATHS.values() for node in ast.walk(tree(path)) if _docker(node)}
    assert {path.parent.relative_to(ROOT).as_posix() for path in runs} == {"lab/docker"}


def _docker(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value == "docker"


def test_faults_know_values_and_the_topology_only() -> None:
    known = {"lab.docker.observation", "lab.errors", "lab.faults", "lab.layouts", "lab.topology", "lab.units"}
    known |= {"lab.profiles", "lab.shape"}
    for name in of("lab/faults"):
        if f"{name.rpartition('.')[2]}.py" not in (*DOERS, "prediction.py", "step_down.py"):  # these act, or judge
            inside = {imported for imported in modules()[name].everywhere if within(imported, {"lab"})}
            assert all(within(imported, known) for imported in inside), name


def test_nothing_is_imported_in_circles() -> None:
    assert circles() == []


def test_layouts_know_the_topology_only() -> None:
    known = {"lab.errors", "lab.layouts", "lab.streamgraph", "lab.topology", "lab.units"}
    for name in of("lab/layouts"):
        inside = {name for name in modules()[name].everywhere if within(name, {"lab"})}
        assert all(within(name, known) for name in inside), name


def test_only_the_command_line_imports_the_command_line() -> None:
    for module in modules().values():
        if not module.path.startswith(("lab/cli/", "lab/__main__")):
            assert not any(within(name, {"lab.cli"}) for name in module.everywhere), module.path


def test_the_names_of_what_touches_the_world_are_right() -> None:
    assert set(sys.stdlib_module_names) >= WORLD


def test_nothing_that_measures_convergence_hastens_it() -> None:
    for module in modules().values():
        if module.path not in ("lab/hasten.py", "lab/api.py", "lab/cli/faults.py", "lab/testing/pool.py"):
            assert "hasten" not in (ROOT / module.path).read_text(encoding="utf-8"), module.path


def test_every_module_is_below_350_lines() -> None:
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "lab").rglob("*.py")}
    assert {path.name: size for path, size in sizes.items() if size >= 350} == {}
