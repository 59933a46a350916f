"""The network probe: the committed programs are static, for the right machines, and never take noise for silence."""

import os
import platform
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import netprobe
from lab.netprobe.session import sending_s

HERE = Path(netprobe.__file__).parent
PROGRAM = HERE / "linux-amd64"
MACHINES = {"linux-amd64": 62, "linux-arm64": 183}  # e_machine: EM_X86_64, EM_AARCH64
PT_INTERP = 3

root_on_amd64 = pytest.mark.skipif(
    not (sys.platform == "linux" and platform.machine() == "x86_64" and os.geteuid() == 0),
    reason="enters a network namespace: needs root on linux/amd64",
)
on_amd64 = pytest.mark.skipif(
    not (sys.platform == "linux" and platform.machine() == "x86_64"), reason="a program for linux/amd64"
)


@pytest.fixture
def listener() -> Iterator[int]:
    """The port of a socket that listens on 127.0.0.1; the kernel accepts, nobody needs to."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed() -> Iterator[int]:
    """A port on 127.0.0.1 that is bound, so that nobody else takes it, but does not listen."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


def run(*lines: str, before: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
    script = "".join(f"{line}\n" for line in lines)
    command = [*before, str(PROGRAM)]
    return subprocess.run(command, input=script, capture_output=True, text=True, timeout=20, check=False)


def own() -> str:
    return f"NS {os.getpid()}"


@pytest.mark.parametrize("name", MACHINES)
def test_a_committed_program_is_a_small_static_one_for_its_machine(name: str) -> None:
    program = (HERE / name).read_bytes()
    assert program[:6] == b"\x7fELF\x02\x01"  # 64 bits, little-endian
    assert struct.unpack_from("<H", program, 18)[0] == MACHINES[name]
    start, size, count = struct.unpack_from("<Q", program, 32)[0], *struct.unpack_from("<HH", program, 54)
    segments = [struct.unpack_from("<I", program, start + index * size)[0] for index in range(count)]
    assert segments
    assert PT_INTERP not in segments
    assert len(program) < 100_000
    assert os.access(HERE / name, os.X_OK)


@root_on_amd64
def test_a_listener_is_open_and_a_closed_port_refused_in_the_order_asked(listener: int, closed: int) -> None:
    done = run(
        own(), f"TCP 127.0.0.1 {closed}", f"TCP 127.0.0.1 {listener}", own(), f"TCP 127.0.0.1 {closed}", "GO 5000"
    )
    assert done.stdout.splitlines() == ["refused", "open", "refused", "END"]
    assert done.returncode == 0


@root_on_amd64
def test_a_namespace_that_does_not_exist_is_an_error_for_its_own_connects_only(listener: int) -> None:
    line = f"TCP 127.0.0.1 {listener}"
    done = run("NS 999999999", line, line, own(), line, "GO 5000")
    assert done.stdout.splitlines() == ["error 2", "error 2", "open", "END"]
    assert done.returncode == 0


@root_on_amd64
def test_a_full_backlog_is_silent_and_takes_the_whole_time() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        with socket.create_connection(address):  # the only place in the backlog
            started = time.monotonic()
            done = run(own(), f"TCP {address[0]} {address[1]}", "GO 300")
    assert done.stdout.splitlines() == ["silent", "END"]
    assert time.monotonic() - started >= 0.29


@root_on_amd64
def test_an_answer_that_is_there_at_the_deadline_counts(listener: int, closed: int) -> None:
    done = run(own(), f"TCP 127.0.0.1 {listener}", f"TCP 127.0.0.1 {closed}", "GO 0")
    assert done.stdout.splitlines() == ["open", "refused", "END"]


@root_on_amd64
def test_what_cannot_be_looked_at_is_an_error_and_never_silence(listener: int) -> None:
    done = run(own(), *[f"TCP 127.0.0.1 {listener}"] * 60, "GO 300", before=("prlimit", "--nofile=20:20"))
    answers = done.stdout.splitlines()
    assert len(answers) == 61
    assert answers.pop() == "END"
    assert {answer.split()[0] for answer in answers} == {"error"}


@root_on_amd64
def test_an_answer_is_waited_for_as_long_as_datagrams_are_sent() -> None:
    assert sending_s(["FLOW 7 10.0.0.1 5000 64 5000", "FLOW 7 10.0.0.2 20 64 1000", "TCP 10.0.0.1 1"]) == 25
    assert sending_s([]) == 0


def test_it_waits_for_its_plan_and_answers_before_stdin_ends(listener: int) -> None:
    with subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        time.sleep(0.1)
        assert process.poll() is None
        process.stdin.write(f"{own()}\nTCP 127.0.0.1 {listener}\nGO 5000\n")
        process.stdin.flush()
        assert [process.stdout.readline() for _ in range(2)] == ["open\n", "END\n"]
        process.stdin.write(f"{own()}\nTCP 127.0.0.1 {listener}\nGO 5000\n")
        process.stdin.flush()
        assert [process.stdout.readline() for _ in range(2)] == ["open\n", "END\n"]
        process.stdin.close()
        assert process.wait(5) == 0


@root_on_amd64
def test_with_a_least_time_silence_ends_soon_after_the_others_have_answered(listener: int) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        with socket.create_connection(address):  # the only place in the backlog
            lines = (own(), f"TCP 127.0.0.1 {address[1]}", f"TCP 127.0.0.1 {listener}")
            started = time.monotonic()
            assert run(*lines, "GO 8000 100").stdout.splitlines() == ["silent", "open", "END"]
            assert 0.1 <= time.monotonic() - started < 4
            started = time.monotonic()
            assert run(*lines[:2], "GO 500 100").stdout.splitlines() == ["silent", "END"]
            assert time.monotonic() - started >= 0.5, "without any answer nobody knows how long answers take"


@pytest.fixture
def elsewhere() -> Iterator[int]:
    """The process id of somebody in a network namespace of their own, whose one interface carries 127.0.0.1."""
    program = """
import fcntl, socket, struct, sys
fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x8914, struct.pack("16sh", b"lo", 0x49))  # up
print("up", flush=True)
sys.stdin.read()
"""
    command = ["unshare", "--net", sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        yield process.pid
        process.stdin.close()


def reaches_itself(pid: int) -> bool:
    return run(f"NS {pid}", "TCP 127.0.0.1 1", "GO 300").stdout.splitlines() == ["refused", "END"]


@root_on_amd64
@pytest.mark.parametrize("ending", ["stdin", "SIGTERM", "SIGINT", "SIGHUP"])
def test_an_interface_is_down_until_the_probe_ends_however_it_ends(elsewhere: int, ending: str) -> None:
    assert reaches_itself(elsewhere)
    with subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        before = time.time_ns()
        process.stdin.write(f"NS {elsewhere}\nDOWN 127.0.0.1\nDOWN 10.9.9.9\nTCP 127.0.0.1 1\nGO 100\n")
        process.stdin.flush()
        answers = [process.stdout.readline().strip() for _ in range(4)]
        assert before <= int(answers[0].removeprefix("down ")) <= time.time_ns()
        assert answers[1:] in (["missing", "silent", "END"], ["missing", "unreachable", "END"])
        assert not reaches_itself(elsewhere)
        if ending == "stdin":
            process.stdin.close()
        else:
            process.send_signal(getattr(signal, ending))
        assert process.wait(5) == 0
    assert reaches_itself(elsewhere)


@on_amd64
@pytest.mark.parametrize(
    "lines",
    [
        ("NS 1", "TCP 127.0.0.1 1"),
        ("hello", "GO 1"),
        ("TCP 127.0.0.1 65536", "GO 1"),
        ("TCP localhost 1", "GO 1"),
    ],
)
def test_a_plan_without_go_or_with_a_line_it_cannot_read_is_refused(lines: tuple[str, ...]) -> None:
    done = run(*lines)
    assert done.returncode == 2
    assert done.stdout == ""


# --- shapes, blocks and flows, between two namespaces that the test makes ---


@pytest.fixture
def pair() -> Iterator[tuple[int, int]]:
    """Two processes in namespaces of their own, 10.99.0.1 and 10.99.0.2, joined by a cable."""
    script = "exec unshare --net sh -c 'ip link set lo up; echo; exec sleep 60'"
    ends = [subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE) for _ in range(2)]
    for end in ends:
        assert end.stdout
        end.stdout.readline()
    one, other = (end.pid for end in ends)
    ip("link", "add", "probe-a", "netns", str(one), "type", "veth", "peer", "name", "probe-b", "netns", str(other))
    for pid, name, address in ((one, "probe-a", "10.99.0.1/24"), (other, "probe-b", "10.99.0.2/24")):
        inside = ["nsenter", f"--net=/proc/{pid}/ns/net"]
        subprocess.run([*inside, "ip", "addr", "add", address, "dev", name], check=True)
        subprocess.run([*inside, "ip", "link", "set", name, "up"], check=True)
    try:
        yield one, other
    finally:
        for end in ends:
            end.kill()
            end.communicate()


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def asked(pid: int, *lines: str, ms: int = 300) -> list[str]:
    return run(f"NS {pid}", *lines, f"GO {ms}").stdout.splitlines()[:-1]


def flow(pid: int, address: str, count: int = 20, size: int = 100, gap: int = 500) -> str:
    return f"FLOW {pid} {address} {count} {size} {gap}"


def figures(answer: str) -> dict[str, float]:
    kind, *rest = answer.split()
    assert kind == "flow"
    return {name: float(value) for name, _, value in (word.partition("=") for word in rest)}


@root_on_amd64
def test_a_rate_holds_in_one_direction_and_is_read_back_until_it_is_cleared(pair: tuple[int, int]) -> None:
    one, other = pair
    rate = ("handle=31233", "rate=250000", "limit=100000", "buffer=5000")
    answers = asked(one, f"SHAPE 10.99.0.1 {' '.join(rate)}", "QDISC 10.99.0.1", flow(other, "10.99.0.2", 30, 1400, 0))
    assert answers[0].startswith("shaped ")
    assert answers[1].split() == ["shape", *rate]
    slow = figures(answers[2])
    assert 200_000 < slow["bytes"] / slow["span"] * 1e6 < 300_000
    fast = figures(asked(other, flow(one, "10.99.0.1", 30, 1400, 0))[0])
    assert fast["bytes"] / fast["span"] * 1e6 > 2_500_000, "the other direction is as fast as ever"
    assert asked(one, "SHAPE 10.99.0.1", "QDISC 10.99.0.1")[1] == "plain"
    assert asked(one, "SHAPE 10.99.0.1", "QDISC 10.99.0.1")[1] == "plain", "twice is once"


@root_on_amd64
def test_a_block_drops_in_one_direction_only(pair: tuple[int, int]) -> None:
    one, other = pair
    assert asked(one, "BLOCK east-west out drop 10.99.0.2,10.99.0.3", "BLOCKS")[1] == "blocks east-west:out-drop"
    assert figures(asked(one, flow(other, "10.99.0.2"))[0])["received"] == 0
    assert figures(asked(other, flow(one, "10.99.0.1"))[0])["received"] == 20
    assert asked(one, "BLOCK east-west in drop 10.99.0.2", "BLOCKS")[1] == "blocks east-west:in-drop", "replaced"
    assert figures(asked(one, flow(other, "10.99.0.2"))[0])["received"] == 20
    assert figures(asked(other, flow(one, "10.99.0.1"))[0])["received"] == 0
    assert asked(one, "BLOCK east-west", "BLOCK east-west", "BLOCKS")[2] == "blocks"


@root_on_amd64
def test_a_block_that_rejects_answers_both_sides_with_a_reset(pair: tuple[int, int]) -> None:
    one, other = pair
    server = "import socket; s = socket.create_server(('', 99)); print(flush=True); s.accept(); s.accept()"
    with subprocess.Popen(
        ["nsenter", f"--net=/proc/{one}/ns/net", sys.executable, "-c", server], stdout=subprocess.PIPE
    ) as listening:
        assert listening.stdout
        listening.stdout.readline()
        assert asked(other, "TCP 10.99.0.1 99") == ["open"]
        asked(one, "BLOCK east-west both reject 10.99.0.2")
        assert asked(other, "TCP 10.99.0.1 99") == ["refused"]
        assert asked(one, "TCP 10.99.0.2 99") == ["refused"]
        asked(one, "BLOCK east-west")
        assert asked(other, "TCP 10.99.0.1 99") == ["open"]
        listening.kill()


@root_on_amd64
@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("SHAPE 10.99.0.9 rate=1", "missing"),
        ("QDISC 10.99.0.9", "missing"),
        ("SHAPE 10.99.0.1 unknown=1", "error 22"),
        ("BLOCK east-west sideways", "error 22"),
        ("BLOCK east-west out drop nobody", "error 22"),
        ("FLOW 1 10.99.0.2 0 100 0", "error 22"),
        ("FLOW 999999999 10.99.0.2 1 100 0", "error 2"),
    ],
)
def test_what_cannot_be_done_is_an_error_and_leaves_nothing(pair: tuple[int, int], line: str, answer: str) -> None:
    assert asked(pair[0], line, "BLOCKS", "QDISC 10.99.0.1") == [answer, "blocks", "plain"]


@root_on_amd64
def test_a_discipline_that_somebody_made_by_hand_is_named(pair: tuple[int, int]) -> None:
    inside = ["nsenter", f"--net=/proc/{pair[0]}/ns/net"]
    subprocess.run([*inside, "tc", "qdisc", "add", "dev", "probe-a", "root", "htb"], check=True)
    assert asked(pair[0], "QDISC 10.99.0.1") == ["other htb"]


@root_on_amd64
def test_what_the_kernel_offers_is_told_without_a_namespace_and_leaves_nothing(pair: tuple[int, int]) -> None:
    assert asked(pair[0], "OFFERS", "QDISC 10.99.0.1", "BLOCKS")[1:] == ["plain", "blocks"]
    kind, *names = run("OFFERS", "GO 1").stdout.split()[:-1]
    assert kind == "offers"
    assert set(names) <= {"netem", "tbf", "blocks"}
