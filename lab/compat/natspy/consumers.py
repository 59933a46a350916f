"""Calls of nats-py that make consumers, bind to them or manage them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from nats.errors import TimeoutError as ClientTimeout
from nats.js.api import AckPolicy, DeliverPolicy

from lab.compat.natspy.place import ANSWER_S, Place, Untrue, call, delivers
from lab.compat.values import MANAGE, PULL, PUSH


async def _fetched(at: Place, subscription: Any) -> str:
    """A fetch of one, then of the rest."""
    info = await subscription.consumer_info()
    await at.heard_of(info.stream_name, info.name)
    first = await subscription.fetch(1, timeout=ANSWER_S)
    stream = str(first[0].metadata.stream)
    if stream != at.bench.stream or len(at.bench.seeds) == 1:
        return stream
    rest = await subscription.fetch(len(at.bench.seeds) - 1, timeout=ANSWER_S)
    for message in (*first, *rest):
        await message.ack()
    return await at.whole([*first, *rest])


@call(PULL, "js.pull_subscribe(subject, durable, stream=name)")
async def pull_durable(at: Place) -> str:
    subscription = await at.js.pull_subscribe(at.bench.every_seed, at.new_name(), at.name, at.config())
    return await _fetched(at, subscription)


@call(PULL, "js.pull_subscribe(subject, stream=name)")
async def pull_ephemeral(at: Place) -> str:
    subscription = await at.js.pull_subscribe(at.bench.every_seed, stream=at.name, config=at.config())
    return await _fetched(at, subscription)


@call(PULL, "js.pull_subscribe(subject, durable)")
async def pull_by_subject(at: Place) -> str:
    subscription = await at.js.pull_subscribe(at.bench.every_seed, at.new_name(), config=at.config())
    return await _fetched(at, subscription)


@call(PULL, "js.pull_subscribe(subject, an existing durable, stream=name)")
async def pull_existing(at: Place) -> str:
    name = await at.consumer()
    return await _fetched(at, await at.js.pull_subscribe(at.bench.every_seed, name, at.name))


@call(PULL, "js.pull_subscribe_bind(an existing durable, stream=name)")
async def pull_bind(at: Place) -> str:
    return await _fetched(at, await at.js.pull_subscribe_bind(await at.consumer(), at.name))


@call(PULL, "sub.consumer_info()")
async def pull_info(at: Place) -> str:
    subscription = await at.js.pull_subscribe_bind(await at.consumer(), at.name)
    info = await subscription.consumer_info()
    if info.num_pending != len(at.bench.seeds):
        raise Untrue(f"it says that {info.num_pending} messages are pending")
    return str(info.stream_name)


@call(PULL, 'js.pull_subscribe(name + ".>", durable)')
async def pull_all(at: Place) -> str:
    config = at.config(deliver_policy=DeliverPolicy.LAST)
    subscription = await at.js.pull_subscribe(f"{at.name}.>", at.new_name(), config=config)
    info = await subscription.consumer_info()
    await at.heard_of(info.stream_name, info.name)
    (message,) = await subscription.fetch(1, timeout=ANSWER_S)
    return str(message.metadata.stream)


# --- push ---


async def _delivered(at: Place, subscription: Any) -> str:
    messages = [await subscription.next_msg(ANSWER_S)]
    while messages[0].metadata.stream == at.bench.stream and len(messages) < len(at.bench.seeds):
        try:
            messages.append(await subscription.next_msg(ANSWER_S))
        except ClientTimeout:
            break
    await subscription.unsubscribe()
    return await at.whole(messages)


@call(PUSH, "js.subscribe(subject, stream=name)")
async def push_ephemeral(at: Place) -> str:
    return await _delivered(at, await at.js.subscribe(at.bench.every_seed, stream=at.name, config=at.config()))


@call(PUSH, "js.subscribe(subject, durable=…, stream=name)")
async def push_durable(at: Place) -> str:
    name = at.new_name()
    subscription = await at.js.subscribe(at.bench.every_seed, durable=name, stream=at.name, config=at.config())
    return await _delivered(at, subscription)


@call(PUSH, "js.subscribe(subject, queue=…, stream=name)")
async def push_queue(at: Place) -> str:
    name = at.new_name()
    subscription = await at.js.subscribe(at.bench.every_seed, name, stream=at.name, config=at.config())
    return await _delivered(at, subscription)


@call(PUSH, "js.subscribe(subject, cb=…, durable=…, stream=name)")
async def push_callback(at: Place) -> str:
    """The library acknowledges after the callback."""
    heard: list[Any] = []

    async def hear(message: Any) -> None:
        heard.append(message)

    name = at.new_name()
    await at.js.subscribe(at.bench.every_seed, cb=hear, durable=name, stream=at.name, config=at.config())

    async def acknowledged() -> bool:
        return bool(heard) and (
            str(heard[0].metadata.stream) != at.bench.stream
            or int((await at.state(name))["ack_floor"]["consumer_seq"]) == len(at.bench.seeds)
        )

    await at.until(acknowledged, f"{len(heard)} messages came, and not all were acknowledged")
    return await at.whole(heard)


@call(PUSH, "js.subscribe(subject, ordered_consumer=True, stream=name)")
async def ordered(at: Place) -> str:
    subscription = await at.js.subscribe(at.bench.every_seed, stream=at.name, config=at.config(), ordered_consumer=True)
    return await _delivered(at, subscription)


@call(PUSH, "js.subscribe(subject)")
async def push_by_subject(at: Place) -> str:
    return await _delivered(at, await at.js.subscribe(at.bench.every_seed, config=at.config()))


@call(PUSH, 'js.subscribe(name + ".>")')
async def push_all(at: Place) -> str:
    subscription = await at.js.subscribe(f"{at.name}.>", config=at.config(deliver_policy=DeliverPolicy.LAST))
    message = await subscription.next_msg(ANSWER_S)
    await subscription.unsubscribe()
    return str(message.metadata.stream)


@call(PUSH, "js.subscribe(subject, durable=an existing one, stream=name)")
async def push_existing(at: Place) -> str:
    name = await at.consumer(deliver_subject=at.client.new_inbox())
    return await _delivered(at, await at.js.subscribe(at.bench.every_seed, durable=name, stream=at.name))


@call(PUSH, "js.subscribe_bind(name, config, an existing one)")
async def push_bind(at: Place) -> str:
    name = await at.consumer(deliver_subject=at.client.new_inbox())
    config = (await at.js.consumer_info(at.name, name)).config
    return await _delivered(at, await at.js.subscribe_bind(at.name, config, name))


# --- managing ---


@call(MANAGE, "js.add_consumer(name, consumer's name)")
async def add_consumer(at: Place) -> str:
    info = await at.js.add_consumer(at.name, at.config(name=at.new_name(), ack_policy=AckPolicy.EXPLICIT))
    return str(info.stream_name)


@call(MANAGE, "js.add_consumer(name, consumer's name, filter_subject)")
async def add_filtered_consumer(at: Place) -> str:
    config = at.config(name=at.new_name(), filter_subject=at.bench.every_seed)
    return str((await at.js.add_consumer(at.name, config)).stream_name)


@call(MANAGE, "js.add_consumer(name, durable_name)")
async def add_durable_consumer(at: Place) -> str:
    """Without a name for the consumer it uses the old API, `CONSUMER.DURABLE.CREATE`."""
    return str((await at.js.add_consumer(at.name, at.config(durable_name=at.new_name()))).stream_name)


@call(MANAGE, "js.add_consumer(name) of an existing one, to change it")
async def update_consumer(at: Place) -> str:
    name = await at.consumer()
    config = (await at.js.consumer_info(at.name, name)).config
    info = await at.js.add_consumer(at.name, config, max_ack_pending=77)
    await at.becomes(name, lambda state: state["config"]["max_ack_pending"] == 77, "the consumer is as it was")
    return str(info.stream_name)


@call(MANAGE, "js.consumer_info(name, consumer)")
async def consumer_info(at: Place) -> str:
    return str((await at.js.consumer_info(at.name, await at.consumer())).stream_name)


@call(MANAGE, "js.consumers_info(name)")
async def consumers_info(at: Place) -> str:
    name = await at.consumer()
    found = await at.js.consumers_info(at.name)
    if name not in {info.name for info in found}:
        raise Untrue("the list lacks a consumer that exists")
    return str(found[0].stream_name)


@call(MANAGE, "js.pause_consumer(name, consumer, until)")
async def pause_consumer(at: Place) -> str:
    name = await at.consumer()
    until = (datetime.now(UTC) + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    await at.js.pause_consumer(at.name, name, until)
    await at.becomes(name, lambda state: bool(state.get("paused")), "the consumer is not paused")
    return at.bench.stream


@call(MANAGE, "js.resume_consumer(name, consumer)")
async def resume_consumer(at: Place) -> str:
    until = (datetime.now(UTC) + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    name = await at.consumer(pause_until=until)
    await at.js.resume_consumer(at.name, name)
    await at.becomes(name, lambda state: not state.get("paused"), "the consumer is still paused")
    return at.bench.stream


@call(MANAGE, "js.reset_consumer(name, consumer, seq)")
async def reset_consumer(at: Place) -> str:
    name = await at.consumer()
    first = int((await at.arrived(at.bench.seeds[0]))["seq"])
    subscription = await at.js.pull_subscribe_bind(name, at.bench.stream)
    for message in await subscription.fetch(len(at.bench.seeds), timeout=ANSWER_S):
        await message.ack_sync()
    await at.js.reset_consumer(at.name, name, first)
    if not await delivers(subscription):
        raise Untrue("the messages were not delivered again")
    return at.bench.stream


@call(MANAGE, "js.delete_consumer(name, consumer)")
async def delete_consumer(at: Place) -> str:
    name = await at.consumer()
    await at.js.delete_consumer(at.name, name)

    async def gone() -> bool:
        return not await at.exists(name)

    await at.until(gone, "the consumer is still there")
    return at.bench.stream
