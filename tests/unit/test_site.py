"""The documentation site: complete, without a broken link, and all there without a network."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("mkdocs.yml", "website", "docs", "examples", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE")


def build(root: Path, site: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", str(root / "mkdocs.yml")]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(
        [*command, "--site-dir", str(site)], capture_output=True, text=True, env=environment, check=False, timeout=100
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_there_and_every_link_leads_somewhere(site: Path) -> None:
    pages = [*ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/*.md"), ROOT / "CHANGELOG.md"]
    names = [path.relative_to(ROOT).as_posix().replace("README.md", "index.md") for path in pages]
    assert [name for name in names if not (site / name).with_suffix(".html").is_file()] == []


def test_it_loads_nothing_from_elsewhere(site: Path) -> None:
    loaded = re.compile(r"<(?:script|img|iframe)[^>]* src=\"?(https?:[^\" >]+)|<link[^>]* href=\"?(https?:[^\" >]+)")
    found = {path.name: loaded.findall(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    assert {name: urls for name, urls in found.items() if urls} == {}


def test_the_search_works_from_a_folder(site: Path) -> None:
    assert "split brain" in (site / "search/search_index.js").read_text(encoding="utf-8").lower()
    assert "iframe-worker" in (site / "index.html").read_text(encoding="utf-8")
    assert (site / "website/iframe-worker.js").is_file()


def test_no_list_or_table_is_left_as_plain_text(site: Path) -> None:
    """GitHub makes a list without an empty line before it; MkDocs does not."""
    left = re.compile(r"<p>[^<]*\n(?:- |\d\. |\|)")
    assert [path.name for path in site.rglob("*.html") if left.search(path.read_text(encoding="utf-8"))] == []


def test_the_build_fails_for_what_leads_nowhere(tmp_path: Path) -> None:
    for name in PARTS:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    with (tmp_path / "docs/guide.md").open("a", encoding="utf-8") as file:
        file.write("\n[page](nowhere.md) [anchor](concepts.md#no-such-heading) [file](../examples/orders/nowhere.py)\n")
    (tmp_path / "docs/new.md").write_text("# A page in no section\n", encoding="utf-8")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    complaints = ("'nowhere.md'", "'#no-such-heading'", "nowhere.py", "docs/new.md")
    assert [words for words in complaints if words not in done.stderr] == []


def test_pictures_are_small() -> None:
    assert [path.name for path in (ROOT / "docs/images").iterdir() if path.stat().st_size > 200_000] == []
