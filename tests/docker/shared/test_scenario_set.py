"""Shipped scenarios that any lab will do for, one after the other on the same."""

import json

import pytest
from labs import Lab
from scenarios import SHARED


@pytest.mark.parametrize("scenario", SHARED)
def test_a_shipped_scenario_holds(lab: Lab, scenario: str) -> None:
    (result,) = json.loads(lab.run("scenario", "run", scenario, "--json", timeout=600))["results"]
    assert result["verdict"] == "held"
