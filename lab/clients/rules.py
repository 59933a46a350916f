"""The rules of the client protocol, each as a trial: what it saw, as a sentence, or `Wrong`."""

import asyncio
import time
from functools import partial

from lab.clients.conformance import (
    AGAIN_S,
    LARGEST,
    LIMIT,
    MESSAGES,
    NOBODY,
    QUIET_S,
    SHORT_S,
    TIMEOUT_S,
    Rule,
    Talk,
    Trial,
    Wrong,
    expect,
    talking,
)
from lab.clients.protocol import ACKNOWLEDGING, KINDS, Disconnect, Kind, Message

FOUR_KIB = 4096
HARD = "".join(chr(code) for code in range(32, 127) if chr(code) not in '"\\')  # all that bodies are made of


async def connects(trial: Trial) -> str:
    async with talking(trial):
        return "connected to a server of the list"


async def connects_to_the_next(trial: Trial) -> str:
    async with talking(trial, connected=False) as talk:
        expect(await talk.connect(NOBODY, *trial.servers), "ok", "to connect where only the first server is gone")
    return "connected to the next server of the list"


async def admits_no_connection(trial: Trial) -> str:
    async with talking(trial, connected=False) as talk:
        if (await talk.connect(NOBODY)).outcome == "ok":
            raise Wrong("it was asked to connect where nothing listens, and answered `ok`")
    return "not `ok` where nothing listens"


async def publishes(trial: Trial) -> str:
    """Acknowledged, at the place that it says, as it was given, once."""
    bodies = ["x", HARD, "." * FOUR_KIB, "." * LARGEST]
    token = f"{trial.prefix}.{trial.token()}"
    async with talking(trial) as talk:
        for number, body in enumerate(bodies):
            subject = f"{token}.{number}"
            answer = await talk.publish(subject, body)
            expect(answer, "ok", f"to publish {len(body):,} bytes")
            if answer.stream != trial.name or not answer.sequence:
                told = f"`stream` {answer.stream!r} and `sequence` {answer.sequence}"
                raise Wrong(f"its `ok` has {told}, and not those of the server's acknowledgement")
            entry = await trial.session.get(trial.name, answer.sequence)
            if entry is None or (entry.sequence, entry.subject) != (answer.sequence, subject):
                raise Wrong(f"its `ok` names sequence {answer.sequence}, where the message is not")
            if entry.body != body.encode():
                raise Wrong(f"it changed a body of {len(body):,} bytes: the stream has {len(entry.body):,} others")
        await asyncio.sleep(SHORT_S)
        state = (await trial.session.api(f"STREAM.INFO.{trial.name}", {"subjects_filter": f"{token}.>"}))["state"]
        twice = [subject for subject, count in (state.get("subjects") or {}).items() if count > 1]
        if twice:
            raise Wrong(f"it stored {len(twice)} of {len(bodies)} messages more than once")
    return f"{len(bodies)} messages, each stored once where it said"


async def admits_that_nobody_listens(trial: Trial) -> str:
    async with talking(trial) as talk:
        answer = await talk.publish(f"nobody.{trial.name}", "x")
        expect(answer, "fail", "to publish on a subject of no stream (503 no responders)")
    return "`fail` where no stream has the subject"


async def admits_a_refusal(trial: Trial) -> str:
    async with talking(trial) as talk:
        expect(
            await talk.publish(trial.subject(), "." * LIMIT),
            "fail",
            "to publish a body that the stream refuses (an error instead of an acknowledgement)",
        )
    return "`fail` where the stream refuses"


async def admits_a_timeout(trial: Trial) -> str:
    """Somebody listens and never answers, so that nobody can know."""
    subject = f"silent.{trial.name}"
    async with trial.session.listening(subject), talking(trial) as talk:
        began = time.monotonic()
        answer = await talk.publish(subject, "x", SHORT_S)
        took = time.monotonic() - began
        expect(answer, "unknown", f"to publish where no acknowledgement comes, within {SHORT_S:g} s")
        if took < SHORT_S / 2:
            raise Wrong(f"it gave up after {took:.1f} s, and was to wait {SHORT_S:g} s")
        if took > SHORT_S + TIMEOUT_S:
            raise Wrong(f"it waited {took:.1f} s, and was to wait {SHORT_S:g} s")
    return f"`unknown` after {took:.1f} s where no acknowledgement comes"


async def consumes(kind: Kind, trial: Trial) -> str:
    """Everything from then on, once, in order, as it was published, and nothing else."""
    subjects, keys = _subjects(trial, kind)
    wanted = [(key, f"{number} {HARD}") for number, key in enumerate(keys)]
    async with talking(trial) as talk:
        if kind != "watch":  # a bucket is empty when it is to be watched
            await _publish(trial, subjects[0], "before")
        number, _ = await talk.consume(kind, _filter(subjects))
        sequences = [await _publish(trial, subject, body) for subject, (_, body) in zip(subjects, wanted, strict=True)]
        await talk.until(len(wanted))
        if kind in ACKNOWLEDGING:
            for message in [*talk.heard]:
                await talk.ack(message)
        await asyncio.sleep(SHORT_S / 2)
        got = [(message.subject, message.body) for message in talk.heard]
        _compare(kind, got, wanted)
        if [message.sequence for message in talk.heard] != sequences:
            raise Wrong(f"its {kind} consumer tells other sequences than the stream's")
        if {message.consumer for message in talk.heard} != {number}:
            raise Wrong(f"its {kind} consumer's messages do not name the request {number}")
    return f"{len(wanted)} messages in order"


def _compare(kind: str, got: list[tuple[str, str]], wanted: list[tuple[str, str]]) -> None:
    if any(body == "before" for _, body in got):
        raise Wrong(f"its {kind} consumer passes on what was stored before it was asked for")
    missing = sum(each not in got for each in wanted)
    if missing and len(got) < len(wanted):
        raise Wrong(f"its {kind} consumer did not pass on {missing} of {len(wanted)} messages")
    if missing:
        raise Wrong(f"its {kind} consumer passes on {missing} of {len(wanted)} messages with another subject or body")
    if len(got) > len(wanted):
        raise Wrong(f"its {kind} consumer passed on {len(got)} messages, and {len(wanted)} were for it")
    if got != wanted:
        raise Wrong(f"its {kind} consumer passes messages on in another order")


async def leaves_acknowledging_to_the_lab(kind: Kind, trial: Trial) -> str:
    """What was not acknowledged comes again: a client that acknowledges before the work is done loses it."""
    async with talking(trial) as talk:
        first, _ = await _delivered(trial, kind, talk)
        if not await talk.until(2, AGAIN_S):
            raise Wrong(
                f"its {kind} consumer acknowledged a message by itself: it did not come again though nobody asked for "
                "that. A program that fails after that has lost it"
            )
        again = talk.heard[1]
        if again.sequence != first.sequence or again.delivery != 2:
            raise Wrong(
                f"its {kind} consumer told the second delivery of sequence {first.sequence} as delivery "
                f"{again.delivery} of sequence {again.sequence}"
            )
    return "what was not acknowledged came again"


async def acknowledges(kind: Kind, trial: Trial) -> str:
    """What was acknowledged does not come again, and the server knows of it when the client says so."""
    async with talking(trial) as talk:
        message, durable = await _delivered(trial, kind, talk)
        expect(await talk.ack(message), "ok", "to acknowledge a message")
        before = len(talk.heard)
        if not await _acknowledged(trial, durable, message.sequence):
            raise Wrong("it answered `ok` to an acknowledgement that the server does not have")
        await asyncio.sleep(QUIET_S)
        if len(talk.heard) > before:
            raise Wrong("a message came again after it had acknowledged it")
    return "what was acknowledged stayed away"


async def _acknowledged(trial: Trial, durable: str, sequence: int) -> bool:
    """Whether the server has it, or has it a moment later: what it says of a consumer may be a little behind."""
    for _ in range(10):
        info = await trial.session.api(f"CONSUMER.INFO.{trial.name}.{durable}")
        if info["ack_floor"]["stream_seq"] >= sequence:
            return True
        await asyncio.sleep(SHORT_S / 10)
    return False


async def disconnects(trial: Trial) -> str:
    kind = next((kind for kind in trial.hello.consumers if kind != "watch"), None)
    subjects, _ = _subjects(trial, "pull")
    async with talking(trial) as talk:
        if kind:
            await talk.consume(kind, _filter(subjects))
        expect(await talk.client.ask(Disconnect(talk.client.number()), TIMEOUT_S), "ok", "to disconnect")
        await _publish(trial, subjects[0], "x")
        await asyncio.sleep(SHORT_S)
        if talk.heard:
            raise Wrong("it passed on a message after it had disconnected")
        expect(await talk.connect(), "ok", "to connect again")
    return "nothing came any more, and it connected again"


async def ends(trial: Trial) -> str:
    async with talking(trial) as talk:
        why = await talk.client.end()
        if why:
            raise Wrong(why)
    return "ended by itself when its stdin was closed"


async def _delivered(trial: Trial, kind: Kind, talk: Talk) -> tuple[Message, str]:
    """A message that was passed on, and its durable consumer."""
    subjects, _ = _subjects(trial, kind)
    _, durable = await talk.consume(kind, _filter(subjects))
    await _publish(trial, subjects[0], "x")
    if not await talk.until(1):
        raise Wrong(f"its {kind} consumer passed nothing on")
    return talk.heard[0], durable


def _subjects(trial: Trial, kind: Kind) -> tuple[list[str], list[str]]:
    """Subjects for one consumer, and what the client is to call them: in a bucket they are keys."""
    token = trial.token()
    names = [f"{token}.{number}" for number in range(MESSAGES)]
    if kind == "watch":
        return [f"$KV.{trial.name}.{name}" for name in names], names
    subjects = [f"{trial.prefix}.{name}" for name in names]
    return subjects, subjects


def _filter(subjects: list[str]) -> str:
    return subjects[0].removesuffix("0") + ">"  # they are numbered from 0


async def _publish(trial: Trial, subject: str, body: str) -> int:
    return (await trial.session.publish(subject, body.encode())).sequence


RULES: dict[str, Rule] = {
    "connect": connects,
    "connect-next": connects_to_the_next,
    "connect-fail": admits_no_connection,
    "publish-ok": publishes,
    "publish-no-responders": admits_that_nobody_listens,
    "publish-refused": admits_a_refusal,
    "publish-unknown": admits_a_timeout,
    **{f"consume-{kind}": partial(consumes, kind) for kind in KINDS},
    **{f"redelivery-{kind}": partial(leaves_acknowledging_to_the_lab, kind) for kind in ACKNOWLEDGING},
    **{f"ack-{kind}": partial(acknowledges, kind) for kind in ACKNOWLEDGING},
    "disconnect": disconnects,
    "end": ends,
}
