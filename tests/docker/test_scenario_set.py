"""The shipped scenarios that are over soon, each on a lab of its own; `test_scenario_labs.py` has the others."""

from scenarios import OTHERS, hold_on_labs_of_their_own


def test_shipped_scenarios_hold_on_labs_of_their_own() -> None:
    hold_on_labs_of_their_own("test-set", OTHERS)
