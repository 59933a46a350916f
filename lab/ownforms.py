"""The forms of definitions that people bring: what a graph of streams, and the lab's files, can be made from.

What only servers read is left to them; they say no in their own words. Pure.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from lab.printable import printable
from lab.units import shortened

EACH = ""  # stands for every key of an object
LONGEST_NAME = 200  # bytes; a stream has a file of its name

# A type, a list of one form, or an object with the forms of some of its keys.
TRANSFORM = {"src": str, "dest": str}
SOURCE = {
    "name": str,
    "filter_subject": str,
    "subject_transforms": [TRANSFORM],
    "external": {"api": str, "deliver": str},
}
STREAM = {
    "name": str,
    "subjects": [str],
    "sources": [SOURCE],
    "mirror": SOURCE,
    "placement": {"cluster": str, "tags": [str]},
    "num_replicas": int,
    "subject_transform": TRANSFORM,
    "metadata": {EACH: str},
    **dict.fromkeys(("description", "retention", "storage", "discard"), str),
    **dict.fromkeys(("max_msgs", "max_bytes", "max_age", "max_msg_size", "max_msgs_per_subject"), int),
    "duplicate_window": int,
}
CONSUMER = {"name": str, "durable_name": str, "filter_subject": str, "filter_subjects": [str]}
FROM = {"account": str, "subject": str}
ACCOUNTS = {
    "accounts": {
        EACH: {
            "users": [{"user": str, "password": str}],
            "exports": [{"service": str, "stream": str, "accounts": [str]}],
            "imports": [{"service": FROM, "stream": FROM, "to": str}],
        }
    },
    "no_auth_user": str,
}
WORDS = {int: "a whole number", str: "text"}


def require(value: Mapping[str, Any], form: Mapping[str, Any]) -> None:
    """Raises `ValueError` at the first part that has another form."""
    wrong = next(_misfits(value, form, ""), "")
    if wrong:
        raise ValueError(wrong)


def _misfits(value: Any, form: Any, place: str) -> Iterator[str]:
    if isinstance(form, dict):
        if not isinstance(value, dict):
            yield f"`{printable(place)}` should be an object"
            return
        for key, part in value.items():
            wanted = form.get(key, form.get(EACH))
            if wanted and part is not None:
                yield from _misfits(part, wanted, f"{place}.{key}".lstrip("."))
    elif isinstance(form, list):
        if not isinstance(value, list):
            yield f"`{printable(place)}` should be a list"
            return
        for number, item in enumerate(value):
            yield from _misfits(item, form[0], f"{place}[{number}]")
    elif not isinstance(value, form) or isinstance(value, bool):
        yield f"`{printable(place)}` should be {WORDS[form]}"
    elif form is str and any("\ud800" <= letter <= "\udfff" for letter in value):
        yield f"`{printable(place)}` has half a character, which is not text"


def require_name(name: str) -> None:
    """Raises `ValueError` for what servers take for no name of a stream or consumer, or what no file can be called."""
    shown = f"`{shortened(printable(name))}` cannot be the name of a stream or consumer: "
    if not name:
        raise ValueError("is a consumer without a name (`durable_name`)")
    if not name.isprintable() or any(letter in name for letter in " .*>/\\"):
        raise ValueError(f"{shown}it has a space, `.`, `*`, `>`, a slash, or what cannot be printed")
    if len(name.encode()) > LONGEST_NAME:
        raise ValueError(f"{shown}it has more than {LONGEST_NAME} bytes")


def require_subjects(config: Mapping[str, Any]) -> None:
    """Raises `ValueError` for a subject that servers take for none."""
    for subject in config.get("subjects") or ():
        tokens = subject.split(".")
        if not all(tokens) or not subject.isprintable() or " " in subject or ">" in tokens[:-1]:
            raise ValueError(f"`{shortened(printable(subject))}` in `subjects` is not a subject")
