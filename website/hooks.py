"""What MkDocs does not do by itself: the site has the paths of the repository, so that a link between files leads
to the same place in both. Owns which files are on the site; mkdocs.yml has their order."""

from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

SHOWN = ("*.md", "LICENSE", "lab.example.yaml", "docs/**/*", "examples/**/*", "website/*.js", "website/*.css")
SUFFIXES = {".md", ".svg", ".png", ".json", ".yaml", ".yml", ".py", ".mjs", ".js", ".css", ""}
NOT_SHOWN = {"__pycache__", "node_modules", ".pytest_cache"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """A `*` in the navigation stands for all pages that it matches, in the order of their names."""
    config.nav = _expanded(config.nav, _paths(_root(config)))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    docs = Path(config.docs_dir)
    of_the_theme = [file for file in files if file.src_dir is None or Path(file.src_dir) != docs]
    return Files([*of_the_theme, *(_file(path, config) for path in _paths(_root(config)))])


def _root(config: MkDocsConfig) -> Path:
    assert config.config_file_path
    return Path(config.config_file_path).parent


def _paths(root: Path) -> list[str]:
    found = {path for pattern in SHOWN for path in root.glob(pattern) if path.is_file() and path.suffix in SUFFIXES}
    relative = (path.relative_to(root) for path in found)
    return sorted(path.as_posix() for path in relative if not NOT_SHOWN & {*path.parts})


def _file(path: str, config: MkDocsConfig) -> File:
    return File(path, str(_root(config)), config.site_dir, use_directory_urls=config.use_directory_urls)


def _expanded(nav: Any, paths: list[str]) -> Any:
    if isinstance(nav, dict):
        return {title: _expanded(below, paths) for title, below in nav.items()}
    if isinstance(nav, list):
        return [each for entry in nav for each in _entries(entry, paths)]
    return nav


def _entries(entry: Any, paths: list[str]) -> list[Any]:
    if isinstance(entry, str) and "*" in entry:
        listed = entry.endswith("README.md")  # otherwise a folder's README is the page that lists the others
        return [path for path in paths if fnmatch(path, entry) and path.endswith("README.md") == listed]
    return [_expanded(entry, paths)]
