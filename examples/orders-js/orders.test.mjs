// Two mistakes that an ordinary test lets pass, and a split brain does not.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { connect, during, lab } from "./lab.mjs";
import { Bookkeeper, bookings, openLedger, place } from "./orders.mjs";

// What is acknowledged does not come again, booked or not.
class AcknowledgesFirst extends Bookkeeper {
  async handle(message) {
    await message.ackAck();
    await this.book(message.string());
  }
}

// The ledger cannot tell a repeated booking from a new one.
class BooksWithoutAnId extends Bookkeeper {
  async book(order) {
    await this.js.publish(`ledger.${order}`);
  }
}

// Central and west go on without each other: central takes the order, and cannot book it now.
const parted = (work) => during(["cut", "central", "west", "--reject"], work);
// West hears central and books; central does not hear that it did.
const deaf = (work) => during(["cut", "west->central"], work);
const undisturbed = (work) => work();

// How often an order is booked that is placed in central during a fault; the ledger is in west.
async function booked(Kind, fault) {
  const [west, central] = await Promise.all([connect("west"), connect("central")]);
  try {
    await openLedger(west, "west");
    const clerk = new Kind(central, "central");
    await clerk.open();
    const order = randomUUID();
    await fault(async () => {
      await place(central, order);
      await clerk.work(1000);
    });
    await clerk.work(2500);
    return await bookings(west, order);
  } finally {
    await Promise.all([west.close(), central.close()]);
  }
}

before(() => lab("up"));
after(() => lab("down"));

for (const Kind of [Bookkeeper, AcknowledgesFirst, BooksWithoutAnId]) {
  test(`${Kind.name}: an order is booked once`, async () => assert.equal(await booked(Kind, undisturbed), 1));
}

test("Bookkeeper: no order is forgotten", async () => assert.equal(await booked(Bookkeeper, parted), 1));
test("Bookkeeper: no order is booked twice", async () => assert.equal(await booked(Bookkeeper, deaf), 1));

// The mistakes, which the tests above would find:
test("AcknowledgesFirst forgets an order", async () => assert.equal(await booked(AcknowledgesFirst, parted), 0));
test("BooksWithoutAnId books an order again", async () => assert.ok((await booked(BooksWithoutAnId, deaf)) > 1));
