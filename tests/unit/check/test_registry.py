from generated_docs import DOCS

from lab.check.checkers import CHECKERS, PROPERTIES
from lab.check.checkers.outages import SLACK, recovery
from lab.check.history import SECOND
from lab.observe.operations import CONTROL_PLANE, LOCAL_READS


def test_every_property_has_one_checker_and_every_checker_properties_that_exist() -> None:
    judged = [id_ for ids in CHECKERS.values() for id_ in ids]
    assert sorted(judged) == sorted(each.id for each in PROPERTIES)
    assert len(set(judged)) == len(judged)


def test_probes_are_called_as_they_are_where_they_are_made() -> None:
    from lab.observe.availability import OPERATIONS

    assert {*LOCAL_READS, *CONTROL_PLANE} <= set(OPERATIONS)


def test_the_page_s_table_of_bounds_is_right() -> None:
    page = (DOCS / "checking.md").read_text(encoding="utf-8")
    for outage, seconds in (("up to 49 s", 49), ("150 s", 150), ("10 min", 600), ("more than 17 min", 1_000_000)):
        bound = recovery(seconds)
        assert f"| {outage} | {bound:.0f} s | {bound + SLACK / SECOND:.0f} s |" in page
