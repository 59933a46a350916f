"""JUnit XML, which continuous integrations read; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from lab.html.markup import clean
from lab.verdict import Validity


@dataclass(frozen=True)
class Case:
    """One line of a test report: passed, failed, or, where nobody can tell, skipped. `seconds` is how long it took;
    `detail` says why it is not passed."""

    name: str
    group: str
    validity: Validity
    seconds: float = 0
    detail: str = ""


def document(suite: str, cases: Sequence[Case]) -> str:
    """The XML of one suite. Characters that XML cannot hold are shown as `?`."""
    root = Element("testsuites")
    suite_ = SubElement(
        root,
        "testsuite",
        name=suite,
        tests=str(len(cases)),
        failures=str(sum(case.validity == "violated" for case in cases)),
        skipped=str(sum(case.validity == "unknown" for case in cases)),
        errors="0",
        time=f"{sum(case.seconds for case in cases):.3f}",
    )
    for case in cases:
        entry = SubElement(
            suite_, "testcase", name=clean(case.name), classname=clean(case.group), time=f"{case.seconds:.3f}"
        )
        if case.validity != "valid":
            tag = "failure" if case.validity == "violated" else "skipped"
            detail = clean(case.detail)
            SubElement(entry, tag, message=detail.partition("\n")[0]).text = detail
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"
