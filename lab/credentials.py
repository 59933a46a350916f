"""Operator mode: the keys, tokens and credentials of a lab, made anew for each, and written beside its other files.

Mappings are claims of the account. The servers have the tokens of operator and accounts in their configuration
(resolver `MEMORY`), so nothing changes while they run; the keys that signed them are thrown away. Credentials are files
that only you can read, one for each role.
"""

import base64
import hashlib
import json
import os
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.errors import LabError
from lab.layouts import Layout
from lab.layouts.operator_mode import ACCOUNT, ADMIN, APPLICATION, FOLDER, SYSTEM

if TYPE_CHECKING:
    import nkeys

CONFIG = "configs/operator.conf"
UNLIMITED = ("subs", "data", "payload", "imports", "exports", "conn", "leaf")
JETSTREAM = ("mem_storage", "disk_storage", "streams", "consumer")
# What an application has no business with: it acts on one region's stream, or on all that is stored.
DENIED = [f"$JS.API.STREAM.{call}.>" for call in ("CREATE", "UPDATE", "DELETE", "PURGE", "RESTORE", "MSG.DELETE")]

Claims = dict[str, Any]


def are_there(folder: Path) -> bool:
    """Whether a lab's folder has all of it."""
    return all((folder / path).is_file() for path in paths())


def paths() -> list[str]:
    return [CONFIG, *(f"{FOLDER}/{role}.creds" for role in (ADMIN, APPLICATION, SYSTEM))]


def write(layout: Layout, folder: Path) -> list[str]:
    """Make keys, and write what they signed; the paths in the lab's folder. Raises `LabError`."""
    require_nkeys("operator mode needs")
    (account,) = layout.accounts
    operator, own, system = (_keys(kind) for kind in ("OPERATOR", "ACCOUNT", "ACCOUNT"))
    mappings = {
        subject: [{"subject": to, "weight": 100, "cluster": region} for region, to in destinations.items()]
        for subject, destinations in account.mappings.items()
    }
    limits = dict.fromkeys(UNLIMITED, -1) | {"wildcards": True}
    tokens = {
        _public(own): _account(
            own, ACCOUNT, operator, {"limits": limits | dict.fromkeys(JETSTREAM, -1), "mappings": mappings}
        ),
        _public(system): _account(system, "SYS", operator, {"limits": limits}),
    }
    root = _token(operator, "lab", operator, {"type": "operator", "system_account": _public(system)})
    preload = "\n".join(f"  {key}: {token}" for key, token in tokens.items())
    _write(
        folder / CONFIG,
        f"# Written by `lab up`; included by every server. Tokens are signed, and have no secrets.\n"
        f"operator: {root}\nsystem_account: {_public(system)}\nresolver: MEMORY\nresolver_preload {{\n{preload}\n}}\n",
        0o644,
    )
    for role, signer, denied in ((ADMIN, own, []), (APPLICATION, own, DENIED), (SYSTEM, system, [])):
        _write(folder / FOLDER / f"{role}.creds", _credentials(role, signer, denied), 0o600)
    return paths()


def require_nkeys(what: str) -> None:
    """Raises `LabError` for `what` needs it and has it not. It is an extra: it has no wheel, and all that the lab needs
    otherwise has."""
    if not find_spec("nkeys"):
        raise LabError(
            f"{what} the package `nkeys`, which is not installed",
            "install the lab as `nats-region-lab[operator]`",
        )


def _keys(kind: str) -> "nkeys.KeyPair":
    import nkeys

    return nkeys.from_seed(nkeys.encode_seed(os.urandom(32), getattr(nkeys, f"PREFIX_BYTE_{kind}")))


def _public(keys: "nkeys.KeyPair") -> str:
    return str(keys.public_key.decode())


def _account(keys: "nkeys.KeyPair", name: str, operator: "nkeys.KeyPair", claims: Claims) -> str:
    return _token(keys, name, operator, {"type": "account", **claims})


def _credentials(role: str, account: "nkeys.KeyPair", denied: list[str]) -> str:
    keys = _keys("USER")
    limits = dict.fromkeys(("subs", "data", "payload"), -1)
    token = _token(
        keys, role, account, {"type": "user", **limits, "pub": {"deny": denied} if denied else {}, "sub": {}}
    )
    seed = keys.seed.decode()
    return (
        f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )


def _token(keys: "nkeys.KeyPair", name: str, signer: "nkeys.KeyPair", nats: Claims) -> str:
    """A JSON Web Token about a key, as nats-server's `jwt` package (version 2) reads it."""
    claims: Claims = {"iat": int(time.time()), "iss": _public(signer), "name": name, "sub": _public(keys)}
    claims["nats"] = nats | {"version": 2}
    digest = hashlib.new("sha512_256", json.dumps(claims).encode()).digest()
    claims["jti"] = base64.b32encode(digest).decode().rstrip("=")
    text = ".".join(_encoded(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "ed25519-nkey"}, claims))
    return f"{text}.{_encoded(signer.sign(text.encode()))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _write(path: Path, text: str, mode: int) -> None:
    """With this mode from its first byte on."""
    try:
        path.parent.mkdir(mode=0o755 if mode & 0o044 else 0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), mode)  # whatever the user's mask is
            file.write(text)
    except OSError as error:
        raise LabError(
            f"`{path}` cannot be written: {error.strerror}", "is the disk full, or the folder not yours?"
        ) from error
