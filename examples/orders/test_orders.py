"""Two mistakes that an ordinary test lets pass, and a split brain does not."""

import asyncio
from contextlib import nullcontext
from uuid import uuid4

import pytest
from orders import Bookkeeper, bookings, open_ledger, place


class AcknowledgesFirst(Bookkeeper):
    """What is acknowledged does not come again, booked or not."""

    async def handle(self, message):
        await message.ack()
        await self.book(message.data.decode())


class BooksWithoutAnId(Bookkeeper):
    """The ledger cannot tell a repeated booking from a new one."""

    async def book(self, order):
        await self.client.jetstream().publish(f"ledger.{order}", timeout=1)


def mistaken(bookkeeper):
    return pytest.param(bookkeeper, marks=pytest.mark.xfail(strict=True, raises=AssertionError))


async def booked(lab, bookkeeper, fault):
    """How often an order is booked that is placed in central during a fault; the ledger is in west."""
    async with await lab.connect("west") as west, await lab.connect("central") as central:
        await open_ledger(west, "west")
        clerk, order = bookkeeper(central, "central"), uuid4().hex
        await clerk.open()
        with fault():
            await place(central, order)
            await clerk.work(idle=1)
        await asyncio.to_thread(lab.hasten)
        await clerk.work(idle=2.5)
        return await bookings(west, order)


@pytest.mark.parametrize("bookkeeper", [Bookkeeper, AcknowledgesFirst, BooksWithoutAnId])
def test_an_order_is_booked_once(lab, bookkeeper):
    """The mistakes do not show."""
    assert asyncio.run(booked(lab, bookkeeper, nullcontext)) == 1


@pytest.mark.parametrize("bookkeeper", [Bookkeeper, mistaken(AcknowledgesFirst)])
def test_no_order_is_forgotten(lab, bookkeeper):
    """Central and west go on without each other: central takes the order, and cannot book it now."""
    assert asyncio.run(booked(lab, bookkeeper, lambda: lab.cut("central", "west", reject=True))) == 1


@pytest.mark.parametrize("bookkeeper", [Bookkeeper, mistaken(BooksWithoutAnId)])
def test_no_order_is_booked_twice(lab, bookkeeper):
    """West hears central and books; central does not hear that it did."""
    assert asyncio.run(booked(lab, bookkeeper, lambda: lab.cut("west->central"))) == 1
