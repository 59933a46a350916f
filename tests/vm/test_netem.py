"""The network probe against the kernel's real netem, tbf and nf_tables: what was asked for is what is measured, in the
direction that was meant and in no other. Under QEMU, since the kernel of this machine may have none of them."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest
from vm import guest, kernels
from vm.guest import EAST, EAST_ASIDE, PORT, WEST, WEST_ASIDE, Guest

from lab.faults.flows import Figures, Flow, contradiction
from lab.profiles import PROFILES
from lab.shape import Shape

MS = 1_000_000  # the probe's unit of time is a nanosecond
CERTAIN = 2**32 - 1  # and its unit of probability this part
MBIT = 125_000  # bytes per second
TO_EAST, TO_WEST = ("west", f"FLOW east {EAST}"), ("east", f"FLOW west {WEST}")
TO_EAST_ASIDE = ("west", f"FLOW east {EAST_ASIDE}")
CLOSE_MS = 1.5  # what the guest's kernel and the probe add themselves
ONCE_MS = 20  # and to a single packet, on a busy machine


def _without(reason: str) -> None:
    """Continuous integration brings all that is needed."""
    if os.environ.get("CI") and shutil.which("apt-get"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module", params=[0, 1], ids=["oldest-kernel", "newest-kernel"])
def booted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """One guest for all tests; use `vm`, which hands it over as it was."""
    missing = guest.missing()
    if missing:
        _without(
            f"not here: {', '.join(missing)}; `./bootstrap.sh --dev` installs them where there is apt and you are root"
        )
    try:
        kernel = kernels.kernel(request.param)
    except kernels.KernelError as error:
        _without(str(error))
    with guest.boot(kernel, tmp_path_factory.mktemp("guest")) as running:
        yield running


@pytest.fixture
def vm(booted: Guest) -> Guest:
    """The guest with nothing in force."""
    blocks = ("BLOCK direct", "BLOCK aside")
    west = ("NS west", f"SHAPE {WEST}", f"SHAPE {WEST_ASIDE}", *blocks)
    east = ("NS east", f"SHAPE {EAST}", f"SHAPE {EAST_ASIDE}", *blocks)
    assert {answer.split()[0] for answer in booted.ask(*west, *east)} == {"shaped", "blocked"}
    return booted


def shape(vm: Guest, side: str, address: str, **keys: int) -> None:
    words = " ".join(f"{name.replace('_', '-')}={value}" for name, value in keys.items())
    (answer,) = vm.ask(f"NS {side}", f"SHAPE {address} {words}")
    assert answer.startswith("shaped "), answer


def in_force(vm: Guest, side: str, address: str) -> str:
    (answer,) = vm.ask(f"NS {side}", f"QDISC {address}")
    return answer


def flow(vm: Guest, way: tuple[str, str], count: int = 200, size: int = 100, gap_us: int = 1000) -> dict[str, float]:
    """What came of datagrams in one direction; times in milliseconds, the rate in bytes per second."""
    side, line = way
    (answer,) = vm.ask(f"NS {side}", f"{line} {count} {size} {gap_us}")
    kind, *words = answer.split()
    assert kind == "flow", answer
    found = {name: float(value) for name, _, value in (word.partition("=") for word in words)}
    for time in ("min", "median", "mean", "max", "deviation", "span"):
        found[time] /= 1000
    found["lost"] = (found["sent"] - found["received"]) / found["sent"]
    return found


def part(percent: float) -> int:
    return round(percent / 100 * CERTAIN)


def test_without_a_shape_nothing_is_late_lost_or_doubled(vm: Guest) -> None:
    for way in (TO_EAST, TO_WEST):
        found = flow(vm, way)
        assert (found["received"], found["duplicates"], found["reordered"]) == (200, 0, 0)
        assert found["median"] < CLOSE_MS


@pytest.mark.parametrize("delay", [2, 40, 300])
def test_a_delay_holds_in_its_direction_and_on_its_link_alone(vm: Guest, delay: int) -> None:
    shape(vm, "west", WEST, handle=0x1AB, delay=delay * MS)
    there = flow(vm, TO_EAST)
    assert delay <= there["min"]
    assert there["median"] < delay + CLOSE_MS
    assert (there["received"], there["reordered"]) == (200, 0)
    for way in (TO_WEST, TO_EAST_ASIDE):
        assert flow(vm, way)["median"] < CLOSE_MS


def test_a_delay_on_both_sides_adds_up_to_the_round_trip(vm: Guest) -> None:
    shape(vm, "west", WEST, delay=30 * MS)
    shape(vm, "east", EAST, delay=50 * MS)
    there, back = vm.ask("NS west", f"FLOW east {EAST} 50 100 1000", "NS east", f"FLOW west {WEST} 50 100 1000")
    assert " min=30" in there
    assert " min=50" in back


def test_jitter_spreads_the_delay_evenly_around_its_middle(vm: Guest) -> None:
    shape(vm, "west", WEST, delay=50 * MS, jitter=10 * MS)
    found = flow(vm, TO_EAST, count=1000, gap_us=25_000)  # further apart than they are spread: none overtakes
    assert 40 <= found["min"] < 41
    assert 59 < found["max"] < 60 + ONCE_MS
    assert found["mean"] == pytest.approx(50.5, abs=1)
    assert found["deviation"] == pytest.approx(10 / 3**0.5, abs=0.5)
    assert found["reordered"] == 0


def test_jitter_lets_datagrams_overtake_each_other(vm: Guest) -> None:
    shape(vm, "west", WEST, delay=50 * MS, jitter=10 * MS)
    assert flow(vm, TO_EAST)["reordered"] > 50


@pytest.mark.parametrize("percent", [1, 5, 50])
def test_loss_is_as_often_as_asked_for(vm: Guest, percent: int) -> None:
    shape(vm, "west", WEST, loss=part(percent))
    found = flow(vm, TO_EAST, count=4000, gap_us=50)
    assert found["lost"] == pytest.approx(percent / 100, abs=4 * (percent / 100 / 4000) ** 0.5)
    assert flow(vm, TO_WEST)["lost"] == 0


def test_all_is_lost_with_a_loss_of_one_hundred_percent(vm: Guest) -> None:
    shape(vm, "west", WEST, loss=CERTAIN)
    assert flow(vm, TO_EAST)["received"] == 0


def test_bursts_of_loss_are_as_long_and_as_frequent_as_asked_for(vm: Guest) -> None:
    shape(vm, "west", WEST, good_to_bad=part(1), bad_to_good=part(20))
    found = flow(vm, TO_EAST, count=20_000, gap_us=20)
    assert found["lost"] == pytest.approx(1 / 21, abs=0.025)  # five standard deviations


def test_duplicates_come_as_often_as_asked_for(vm: Guest) -> None:
    shape(vm, "west", WEST, duplicate=part(10))
    found = flow(vm, TO_EAST, count=6000, gap_us=50)
    assert found["duplicates"] / 6000 == pytest.approx(0.1, abs=0.02)
    assert found["lost"] == 0


def test_damaged_datagrams_do_not_arrive(vm: Guest) -> None:
    shape(vm, "west", WEST, corrupt=part(10))
    found = flow(vm, TO_EAST, count=3000, gap_us=50)
    assert found["lost"] == pytest.approx(0.1, abs=0.03)  # a flipped bit in the checksum's blind spot is possible


def test_reordered_datagrams_go_ahead_of_the_delayed_ones(vm: Guest) -> None:
    shape(vm, "west", WEST, delay=20 * MS, reorder=part(25), gap=1)
    found = flow(vm, TO_EAST, count=2000, gap_us=1000)
    assert found["min"] < CLOSE_MS
    assert found["median"] >= 20
    assert found["reordered"] > 1000  # each delayed one is overtaken by some of the next twenty


@pytest.mark.parametrize("mbit", [1, 20, 100])
def test_the_rate_is_as_asked_for(vm: Guest, mbit: int) -> None:
    rate = mbit * MBIT
    shape(vm, "west", WEST, rate=rate, buffer=3000, limit=10_000_000)
    found = flow(vm, TO_EAST, count=50 + 10 * mbit, size=1400, gap_us=5800 // mbit)  # twice as fast
    wire = found["bytes"] / 1400 * (1400 + 42)  # headers of UDP, IP and Ethernet
    assert wire / (found["span"] / 1000) == pytest.approx(rate, rel=0.02)
    assert found["lost"] == 0
    assert flow(vm, TO_WEST, count=100, size=1400, gap_us=0)["median"] < 5


def test_a_full_queue_loses_what_comes_on_top(vm: Guest) -> None:
    shape(vm, "west", WEST, rate=MBIT, buffer=3000, limit=14_000)
    found = flow(vm, TO_EAST, count=100, size=1400, gap_us=0)
    assert 8 <= found["received"] <= 14


def test_delay_and_rate_together(vm: Guest) -> None:
    shape(vm, "west", WEST, handle=7, delay=40 * MS, rate=10 * MBIT, buffer=3000, limit=10_000_000)
    found = flow(vm, TO_EAST, count=500, size=1400, gap_us=580)
    assert found["min"] >= 40
    wire = found["bytes"] / 1400 * (1400 + 42)
    assert wire / (found["span"] / 1000) == pytest.approx(10 * MBIT, rel=0.02)


EVERYTHING = {
    "handle": 0x1AB,
    "delay": 40 * MS,
    "jitter": 5 * MS,
    "delay-correlation": part(25),
    "loss": part(1),
    "loss-correlation": part(10),
    "duplicate": part(2),
    "duplicate-correlation": part(3),
    "corrupt": part(0.5),
    "corrupt-correlation": part(4),
    "reorder": part(5),
    "reorder-correlation": part(50),
    "gap": 5,
    "rate": 2_500_000,
    "limit": 100_000,
    "buffer": 10_000,
}


@pytest.mark.parametrize(
    "names",
    [
        *([name] for name in ("delay", "loss", "duplicate", "corrupt")),
        ["handle", "delay", "jitter", "delay-correlation"],
        ["rate", "limit", "buffer"],
        list(EVERYTHING),
    ],
    ids=lambda names: names[0] if len(names) < 16 else "everything",
)
def test_what_is_in_force_reads_as_what_was_asked_for(vm: Guest, names: list[str]) -> None:
    asked = {"handle": 0x1AB} | {name: EVERYTHING[name] for name in names}
    shape(vm, "west", WEST, **asked)
    kind, *words = in_force(vm, "west", WEST).split()
    assert kind == "shape"
    read = {name: int(value) for name, _, value in (word.partition("=") for word in words)}
    assert read == asked


@pytest.mark.parametrize(
    "asked",
    [
        *(profile.shape for profile in PROFILES.values()),
        Shape.of(delay="80ms", jitter="10ms", delay_correlation="25%", loss="1%", rate="20mbit"),
        Shape.of(delay="333us", duplicate="0.3%", corrupt="0.7%", reorder="33%", gap="3"),
        Shape.of(loss="7%", burst="3", rate="1gbit", limit="1mib", buffer="100kb"),
    ],
    ids=str,
)
def test_a_shape_of_the_lab_is_read_back_and_accepted_by_its_proof(vm: Guest, asked: Shape) -> None:
    (answer,) = vm.ask("NS west", f"SHAPE {WEST} handle=31233 {asked.words()}")
    assert answer.startswith("shaped ")
    words = dict(word.split("=") for word in in_force(vm, "west", WEST).split()[1:])
    assert Shape.from_words({key: int(value) for key, value in words.items()}) == asked
    flow = Flow("west-1", "east-1", "east-west", EAST, asked, count=2000, gap_us=500)
    (answer,) = vm.ask("NS west", flow.line(vm.east))
    assert contradiction(flow, Figures.read(answer)) == ""
    wrong = replace(flow, expected=replace(asked, delay=asked.delay * 2 + 50, loss=min(asked.loss + 20, 100)))
    assert contradiction(wrong, Figures.read(answer)) != ""


def test_another_reader_sees_the_same(vm: Guest) -> None:
    shape(vm, "west", WEST, **EVERYTHING)
    netem, tbf = vm.tc("west", "qdisc show dev direct").splitlines()
    assert "netem 1ab: root" in netem
    for words in (
        "delay 40ms  5ms 25%",
        "loss 1% 10%",
        "duplicate 2% 3%",
        "corrupt 0.5% 4%",
        "reorder 5% 50%",
        "gap 5",
    ):
        assert words in netem, netem
    assert "parent 1ab:1 rate 20Mbit" in tbf


def test_a_shape_replaces_the_one_before_as_a_whole(vm: Guest) -> None:
    shape(vm, "west", WEST, handle=1, delay=40 * MS, loss=part(50), rate=MBIT, buffer=3000, limit=10_000)
    shape(vm, "west", WEST, handle=2, delay=10 * MS)
    assert in_force(vm, "west", WEST) == f"shape handle=2 delay={10 * MS}"
    found = flow(vm, TO_EAST)
    assert (found["received"], found["median"] < 10 + CLOSE_MS) == (200, True)
    shape(vm, "west", WEST, handle=3, rate=MBIT, buffer=3000, limit=10_000)
    assert in_force(vm, "west", WEST) == f"shape handle=3 rate={MBIT} limit=10000 buffer=3000"


def test_without_keys_the_interface_is_plain_again(vm: Guest) -> None:
    assert in_force(vm, "west", WEST) == "plain"
    before = vm.tc("west", "qdisc show")
    shape(vm, "west", WEST, handle=1, delay=40 * MS, rate=MBIT, buffer=3000, limit=10_000)
    for _ in range(2):  # twice is once
        shape(vm, "west", WEST)
        assert in_force(vm, "west", WEST) == "plain"
        assert vm.tc("west", "qdisc show") == before
    assert flow(vm, TO_EAST)["median"] < CLOSE_MS


def test_a_shape_of_somebody_else_is_named(vm: Guest) -> None:
    vm.tc("west", "qdisc add dev direct root pfifo limit 10")
    assert in_force(vm, "west", WEST) == "other pfifo"
    shape(vm, "west", WEST)
    assert in_force(vm, "west", WEST) == "plain"


def test_a_kernel_without_netem_says_so_and_still_bounds_rates(vm: Guest) -> None:
    assert vm.ask("NS west", "OFFERS") == ["offers netem tbf blocks"]
    vm.run("rmmod sch_netem")
    try:
        plan = ("NS west", "OFFERS", f"SHAPE {WEST} handle=1 delay={MS}", f"QDISC {WEST}")
        assert vm.ask(*plan) == ["offers tbf blocks", "error 2", "plain"]
        shape(vm, "west", WEST, rate=MBIT, buffer=3000, limit=10_000)
    finally:
        vm.run("insmod /modules/sch_netem")


def test_what_the_kernel_refuses_is_an_error_and_leaves_nothing(vm: Guest) -> None:
    shape(vm, "west", WEST, delay=10 * MS)
    asked = ["NS west", f"SHAPE {WEST} delay={40 * MS} colour=7", "SHAPE 10.9.9.9 delay=1", "QDISC 10.9.9.9"]
    assert vm.ask(*asked) == ["error 22", "missing", "missing"]
    assert vm.ask("NS 999999", f"SHAPE {WEST} delay=1") == ["error 2"]


def block(vm: Guest, *lines: str) -> None:
    assert {answer.split()[0] for answer in vm.ask("NS west", *(f"BLOCK {line}" for line in lines))} == {"blocked"}


def connect(vm: Guest, side: str, address: str) -> str:
    (answer,) = vm.ask(f"NS {side}", f"TCP {address} {PORT}")
    return answer


@pytest.mark.parametrize("direction", ["out", "in", "both"])
def test_a_drop_is_one_way_and_silent(vm: Guest, direction: str) -> None:
    block(vm, f"direct {direction} drop {EAST}")
    assert flow(vm, TO_EAST)["lost"] == (1 if direction != "in" else 0)
    assert flow(vm, TO_WEST)["lost"] == (1 if direction != "out" else 0)
    assert connect(vm, "west", EAST) == connect(vm, "east", WEST) == "silent"
    assert connect(vm, "west", EAST_ASIDE) == connect(vm, "east", WEST_ASIDE) == "open"


def test_a_reject_answers_at_once_in_both_directions(vm: Guest) -> None:
    assert connect(vm, "west", EAST) == connect(vm, "east", WEST) == "open"
    block(vm, f"direct both reject {EAST}")
    assert connect(vm, "west", EAST) == connect(vm, "east", WEST) == "refused"


def test_blocks_are_listed_replaced_and_taken_away(vm: Guest) -> None:
    block(vm, f"direct out drop {EAST}", f"aside both reject {EAST_ASIDE}")
    (before,) = vm.ask("NS west", "BLOCKS")
    assert sorted(before.split()[1:]) == ["aside:in-reject", "aside:out-reject", "direct:out-drop"]
    block(vm, f"direct in drop {EAST}", "aside")
    assert vm.ask("NS west", "BLOCKS", "NS east", "BLOCKS") == ["blocks direct:in-drop", "blocks"]
    block(vm, "direct")
    assert vm.ask("NS west", "BLOCKS") == ["blocks"]
    assert connect(vm, "west", EAST) == "open"
