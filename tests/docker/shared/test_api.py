"""What docs/api.md shows works on a real lab, in its order."""

import asyncio
import re

from labs import ROOT, Lab


def test_the_examples_of_the_page_work(lab: Lab) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/api.md").read_text(encoding="utf-8"), re.M | re.S)
    code = "\n".join(blocks).replace("Lab.up()", f'Lab.attach("{lab.name}")')
    code = code.replace(".until_healthy()", ".hasten()")  # as healthy, and sooner
    shown: list[tuple[object, ...]] = []
    names = {"print": lambda *values: shown.append(values)}
    exec(compile(code, "docs/api.md", "exec"), names)
    led_by = {node["meta_leader"] for node in lab.json("status")["nodes"]}
    asyncio.run(names["read"]())  # type: ignore[arg-type]
    (killed,), (proof,), (in_force,), (seen,), ack, *entries, stream = shown
    assert "killed=True" in str(killed)
    assert "9 published ports as they should be" in str(proof)
    assert {str(fault) for fault in in_force} >= {"east-1 is paused", "central-1 is cut from link central-west"}  # type: ignore[attr-defined]
    (leader,) = led_by  # whoever led before: it may have been one of west already
    assert leader.startswith("west-")
    assert leader in str(seen)
    assert ack[0] == "foo-write-east"
    assert [entry[3] for entry in entries][-1] == b"second"
    assert stream[0] == "foo-read-east"
    assert lab.faults() == set()
