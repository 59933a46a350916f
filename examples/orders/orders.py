"""Orders come in everywhere; a bookkeeper in each region books them in one ledger."""

from dataclasses import dataclass

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, Placement, StreamConfig
from nats.js.errors import Error as JetStreamError

BOOKING_S, REDELIVERY_S = 1.0, 1.5


async def open_ledger(client: Client, region: str) -> None:
    """The ledger is in one region: there is one order of bookings."""
    await client.jetstream().add_stream(
        StreamConfig("LEDGER", subjects=["ledger.>"], placement=Placement(cluster=region))
    )


async def place(client: Client, order: str) -> None:
    """Returns when the order is stored in the client's region."""
    await client.jetstream().publish(f"foo.orders.{order}", order.encode(), headers={"Nats-Msg-Id": order})


async def bookings(client: Client, order: str) -> int:
    """How often the ledger has an order."""
    info = await client.jetstream().stream_info("LEDGER", subjects_filter=f"ledger.{order}")
    return (info.state.subjects or {}).get(f"ledger.{order}", 0)


@dataclass
class Bookkeeper:
    """Books the orders of one region's copy of the stream, each exactly once."""

    client: Client
    region: str

    async def open(self) -> None:
        """Ask for a consumer, for which the meta leader is needed; afterwards the region can work alone."""
        config = ConsumerConfig(
            "bookkeeper",
            deliver_policy=DeliverPolicy.NEW,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=REDELIVERY_S,
            filter_subject="foo.orders.*",
        )
        await self.client.jetstream().add_consumer(f"foo-read-{self.region}", config)

    async def work(self, idle: float) -> None:
        """Book what comes, until nothing has come for so many seconds. What cannot be booked now comes again."""
        js = self.client.jetstream()
        orders = await js.pull_subscribe_bind("bookkeeper", f"foo-read-{self.region}")
        while True:
            try:
                (message,) = await orders.fetch(1, timeout=idle)
            except NatsError:  # nothing came
                return
            try:
                await self.handle(message)
            except (NatsError, JetStreamError):
                return  # the ledger does not answer: try again later

    async def handle(self, message: Msg) -> None:
        await self.book(message.data.decode())
        await message.ack()

    async def book(self, order: str) -> None:
        """Repeating it changes nothing: the ledger knows the order's id."""
        await self.client.jetstream().publish(
            f"ledger.{order}", timeout=BOOKING_S, headers={"Nats-Msg-Id": f"booking-{order}"}
        )
