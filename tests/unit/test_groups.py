"""Who leads, by documents as the servers write them."""

import pytest

from lab.jetstream import groups


def test_who_leads_and_who_follows() -> None:
    cluster = {"name": "west", "leader": "west-2", "replicas": [{"name": "west-1"}, {"name": "west-3"}]}
    assert groups.leader(cluster) == "west-2"
    assert groups.followers(cluster) == ["west-1", "west-3"]
    assert groups.leader({"name": "west"}) == groups.leader(None) == ""


@pytest.mark.parametrize(
    ("jsz", "leader"),
    [(None, None), ({}, ""), ({"meta_cluster": {"leader": "east-1"}}, "east-1"), ({"meta_cluster": {"name": "x"}}, "")],
)
def test_a_node_that_knows_no_meta_leader_differs_from_one_that_does_not_answer(
    jsz: dict[str, object] | None, leader: str | None
) -> None:
    assert groups.meta_leader(jsz) == leader


@pytest.mark.parametrize(
    ("views", "most", "majority"),
    [
        ({"west-1": "east-1", "west-2": "east-1", "central-1": "central-1"}, "east-1", "east-1"),
        ({"west-1": "east-1", "west-2": "east-1", "central-1": "central-1", "central-2": None}, "east-1", ""),
        ({"west-1": "", "west-2": None, "central-1": "central-1"}, "central-1", ""),
        ({"west-1": "", "west-2": None}, "", ""),
        ({}, "", ""),
    ],
)
def test_the_leader_that_most_name(views: dict[str, str | None], most: str, majority: str) -> None:
    assert groups.most_named(views) == most
    assert groups.by_majority(views) == majority


@pytest.mark.parametrize(
    ("detail", "leads"),
    [({"cluster": {"leader": "west-1"}}, True), ({"cluster": {"leader": "west-2"}}, False), ({"name": "foo"}, True)],
)
def test_a_stream_without_a_group_is_led_by_who_has_it(detail: dict[str, object], leads: bool) -> None:
    assert groups.leads("west-1", detail) is leads
