"""Calls of nats-py on the stream: management, single messages, publishing."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from nats.js.errors import APIError

from lab.compat.natspy.place import NotTried, Place, Untrue, call
from lab.compat.values import MESSAGES, PUBLISH, STREAM
from lab.jetstream.streams import differing

WRONG_LAST_SEQUENCE = (10071, 10164)


@call(STREAM, "js.stream_info(name)")
async def stream_info(at: Place) -> str:
    info = await at.js.stream_info(at.name)
    if info.state.messages < len(at.bench.seeds):
        raise Untrue(f"it says that the stream has {info.state.messages} messages")
    return str(info.config.name)


@call(STREAM, "js.stream_info(name, subjects_filter)")
async def subjects(at: Place) -> str:
    info = await at.js.stream_info(at.name, subjects_filter=at.bench.every_seed)
    if info.config.name == at.bench.stream and sorted(info.state.subjects or {}) != sorted(at.bench.seeds):
        raise Untrue(f"it has {len(info.state.subjects or {})} of {len(at.bench.seeds)} subjects")
    return str(info.config.name)


@call(STREAM, "js.find_stream_name_by_subject(subject)")
async def by_subject(at: Place) -> str:
    return str(await at.js.find_stream_name_by_subject(at.bench.every_seed))


@call(STREAM, 'js.find_stream_name_by_subject(name + ".>")')
async def by_all_subjects(at: Place) -> str:
    return str(await at.js.find_stream_name_by_subject(f"{at.name}.>"))


@call(STREAM, "js.streams_info()")
async def streams(at: Place) -> str:
    return _listed(at, await at.js.streams_info())


@call(STREAM, "js.streams_info_iterator()")
async def iterator(at: Place) -> str:
    return _listed(at, await at.js.streams_info_iterator())


def _listed(at: Place, found: Any) -> str:
    if at.name not in {info.config.name for info in found}:
        raise Untrue(f"`{at.name}` is not in the list")
    return at.name


@call(STREAM, "js.add_stream(the same definition)")
async def add_stream(at: Place) -> str:
    config = await _unchanged(at)
    if at.name != at.bench.stream:
        raise NotTried(f"it would define a stream `{at.name}` beside the lab's")
    return str((await at.js.add_stream(config)).config.name)


@call(STREAM, "js.update_stream(the same definition)")
async def update_stream(at: Place) -> str:
    config = await _unchanged(at)
    return str((await at.js.update_stream(config, name=at.name)).config.name)


async def _unchanged(at: Place) -> Any:
    """The definition as nats-py has it, so that giving it back changes nothing."""
    raw = (await at.session.stream_info(at.bench.stream))["config"]
    config = (await at.js.stream_info(at.name)).config
    lost = differing({key: value for key, value in raw.items() if key != "metadata"}, config.as_dict())
    if lost:
        raise NotTried(f"the client cannot express the definition ({lost[0]}), and would change it")
    return config


@call(STREAM, "js.purge_stream(name, subject)")
async def purge_stream(at: Place) -> str:
    subject = at.new_subject()
    await at.js.publish(subject, b"to be purged")
    await at.arrived(subject)
    await at.js.purge_stream(at.name, subject=subject)
    await _gone(at, subject)
    return at.bench.stream


@call(STREAM, "js.delete_stream(name)")
async def delete_stream(at: Place) -> str:
    raise NotTried("it would delete your messages")


@call(STREAM, "js.account_info()")
async def account_info(at: Place) -> str:
    info = await at.js.account_info()
    if not info.streams:
        raise Untrue("it says that the account has no streams")
    return ""


# --- single messages ---


async def _known(at: Place) -> tuple[str, int]:
    """Subject and sequence of a message that another region published, if there is another."""
    subject = next((s for s in at.bench.seeds if not s.endswith(f".{at.bench.region}")), at.bench.seeds[0])
    return subject, int((await at.arrived(subject))["seq"])


def _same(at: Place, message: Any, subject: str, sequence: int) -> str:
    """The stream that it is from, which the server tells with Direct Get only."""
    stream = str((message.headers or {}).get("Nats-Stream", at.bench.stream))
    if stream == at.bench.stream and (message.subject, message.seq) != (subject, sequence):
        raise Untrue(f"message {message.seq} on `{message.subject}` came instead of {sequence} on `{subject}`")
    return stream


# Name of the call -> what makes it for a message.
GETS: dict[str, Callable[[Place, str, int], Awaitable[Any]]] = {
    "js.get_msg(name, seq)": lambda at, _, sequence: at.js.get_msg(at.name, sequence),
    "js.get_msg(name, seq, direct=True)": lambda at, _, sequence: at.js.get_msg(at.name, sequence, direct=True),
    "js.get_last_msg(name, subject)": lambda at, subject, _: at.js.get_last_msg(at.name, subject),
    "js.get_last_msg(name, subject, direct=True)": lambda at, subject, _: at.js.get_last_msg(
        at.name, subject, direct=True
    ),
    "js.get_msg(name, seq, subject, next=True)": lambda at, subject, _: at.js.get_msg(at.name, 1, subject, next=True),
    "js.get_msg(name, seq, subject, next=True, direct=True)": lambda at, subject, _: at.js.get_msg(
        at.name, 1, subject, direct=True, next=True
    ),
}


async def _got(get: Callable[[Place, str, int], Awaitable[Any]], at: Place) -> str:
    subject, sequence = await _known(at)
    return _same(at, await get(at, subject, sequence), subject, sequence)


for _name, _get in GETS.items():
    call(MESSAGES, _name)(partial(_got, _get))


@call(MESSAGES, "js.delete_msg(name, seq)")
async def delete_msg(at: Place) -> str:
    subject = at.new_subject()
    await at.js.publish(subject, b"to be deleted")
    sequence = int((await at.arrived(subject))["seq"])
    if (await at.js.get_msg(at.name, sequence)).subject != subject:
        raise NotTried("the name leads to another message, which is yours")
    await at.js.delete_msg(at.name, sequence)
    await _gone(at, subject)
    return at.bench.stream


async def _gone(at: Place, subject: str) -> None:
    async def gone() -> bool:
        return await at.last(subject) is None

    await at.until(gone, "the message is still there")


# --- publishing ---


@call(PUBLISH, "js.publish(subject)", writes=True)
async def publish(at: Place) -> str:
    subject = at.new_subject()
    ack = await at.js.publish(subject, b"x")
    await at.arrived(subject)
    return str(ack.stream)


@call(PUBLISH, "js.publish_async(subject)", writes=True)
async def publish_async(at: Place) -> str:
    subject = at.new_subject()
    ack = await (await at.js.publish_async(subject, b"x"))
    await at.arrived(subject)
    return str(ack.stream)


@call(PUBLISH, "js.publish(subject, stream=name)", writes=True)
async def expected_stream(at: Place) -> str:
    return str((await at.js.publish(at.new_subject(), b"x", stream=at.name)).stream)


@call(PUBLISH, "js.publish(subject), header Nats-Msg-Id", writes=True)
async def message_id(at: Place) -> str:
    subject, headers = at.new_subject(), {"Nats-Msg-Id": at.new_name()}
    first = await at.js.publish(subject, b"x", headers=headers)
    again = await at.js.publish(subject, b"x", headers=headers)
    if first.duplicate or not again.duplicate:
        raise Untrue("the second publish of the same id was not taken for a duplicate")
    return str(again.stream)


@call(PUBLISH, "js.publish(subject), header Nats-Expected-Last-Sequence of stream_info", writes=True)
async def expected_last_sequence(at: Place) -> str:
    """Tried again, since others may be publishing."""
    for attempt in range(3):
        last = (await at.js.stream_info(at.name)).state.last_seq
        headers = {"Nats-Expected-Last-Sequence": str(last)}
        try:
            return str((await at.js.publish(at.new_subject(), b"x", headers=headers)).stream)
        except APIError as error:
            if error.err_code not in WRONG_LAST_SEQUENCE or attempt == 2:
                raise
    raise AssertionError


@call(PUBLISH, "js.publish(subject), header Nats-Expected-Last-Subject-Sequence of get_last_msg", writes=True)
async def expected_last_subject_sequence(at: Place) -> str:
    subject = at.new_subject()
    await at.js.publish(subject, b"first", headers={"Nats-Expected-Last-Subject-Sequence": "0"})
    await at.arrived(subject)
    last = (await at.js.get_last_msg(at.name, subject)).seq
    headers = {"Nats-Expected-Last-Subject-Sequence": str(last)}
    return str((await at.js.publish(subject, b"second", headers=headers)).stream)


@call(PUBLISH, "js.publish(subject, msg_ttl)", writes=True)
async def time_to_live(at: Place) -> str:
    return str((await at.js.publish(at.new_subject(), b"x", msg_ttl=60)).stream)
