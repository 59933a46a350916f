"""The report's documents: whole, self-contained, safe, truthful in words, small and fast."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
import synthetic

from lab.check.checkers import judge
from lab.check.findings import Example, Finding, Verdict
from lab.check.history import SECOND, History
from lab.check.report import documents
from lab.check.report.logs import complaints, lines
from lab.check.report.words import seconds
from lab.html.table import Cell, Table, html, markdown
from lab.verdict import worst

NINE = ("west", "central", "east", "north", "south", "oslo", "lima", "perth", "accra")
BEGAN = "2026-11-24T05:56:50+00:00"
EVIL = '<script>alert("1")</script> & | `x` [a](http://evil) \x00'


def verdict(history: History, *wrong: Finding) -> Verdict:
    regions = history.run.topology.regions
    findings = [
        *(Finding(p, region, "valid", 100, 0, "all is well") for p in ("P1", "P2a", "P2b") for region in regions),
        Finding("P6", "", "valid", 100, 0, "every region holds the same"),
        *wrong,
    ]
    return Verdict(worst(finding.validity for finding in findings), tuple(findings), ("clocks that jump",))


def lost(history: History) -> Finding:
    example = Example("west/3:118", "never came to foo-read-central", 31 * SECOND, ("f1",))
    return Finding("P2a", "central", "violated", 100, 12, "12 messages are missing", (example,))


WHOLE = synthetic.history(1200)
STATES: dict[str, History] = {
    "valid": WHOLE,
    "lost": synthetic.lossy(WHOLE, "foo-read-central"),
    "duplicated": synthetic.duplicated(WHOLE, "foo-read-east"),
    "never converging": synthetic.never_converging(WHOLE, "foo-read-east"),
    "expired": synthetic.expired(WHOLE, "foo-write-west", 80),
    "interrupted": synthetic.interrupted(WHOLE),
    "no faults": synthetic.history(600, mix=()),
    "nine regions": synthetic.history(900, regions=NINE, processes=2),
    "one region": synthetic.history(200, regions=("west",)),
    "a hundred": synthetic.history(100, seconds=10),
}


class Page(HTMLParser):
    """Notes what a page refers to, and that every element is closed."""

    VOID = ("meta", "br", "hr", "img", "input", "link")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []
        self.ids: list[str] = []
        self.texts: list[str] = []
        self.scripts = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        self.scripts += tag == "script"
        values = dict(attrs)
        self.references += [values[name] or "" for name in ("href", "src", "xlink:href") if name in values]
        self.ids += [values["id"] or ""] if "id" in values else []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@pytest.mark.parametrize("state", STATES)
def test_every_document_is_well_formed_and_refers_to_nothing_outside(state: str) -> None:
    history = STATES[state]
    made = documents(history, verdict(history), {})
    page = Page(made["report.html"])
    assert not page.open
    assert page.scripts == 2
    assert all(reference.startswith("#") and reference[1:] in page.ids for reference in page.references)
    assert len(page.ids) == len(set(page.ids))
    assert not re.search(r"https?:|url\((?!#)|@import", made["report.html"])
    for name, text in made.items():
        if name.endswith((".svg", ".xml")):
            ElementTree.fromstring(text)
    assert "nan" not in made["report.html"].lower().replace("nanoseconds", "")
    json.loads(made["results.json"])


HEADLINES = {
    "valid": "Nothing was lost, nothing came twice, every region agrees: 1,160 messages, 6 faults.",
    "lost": "12 messages were lost in central, out of 1,160 and with 6 faults.",
    "duplicated": "40 messages are twice in east, out of 1,160 and with 6 faults.",
    "expired": "50 messages expired before they reached central, out of 1,160 and with 6 faults.",
    "interrupted": "It cannot be told: nothing was published.",
    "no faults": "Nothing was lost, nothing came twice, every region agrees: 600 messages, 0 faults.",
    "one region": "Nothing was lost, nothing came twice: 179 messages, 6 faults.",
}


@pytest.mark.parametrize("state", HEADLINES)
def test_the_first_sentence_says_what_happened(state: str) -> None:
    history = STATES[state]
    made = documents(history, judge(history), {})
    assert f"<h1>{HEADLINES[state]}</h1>" in made["report.html"]
    assert made["report.md"].splitlines()[0][2:4] in ("✓ ", "✗ ", "? ")
    assert json.loads(made["results.json"])["sentence"] == HEADLINES[state]


def test_nothing_is_promised_that_was_not_checked() -> None:
    valid = Verdict("valid", (Finding("P2a", "foo-read-west", "valid", 10, 0, "all there"),))
    assert "<h1>Nothing was lost: 1,160 messages" in documents(WHOLE, valid, {})["report.html"]
    nothing = Verdict("valid", (Finding("P9", "foo-read-west", "valid", 3, 0, "equal"),))
    assert "<h1>Everything that was checked held: " in documents(WHOLE, nothing, {})["report.html"]


def evil(history: History) -> tuple[History, Verdict, dict[str, list[str]]]:
    fault = replace(history.faults[0], what=EVIL, evidence=EVIL, kind=EVIL)
    probe = replace(history.probes[0], operation=EVIL, error=EVIL, outcome="fail")
    run = replace(history.run, notes=(EVIL,), image=EVIL, ended=EVIL, schedule={EVIL: EVIL})
    whole = replace(history, run=run, faults=(fault, *history.faults[1:]), probes=(probe, *history.probes))
    example = Example(EVIL, f"{EVIL}\n{EVIL}", 14 * SECOND, ("f1", EVIL))
    finding = Finding("P2a", EVIL, "violated", 1, 1, EVIL, (example,))
    untold = Finding("P6", EVIL, "unknown", 1, 0, EVIL)
    line = f"[1] 2026/11/24 05:57:04.5 [WRN] {EVIL}"
    return whole, Verdict("violated", (finding, untold), (EVIL,)), {EVIL: [line]}


def test_text_of_messages_logs_and_errors_stays_text() -> None:
    made = documents(*evil(WHOLE))
    page = Page(made["report.html"])
    assert page.scripts == 2
    assert page.text.count('<script>alert("1")</script>') > 8
    assert not [reference for reference in page.references if "evil" in reference and not reference.startswith("#")]
    for name, text in made.items():
        assert name in ("report.html", "results.json") or "<script>" not in text
        if name.endswith((".svg", ".xml")):
            ElementTree.fromstring(text)
    lines = made["report.md"].splitlines()
    assert not any(re.search(r"(?<!\\)\]\(http|(?<!\\)<script", line) for line in lines)
    tables = [line for line in lines if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in tables if "alert" in line} <= {8}


def test_the_pointer_is_shown_numbers_for_every_bin() -> None:
    page = documents(WHOLE, verdict(WHOLE), {})["report.html"]
    (raw,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)
    data = json.loads(raw)
    assert set(data["plots"]) == {"timeline", "convergence"}
    assert all(len(values) == data["bins"] for lines in data["plots"].values() for *_, values in lines)
    assert data["plots"]["timeline"][0][2][60].startswith("0 /s")
    assert re.fullmatch(r"8 /s, half in [\d.]+ ms, 99 % in [\d.]+ ms", data["plots"]["timeline"][0][2][3])
    assert data["faults"][0][0] == "partition west"


def test_an_example_is_shown_with_what_the_servers_wrote_then() -> None:
    logs = {
        "west-1": [
            "[1] 2026/11/24 05:57:20.250000 [WRN] long before",
            "[1] 2026/11/24 05:57:21.250000 [WRN] just then",  # 31.25 s after the run began
            "[1] 2026/11/24 05:57:41.000000 [ERR] long after",
        ],
        "east-2": ["2026-11-24T05:57:22.500000000Z [1] 2026/11/24 05:57:22.400000 [WRN] in Docker's form"],
    }
    made = documents(WHOLE, verdict(WHOLE, lost(WHOLE)), logs)
    page = Page(made["report.html"]).text
    assert "31.25 s west-1 [WRN] just then" in page
    assert "32.50 s east-2 [WRN] in Docker&#x27;s form".replace("&#x27;", "'") in page
    assert "30.25 s west-1" in page
    assert "51.00 s" not in page
    assert "Faults in force: f1 (partition west)" in page
    assert "west/3:118" in page
    assert "4 lines of 4 kinds" in page
    assert "31.2 s west-1: \\[WRN\\] just then" in made["report.md"]


def test_log_lines_that_differ_in_numbers_only_are_counted_together() -> None:
    said = lines(
        {"west-1": [f"[1] 2026/11/24 05:57:2{n} [WRN] {n} slow routes to 10.0.0.{n}" for n in range(5)]}, BEGAN
    )
    (complaint,) = complaints(said)
    assert (complaint.count, complaint.nodes, complaint.first) == (5, ("west-1",), 30.0)


def test_lines_without_a_readable_time_do_no_harm() -> None:
    said = lines({"west-1": ["a line", "[1] 2026/99/99 99:99:99 [WRN] odd", "", "[1] 2026/11/24 05:56:51 ok"]}, BEGAN)
    assert [line.text for line in said if line.time == 1.0] == ["ok"]


def test_findings_stand_in_the_column_of_their_region() -> None:
    findings = (
        Finding("P2a", "foo-read-west", "valid", 5, 0, "all there"),
        Finding("P7", "east durable", "violated", 9, 2, "two changed"),
        Finding("P1", "foo-write-central", "unknown", 0, 0, "not read"),
        Finding("P0", "", "valid", 3, 0, "enough"),
        Finding("P9", "west-2", "valid", 1, 0, "equal"),
    )
    text = documents(WHOLE, Verdict("violated", findings), {})["report.md"]
    assert "| property | west | central | east | whole lab |" in text
    assert "| P2a no loss | ✓ 5 |  |  |  |" in text
    assert "| P7 stable once seen |  |  | ✗ 2 of 9 |  |" in text
    assert "| P1 origin durability |  | ? |  |  |" in text
    assert "| P0 worth judging |  |  |  | ✓ 3 |" in text
    assert "| P9 replica agreement | ✓ 1 |  |  |  |" in text


def test_a_cell_leads_to_the_worst_finding_in_it() -> None:
    findings = (
        Finding("P7", "east durable", "valid", 9, 0, "all as delivered"),
        Finding("P7", "east ordered", "violated", 9, 2, "two changed"),
    )
    text = documents(WHOLE, Verdict("violated", findings), {})["report.html"]
    (target,) = re.findall(r'<td class="violated"[^>]*><a href="#([^"]+)"', text)
    assert f'<h3 id="{target}">' in text
    assert len(Page(text).ids) == len(set(Page(text).ids))


def test_results_are_for_programs() -> None:
    history = STATES["lost"]
    result = json.loads(documents(history, judge(history), {})["results.json"])
    assert (result["format"], result["validity"], result["exit_code"]) == (1, "violated", 3)
    assert result["run"]["seed"] == 1
    loss = next(f for f in result["findings"] if f["property"] == "P2a" and f["validity"] == "violated")
    assert (loss["name"], loss["place"], loss["violations"]) == ("no loss", "foo-read-central", 12)
    figures = result["figures"]
    assert figures["counts"]["acknowledged"] == 1160
    assert figures["missing"] == {"west": 0, "central": 12, "east": 0}
    assert {f["region"]: f["counts"]["lost"] for f in figures["fates"]} == {"west": 0, "central": 12, "east": 0}
    assert result["faults"][0]["proven"] is True
    assert {pair["reader"] for pair in figures["recoveries"][0]["pairs"]} == {"west", "central", "east"}


def test_junit_has_one_case_for_each_finding() -> None:
    history = STATES["lost"]
    judged = judge(history)
    root = ElementTree.fromstring(documents(history, judged, {})["junit.xml"])
    cases = root.findall(".//testcase")
    assert len(cases) == len(judged.findings)
    failed = [case.attrib["name"] for case in cases if case.find("failure") is not None]
    assert "P2a no loss foo-read-central" in failed
    assert len(failed) == sum(finding.validity == "violated" for finding in judged.findings)


def test_an_unproven_fault_is_drawn_and_named_as_one() -> None:
    fault = replace(WHOLE.faults[0], proven=False, healed=None, healing=None, evidence="", error="nothing changed")
    made = documents(replace(WHOLE, faults=(fault,)), verdict(WHOLE), {})
    assert "f1 partition west (not proven)" in made["plots/timeline.svg"]
    assert "? nothing changed" in made["report.md"]
    assert "never healed" in made["report.md"]


def test_a_run_of_any_length_makes_a_page_of_the_same_size() -> None:
    small, large = synthetic.history(3_000), synthetic.history(100_000, processes=12)
    sizes = [len(documents(history, verdict(history), {})["report.html"]) for history in (small, large)]
    assert sizes[1] < 1.3 * sizes[0] < 400_000
    everything_lost = synthetic.lossy(large, "foo-read-east", 60_000)
    assert len(documents(everything_lost, verdict(large), {})["report.html"]) < 600_000


def test_a_drawing_says_how_to_read_it_and_can_stand_alone() -> None:
    made = documents(WHOLE, verdict(WHOLE), {})
    names = [name for name in made if name.endswith(".svg")]
    assert len(names) == 5
    for name in names:
        root = ElementTree.fromstring(made[name])
        space = "{http://www.w3.org/2000/svg}"
        assert len(root.findtext(f"{space}desc") or "") > 60
        assert root.findtext(f"{space}title")
        assert root.find(f"{space}style") is not None
        used = set(re.findall(r"url\(#(\w+)\)", made[name]))
        assert used <= {element.attrib.get("id") for element in root.iter()}


def test_a_table_is_the_same_in_both_forms() -> None:
    table = Table(
        ("version", "loss", "seconds"), (("2.15.1", Cell("", "valid"), "3.2"), ("2.14.6", Cell("12", "violated"), "–"))
    )
    assert markdown(table).splitlines() == [
        "| version | loss | seconds |",
        "| --- | ---: | ---: |",
        "| 2.15.1 | ✓ | 3.2 |",
        "| 2.14.6 | ✗ 12 | – |",
    ]
    page = Page(html(table))
    assert page.text == "version loss seconds 2.15.1 ✓ 3.2 2.14.6 ✗ 12 –"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "at once"), (0.0004, "0.4 ms"), (0.32, "320 ms"), (8.13, "8.1 s"), (130.4, "130 s"), (None, "never")],
)
def test_durations_are_told_as_people_do(value: float | None, text: str) -> None:
    assert seconds(value) == text
