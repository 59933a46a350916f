"""Carries out the actions of a scenario's steps; each returns what it has to show. Raises `LabError` when it could not
do what it should, above all when a fault did not take hold: then nothing that follows would mean anything."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from lab.docker.observation import Observation
from lab.errors import LabError, NatsError
from lab.faults.change import Change
from lab.faults.fault import Fault
from lab.faults.registry import ordered, present
from lab.faults.verb import Verb
from lab.jetstream import consumers
from lab.jetstream.session import ApiError, Session
from lab.scenario import actions as act
from lab.scenario import show, traffic
from lab.scenario.context import Made, Stage, send, unsent
from lab.scenario.evidence import Answer

TIDY_TIMEOUT_S = 3.0
MARK = "lab.scenario"
LEFT_NS = 24 * 3600 * 10**9


async def perform(action: act.Action, stage: Stage) -> str:
    if isinstance(action, Verb):
        return await _verb(action, stage)
    return await _DO[type(action)](action, stage)


# --- faults ---


async def make(stage: Stage, wanted: Callable[[frozenset[Fault]], frozenset[Fault]]) -> Change:
    """Change the faults. Whether those in force are the ones that the scenario made is looked at first: a node that
    died by itself would be somebody else's experiment."""

    def want(before: Observation) -> frozenset[Fault]:
        _require_own(stage, present(before))
        return wanted(present(before))

    done = await asyncio.to_thread(stage.lab.make, want)
    stage.faults = frozenset(done.in_force)
    await stage.look()
    return done


def _require_own(stage: Stage, now: frozenset[Fault]) -> None:
    strange = ordered(now ^ stage.faults)
    if strange:
        raise LabError(f"the faults in force are not those of the scenario: {', '.join(map(str, strange))}")


async def require_own_faults(stage: Stage) -> None:
    """Raises `LabError` when something else than the scenario changed the faults in force."""
    _require_own(stage, present(await stage.look()))


def named(action: act.Action, stage: Stage) -> act.Action:
    """The action as you would type it: with nodes and consumers in place of the names that earlier steps gave them, and
    with message ids that no earlier play has used."""
    if isinstance(action, Verb):
        return action.with_nodes(stage.nodes)
    if isinstance(action, act.Publish) and action.id:
        return replace(action, id=f"{action.id}-{stage.token}")
    if isinstance(action, act.Request) and action.call.startswith("CONSUMER."):
        return _of_real_consumer(action, stage)
    return action


def _of_real_consumer(action: act.Request, stage: Stage) -> act.Request:
    tokens = action.call.split(".")
    call = ".".join([*tokens[:3], *map(stage.real, tokens[3:])])  # `CONSUMER.INFO.<stream>.<consumer>`
    config = action.body.get("config")
    if not isinstance(config, dict):
        return replace(action, call=call)
    names = {key: stage.real(config[key]) for key in ("name", "durable_name") if key in config}
    return replace(action, call=call, body=action.body | {"config": config | names})


async def _verb(action: Verb, stage: Stage) -> str:
    plain = action.plain() if isinstance(action, act.OnNodes) else action
    verb = await asyncio.to_thread(stage.lab.resolved, plain.with_nodes(stage.nodes))
    if isinstance(action, act.OnNodes) and action.as_:
        stage.nodes[action.as_] = tuple(node.name for node in verb.nodes(stage.topology))
    if not verb.lasting:
        seen = (await asyncio.to_thread(stage.lab.do, verb)).seen
        await stage.look()
        return seen
    done = await make(stage, lambda now: verb.wanted(now, stage.topology))
    if done.nothing:
        raise LabError("nothing changed: that is already in force")
    return show.change(done)


async def _upgrade(action: act.Upgrade, stage: Stage) -> str:
    for name in action.nodes:
        await asyncio.to_thread(stage.lab.upgrade, name, action.to)
    await stage.look()
    return ""


# --- messages ---


async def _publish(action: act.Publish, stage: Stage) -> str:
    bodies = [action.body if action.count == 1 else f"{action.body} {n}" for n in range(1, action.count + 1)]
    headers = {"Nats-Msg-Id": action.id} if action.id else None
    name = action.as_ or f"publish {len(stage.sent) + 1}"
    try:
        async with stage.connect(action.in_) as session:

            async def one(number: int, body: str) -> Any:
                ids = {"Nats-Msg-Id": f"{action.id}-{number}"} if action.id and action.count > 1 else headers
                return await send(session, action.in_, action.subject, body, action.timeout, ids)

            if action.together:
                sent = list(await asyncio.gather(*(one(n, body) for n, body in enumerate(bodies, 1))))
            else:
                sent = [await one(n, body) for n, body in enumerate(bodies, 1)]
    except NatsError as error:
        sent = [unsent(action.in_, body, error.message) for body in bodies]
    stage.sent[name] = stage.sent.get(name, []) + sent
    stage.latest = name
    return show.sent(sent)


async def _traffic(action: act.Traffic, stage: Stage) -> str:
    stage.traffic[action.as_] = traffic.start(stage, action)
    return ""


async def _stop_traffic(action: act.StopTraffic, stage: Stage) -> str:
    sent = await traffic.stop(stage.traffic[action.of])
    return show.counts(sent)


async def _consume(action: act.Consume, stage: Stage) -> str:
    stream = action.stream or stage.layout.virtual_name
    try:
        async with stage.connect(action.in_) as session:
            got = await _fetch(session, stream, action, stage)
    except NatsError as error:
        stage.fetched[action.as_] = error.message
        return error.message
    stage.fetched[action.as_] = [(delivery.entry.origin, delivery.delivery) for delivery in got]
    return show.delivered([delivery.entry for delivery in got])


async def _fetch(session: Session, stream: str, action: act.Consume, stage: Stage) -> list[consumers.Delivery]:
    """Each is acknowledged. Messages of probes do not count."""
    name, deadline = stage.real(action.consumer), time.monotonic() + action.within
    got: list[consumers.Delivery] = []
    while (wanted := action.count - len(got)) > 0 and (left := deadline - time.monotonic()) > 0:
        came = await consumers.fetch(session, stream, name, wanted, left)
        for delivery in came:
            await consumers.acknowledge(session, delivery)
        got += [delivery for delivery in came if not stage.of_probe(delivery.entry.subject)]
        if len(came) < wanted:
            break
    return got


# --- the API ---


async def _create_consumer(action: act.CreateConsumer, stage: Stage) -> str:
    """Under a name that nobody else has. One that is left because this program was killed ends by itself."""
    stream, real = action.stream or stage.layout.copy(action.in_).name, f"{action.name}-{stage.token}"
    config = stage.since_beginning(action.in_, stream) if not action.deliver else {"deliver_policy": action.deliver}
    config |= {"filter_subject": action.filter} if action.filter else {}
    config |= {"metadata": {MARK: stage.token}, "inactive_threshold": LEFT_NS}
    async with stage.connect(action.in_) as session:
        await consumers.create(session, stream, real, config)
    stage.made.append(Made(action.in_, stream, action.name, real))
    return f"created {action.name} on {stream}, where it is called {real}"


async def _delete_consumer(action: act.DeleteConsumer, stage: Stage) -> str:
    stream = action.stream or stage.layout.copy(action.in_).name
    async with stage.connect(action.in_) as session:
        await consumers.delete(session, stream, stage.real(action.name))
    stage.made = [made for made in stage.made if (made.stream, made.name) != (stream, action.name)]
    return f"deleted {action.name} of {stream}"


async def _request(action: act.Request, stage: Stage) -> str:
    try:
        async with stage.connect(action.in_) as session:
            body = await session.api(action.call, action.body or None, action.timeout)
        stage.answers[action.as_] = Answer(0, body, "")
    except ApiError as error:
        stage.answers[action.as_] = Answer(error.code, {}, error.message)
    except NatsError as error:
        stage.answers[action.as_] = Answer(None, {}, error.message)
    return show.answer(stage.answers[action.as_])


async def _purge(action: act.Purge, stage: Stage) -> str:
    async with stage.connect(action.in_) as session:
        purged = (await session.api(f"STREAM.PURGE.{action.stream}"))["purged"]
    return f"purged {purged} messages from {action.stream}"


# --- looking and waiting ---


async def _wait(action: act.Wait, stage: Stage) -> str:
    await asyncio.sleep(action.seconds)
    return ""


async def _view(action: act.View, stage: Stage) -> str:
    return show.side_by_side(await stage.held(action.in_), action.last)


async def _compare(action: act.Compare, stage: Stage) -> str:
    from lab.observe.comparison import compare
    from lab.view import comparison

    held = await stage.held(stage.topology.regions, written=True)
    return comparison(compare(held.regions, held.written))


async def _probe(action: act.Probe, stage: Stage) -> str:
    from lab.observe import availability

    return show.matrix(await availability.matrix(stage.observation, prepared=True))


_DO: dict[type, Callable[[Any, Stage], Awaitable[str]]] = {
    act.Publish: _publish,
    act.Wait: _wait,
    act.CreateConsumer: _create_consumer,
    act.DeleteConsumer: _delete_consumer,
    act.Consume: _consume,
    act.Request: _request,
    act.Purge: _purge,
    act.Traffic: _traffic,
    act.StopTraffic: _stop_traffic,
    act.Upgrade: _upgrade,
    act.View: _view,
    act.Compare: _compare,
    act.Probe: _probe,
}


async def tidy(stage: Stage) -> None:
    """Take away what the scenario made: traffic, consumers, ghosts of probes. Never raises for what the lab does."""
    from lab.observe.availability import ghost_stream

    for background in stage.traffic.values():
        await traffic.stop(background)
    calls = [(made.region, f"CONSUMER.DELETE.{made.stream}.{made.real}") for made in stage.made]
    calls += [(region, f"STREAM.DELETE.{ghost_stream(region)}") for region in stage.topology.regions]

    async def one(region: str, call: str) -> None:
        try:
            async with stage.connect(region) as session:
                await session.api(call, timeout=TIDY_TIMEOUT_S)
        except NatsError:
            return

    await asyncio.gather(*(one(region, call) for region, call in calls))
