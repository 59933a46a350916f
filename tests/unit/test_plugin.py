"""The pytest plugin where no lab is needed: it is in every run of pytest, and must not be felt."""

from pathlib import Path
from typing import Any

import pytest

from lab.errors import UsageError
from lab.testing.pool import described, with_fields
from lab.topology import Topology

pytest_plugins = ["pytester"]


def test_a_run_without_labs_does_not_load_the_lab(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_nothing_is_loaded():
            assert "lab.testing.plugin" in sys.modules
            unwanted = {"lab.api", "lab.topology"}
            unwanted |= {"asyncio"} if sys.version_info < (3, 14) else set()  # there pdb loads it, and pytest that
            assert not unwanted & set(sys.modules)
        """
    )
    pytester.runpytest_subprocess("-p", "no:anyio", "-p", "no:asyncio").assert_outcomes(passed=1)


def test_a_machine_without_docker_is_told_in_a_sentence(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{pytester.path}/no.sock")
    pytester.makepyfile("def test_it(lab): pass\n\ndef test_again(lab): pass")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*no Docker engine answers*", "*hint: start Docker*"])
    assert "Traceback" not in result.stdout.str()
    assert "lab/testing" not in result.stdout.str()


def test_a_fixture_of_your_own_with_the_same_name_comes_first(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def lab():
            return "mine"

        def test_it(lab):
            assert lab == "mine"

        def test_fails(lab):
            assert not lab
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1, failed=1)


@pytest.mark.parametrize(
    ("fields", "topology"),
    [
        ({}, Topology()),
        ({"nats": "2.12.2", "layout": "seed"}, Topology(nats="2.12.2", layout="seed")),
        ({"regions": ["a", "b"]}, Topology(regions=("a", "b"))),
    ],
)
def test_a_marker_changes_fields(fields: dict[str, Any], topology: Topology) -> None:
    assert with_fields(Topology(), fields) == topology


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"version": "2.12.2"}, "the marker `lab` does not take `version`"),
        ({"name": "mine"}, "the marker `lab` does not take `name`"),
        ({"nats": 2.12}, "the marker `lab` has 2.12 for `nats`"),
        ({"nodes_per_region": 1}, "3 replicas do not fit on 1 nodes"),
    ],
)
def test_what_a_marker_cannot_ask_for(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        with_fields(Topology(), fields)


def test_a_lab_yaml_in_the_root_folder_describes_the_lab(tmp_path: Path) -> None:
    assert described(None, None, tmp_path) == Topology()
    (tmp_path / "lab.yaml").write_text("regions: [a, b]\nnats: 2.12.2\n")
    assert described(None, None, tmp_path) == Topology(regions=("a", "b"), nats="2.12.2")
    assert described(None, "2.14.6", tmp_path).nats == "2.14.6"
    (tmp_path / "other.yaml").write_text("replicas: 1\n")
    assert described(tmp_path / "other.yaml", None, tmp_path) == Topology(replicas=1)
