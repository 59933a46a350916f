"""Layouts: which streams make the virtual stream. Everything else asks for a role, whatever the streams are called."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast, get_args

import pytest
import synthetic
from graphs import TWO_HOPS

from lab.check.checkers import judge
from lab.check.quiescence import shortages
from lab.check.report import documents
from lab.errors import UsageError
from lab.layouts import LAYOUTS, Account, Client, Layout, Stream, layout_of
from lab.topology import LayoutName, Topology
from lab.validate import problems

ROOT = Path(__file__).parents[2]
ARBITER = Topology(layout="arbiter", regions=("west", "east", "arbiter"), sizes={"arbiter": 1})
TOPOLOGIES = [
    Topology(),
    Topology(layout="seed"),
    ARBITER,
    Topology(stream="bar", regions=("us-east", "us-west"), nodes_per_region=1, replicas=1),
]
TRANSPARENT = Topology(layout="transparent")
MIRROR = Topology(layout="mirror", layout_options={"writer": "east"})
STRETCH = Topology(layout="stretch")


@pytest.fixture(params=TOPOLOGIES, ids=["mapped", "seed", "arbiter", "other names"])
def layout(request: pytest.FixtureRequest) -> Layout:
    """Those that map."""
    return layout_of(request.param)


@pytest.fixture(params=[*TOPOLOGIES, TRANSPARENT, MIRROR, STRETCH], ids=lambda topology: topology.layout)
def any_layout(request: pytest.FixtureRequest) -> Layout:
    return layout_of(request.param)


def test_each_word_that_a_topology_may_have_is_a_layout() -> None:
    assert tuple(LAYOUTS) == get_args(LayoutName)
    for word, make in LAYOUTS.items():
        others = {"arbiter": ARBITER, "own": TWO_HOPS}
        topology = others.get(word) or Topology(layout=word)  # type: ignore[arg-type]
        assert make(topology).name == word
        assert not list(problems(topology))


def test_what_is_published_in_a_region_is_stored_there_and_arrives_in_every_copy(layout: Layout) -> None:
    for region in layout.regions:
        origin, copy = layout.origin(region), layout.copy(region)
        assert origin.is_origin
        assert copy.is_copy
        assert {stream.key for stream in layout.streams_in(region)} == {origin.key, copy.key}
        assert layout.region_of(origin.key) == layout.region_of(copy.key) == region
        assert layout.origins_of(copy.key) == layout.origins
        assert layout.origins_of(origin.key) == ()


def test_streams_can_be_defined_in_their_order_and_told_apart(any_layout: Layout) -> None:
    layout = any_layout
    keys = [stream.key for stream in layout.streams]
    assert len(set(keys)) == len(keys)
    for place, stream in enumerate(layout.streams):
        assert set(stream.upstream) <= set(keys[:place])
        assert layout.find(stream.account, stream.name) == layout.stream(stream.key) == stream
        assert stream.definition["name"] == stream.name
        mirror = stream.definition.get("mirror")
        sources = [source["name"] for source in [mirror] if source] or [
            source["name"] for source in stream.definition.get("sources", ())
        ]
        assert sources == [layout.stream(key).name for key in stream.upstream]
    assert all(origin.key == origin.name for origin in layout.origins), "acknowledgements and headers name them"


def test_a_publish_reaches_its_origin_by_the_accounts_mappings(layout: Layout) -> None:
    for region in layout.regions:
        origin, mappings = layout.origin(region), layout.account(region).mappings
        stored = mappings[layout.subject(">")][region]
        assert stored == layout.as_stored(origin, layout.subject(">"))
        assert origin.definition["subjects"] == [stored]
        info = mappings[f"$JS.API.STREAM.INFO.{layout.virtual_name}"][region]
        assert info == f"$JS.API.STREAM.INFO.{layout.copy(region).name}"


def test_a_subject_is_stored_in_one_form_and_read_in_another(layout: Layout) -> None:
    subject, region = layout.subject("a", "b"), layout.topology.regions[0]
    origin, copy = layout.origin(region), layout.copy(region)
    stored = layout.as_stored(origin, subject)
    assert (subject, stored) == (f"{layout.virtual_name}.a.b", f"{layout.virtual_name}.{region}.a.b")
    assert layout.as_read(origin, stored) == subject
    assert layout.as_stored(copy, subject) == layout.as_read(copy, subject) == subject
    assert layout.as_read(origin, "other.a") == "other.a"
    # A token that happens to be a region's name is part of the message's own subject.
    assert layout.as_read(origin, layout.as_stored(origin, layout.subject(region, "x"))) == layout.subject(region, "x")


@pytest.mark.parametrize(
    ("text", "good"),
    [("foo.test", True), ("foo.a.b", True), ("foo", False), ("foo.", False), ("bar.test", False), ("foobar.x", False)]
    + [(f"foo.{tail}", False) for tail in ("*", ">", "a b", "a..b", "a.", "a\r\nPUB x", "\x1b[2J", "x" * 5000)],
)
def test_subjects_that_a_client_may_publish_on(text: str, good: bool) -> None:
    assert layout_of(Topology()).is_subject(text) is good


def test_names_that_are_not_there_are_errors_that_list_the_known_ones(layout: Layout) -> None:
    by_key: tuple[Callable[[str], object], ...] = (layout.stream, layout.region_of, layout.origins_of)
    by_region: tuple[Callable[[str], object], ...] = (layout.origin, layout.copy, layout.account, layout.streams_in)
    for look_up in by_key:
        with pytest.raises(UsageError) as error:
            look_up("gone")
        assert all(stream.key in error.value.hint for stream in layout.streams)
    for look_up in by_region:
        with pytest.raises(UsageError, match="unknown region `gone`"):
            look_up("gone")
    assert layout.find("$G", "gone") is layout.find("OTHER", layout.streams[0].name) is None


def test_definitions_are_the_callers_to_change() -> None:
    definition = layout_of(Topology()).copy("west").definition
    definition["sources"].pop()
    assert len(layout_of(Topology()).copy("west").definition["sources"]) == 3


def test_credentials_are_needed_for_the_system_account_alone_and_are_not_shown(any_layout: Layout) -> None:
    layout = any_layout
    assert {layout.credentials(region) for region in layout.regions} == {None}
    assert layout.system.credentials is not None
    assert layout.system.password not in repr(layout)


def test_only_the_original_definitions_forbid_direct_get() -> None:
    assert all(stream.allows_direct_get for stream in layout_of(Topology()).streams)
    assert not any(stream.allows_direct_get for stream in layout_of(Topology(layout="seed")).streams)


def test_each_region_has_an_account_of_its_own_and_what_one_imports_another_exports_to_it() -> None:
    layout = layout_of(TRANSPARENT)
    assert [account.region for account in layout.accounts] == list(layout.regions)
    accounts = {account.name: account for account in layout.accounts}
    for account in layout.accounts:
        assert len(account.imports) == 2 * 3
        for wanted in account.imports:
            given = [each for each in accounts[wanted.account].exports if each.subject == wanted.subject]
            assert [(each.kind, account.name in each.to) for each in given] == [(wanted.kind, True)]
    assert {layout.copy(region).name for region in layout.regions} == {"foo"}


def test_a_source_of_another_account_asks_and_is_answered_on_imported_subjects() -> None:
    layout = layout_of(TRANSPARENT)
    account = layout.account("west")
    local = {each.local or each.subject for each in account.imports}
    for source in layout.copy("west").definition["sources"]:
        outside = source.get("external")
        assert bool(outside) == (layout.stream(source["name"]).account != account.name)
        if outside:
            assert f"{outside['api']}.CONSUMER.CREATE.{source['name']}.>" in local
            assert f"{outside['deliver']}.>" in local


def test_without_flow_control_only_that_is_missing() -> None:
    without = layout_of(replace(TRANSPARENT, layout_options={"flow_control": False}))
    assert "$JS.FC" in str(layout_of(TRANSPARENT).accounts)
    assert "$JS.FC" not in str(without.accounts)
    assert without.streams == layout_of(TRANSPARENT).streams


def test_one_region_writes_and_the_others_mirror_it() -> None:
    layout = layout_of(MIRROR)
    assert [stream.key for stream in layout.origins] == ["foo-east"]
    assert {layout.origin(region).key for region in layout.regions} == {"foo-east"}
    assert [layout.copy(region).key for region in layout.regions] == ["foo-west", "foo-central", "foo-east"]
    assert [layout.first_stored(layout.copy(region)) for region in layout.regions] == ["foo-east"] * 3
    assert "foo.>" not in layout.account("west").mappings, "a publish goes to the region that writes as it is"


def test_a_stretched_stream_is_everywhere_and_its_own_copy() -> None:
    layout = layout_of(STRETCH)
    (only,) = layout.streams
    assert only.regions == STRETCH.regions
    assert all(layout.streams_in(region) == (only,) for region in layout.regions)
    assert layout.copies == ()
    assert layout.placement("west") == {"tags": ["region:west"]}


def test_a_region_that_only_votes_has_no_streams_and_no_clients() -> None:
    layout = layout_of(ARBITER)
    assert layout.regions == ("west", "east")
    assert layout.streams_in("arbiter") == ()
    with pytest.raises(UsageError, match="`arbiter` only votes"):
        layout.copy("arbiter")


# --- other layouts that the roles must be able to say ---


def stream(key: str, region: str, *upstream: str, name: str = "", account: str = "A") -> Stream:
    subjects = {} if upstream else {"subjects": [f"{key}.>"]}
    return Stream(key, name or key, account, region, upstream, key, {"name": name or key, **subjects})


def test_a_layout_may_have_copies_of_copies_accounts_for_each_region_and_regions_without_clients() -> None:
    topology = Topology(regions=("west", "east", "arbiter"))
    streams = (
        stream("orders", "west"),
        stream("bills", "west"),
        stream("log", "east", account="B"),
        stream("all@west", "west", "orders", "bills", name="all"),
        stream("all@east", "east", "all@west", "log", name="all", account="B"),
    )
    accounts = (Account("A", "west", "secret"), Account("B", "east", "secret"))
    clients = {"west": Client("A", "orders", "all@west"), "east": Client("B", "log", "all@east")}
    layout = Layout("toy", topology, "all", streams, accounts, Account("$SYS", "admin", "x"), clients)
    assert [origin.key for origin in layout.origins] == ["orders", "bills", "log"]
    assert [origin.key for origin in layout.origins_of("all@west")] == ["orders", "bills"]
    assert layout.origins_of("all@east") == layout.origins
    found = [layout.find(account, "all") for account in ("A", "B")]
    assert found == [layout.copy("west"), layout.copy("east")]
    assert (layout.credentials("west"), layout.credentials("east")) == (("west", "secret"), ("east", "secret"))
    assert layout.streams_in("arbiter") == ()
    with pytest.raises(UsageError, match="unknown region `arbiter`"):
        layout.copy("arbiter")


@pytest.fixture
def opaque(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The default layout with streams whose names say nothing, as `mapped`; the usual name -> the opaque one."""
    usual = layout_of(Topology())
    keys = {stream.key: f"s{place}" for place, stream in enumerate(usual.streams)}

    def make(topology: Topology) -> Layout:
        layout = replace(usual, topology=topology)
        streams = tuple(
            replace(each, key=keys[each.key], name=keys[each.key], upstream=tuple(keys[key] for key in each.upstream))
            for each in layout.streams
        )
        clients = {
            region: Client(client.account, keys[client.origin], keys[client.copy])
            for region, client in layout.clients.items()
        }
        return replace(layout, streams=streams, clients=clients)

    monkeypatch.setitem(cast("dict[str, Any]", LAYOUTS), "mapped", make)
    return keys


def test_a_run_is_judged_the_same_whatever_its_streams_are_called(opaque: dict[str, str]) -> None:
    whole = synthetic.lossy(synthetic.history(), opaque["foo-read-east"])
    verdict = judge(whole)
    wrong = {(finding.property, finding.place) for finding in verdict.findings if finding.validity == "violated"}
    assert wrong == {(property_, opaque["foo-read-east"]) for property_ in ("P2a", "P5c", "P6")}
    told = "".join(str(text) for text in documents(whole, verdict, {}).values())
    assert opaque["foo-write-west"] in told
    assert not re.search("foo-(write|read)-", told.replace("step down the leader of foo-read-", ""))


def test_what_is_short_is_told_by_role_and_not_by_name(opaque: dict[str, str]) -> None:
    now = dict.fromkeys(opaque.values(), (9, 9)) | {opaque["foo-read-east"]: (20, 20)}
    before = dict.fromkeys(opaque.values(), 0)
    assert shortages(Topology(), now, before) == [
        f"{opaque['foo-read-west']} is 18 messages short",
        f"{opaque['foo-read-central']} is 18 messages short",
        f"{opaque['foo-read-east']} is 7 messages short",
    ]


# --- nobody else builds or takes apart a name ---

NAMES = {
    r"rpartition|rsplit": ("lab/check/store.py",),  # a file of a live reader, `<region>-<reader>.bin`
    r"\}-(write|read)\b": (),
    r"\.(write|read)_stream\b": (),
    r"\btopology\.stream\b": ("lab/validate.py",),
    r"""["']foo[.-]""": ("lab/api.py",),  # its example
    r"s3cr3t|\"admin\"": (),
}


def uses(source: str, pattern: str) -> list[str]:
    return [line.strip() for line in source.splitlines() if re.search(pattern, line)]


@pytest.mark.parametrize(("pattern", "but"), NAMES.items())
def test_only_layouts_know_what_streams_and_subjects_are_called(pattern: str, but: tuple[str, ...]) -> None:
    for path in sorted((ROOT / "lab").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith("lab/layouts/") and name not in but:
            assert not uses(path.read_text(encoding="utf-8"), pattern), name


def test_those_patterns_find_what_they_look_for() -> None:
    old = """
        region = stream.rpartition("-")[2]
        return f"{self.stream}-write-{region}"
        name = topology.read_stream(region)
        return f"{topology.stream}.{region}.>"
        SUBJECT = "foo.test"
        SYSTEM_USER, SYSTEM_PASSWORD = "admin", "s3cr3t!"
    """
    assert all(uses(old, pattern) for pattern in NAMES)
