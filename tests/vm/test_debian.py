"""The lab on a stock Debian with systemd, another Docker and another Python, as an ordinary user in the group
`docker`; and links with real delay and loss. `make test-vm`: minutes, so no part of `make test`."""

import json
import os
import shlex
import time
from collections.abc import Iterator
from typing import Any

import pytest
from labs import ROOT
from scenarios import NEEDING
from vm.debian import Debian, boot, made, missing, packed

pytestmark = pytest.mark.nightly
RESULTS = ROOT / "vm-results.json"
QUICK = (" at most ", " no gap longer than ")  # in expectations of how long something takes
Measured = dict[str, Any]


def say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)


@pytest.fixture(scope="module")
def measured() -> Iterator[Measured]:
    """What the tests measured, written down at the end."""
    found: Measured = {}
    yield found
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")


@pytest.fixture(scope="module")
def debian(measured: Measured, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Debian]:
    """Booted, with this checkout in it and no lab."""
    assert not missing(), f"not here: {', '.join(missing())}; `./bootstrap.sh --vm` installs them where there is apt"
    assert os.geteuid() == 0, "only root can make the disk of a Debian"
    folder = made(say)
    given = packed(ROOT, tmp_path_factory.mktemp("checkout") / "checkout.tar")
    began = time.monotonic()
    with boot(folder, given) as running:
        measured["boot_s"] = round(time.monotonic() - began, 1)
        say(f"booted in {measured['boot_s']} s")
        running.receive()
        running.run("docker ps -aq | xargs -r docker rm -f; docker network prune -f; docker volume prune -af")
        yield running
        running.shut_down()


class User:
    """Runs commands as an ordinary user; `measured` gets how long they took."""

    def __init__(self, debian: Debian, measured: Measured) -> None:
        self._debian, self._seconds = debian, measured.setdefault("seconds", {})

    def run(self, command: str, name: str = "") -> str:
        say(f"$ {command}")
        began = time.monotonic()
        said, errors = self._debian.user(command, 1800, say)
        self._seconds[name or command] = round(time.monotonic() - began, 1)
        for never in ("Traceback", "Exception ignored"):
            assert never not in errors, f"{command}:\n{errors}"
        return said

    def lab(self, command: str) -> Any:
        return json.loads(self.run(f"lab {command} --json", f"lab {command}"))


@pytest.fixture(scope="module")
def user(debian: Debian, measured: Measured) -> User:
    return User(debian, measured)


def test_a_user_without_root_sets_up_and_starts_the_lab(debian: Debian, user: User, measured: Measured) -> None:
    measured["kernel"] = debian.run("uname -r")
    measured["docker"] = user.run("docker version --format '{{.Server.Version}}'")
    measured["python"] = user.run("python3 --version").removeprefix("Python ")
    assert user.run("id -u") != "0"
    user.run("./bootstrap.sh")
    user.run("lab up --timeout 900")
    assert len(user.lab("status")["nodes"]) == 9
    user.run("lab down")


@pytest.fixture(scope="module")
def small(user: User) -> User:
    """With a lab of one node in each region: nine servers that idle keep an emulated processor busy."""
    user.run("printf 'nodes_per_region: 1\nreplicas: 1\n' > /tmp/lab.yaml && lab up --timeout 900 --file /tmp/lab.yaml")
    return user


def test_the_first_fault_on_an_engine_without_the_probe_is_proven_without_noise(debian: Debian, small: User) -> None:
    debian.run("docker image ls -q nats-region-lab/probe | xargs -r docker image rm -f")
    done = small.lab("partition central")
    assert done["evidence"]["dead"] > 0
    assert len(small.lab("faults")) == 2


def test_a_heal_is_followed_by_agreement(small: User) -> None:
    small.run("lab pub central foo.test 'from central'")
    small.run("lab pub east foo.test 'from east'")
    small.run("lab heal --wait --timeout 600")
    assert small.lab("faults") == []
    assert small.lab("compare --wait 60")["verdict"] == "agree"


@pytest.mark.parametrize("name", NEEDING)
def test_a_scenario_of_slow_links_finds_them_slow(small: User, measured: Measured, name: str) -> None:
    """On an emulated processor nothing is quick: what has an upper bound in time is written down, and not judged."""
    file, there = f"lab/scenario/files/{name}.yaml", f"/tmp/{name}.yaml"
    small.run(f"sed 's/^steps:/lab: {{nodes_per_region: 1, replicas: 1}}\\nsteps:/' {file} > {there}")
    said = small.run(f"lab scenario run {there} --json || [ $? = 3 ]", f"lab scenario run {name}")
    (played,) = json.loads(said)["results"]
    measured.setdefault("scenarios", {})[name] = played
    judged = [one for step in played["steps"] for one in step["judgements"]]
    assert not played["broken"]
    violated = [one["expected"] for one in judged if one["judged"] == "violated"]
    assert [expected for expected in violated if not any(words in expected for words in QUICK)] == []


SHAPES = {
    "nothing": {},
    "delay": {"delay": "80ms"},
    "loss": {"loss": "5%"},
    "bursts of loss": {"loss": "5%", "burst": "5"},
    "rate": {"rate": "20mbit"},
    "all": {"delay": "80ms", "jitter": "10ms", "loss": "1%", "rate": "20mbit"},
    **{name: {"profile": name} for name in ("metro", "transatlantic", "bad")},
}


def test_shapes_are_what_is_measured(small: User, measured: Measured) -> None:
    said = small.run(f"python tests/vm/links.py west east {shlex.quote(json.dumps(SHAPES))}", "shapes")
    found = measured["shapes"] = {shape.pop("name"): shape for shape in map(json.loads, said.splitlines())}
    assert found.keys() == SHAPES.keys()
    for name, shape in found.items():
        assert {way["deviation"] for pair in shape["rtt"] for way in (pair["there"], pair["back"])} == {""}, name


def test_one_direction_alone_is_shaped_and_cut(small: User, measured: Measured) -> None:
    for name, command in (("shaped", "shape 'west->east' --delay 80ms"), ("cut", "cut 'west->east'")):
        small.lab(command)
        trips = small.lab("rtt")
        (pair,) = (pair for pair in trips["regions"] if {pair["one"], pair["other"]} == {"west", "east"})
        ways = {way["source"]: way for way in (pair["there"], pair["back"])}
        measured.setdefault("one_way", {})[name] = ways
        small.lab("heal")
        assert ways["east"]["lost"] == 0
        assert ways["east"]["delay"]["median"] < 20
        assert ways["west"]["lost"] == (name == "cut")


def test_a_check_finds_nothing_violated(small: User, measured: Measured) -> None:
    """On a machine this slow it may not be able to tell."""
    small.run("lab heal --wait --timeout 600")
    said = small.run("lab check --duration 30s --rate 30 --seed 7 --json || [ $? = 4 ]", "lab check")
    measured["verdict"] = json.loads(said)["verdict"]
    assert measured["verdict"]["validity"] != "violated"


def test_a_clock_that_is_set_during_a_check_accuses_nobody(debian: Debian, small: User, measured: Measured) -> None:
    small.run("lab heal --wait --timeout 600")
    debian.run("systemd-run --quiet --on-active=45 date --set '+10 minutes'")
    said = small.run("lab check --duration 30s --rate 30 --seed 8 --json || [ $? = 4 ]", "lab check, the clock set")
    measured["clock"] = json.loads(said)["verdict"]
    assert measured["clock"]["validity"] == "unknown"
    assert any(
        "this machine's clock jumped by +600" in finding["sentence"] for finding in measured["clock"]["findings"]
    )


def test_nothing_is_left(debian: Debian, small: User) -> None:
    small.run("lab down")
    assert debian.run("docker ps -aq; docker volume ls -q; docker network ls -q --filter type=custom") == ""
