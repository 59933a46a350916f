"""Carries out the actions of a scenario's steps; each returns what it has to show. Raises `LabError` when it could not
do what it should, above all when a fault did not take hold: then nothing that follows would mean anything."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from lab.docker.observation import Observation
from lab.errors import LabError, NatsError
from lab.faults.fault import Fault
from lab.faults.plan import Change
from lab.faults.registry import ordered, present
from lab.faults.verb import Verb
from lab.jetstream import consumers
from lab.jetstream.session import NO_RESPONDERS, ApiError, Session
from lab.scenario import actions as act
from lab.scenario import show, traffic
from lab.scenario.context import Context, Made, send, unsent
from lab.scenario.evidence import Answer
from lab.units import several

TIDY_TIMEOUT_S = 3.0
MARK = "lab.scenario"
LEFT_NS = 24 * 3600 * 10**9


async def perform(action: act.Action, context: Context) -> str:
    if isinstance(action, Verb):
        return await _verb(action, context)
    return await _DO[type(action)](action, context)


# --- faults ---


async def make(context: Context, wanted: Callable[[frozenset[Fault]], frozenset[Fault]]) -> Change:
    """Change the faults. Whether those in force are the ones that the scenario made is looked at first: a node that
    died by itself would be somebody else's experiment."""

    def want(before: Observation) -> frozenset[Fault]:
        _require_own(context, present(before))
        return wanted(present(before))

    done = await asyncio.to_thread(context.lab.make, want)
    context.faults = frozenset(done.in_force)
    await context.look()
    return done


def _require_own(context: Context, now: frozenset[Fault]) -> None:
    strange = ordered(now ^ context.faults)
    if strange:
        raise LabError(f"the faults in force are not those of the scenario: {', '.join(map(str, strange))}")


async def require_own_faults(context: Context) -> None:
    """Raises `LabError` when something else than the scenario changed the faults in force."""
    _require_own(context, present(await context.look()))


def named(action: act.Action, context: Context) -> act.Action:
    """The action as you would type it: with nodes and consumers in place of the names that earlier steps gave them, and
    with message ids that no earlier play has used."""
    if isinstance(action, Verb):
        return action.with_nodes(context.nodes)
    if isinstance(action, act.Publish) and action.id:
        return replace(action, id=f"{action.id}-{context.token}")
    if isinstance(action, act.Request) and action.call.startswith("CONSUMER."):
        return _of_real_consumer(action, context)
    return action


def _of_real_consumer(action: act.Request, context: Context) -> act.Request:
    tokens = action.call.split(".")
    call = ".".join([*tokens[:3], *map(context.real, tokens[3:])])  # `CONSUMER.INFO.<stream>.<consumer>`
    config = action.body.get("config")
    if not isinstance(config, dict):
        return replace(action, call=call)
    names = {key: context.real(config[key]) for key in ("name", "durable_name") if key in config}
    return replace(action, call=call, body=action.body | {"config": config | names})


async def _verb(action: Verb, context: Context) -> str:
    plain = action.plain() if isinstance(action, act.OnNodes) else action
    verb = await asyncio.to_thread(context.lab.resolved, plain.with_nodes(context.nodes))
    if isinstance(action, act.OnNodes) and action.as_:
        context.nodes[action.as_] = tuple(node.name for node in verb.nodes(context.topology))
    if not verb.lasting:
        seen = (await asyncio.to_thread(context.lab.do, verb)).seen
        await context.look()
        return seen
    done = await make(context, lambda now: verb.wanted(now, context.topology))
    if done.nothing:
        raise LabError("nothing changed: that is already in force")
    return show.change(done)


async def _upgrade(action: act.Upgrade, context: Context) -> str:
    for name in action.nodes:
        await asyncio.to_thread(context.lab.upgrade, name, action.to)
    await context.look()
    return ""


# --- messages ---


async def _publish(action: act.Publish, context: Context) -> str:
    bodies = [action.body if action.count == 1 else f"{action.body} {n}" for n in range(1, action.count + 1)]
    headers = {"Nats-Msg-Id": action.id} if action.id else None
    name = action.as_ or f"publish {len(context.sent) + 1}"
    try:
        async with context.connect(action.in_) as session:

            async def one(number: int, body: str) -> Any:
                ids = {"Nats-Msg-Id": f"{action.id}-{number}"} if action.id and action.count > 1 else headers
                return await send(session, action.in_, action.subject, body, action.timeout, ids)

            if action.together:
                sent = list(await asyncio.gather(*(one(n, body) for n, body in enumerate(bodies, 1))))
            else:
                sent = [await one(n, body) for n, body in enumerate(bodies, 1)]
    except NatsError as error:
        sent = [unsent(action.in_, body, error.message) for body in bodies]
    context.sent[name] = context.sent.get(name, []) + sent
    context.latest = name
    return show.sent(sent)


async def _traffic(action: act.Traffic, context: Context) -> str:
    context.traffic[action.as_] = traffic.start(context, action)
    return ""


async def _stop_traffic(action: act.StopTraffic, context: Context) -> str:
    sent = await traffic.stop(context.traffic[action.of])
    return show.counts(sent)


async def _consume(action: act.Consume, context: Context) -> str:
    stream = context.name_of(action.stream) if action.stream else context.layout.virtual_name
    try:
        async with context.connect(action.in_) as session:
            got = await _fetch(session, stream, action, context)
    except NatsError as error:
        context.fetched[action.as_] = error.message
        return error.message
    context.fetched[action.as_] = [(delivery.entry.origin, delivery.delivery) for delivery in got]
    return show.delivered([delivery.entry for delivery in got])


async def _fetch(session: Session, stream: str, action: act.Consume, context: Context) -> list[consumers.Delivery]:
    """Each is acknowledged. Messages of probes do not count."""
    name, deadline = context.real(action.consumer), time.monotonic() + action.within
    got: list[consumers.Delivery] = []
    while (wanted := action.count - len(got)) > 0 and (left := deadline - time.monotonic()) > 0:
        try:
            came = await consumers.fetch(session, stream, name, wanted, left)
        except ApiError as error:
            if error.code != NO_RESPONDERS or not any(made.young for made in context.made if made.real == name):
                raise
            await asyncio.sleep(0.05)
            continue
        for delivery in came:
            await consumers.acknowledge(session, delivery)
        got += [delivery for delivery in came if not context.of_probe(delivery.entry.subject)]
        if len(came) < wanted:
            break
    return got


# --- the API ---


async def _create_consumer(action: act.CreateConsumer, context: Context) -> str:
    """Under a name that nobody else has. One that is left because this program was killed ends by itself."""
    stream, real = _stream(action, context), f"{action.name}-{context.token}"
    config = context.since_beginning(action.in_, stream) if not action.deliver else {"deliver_policy": action.deliver}
    config |= {"filter_subject": action.filter} if action.filter else {}
    config |= {"metadata": {MARK: context.token}, "inactive_threshold": LEFT_NS}
    async with context.connect(action.in_) as session:
        began = time.monotonic()
        await consumers.create(session, stream, real, config)
        context.took.setdefault(action.as_, []).append(time.monotonic() - began)
    context.made.append(Made(action.in_, stream, action.name, real))
    return f"created {action.name} on {stream}, where it is called {real}"


def _stream(action: act.CreateConsumer | act.DeleteConsumer, context: Context) -> str:
    """Its real name: that of the region's own copy unless it is given."""
    return context.name_of(action.stream or context.layout.copy(action.in_).key)


async def _delete_consumer(action: act.DeleteConsumer, context: Context) -> str:
    stream = _stream(action, context)
    async with context.connect(action.in_) as session:
        await consumers.delete(session, stream, context.real(action.name))
    context.made = [made for made in context.made if (made.stream, made.name) != (stream, action.name)]
    return f"deleted {action.name} of {stream}"


async def _request(action: act.Request, context: Context) -> str:
    try:
        async with context.connect(action.in_) as session:
            began = time.monotonic()
            body = await session.api(action.call, action.body or None, action.timeout)
            context.took.setdefault(action.as_, []).append(time.monotonic() - began)
        context.answers[action.as_] = Answer(0, body, "")
    except ApiError as error:
        context.answers[action.as_] = Answer(error.code, {}, error.message)
    except NatsError as error:
        context.answers[action.as_] = Answer(None, {}, error.message)
    return show.answer(context.answers[action.as_])


async def _purge(action: act.Purge, context: Context) -> str:
    async with context.connect(action.in_) as session:
        purged = (await session.api(f"STREAM.PURGE.{context.name_of(action.stream)}"))["purged"]
    return f"purged {several(purged, 'message')} from {action.stream}"


# --- looking and waiting ---


async def _wait(action: act.Wait, context: Context) -> str:
    await asyncio.sleep(action.seconds)
    return ""


async def _view(action: act.View, context: Context) -> str:
    return show.side_by_side(await context.held(action.in_), action.last)


async def _compare(action: act.Compare, context: Context) -> str:
    from lab.observe.comparison import compare
    from lab.view import comparison

    held = await context.held(context.layout.regions, written=True)
    return comparison(compare(held.regions, held.written))


async def _probe(action: act.Probe, context: Context) -> str:
    from lab.observe import availability

    return show.matrix(await availability.matrix(context.observation, prepared=True))


_DO: dict[type, Callable[[Any, Context], Awaitable[str]]] = {
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


async def tidy(context: Context) -> None:
    """Take away what the scenario made: traffic, consumers, ghosts of probes. Never raises for what the lab does."""
    from lab.observe.availability import ghost_stream

    for background in context.traffic.values():
        await traffic.stop(background)
    calls = [(made.region, f"CONSUMER.DELETE.{made.stream}.{made.real}") for made in context.made]
    calls += [(region, f"STREAM.DELETE.{ghost_stream(region)}") for region in context.layout.regions]

    async def one(region: str, call: str) -> None:
        try:
            async with context.connect(region) as session:
                await session.api(call, timeout=TIDY_TIMEOUT_S)
        except NatsError:
            return

    await asyncio.gather(*(one(region, call) for region, call in calls))
