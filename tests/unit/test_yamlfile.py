"""What all files that people write have in common: limits, aliases, places, and schemas for editors."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from generated_docs import DOCS, SCHEMAS, schema

from lab import labfile
from lab.check import schedulefile
from lab.errors import UsageError
from lab.scenario import reader
from lab.topology import Topology

CHAIN = "".join(f"x{n}: &x{n} {'[' * 40}{f'*x{n - 1}' if n else 1}{']' * 40}\n" for n in range(9))
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
STEPS = "title: t\nabout: a\nsteps:\n"


def schedule(path: Path) -> object:
    return schedulefile.load(path, Topology(), 1)


@pytest.fixture(params=[labfile.load, reader.read, schedule], ids=["lab", "scenario", "schedule"])
def refused(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """What is said of a text by the reader of each kind of file."""

    def said(text: str) -> str:
        path = tmp_path / "some.yaml"
        path.write_text(text)
        began = time.process_time()
        with pytest.raises(UsageError) as caught:
            request.param(path)
        assert time.process_time() - began < 5
        assert "some.yaml" in caught.value.message
        return caught.value.message

    return said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "line 6, f: stands for more than 200,000 values"),
        ("x: " + "[" * 3000, "line 1, x: is nested too deeply"),
        ("x: &x\n  - *x\n", "line 2, x: contains itself"),
        (
            "".join(f"x{n}: &x{n} {'[' * 40}{f'*x{n - 1}' if n else 1}{']' * 40}\n" for n in range(9)),
            "nested too deeply",
        ),
        ("x: " + "y" * 1_000_000, "is too large: at most 1,000,000 bytes are read"),
        ("title: t\ntitle: u\n", "line 2"),
        ("? [x]\n: 1\n", "line 1"),
    ],
    ids=["bomb", "brackets", "cycle", "chain", "large", "twice", "list as a key"],
)
def test_what_no_file_may_be_is_said_at_once_with_its_line(
    refused: Callable[[str], str], text: str, words: str
) -> None:
    assert words in refused(text)


def test_a_file_without_an_end_is_not_read_to_it() -> None:
    with pytest.raises(UsageError, match="is too large: at most 1,000,000 bytes are read"):
        labfile.load(Path("/dev/zero"))


def test_an_alias_stands_for_what_it_names() -> None:
    text = STEPS + "  - &west {kill: west, expect: [{works: {operations: publish, in: &in [east]}}]}\n  - *west\n"
    first, second = reader.parse(text, "x", "x").steps
    assert (first.action, first.expect) == (second.action, second.expect)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("{repeat: {times: 1000000000}, steps: [{wait: 1s}]}", "stands for more than 50,000 values"),
        ("{repeat: {times: 1000000000}, steps: []}", "stands for more than 50,000 values"),
        (
            "{repeat: {times: 9999}, steps: [{repeat: {times: 9999}, steps: [{wait: 1s}]}]}",
            "stands for more than 50,000 values",
        ),
        ("{wait: 99999999h}", "`99999999h` is longer than NATS can count, which is 292 years"),
        ("{wait: {short: 1s, long: soon}}", "`long` should be a duration"),
        ("{publish: {in: west, body: x, count: -1}}", "`count` should be 0 or more, not `-1`"),
        ("{publish: {<<: {in: west}, body: x}}", "`<<` is not understood here"),
        ("{request: {call: a, in: west, as: r, body: {a: 2024-11-12}}}", "`a` should be something that JSON has"),
        (
            "{expect: {fails: {operations: get, in: west, code: '503'}}}",
            "`code` should be a whole number, not `503`: leave out the quotes",
        ),
        ("{kill: [3]}", "each of `kill` should be text, not `3`: put it in quotes"),
        ("{kill: {targets: [west, 3]}}", "each of `targets` should be text, not `3`: put it in quotes"),
        ("{publish: }", "`in` is missing"),
        ("{publish: west}", "`publish` should be a mapping such as `in: …`, not `west`"),
        ("{publish: {in: west, body: }}", "`body` has no value; it should be text"),
        ('{view: "a\\nb"}', "there is no region `a"),
        ("{kill: !python/object:os.system x}", "`kill` should be text, not `x`"),
        ("{wait: 1s, when: {length: lnog}}", "should be one of `short`, `long`, not `lnog`; did you mean `long`?"),
    ],
)
def test_a_step_that_makes_no_sense_is_told_with_its_line(step: str, words: str) -> None:
    began = time.process_time()
    with pytest.raises(UsageError) as caught:
        reader.parse(f"{STEPS}  - wait: 1s\n  - {step}\n", "x", "some.yaml")
    assert time.process_time() - began < 10
    problems = caught.value.message.splitlines()[1:]
    assert any(problem.startswith("  line 5: ") and words in problem for problem in problems), problems


def test_a_scenario_s_lab_is_checked_as_lab_yaml_is() -> None:
    with pytest.raises(UsageError) as caught:
        reader.parse(STEPS + "  - wait: 1s\nlab:\n  nats: 2.12\n  replicas: 5\n  name: x\n", "x", "x")
    lines = caught.value.message.splitlines()[1:]
    assert [line.partition(": ")[0].strip() for line in lines] == ["line 6, nats", "line 7, replicas", "line 8"]


@pytest.mark.parametrize("kind", SCHEMAS)
def test_the_schemas_for_editors_are_up_to_date(kind: str) -> None:
    assert (DOCS / "schemas" / f"{kind}.json").read_text(encoding="utf-8") == schema(kind), "run `make docs`"
