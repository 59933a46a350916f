"""Whether a client keeps to the protocol: each rule tried for real, on a stream of its own in one region.

What a rule needs from a server that misbehaves is made without faults: a subject on which nobody listens refuses, one
on which somebody listens and says nothing leaves the client to its time-out. How a client bears faults is for `lab
check --client` to see.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Any

from lab.clients.process import ClientProcess, connecting, started
from lab.clients.protocol import (
    ACKNOWLEDGING,
    KINDS,
    Ack,
    Answer,
    Breach,
    Consume,
    Hello,
    Kind,
    Message,
    Publish,
)
from lab.errors import NatsError, NoAnswer
from lab.jetstream import streams
from lab.jetstream.session import Session, connect
from lab.layouts import layout_of
from lab.progress import Say
from lab.topology import Topology
from lab.verdict import EXIT_CODES, Validity, worst

TIMEOUT_S, SHORT_S, ACK_WAIT_S = 5.0, 1.0, 2.0
ARRIVES_S, AGAIN_S, QUIET_S, MESSAGES = 10.0, 8.0, 3.5, 5
LARGEST, LIMIT = 65_536, 100_000  # bytes of a body that the check publishes, and of what the stream takes
AT_ONCE = 4  # they wait most of the time
NOBODY = "nats://127.0.0.1:1"  # a port on which nothing listens


@dataclass(frozen=True)
class Finding:
    """What came out of one rule. `unknown`: it could not be tried."""

    rule: str
    validity: Validity
    sentence: str


@dataclass(frozen=True)
class Conformance:
    """What came out of all; `client` is what it calls itself."""

    command: str
    client: str
    findings: tuple[Finding, ...]

    @property
    def validity(self) -> Validity:
        return worst(finding.validity for finding in self.findings)

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.validity]


class Wrong(Exception):  # noqa: N818
    """A rule that is not kept, in a sentence that begins with the client."""


@dataclass
class Trial:
    """Where rules are tried."""

    command: str
    topology: Topology
    session: Session
    name: str
    logs: Path
    hello: Hello = field(default_factory=lambda: Hello("", 0, []))

    @property
    def prefix(self) -> str:
        return f"lab.{self.name}"

    def token(self) -> str:
        """A part of a subject that nothing else has."""
        return token_hex(4)

    def subject(self) -> str:
        return f"{self.prefix}.{self.token()}"

    @property
    def placed(self) -> dict[str, Any]:
        """Where the layout has its streams of this region."""
        definition = layout_of(self.topology).origin(self.session.region).definition
        return {key: definition[key] for key in ("placement",) if key in definition}

    @property
    def servers(self) -> list[str]:
        nodes = self.topology.region_nodes(self.session.region)
        return [f"nats://127.0.0.1:{node.client_port}" for node in nodes]


class Talk:
    """A client that is connected, as a rule talks to it; `heard` has every message that it passed on."""

    def __init__(self, client: ClientProcess, trial: Trial) -> None:
        self.client, self.trial = client, trial
        self.heard: list[Message] = []
        client.heard = self.heard.append

    async def connect(self, *servers: str) -> Answer:
        login = layout_of(self.trial.topology).credentials(self.trial.session.region)
        wanted = [*(servers or self.trial.servers)]
        return await self.client.ask(
            connecting(self.client.number(), wanted, self.trial.name, TIMEOUT_S, login), TIMEOUT_S
        )

    async def publish(self, subject: str, body: str, timeout: float = TIMEOUT_S) -> Answer:
        timeout_ms = round(timeout * 1000)
        request = Publish(self.client.number(), subject, body, token_hex(8), timeout_ms)
        return await self.client.ask(request, timeout)

    async def consume(self, kind: Kind, subject: str) -> tuple[int, str]:
        """The request's id, by which its messages are known, and the name of the durable consumer."""
        number, name = self.client.number(), self.trial.name
        durable = f"{name}-{token_hex(3)}" if kind in ACKNOWLEDGING else ""
        request = Consume(number, kind, name, subject, durable, round(ACK_WAIT_S * 1000) if durable else 0)
        if kind == "watch":
            request = Consume(number, kind, bucket=name)
        expect(await self.client.ask(request, TIMEOUT_S), "ok", f"to make a consumer of the kind {kind}")
        return number, durable

    async def ack(self, message: Message) -> Answer:
        number, timeout = self.client.number(), round(TIMEOUT_S * 1000)
        return await self.client.ask(
            Ack(number, message.consumer, message.sequence, message.delivery, timeout), TIMEOUT_S
        )

    async def until(self, count: int, timeout: float = ARRIVES_S) -> bool:
        """Whether it has passed on so many messages in time."""
        deadline = time.monotonic() + timeout
        while len(self.heard) < count and time.monotonic() < deadline:
            if self.client.failure:
                raise Breach(self.client.failure)
            await asyncio.sleep(0.02)
        return len(self.heard) >= count


def expect(answer: Answer, outcome: str, what: str) -> None:
    if answer.outcome != outcome:
        why = f" ({answer.error})" if answer.error else ""
        raise Wrong(f"it was asked {what} and answered `{answer.outcome}`{why} where `{outcome}` is the truth")


@asynccontextmanager
async def talking(trial: Trial, connected: bool = True) -> AsyncIterator[Talk]:
    async with started(trial.command, trial.logs / trial.token()) as client:
        await client.greeted()
        talk = Talk(client, trial)
        if connected:
            expect(await talk.connect(), "ok", "to connect to servers that run")
        yield talk


Rule = Callable[[Trial], Awaitable[str]]


async def conform(command: str, topology: Topology, region: str, rules: dict[str, Rule], say: Say) -> Conformance:
    """Try the rules, a few at a time, each with a client of its own. Raises `LabError` when that is not the
    client's doing."""
    layout, name = layout_of(topology), f"client-{token_hex(4)}"
    async with AsyncExitStack() as stack:
        logs = Path(stack.enter_context(TemporaryDirectory(prefix="lab-client-")))
        nodes = topology.region_nodes(region)
        session = await stack.enter_async_context(connect(region, nodes, layout.credentials(region), lasting=True))
        trial = Trial(command, topology, session, name, logs)
        configs = {config["name"]: config for config in (_stream(trial), _bucket(trial))}
        sessions = dict.fromkeys(configs, session)
        await streams.define(sessions, configs, patience=10)
        try:
            hello, turns = await _hello(trial), asyncio.Semaphore(AT_ONCE)

            async def tried(rule: str) -> Finding:
                async with turns:
                    say(f"trying {rule}")
                    return await _tried(trial, rule, rules[rule], hello.validity == "valid")

            findings = (hello, *await asyncio.gather(*map(tried, rules)))
        finally:
            with suppress(NatsError):
                await streams.clean(sessions, configs)
    return Conformance(command, trial.hello.client, findings)


async def _hello(trial: Trial) -> Finding:
    try:
        async with started(trial.command, trial.logs / trial.token()) as client:
            trial.hello = await client.greeted()
    except Breach as breach:
        return Finding("hello", "violated", breach.message)
    kinds = ", ".join(trial.hello.consumers) or "none"
    return Finding("hello", "valid", f"{trial.hello.client}; kinds of consumers: {kinds}")


async def _tried(trial: Trial, rule: str, check: Rule, greets: bool) -> Finding:
    kind = next((kind for kind in KINDS if rule.endswith(f"-{kind}")), None)
    if not greets:
        return Finding(rule, "unknown", "not tried: the client does not say who it is")
    if kind and kind not in trial.hello.consumers:
        return Finding(rule, "valid", f"not asked for: the client makes no {kind} consumers")
    try:
        return Finding(rule, "valid", await check(trial))
    except (Wrong, Breach, NoAnswer) as wrong:
        return Finding(rule, "violated", getattr(wrong, "message", str(wrong)))
    except NatsError as error:
        return Finding(rule, "unknown", f"the lab itself could not: {error.message}")


def _stream(trial: Trial) -> dict[str, Any]:
    return {
        "name": trial.name,
        "subjects": [f"{trial.prefix}.>"],
        "num_replicas": min(3, trial.topology.replicas),
        **trial.placed,
        "max_msg_size": LIMIT,
        "allow_direct": True,
        "duplicate_window": 120 * 10**9,
    }


def _bucket(trial: Trial) -> dict[str, Any]:
    return {
        "name": f"KV_{trial.name}",
        "subjects": [f"$KV.{trial.name}.>"],
        "num_replicas": min(3, trial.topology.replicas),
        **trial.placed,
        "max_msgs_per_subject": 1,
        "discard": "new",
        "allow_direct": True,
        "allow_rollup_hdrs": True,
        "deny_delete": True,
    }
