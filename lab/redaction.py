"""Taking out of texts what is nobody else's business: passwords, tokens, keys, and where your home folder is. Pure."""

import re
from collections.abc import Iterable

REMOVED = "[removed]"
# What follows a name that promises a secret, in the notations of NATS, JSON, YAML and environments.
_NAMED = re.compile(
    r"""(?P<name>["']?\b[\w-]*(?:pass(?:word|wd|phrase)?|token|secret|seed|credentials|api_?key)["']?\s*[:=]\s*)"""
    r"""(?P<value>"[^"\n]+"|'[^'\n]+'|[^\s"',;\[{}\]]+)""",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"(?<=://)[^\s/@\"']+(?=@)")
_KEYS = re.compile(
    r"\bS[UAOCNX][A-Z2-7]{56}\b"  # seeds of nkeys
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]+"  # JSON Web Tokens
    r"|\$2[aby]\$\d\d\$[./\w]{53}"  # what bcrypt makes of a password
    r"|\bz:eN[\w+/]{20,}=*"  # streams that people brought, with their accounts, in a label
    r"|(?<=MSG_PAYLOAD: )[^\n]+"  # bodies of messages, where a server traces
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----",
    re.DOTALL,
)


def redacted(text: str, secrets: Iterable[str], home: str) -> str:
    """The text without these secrets and without what looks like one; `home` becomes `~`."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, REMOVED)
    text = _NAMED.sub(_keeping_quotes, _IN_URL.sub(REMOVED, _KEYS.sub(REMOVED, text)))
    return text.replace(home.rstrip("/"), "~") if len(home) > 1 else text


def _keeping_quotes(found: re.Match[str]) -> str:
    """JSON stays JSON."""
    quote = next((mark for mark in (found["value"][0], found["name"][0]) if mark in "\"'"), "")
    return f"{found['name']}{quote}{REMOVED}{quote}"
