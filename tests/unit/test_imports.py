"""Who may import what: each outside library behind one module, and pure modules free of adapters."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "lab").rglob("*.py"))
# Library -> the modules or folders that alone may import it.
BEHIND = {
    "python_on_whales": ("lab/docker/client.py",),
    "nats": ("lab/jetstream/",),
    "typer": ("lab/cli/",),
    "pydantic": ("lab/yamltypes.py",),
    "yaml": ("lab/yamlfile.py",),
    "rich": ("lab/view.py",),
    "numpy": ("lab/check/",),
}
PURE = [
    "lab/errors.py",
    "lab/topology.py",
    "lab/view.py",
    "lab/observe/operations.py",
    "lab/faults/prediction.py",
    *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "lab/layouts").glob("*.py"))),
    *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "lab/render").glob("*.py"))),
    *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "lab/scenario/expectations").glob("*.py"))),
    *(
        f"lab/scenario/{name}.py"
        for name in ("actions", "conditions", "evidence", "page", "reference", "report", "show", "scenario")
    ),
]
# What touches the world: Docker, NATS, HTTP, disks, other programs.
WORLD = {
    "lab.docker.engine",
    "lab.jetstream",
    "lab.jetstream.monitor",
    "lab.files",
    "lab.docker.images",
    "lab.labfile",
    "lab.yamlfile",
    "lab.docker.conflicts",
    "lab.contexts",
    "lab.doctor",
    "lab.observe.availability",
    "lab.faults.change",
    "lab.faults.proof",
    "lab.observe.ready",
    "lab.observe.status",
    "lab.cli",
    "subprocess",
    "socket",
    "urllib",
    "http",
    "os",
    "pathlib",
    "shutil",
    "tempfile",
    "time",
}


def names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        yield node.module or ""
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def everywhere(path: Path) -> set[str]:
    """All imports of a file, those inside functions too."""
    return {name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) for name in names(node)}


def at_import(path: Path) -> set[str]:
    """What a file imports when it is imported itself: at the top level, outside `if TYPE_CHECKING`."""
    return {name for node in ast.parse(path.read_text(encoding="utf-8")).body for name in names(node)}


def within(name: str, modules: set[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


@pytest.mark.parametrize(("library", "homes"), BEHIND.items())
def test_each_library_is_imported_behind_its_modules_only(library: str, homes: tuple[str, ...]) -> None:
    users = {
        path.relative_to(ROOT).as_posix()
        for path in MODULES
        if any(within(name, {library}) for name in everywhere(path))
    }
    assert users
    assert all(any(user == home or (home.endswith("/") and user.startswith(home)) for home in homes) for user in users)


def test_only_the_docker_folder_runs_docker() -> None:
    runs = {path for path in MODULES for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if _docker(node)}
    assert {path.parent.relative_to(ROOT).as_posix() for path in runs} == {"lab/docker"}


def _docker(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value == "docker"


@pytest.mark.parametrize("module", PURE)
def test_pure_modules_import_nothing_that_touches_the_world(module: str) -> None:
    assert not {name for name in at_import(ROOT / module) if within(name, WORLD | BEHIND.keys())}


def test_faults_know_the_engine_and_the_topology_only() -> None:
    for path in (ROOT / f"lab/faults/{kind}.py" for kind in ("cut", "down", "partition", "paused")):
        inside = {name for name in everywhere(path) if within(name, {"lab"})}
        assert all(within(name, {"lab.docker", "lab.errors", "lab.faults", "lab.topology"}) for name in inside), path


def test_layouts_know_the_topology_only() -> None:
    for path in (ROOT / "lab/layouts").glob("*.py"):
        inside = {name for name in everywhere(path) if within(name, {"lab"})}
        assert all(within(name, {"lab.errors", "lab.layouts", "lab.topology", "lab.units"}) for name in inside), path


def test_only_the_command_line_imports_the_command_line() -> None:
    for path in MODULES:
        if "cli" not in path.parts and path.name != "__main__.py":
            assert not any(within(name, {"lab.cli"}) for name in everywhere(path)), path


def test_the_judgement_of_a_comparison_uses_no_adapter() -> None:
    tree = ast.parse((ROOT / "lab/observe/comparison.py").read_text(encoding="utf-8"))
    pure = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in ("compare", "_disorder")]
    used = {node.id for function in pure for node in ast.walk(function) if isinstance(node, ast.Name)}
    assert len(pure) == 2
    assert not used & {"asyncio", "jetstream", "Observation", "gather"}


def test_a_verdict_is_a_pure_function_of_a_history() -> None:
    for path in [
        ROOT / "lab/check/history.py",
        ROOT / "lab/check/findings.py",
        *(ROOT / "lab/check/checkers").glob("*.py"),
    ]:
        if path.name != "table.py":  # writes a page of the documentation
            assert not {name for name in everywhere(path) if within(name, WORLD)}, path


@pytest.mark.parametrize("folder", ["figures", "report"])
def test_a_report_is_made_without_touching_the_world(folder: str) -> None:
    modules = sorted((ROOT / "lab/check" / folder).glob("*.py"))
    assert modules
    for path in modules:
        assert not {name for name in everywhere(path) if within(name, WORLD | (BEHIND.keys() - {"numpy"}))}, path
