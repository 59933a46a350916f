"""The report's documents: whole, self-contained, safe, truthful in words, small and fast."""

import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
import synthetic

from lab.check.history import SECOND, History
from lab.check.report import documents
from lab.check.verdict import Example, Finding, Verdict, worst

NINE = ("west", "central", "east", "north", "south", "oslo", "lima", "perth", "accra")
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
