"""The shipped scenario files, their documentation, and what the reader says of wrong ones."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab.cli.commands import load
from lab.errors import UsageError
from lab.scenario.page import BY_HAND, page
from lab.scenario.plays import Plays
from lab.scenario.reader import parse, read
from lab.scenario.reference import tables
from lab.scenario.report import escaped
from lab.scenario.scenario import ALWAYS, Result, Scenario
from lab.scenario.shipped import shipped

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted((ROOT / "lab/scenario/files").glob("*.yaml"))
DOCS = ROOT / "docs/scenarios"


@pytest.mark.parametrize("length", ["short", "long"])
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_shipped_scenario_can_be_read(file: Path, length: str) -> None:
    scenario = read(file, length)  # type: ignore[arg-type]
    assert scenario.name == file.stem
    assert any(step.expect for step in scenario.steps)


def test_the_format_reference_is_up_to_date() -> None:
    assert tables() in (DOCS / "README.md").read_text()


def test_the_example_in_the_documentation_is_a_scenario() -> None:
    example = re.search(r"```yaml\n(title: .*?)```", (DOCS / "README.md").read_text(), re.DOTALL)
    assert example
    assert len(parse(example[1], "example", "example").steps) == 3


GOOD = {"title": "title: t\n", "about": "about: a\n", "steps": "steps:\n  - wait: 1s\n"}


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        (GOOD["about"] + GOOD["steps"], 1, "`title` is missing"),
        (GOOD["title"] + GOOD["about"], 1, "`steps` is missing"),
        (GOOD["title"] + "needs: [netm]\n" + GOOD["about"] + GOOD["steps"], 2, "did you mean `netem`?"),
        ("titel: t\n" + GOOD["about"] + GOOD["steps"], 1, "did you mean `title`?"),
        ("title: [t]\n" + GOOD["about"] + GOOD["steps"], 1, "should be text, not a list"),
        ("title: 5\n" + GOOD["about"] + GOOD["steps"], 1, "put it in quotes"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(text: str, line: int, sentence: str) -> None:
    assert any(problem.startswith(f"line {line}: ") and sentence in problem for problem in problems(text))


STEP_PROBLEMS = [
    ("publish: {in: wst, body: x}", "there is no region `wst`; did you mean `west`?"),
    ("publish: {in: west}", "`body` is missing"),
    ("publish: {in: west, body: 3}", "put it in quotes"),
    ("publish: {in: west, body: x, count: many}", "should be a whole number"),
    ("publish: {in: west, body: x, subject: bar.x}", "does not begin with `foo.`"),
    ("publish: {in: west, body: x, in: east}", "is listed twice"),
    ("publish: {in: west, body: x, subject: 'foo.*'}", "has a wildcard"),
    ("publish: {in: west, body: x, subject: foo..x}", "has nothing before, between or after its dots"),
    ("publish: {in: west, body: x, count: -1}", "should be 0 or more"),
    ("publish: {in: west, body: x, count: 0}", "should be 1 or more"),
    (r'publish: {in: west, body: x, id: "a\nb"}', "cannot be printed"),
    (r'publish: {in: west, body: "\ud800"}', "an escape that is not a character"),
    ("traffic: {in: west, as: load, rate: 0}", "should be 1 or more"),
    ("traffic: {in: west, as: load, subject: 'foo.>'}", "has a wildcard"),
    ("create_consumer: {in: west, name: a.b*c d}", "should have no spaces"),
    ("create_consumer: {in: west, name: app, deliver: some}", "should be one of `all`, `new`"),
    (
        "create_consumer: {in: west, name: app, stream: foo-raed-west}",
        "there is no stream `foo-raed-west`; did you mean",
    ),
    ("consume: {in: west, consumer: app, as: got, stream: nosuch}", "there is no stream `nosuch`"),
    ("purge: {stream: nosuch, in: west}", "there is no stream `nosuch`"),
    ("step_down: nosuch", "there is no stream `nosuch`"),
    ("kill: '@leader:nosuch'", "there is no stream `nosuch`"),
    ("kill: {stream_followers: nosuch}", "there is no stream `nosuch`"),
    ("{expect: {holds: {stream: nosuch, messages: 0}}}", "there is no stream `nosuch`"),
    ("{expect: {leader: {of: nosuch}}}", "there is no stream `nosuch`"),
    ("consume: {in: west, consumer: app, as: got, count: 0}", "should be 1 or more"),
    ("kill: cental", "there is no node or region `cental`; did you mean `central`?"),
    ("kill: {}", "name nodes or regions"),
    ("cut: west-west", "a link joins two regions, not `west` with itself"),
    ("partition: [west, west]", "named twice"),
    ("wait: soon", "should be a duration"),
    ("wait: {short: 1s, lang: 2s}", "this has no `short`"),
    ("wait: 5", "should be a duration"),
    ("stop_traffic: load", "no earlier step gave the name `load`"),
    ("upgrade: {nodes: west-9, to: 2.15.1}", "there is no node `west-9`"),
    ("dance: west", "a step has no `dance`"),
    ("{kill: west, stop: east}", "one step does one thing"),
    ("{say: hello, expct: []}", "did you mean `expect`?"),
    ("{repeat: {times: 2}}", "`repeat` needs `steps`"),
    ("{repeat: {times: 2, each: [a]}, steps: [{wait: 1s}]}", "either `times: 3` or `each:"),
    ("{expect: {visible: {messages: nobody}}}", "no earlier step gave the name `nobody`"),
    ("{expect: {works: {operations: publsh, in: west}}}", "did you mean `publish`?"),
    (
        "{expect: {works: {operations: publish, in: west, within: 1s, throughout: 1s}}}",
        "`within` or `throughout`, not both",
    ),
    (
        "{expect: {took: {of: nothing, at_most: 1s}}}",
        "no earlier step gave the name `nothing` (`as`) to a publish or request",
    ),
    ("{expect: {sleeps: {}}}", "an expectation has no `sleeps`"),
    ("{expect: {published: {messages: x, outcome: lost}}}", "should be one of `acknowledged`"),
    ("{wait: 1s, when: {layout: sede}}", "should be one of `mapped`, `seed`"),
    ("{wait: 1s, when: {versions: new}}", "not a condition on versions"),
    ("{wait: 1s, when: {variants: [other]}}", "there is no variant `other`"),
]


@pytest.mark.parametrize(("step", "sentence"), STEP_PROBLEMS, ids=[step for step, _ in STEP_PROBLEMS])
def test_a_wrong_step_is_told_with_its_line(step: str, sentence: str) -> None:
    found = problems(f"title: t\nabout: a\nsteps:\n  - wait: 1s\n  - {step}\n")
    assert any(problem.startswith("line 5: ") and sentence in problem for problem in found), found


@pytest.mark.parametrize(
    ("took", "sentence"),
    [
        ("{of: asked}", "`took` needs `at_least: 100ms` or `at_most: 100ms`"),
        ("{of: asked, in: west, at_most: 1s}", "`in` is for publishes, and `asked` is none"),
    ],
)
def test_a_time_that_cannot_be_judged_is_told(took: str, sentence: str) -> None:
    request = "  - request: {call: STREAM.NAMES, in: west, as: asked}\n    expect:\n"
    found = problems(f"title: t\nabout: a\nsteps:\n{request}      - took: {took}\n")
    assert any(problem.startswith("line 6: ") and sentence in problem for problem in found), found


def test_every_problem_of_a_file_is_told_at_once() -> None:
    text = "titel: t\nabout: 3\nsteps:\n" + "".join(f"  - {step}\n" for step, _ in STEP_PROBLEMS)
    assert len(problems(text)) >= len(STEP_PROBLEMS) + 3


def problems(text: str) -> list[str]:
    with pytest.raises(UsageError) as caught:
        parse(text, "some-name", "some.yaml")
    return [line.strip() for line in caught.value.message.splitlines()[1:]]


def test_a_stream_that_a_step_creates_can_be_named_afterwards() -> None:
    steps = (
        "  - request: {call: STREAM.CREATE.mine, in: west, as: made, body: {name: mine}}\n"
        "    expect: {leader: {of: mine}}\n"
        "  - purge: {stream: mine, in: west}\n"
    )
    assert len(parse("title: t\nabout: a\nsteps:\n" + steps, "x", "x").steps) == 2


def test_what_repeats_is_unrolled_with_its_item() -> None:
    text = "title: t\nabout: a\nsteps:\n  - repeat: {each: [west-1, east-2]}\n    steps:\n      - kill: '{item}'\n"
    assert [str(step.action) for step in parse(text, "x", "x").steps] == ["lab kill west-1", "lab kill east-2"]


def test_short_and_long_forms() -> None:
    text = "title: t\nabout: a\nsteps:\n  - wait: {short: 2s, long: 1m}\n"
    assert [str(parse(text, "x", "x", length).steps[0].action) for length in ("short", "long")] == [
        "sleep 2",
        "sleep 60",
    ]


def test_what_the_kernel_must_offer() -> None:
    assert parse("".join(GOOD.values()), "x", "x").needs == ()
    assert parse("needs: netem\n" + "".join(GOOD.values()), "x", "x").needs == ("netem",)
    assert parse("needs: [netem, blocks]\n" + "".join(GOOD.values()), "x", "x").needs == ("netem", "blocks")


def test_streams_of_all_layouts_that_a_scenario_allows_can_be_named() -> None:
    text = "".join(GOOD.values()) + "  - expect: {holds: {stream: foo-central, messages: 1}, when: {layout: mirror}}\n"
    read = parse("layouts: [transparent, mirror]\n" + text, "x", "x")
    assert read.layouts == ("transparent", "mirror")
    assert read.steps[-1].expect[0].when.layout == ("mirror",)
    assert "there is no stream `foo-central`" in problems(text)[0]


def test_a_lab_or_variants_ask_for_a_lab_of_its_own() -> None:
    assert not parse("".join(GOOD.values()), "x", "x").variants[0].own
    own = parse("".join(GOOD.values()) + "lab: {layout: seed}\n", "x", "x").variants
    assert [(variant.own, variant.topology.layout) for variant in own] == [(True, "seed")]
    several = parse(
        "".join(GOOD.values()) + "lab: {max_age: 20s, duplicate_window: 10s}\nvariants: {a: {layout: seed}, b: {}}\n",
        "x",
        "x",
    )
    assert [(v.name, v.topology.layout, v.topology.max_age) for v in several.variants] == [
        ("a", "seed", "20s"),
        ("b", "mapped", "20s"),
    ]


def test_what_a_lab_cannot_be_is_told() -> None:
    text = "".join(GOOD.values()) + "lab: {replicas: 2}\n"
    assert any("replicas" in problem for problem in problems(text))


def test_a_page_that_is_written_anew_keeps_what_people_wrote() -> None:
    scenario = read(FILES[0])
    again = page(scenario, (), f"the run before\n\n{BY_HAND}\n\nMind the gap.\n")
    assert again == page(scenario, ()).rstrip() + f"\n\n{BY_HAND}\n\nMind the gap.\n"
    assert page(scenario, (), "the run before\n") == page(scenario, ())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_shipped_scenario_has_its_page_and_the_page_tells_what_the_file_does(file: Path) -> None:
    scenario, told = read(file), (DOCS / f"{file.stem}.md").read_text()
    assert told.startswith(f"# {scenario.name}: {scenario.title}\n")
    assert f"]({file.stem}.md)" in (DOCS / "README.md").read_text()
    for text in (scenario.about, *(step.say for step in scenario.steps if step.when == ALWAYS)):
        assert text in told
    named = {getattr(step.action, "as_", "") for step in scenario.steps} - {""}
    for step in scenario.steps:
        if step.when == ALWAYS:
            if not named & set(getattr(step.action, "targets", ())):  # else the page names the nodes that it was then
                assert str(step.action or "") in told
            assert [e for e in step.expect if e.when == ALWAYS and escaped(str(e.expectation)) not in told] == []
    assert not {"VIOLATED", "could not tell", "could not be carried out"} & set(re.findall(r"\*\*(.+?)\*\*", told))


def test_all_are_those_that_are_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def play(_: Plays, scenarios: Sequence[Scenario]) -> tuple[Result, ...]:
        asked.extend(scenario.name for scenario in scenarios)
        return ()

    monkeypatch.setattr(Plays, "all", play)
    CliRunner().invoke(load(), ["scenario", "run", "--all", "--name", "nowhere"])
    assert asked == [*shipped()]
