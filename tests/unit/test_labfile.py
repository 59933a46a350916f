"""lab.yaml: what people write, what is wrong with it, and where."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from lab.errors import UsageError
from lab.labfile import HIDDEN, NAMES, load
from lab.topology import Topology

FIELDS = [NAMES.get(f.name, f.name) for f in fields(Topology) if f.name not in HIDDEN]
EXAMPLE = Path(__file__).parents[2] / "lab.example.yaml"
# A wrong value for each field; each is written in line 3.
WRONG = [
    ("name", "3", "text"),
    ("name", "East_1", "lower-case"),
    ("regions", "west", "list of names"),
    ("regions", "[west, no]", "`no`: put it in quotes"),
    ("regions", "[west, west]", "listed twice"),
    ("regions", "[west]", "2 to 9"),
    ("regions", "{west: 3, east: three}", "`east` should be a whole number"),
    ("regions", "{west: 3, east: 10}", "`east` must have 1 to 9 nodes, not 10"),
    (
        "regions",
        "{west: 3, east: 1}",
        "3 replicas do not fit on 1 nodes in east, which only votes with `layout: arbiter`",
    ),
    ("nodes_per_region", "three", "whole number, not `three`"),
    ("nodes_per_region", "true", "whole number, not `true`"),
    ("nodes_per_region", "3.0", "whole number"),
    ("nodes_per_region", "50", "1 to 9"),
    ("nats", "2.12", "quotes"),
    ("nats", "a/b", "full version"),
    ("stream", "a.b", "letters"),
    ("stream", "", "no value"),
    ("layout", "maped", "did you mean `mapped`?"),
    ("layout", "arbiter", "one region that is smaller than all others"),
    ("layout_options", "{flow_control: true}", "the layout `mapped` has no option `flow_control`"),
    ("layout_options", "[a]", "mapping"),
    ("auth", "nsc", "one of `none`, `operator`"),
    ("replicas", "2", "1, 3 or 5"),
    ("replicas", "5", "do not fit"),
    ("max_age", "1:30", "duration"),
    ("max_age", "soon", "duration"),
    ("duplicate_window", "5", "duration"),
    ("client_port", "80", "1024"),
    ("client_port", "'14222'", "whole number"),
    ("monitor_port", "14222", "both get port"),
    ("port_step", "far", "whole number"),
    ("subnet_pool", "10.0.0.5/8", "IPv4"),
    ("subnet_pool", "here", "IPv4"),
    ("subnet_prefix", "30", "16 to 27"),
    ("subnet_prefix", "8", "16 to 27"),
    ("max_age", "300y", "duration"),
    ("max_age", "200000d", "longer than NATS can count"),
    ("memory", "1m", "`32m` to `1024g`, not `1m`"),
    ("store", "99999999TB", "`1MB` to `1024TB`"),
    ("memory", "lots", "size for Docker"),
    ("store", "1.5GB", "size for NATS"),
    ("streams", "nowhere", "is not a folder with streams"),
    ("server_options", "[a]", "mapping"),
    ("server_options", "{a: [1]}", "`a` should be"),
    ("server_options", "{1: a}", "name should be text"),
    ("server_options", "{port: 1}", "set by the lab"),
    ("server_options", '{"a\\nb": 1}', r"a name should be text of letters, digits and `_`, not `a\nb`"),
    ("server_options", "{yes: 1}", "not `yes`: put it in quotes"),
    ("server_options", "{.inf: 1}", "not `.inf`: put it in quotes"),
    ("server_options", "{a: 1, a: 2}", "listed twice"),
    ("links", "[a]", "mapping"),
    ("links", "{east-north: {delay: 1ms}}", "there is no link `east-north`"),
    ("links", "{east-west: {speed: 1ms}}", "unknown option `speed`"),
    ("links", "{east-west: {delay: fast}}", "must be such as `80ms`"),
    ("links", "{east-west: {profile: moon}}", "unknown profile `moon`"),
    ("links", "{east-west: {jitter: 5ms}}", "needs `--delay`"),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "lab.yaml"


def message(file: Path, text: str | bytes) -> str:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError) as caught:
        load(file)
    return caught.value.message


def test_the_example_is_the_default_and_has_every_field() -> None:
    assert load(EXAMPLE) == Topology()
    lines = EXAMPLE.read_text().splitlines()
    assert [line.partition(":")[0] for line in lines if line[:1].isalpha()] == FIELDS


def test_every_field_has_a_wrong_value_below() -> None:
    assert {field for field, _, _ in WRONG} == set(FIELDS)


@pytest.mark.parametrize(("field", "value", "sentence"), WRONG)
def test_a_wrong_value_is_reported_with_its_place(file: Path, field: str, value: str, sentence: str) -> None:
    found = message(file, f"# a lab\n\n{field}: {value}\n")
    head, *lines = found.splitlines()
    assert head.endswith("has a problem:") or field == "regions"
    assert all(line.startswith(f"  line 3, {field}: ") for line in lines)
    assert sentence in lines[0]
    assert "input" not in found.lower()


def test_all_problems_come_at_once_in_the_order_of_the_file(file: Path) -> None:
    found = message(
        file, "replica: 3\nregions:\n  - west\n  - 7\nstream: a.b\nreplicas: 4\nstream: b\nsubnet_pool: x\n"
    )
    head, *lines = found.splitlines()
    assert head.endswith("has 6 problems:")
    assert [line.split(": ")[0].strip() for line in lines] == [
        "line 1, replica",
        "line 4, regions",
        "line 5, stream",
        "line 6, replicas",
        "line 7, stream",
        "line 8, subnet_pool",
    ]
    assert "did you mean `replicas`?" in lines[0]
    assert "twice, first in line 5" in lines[4]


def test_what_follows_from_a_wrong_value_is_not_reported(file: Path) -> None:
    assert "replicas:" not in message(file, "nodes_per_region: five\nreplicas: 5\n")


@pytest.mark.parametrize(
    ("text", "place"), [("nodes_per_region: 1\n", "line 1, replicas"), ("port_step: 1\n", "line 1, client_port")]
)
def test_a_problem_of_a_default_is_placed_at_its_cause(file: Path, text: str, place: str) -> None:
    assert place in message(file, text)


@pytest.mark.parametrize(
    "text",
    [
        "subnet_pool: 10.1.0.0/18\nsubnet_prefix: 20\n",
        "subnet_pool: 10.0.0.16/28\n",
        "name: x\nsubnet_pool: 10.1.0.0/28\n",
    ],
)
def test_subnets_that_do_not_fit(file: Path, text: str) -> None:
    assert "subnet_" in message(file, text).splitlines()[1]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: b: c\n", "line 1, column 5"),
        ("name: x\nstream: 'x\n", "not valid YAML: line 3, column 1"),
        ("name: x\n---\nname: y\n", "another document"),
        ("name: \x01\n", "line 1 has a character"),
        ("- a\n", "not a list"),
        ("a\n", "not `a`"),
        ("name: " + "[" * 3000, "nested too deeply"),
        ("name: 2024-13-45\n", "line 1, name"),
        ("nodes_per_region: " + "9" * 5000, "line 1, nodes_per_region"),
        ("nodes_per_region: 0x" + "f" * 5000, "should be a whole number, not `0xfff"),
        ("server_options: &a {x: *a}\n", "line 1, server_options"),
        ("name: !python/object:os.system x\n", "line 1, name"),
        (b"name: x\nstream: \xff\n", "not UTF-8 text: line 2"),
    ],
)
def test_what_is_no_lab_file_at_all(file: Path, text: str | bytes, sentence: str) -> None:
    assert sentence in message(file, text)


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "\ufeffname: region-lab\n"])
def test_an_empty_file_is_the_default(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    assert load(file) == Topology()


def test_values_arrive(file: Path) -> None:
    file.write_text("regions: [a, b]\nmax_age: 0\nnats: 2.14.0\nserver_options: {debug: true, max_payload: 2MB}\n")
    options: dict[str, str | int | float | bool] = {"debug": True, "max_payload": "2MB"}
    assert load(file) == Topology(regions=("a", "b"), max_age="0", nats="2.14.0", server_options=options)


@pytest.mark.parametrize(("word", "layout"), [("fixed", "mapped"), ("seed", "seed")])
def test_an_older_file_has_the_layout_under_its_old_name(file: Path, word: str, layout: Any) -> None:
    file.write_text(f"profile: {word}")
    assert load(file) == Topology(layout=layout)
    assert "line 2, profile: say `layout` alone" in message(file, f"layout: seed\nprofile: {word}")


def test_a_file_that_cannot_be_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="is not there"):
        load(file)
    with pytest.raises(UsageError, match="is a folder"):
        load(file.parent)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UsageError, match="cannot be read: Permission denied"):
        load(file)


def test_the_file_is_called_as_people_call_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    assert message(file, "replicas: 2\n").startswith("`lab.yaml` has a problem:\n  line 1, replicas: ")
