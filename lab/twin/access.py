"""How to get into the system that people name: a URL, or a context of the `nats` CLI."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lab.contexts import names
from lab.errors import UsageError, unknown
from lab.jetstream.foreign import PORT, Access, place
from lab.layouts.layout import API
from lab.printable import printable

SCHEMES = ("nats", "tls")
DEFAULT_URL = f"nats://127.0.0.1:{PORT}"
# What a context may have that means another way in than the ones that are known here.
STRANGE = ("nsc", "socks_proxy", "user_jwt", "user_seed", "windows_cert_store")
FILES = ("creds", "nkey", "cert", "key", "ca")
HINT = "SOURCE is a URL such as `nats://host:4222`, or a context of the `nats` CLI (`nats context ls`)"


def access(source: str, contexts: Path, user: str = "", password: str = "", creds: str = "") -> Access:
    """`contexts` is the folder of the CLI's. What is given replaces what URL or context say. Raises `UsageError`."""
    found = _of_urls(source) if ":" in source else _of_context(source, contexts)
    if creds:
        return replace(found, creds=creds, user="", password="", token="", nkey="")
    if user:
        return replace(found, user=user, password=password, creds="", token="", nkey="")
    return replace(found, password=password) if password else found


def _of_urls(source: str) -> Access:
    urls = tuple(_url(each.strip(), "SOURCE") for each in source.split(",") if each.strip())
    if not urls:
        raise UsageError("SOURCE has no URL", HINT)
    return Access(place(urls[0]), urls)


def _url(text: str, where: str) -> str:
    url = text if "://" in text else f"nats://{text}"
    try:
        parts = urlsplit(url)
        scheme, host, _ = parts.scheme, parts.hostname, parts.port
    except ValueError:  # the text may have a password, so it is not shown
        raise UsageError(f"{where}: this is not a URL: its host or its port makes no sense", HINT) from None
    if scheme not in SCHEMES:
        raise UsageError(f"{where}: a URL begins with `nats://` or `tls://`, not with `{printable(scheme)}://`", HINT)
    if not host:
        raise UsageError(f"{where}: the URL has no host", HINT)
    return url


def _of_context(name: str, folder: Path) -> Access:
    where = f"the context `{printable(name)}`"
    raw = _context(name, folder, where)
    strange = [word for word in STRANGE if raw.get(word)]
    if strange:
        raise UsageError(
            f"{where} uses `{strange[0]}`, which is not understood here", "name a URL and `--creds` or `--user`"
        )
    words = {word: str(raw.get(word) or "") for word in ("user", "password", "token", "inbox_prefix")}
    paths = {word: str(Path(raw[word]).expanduser()) for word in FILES if raw.get(word)}
    urls = tuple(_url(each.strip(), where) for each in str(raw.get("url") or DEFAULT_URL).split(",") if each.strip())
    domain, prefix = raw.get("jetstream_domain"), raw.get("jetstream_api_prefix")
    api = str(prefix or (f"$JS.{domain}.API" if domain else API)).rstrip(".")
    return Access(where, urls, tls_first=bool(raw.get("tls_first")), api=api, **words, **paths)


def _context(name: str, folder: Path, where: str) -> dict[str, Any]:
    known = names(folder)
    if name not in known:
        error = unknown("context", printable(name), [printable(each) for each in known])
        raise UsageError(error.message, f"{error.hint if known else f'there is none in `{folder}`'}; {HINT}")
    path = folder / f"{name}.json"
    try:
        raw = json.loads(path.read_bytes()) if path.is_file() else None
    except OSError as error:
        raise UsageError(f"`{path}` cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        line = f": line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else ""
        raise UsageError(f"{where} is not JSON{line}", f"mend `{path}`, or `nats context edit` it") from None
    if not isinstance(raw, dict) or not all(isinstance(raw.get(word) or "", str) for word in ("url", *FILES)):
        raise UsageError(f"{where} is JSON, but not a context", f"mend `{path}`")
    return raw
