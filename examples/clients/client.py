"""A client for nats-py that speaks the lab's client protocol (docs/client-protocol.md)."""

import asyncio
import json
import sys
from importlib.metadata import version

import nats
from nats.errors import Error as ClientError
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NoReply
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError, NoStreamResponseError


def write(**line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


class Client:
    def __init__(self):
        self.connection, self.tasks, self.pending = None, set(), {}

    async def connect(self, servers, name, timeout, user=None, password=None, credentials=None, **_):
        connecting = nats.connect(
            servers,
            name=name,
            user=user,
            password=password,
            user_credentials=credentials,
            dont_randomize=True,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.5,
            ping_interval=5,
            error_cb=log,
        )
        self.connection = await asyncio.wait_for(connecting, timeout / 1000)
        self.js = self.connection.jetstream()

    async def publish(self, subject, body, message_id, timeout, **_):
        if not self.connection.is_connected:  # nats-py would keep it, and send it later
            return {"outcome": "fail", "error": "not connected"}
        try:
            headers = {"Nats-Msg-Id": message_id}
            ack = await self.js.publish(subject, body.encode(), timeout / 1000, headers=headers)
        except (NoStreamResponseError, NoRespondersError):
            return {"outcome": "fail", "error": "no responders"}
        except APIError as error:
            return {"outcome": "fail", "error": f"JetStream {error.err_code}"}
        return {"stream": ack.stream, "sequence": ack.seq, "duplicate": bool(ack.duplicate)}

    async def consume(self, id, kind, stream=None, subject=None, consumer=None, ack_wait=0, bucket=None, **_):
        async def pass_on(message):
            seen = message.metadata
            if kind in ("pull", "push"):
                self.pending[id, seen.sequence.stream] = message
            write(
                consumer=id,
                sequence=seen.sequence.stream,
                subject=message.subject,
                body=message.data.decode(),
                delivery=seen.num_delivered,
            )

        config = ConsumerConfig(
            durable_name=consumer,
            deliver_policy=DeliverPolicy.NEW,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ack_wait / 1000,
            filter_subject=subject,
            max_ack_pending=10_000,
        )
        if kind == "watch":
            watcher = await (await self.js.key_value(bucket)).watchall()
            self.spawn(self.watch(id, watcher))
        elif kind == "ordered":
            new = ConsumerConfig(deliver_policy=DeliverPolicy.NEW)
            await self.js.subscribe(subject, stream=stream, ordered_consumer=True, cb=pass_on, config=new)
        elif kind == "push":
            config.deliver_subject = self.connection.new_inbox()
            info = await self.js.add_consumer(stream, config)
            await self.js.subscribe_bind(stream, info.config, consumer, cb=pass_on, manual_ack=True)
        else:
            await self.js.add_consumer(stream, config)
            self.spawn(self.pull(await self.js.pull_subscribe_bind(consumer, stream), pass_on))

    async def pull(self, subscription, pass_on):
        while True:
            try:
                for message in await subscription.fetch(50, timeout=5):
                    await pass_on(message)
            except NoReply:  # nothing came
                continue
            except (ClientError, APIError) as error:
                await log(error)
                await asyncio.sleep(0.5)

    async def watch(self, id, watcher):
        async for entry in watcher:
            if entry:  # None: there is no more for now
                write(consumer=id, sequence=entry.revision, subject=entry.key, body=entry.value.decode())

    async def ack(self, consumer, sequence, timeout, **_):
        await self.pending.pop((consumer, sequence)).ack_sync(timeout / 1000)

    async def disconnect(self, **_):
        for task in self.tasks - {asyncio.current_task()}:
            task.cancel()
        self.pending.clear()
        await self.connection.close()

    async def carry_out(self, id, do, **arguments):
        try:
            done = await getattr(self, do)(id=id, **arguments)
            write(**{"id": id, "outcome": "ok"} | (done or {}))
        except (NoReply, ClientError) as error:
            write(id=id, outcome="unknown", error=type(error).__name__)
        except Exception as error:
            write(id=id, outcome="fail", error=f"{type(error).__name__}: {error}")

    def spawn(self, work):
        self.tasks.add(task := asyncio.create_task(work))
        task.add_done_callback(self.tasks.discard)

    async def run(self):
        kinds = ["pull", "push", "ordered", "watch"]
        write(client=f"nats-py {version('nats-py')}", protocol=1, consumers=kinds)
        lines = asyncio.StreamReader(limit=1 << 20)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        while line := await lines.readline():
            self.spawn(self.carry_out(**json.loads(line)))


async def log(error):
    print(f"{type(error).__name__}: {error}", file=sys.stderr)


if __name__ == "__main__":
    asyncio.run(Client().run())
