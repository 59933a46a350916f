"""A folder of stream definitions, as the `nats` CLI writes and reads them, into `Topology.own`.

orders.json              a stream: `nats stream info orders --json`, or what `nats stream add --config` takes
ANY/FOLDER/x.json        the same; a folder that an account of accounts.json is called after is of that account
orders.billing.json      a consumer: `nats consumer info orders billing --json`
accounts.json            optional: `accounts`, and what else goes with it, of a server's configuration, in JSON
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab import ownforms as forms
from lab.errors import UsageError
from lab.layouts.own import HINT, File, Own, write
from lab.printable import printable

ACCOUNTS = "accounts.json"
STREAM = {"subjects", "sources", "mirror", "retention", "storage", "max_age", "max_msgs", "num_replicas", "placement"}
CONSUMER = {"ack_policy", "deliver_policy", "durable_name", "replay_policy", "filter_subject", "filter_subjects"}
# Fields by which servers say the same in another way.
UNLIMITED = ("max_msgs", "max_bytes", "max_msg_size", "max_consumers", "max_msgs_per_subject")
MOST_STREAMS, MOST_BYTES = 1000, 1_000_000  # each container carries all of it in its label
DIGITS = 20  # of a number of 64 bits, with its sign
TOP = ("accounts", "mappings", "no_auth_user", "system_account")


def load(folder: Path) -> str:
    """What the folder has, as `Topology.own`. Raises `UsageError` with every file that cannot be used, and why."""
    if not folder.is_dir():
        raise UsageError(f"`{folder}` is not a folder with streams", HINT)
    wrong: list[str] = []
    top = _accounts(folder, wrong)
    accounts = dict(top.pop("accounts", {}))
    bare = Own(accounts=accounts, top=top)
    streams: list[File] = []
    consumers: list[File] = []
    for path in sorted(folder.rglob("*.json")):
        name = printable(str(path.relative_to(folder)))
        if name == ACCOUNTS or any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        try:
            account = next((part for part in path.relative_to(folder).parts[:-1] if part in accounts), bare.default)
            file = _file(name, account, _document(path))
            (consumers if file.stream else streams).append(file)
        except ValueError as error:
            wrong.append(f"{name}: {error}")
    if not streams and not wrong:
        wrong.append("it has no file with a stream (`*.json`)")
    if len(streams) > MOST_STREAMS:
        wrong.append(f"there are {len(streams):,} streams, and a lab has at most {MOST_STREAMS:,}")
    text = "" if wrong else write(Own(tuple(streams), tuple(consumers), accounts, top))
    if len(text) > MOST_BYTES:
        wrong.append(f"they are {len(text):,} bytes of JSON, and a lab has at most {MOST_BYTES:,}")
    if wrong:
        raise UsageError(f"the streams in `{folder}` cannot be used:\n" + "\n".join(f"  {w}" for w in wrong), HINT)
    return text


def _document(path: Path) -> dict[str, Any]:
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise ValueError("is not a file")
        document = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number, parse_int=_number)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ValueError("is not text") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}: is not JSON: {error.msg}") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if not isinstance(document, dict):
        raise ValueError("is JSON, but no stream definition: it should be an object")
    return document


def _no_number(word: str) -> None:
    raise ValueError(f"is not JSON: `{word}` is not a number")


def _number(digits: str) -> int:
    if len(digits) > DIGITS:
        raise ValueError(f"has a number of {len(digits):,} digits")
    return int(digits)


def _file(name: str, account: str, document: Mapping[str, Any]) -> File:
    config = document.get("config", document)
    if not isinstance(config, dict):
        raise ValueError("is not a stream definition: its `config` is not an object")
    if document.get("stream_name") or CONSUMER & config.keys():
        stream = document.get("stream_name")
        if not isinstance(stream, str) or not stream:
            raise ValueError("is a consumer, and does not say of which stream (`stream_name`)")
        forms.require(config, forms.CONSUMER)
        forms.require_name(config.get("name") or config.get("durable_name") or "")
        return File(name, account, config, stream)
    if not isinstance(config.get("name"), str) or not config["name"]:
        raise ValueError("is not a stream definition: it has no `name`")
    if not STREAM & config.keys():
        raise ValueError("is not a stream definition: it has nothing that streams have but a `name`")
    forms.require(config, forms.STREAM)
    forms.require_name(config["name"])
    forms.require_subjects(config)
    return File(name, account, _normal(config))


def _normal(config: Mapping[str, Any]) -> dict[str, Any]:
    """As servers say it, so that a stream that is there is seen to be the one that is wanted."""
    made = {key: value for key, value in config.items() if value is not None}
    for key in UNLIMITED:
        if made.get(key) == 0:
            made[key] = -1
    made["num_replicas"] = made.get("num_replicas") or 1
    if made.get("duplicate_window") == 0:
        del made["duplicate_window"]
    if "metadata" in made:  # servers write their own versions there
        kept = {key: value for key, value in made["metadata"].items() if not key.startswith("_nats.")}
        made["metadata"] = kept
        if not kept:
            del made["metadata"]
    return made


def _accounts(folder: Path, wrong: list[str]) -> dict[str, Any]:
    path = folder / ACCOUNTS
    if not path.is_file():
        return {}
    try:
        document = _document(path)
        other = sorted(document.keys() - set(TOP))
        if other:
            raise ValueError(
                f"`{other[0]}` is the lab's own matter; it can have {', '.join(f'`{key}`' for key in TOP)}"
            )
        accounts = document.get("accounts")
        if not isinstance(accounts, dict) or not all(isinstance(account, dict) for account in accounts.values()):
            raise ValueError("`accounts` should be an object: the accounts by their names")
        if any("/" in name or not name.isprintable() for name in accounts):
            raise ValueError("the name of an account has a slash, or what cannot be printed")
        forms.require(document, forms.ACCOUNTS)
        return document
    except ValueError as error:
        wrong.append(f"{ACCOUNTS}: {error}")
        return {}
