"""A verdict is a pure function of a history: `judge`.

Each checker looks at one group of properties (`registry.py` lists them) and names what it found by place. The parts of
a verdict are merged by the worst (`lab/verdict.py`). A checker that fails says so and makes it unknown.
"""

from lab.check.checkers import clients
from lab.check.checkers.examples import Draft, tell
from lab.check.checkers.index import Index
from lab.check.checkers.registry import CHECKERS, PROPERTIES, Property, property_of
from lab.check.findings import Finding, Verdict
from lab.check.history import History
from lab.verdict import worst

BEYOND = (
    "a crash of the operating system or a power failure: nothing here loses what a disk had not yet written",
    "faults of disks: full, slow, or with flipped bits",
    "clocks that differ or jump: all servers share this machine's",
    "servers that lie, and clients that are not nats-py, except the one of `--client`",
    "anything that did not happen in this run: a valid verdict is about this run alone",
)


def judge(history: History) -> Verdict:
    if history.damage:  # also what is seen to be wrong may be the damage
        found = [Finding("P0", "", "unknown", 1, 0, f"{name} {what}") for name, what in history.damage.items()]
        return Verdict("unknown", tuple(found), (*_untested([], history), *BEYOND))
    try:
        index = Index(history)
    except Exception as error:
        sentence = f"the history cannot be judged: {type(error).__name__}: {error}"
        return Verdict("unknown", (Finding("P0", "", "unknown", 0, 0, sentence),), BEYOND)
    drafts: list[Draft] = []
    for checker, properties in CHECKERS.items():
        try:
            drafts.extend(draft for draft in checker(index) if not draft.empty())
        except Exception as error:
            drafts.extend(_failed(id_, "its checker failed", error) for id_ in properties)
    order = [each.id for each in PROPERTIES]
    drafts.sort(key=lambda draft: order.index(draft.property))
    findings = tell(index, drafts)
    return Verdict(
        worst(finding.validity for finding in findings), tuple(findings), (*_untested(drafts, history), *BEYOND)
    )


def _failed(property_: str, what: str, error: Exception) -> Draft:
    sentence = f"{what}: {type(error).__name__}: {error}"
    return Draft(property_, "", "unknown", 0, 0, sentence)


def _untested(drafts: list[Draft], history: History) -> list[str]:
    seen = {draft.property for draft in drafts} | (set() if history.client else {*clients.PROPERTIES})
    return [f"{each.id} {each.name}: nothing in this run to judge it by" for each in PROPERTIES if each.id not in seen]


__all__ = ["CHECKERS", "PROPERTIES", "Property", "judge", "property_of"]
