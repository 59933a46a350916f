"""Every bug of the fake cluster is caught on other graphs of streams too, and nothing else is."""

import pytest
from fake_cluster import BUGS, left_by
from graphs import GRAPHS

from lab.check.checkers import judge
from lab.check.findings import Verdict

# What has to be red whatever the graph; more may be, where a copy has copies.
CAUGHT = {
    "forgets an acknowledged write": "P1",
    "acknowledges one sequence twice": "P8",
    "duplicates on reconnect": "P4",
    "swaps two messages": "P5a",
    "swaps two messages of a process": "P5b",
    "never catches up": "L8",
    "catches up late": "L8",
    "loses a source": "P2a",
    "leaves out a message": "P5c",
    "resurrects a refused message": "P3",
    "keeps an earlier run": "P3",
    "alters a byte": "P3",
    "alters a subject": "P10",
    "stores in another region": "P1",
    "stores twice": "P1",
    "mixes up an origin": "P4",
    "expires before sourcing": "P2a",
    "purges a write stream": "P1",
    "drops after delivery": "P7",
    "changes after delivery": "P7",
    "redelivers after ack": "P11",
    "skips a delivery": "P11",
    "ordered reader jumps": "P11",
    "replica drifts": "P9",
    "shows its own writes late": "L1",
    "refuses when isolated": "L2",
    "cannot be read when isolated": "L3",
    "creates consumers when isolated": "L4",
    "majority refuses": "L5",
    "majority creates no consumers": "L5",
    "election takes long": "L6",
    "acknowledges without a quorum": "L7",
    "quorum comes back late": "L7",
    "control plane comes back late": "L9",
}


def red(verdict: Verdict) -> set[str]:
    return {finding.property for finding in verdict.findings if finding.validity == "violated"}


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_cluster_without_bugs_is_valid(graph: str) -> None:
    verdict = judge(left_by(topology=GRAPHS[graph]))
    assert verdict.validity == "valid", [f for f in verdict.findings if f.validity != "valid"]
    untested = [text for text in verdict.not_tested if "nothing in this run" in text]
    assert [text for text in untested if not text.startswith("P6")] == []


def test_the_table_names_every_bug() -> None:
    assert CAUGHT.keys() == set(BUGS)


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_is_caught(bug: str, graph: str) -> None:
    verdict = judge(left_by(bug, topology=GRAPHS[graph]))
    assert CAUGHT[bug] in red(verdict)
    for finding in verdict.findings:
        assert bool(finding.examples) == (finding.validity == "violated")
