"""Operator mode: what `lab up` writes, who may do what with it, and that none of it is anywhere else."""

import base64
import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import VerifyKey

from lab import credentials, render
from lab.errors import LabError
from lab.layouts import layout_of
from lab.topology import Topology
from lab.validate import problems

TOPOLOGY = Topology(auth="operator")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert credentials.write(layout_of(TOPOLOGY), tmp_path) == credentials.paths()
    assert credentials.are_there(tmp_path)
    return tmp_path


def claims(token: str) -> dict[str, Any]:
    """Those of a token, whose signature holds."""
    text, _, signature = token.rpartition(".")
    found: dict[str, Any] = json.loads(decoded(text.partition(".")[2]))
    key = base64.b32decode(found["iss"] + "=" * (-len(found["iss"]) % 8))[1:-2]  # between its kind and a checksum
    VerifyKey(key).verify(text.encode(), decoded(signature))
    return found


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def tokens(path: Path) -> list[dict[str, Any]]:
    return [claims(token) for token in re.findall(r"eyJ[\w-]+\.[\w-]+\.[\w-]+", path.read_text())]


def test_without_the_package_for_keys_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "find_spec", lambda _: None)
    with pytest.raises(LabError) as caught:
        credentials.write(layout_of(TOPOLOGY), tmp_path)
    assert "nats-region-lab[operator]" in caught.value.hint
    assert not list(tmp_path.iterdir())


def test_the_mappings_are_claims_of_the_account(folder: Path) -> None:
    operator, account, system = tokens(folder / credentials.CONFIG)
    assert operator["nats"]["system_account"] == system["sub"]
    assert {each["iss"] for each in (operator, account, system)} == {operator["sub"]}
    wanted = layout_of(TOPOLOGY).accounts[0].mappings
    assert account["name"] == "APP"
    assert {
        subject: {each["cluster"]: each["subject"] for each in destinations}
        for subject, destinations in account["nats"]["mappings"].items()
    } == wanted


def test_each_role_has_credentials_that_only_you_can_read(folder: Path) -> None:
    _, account, system = tokens(folder / credentials.CONFIG)
    found = {path.stem: path for path in (folder / "credentials").iterdir()}
    assert found.keys() == {"admin", "app", "system"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in found.values()} == {0o600}
    assert stat.S_IMODE((folder / "credentials").stat().st_mode) == 0o700
    users = {role: tokens(path)[0] for role, path in found.items()}
    assert {role: user["iss"] for role, user in users.items()} == {
        "admin": account["sub"],
        "app": account["sub"],
        "system": system["sub"],
    }
    assert users["admin"]["nats"]["pub"] == {}
    assert "$JS.API.STREAM.PURGE.>" in users["app"]["nats"]["pub"]["deny"]


def test_the_next_lab_has_other_keys(folder: Path, tmp_path: Path) -> None:
    before = (folder / "credentials" / "admin.creds").read_text()
    credentials.write(layout_of(TOPOLOGY), tmp_path)
    assert (tmp_path / "credentials" / "admin.creds").read_text() != before


def test_nothing_of_it_is_in_labels_rendered_files_or_the_servers_configuration(folder: Path) -> None:
    seeds = re.findall(r"S[UAO][A-Z2-7]{56}", "".join(p.read_text() for p in (folder / "credentials").iterdir()))
    assert len(seeds) == 3
    assert not re.search(r"\bS[UAO][A-Z2-7]{56}\b", (folder / credentials.CONFIG).read_text())
    everything = "".join(render.files(TOPOLOGY).values())
    assert "eyJ" not in everything
    assert "s3cr3t" not in everything
    assert "folder" not in TOPOLOGY.to_label()


def test_with_an_account_for_each_region_operator_mode_is_refused_with_the_reason() -> None:
    ((field, sentence),) = problems(Topology(layout="transparent", auth="operator"))
    assert field == "auth"
    assert "credentials choose the account" in sentence
