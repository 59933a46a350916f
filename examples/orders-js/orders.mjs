// Orders come in everywhere; a bookkeeper in each region books them in one ledger.
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";

const BOOKING_MS = 1000, REDELIVERY_NS = 1.5e9;

// The ledger is in one region: there is one order of bookings.
export async function openLedger(client, region) {
  const manager = await jetstreamManager(client);
  await manager.streams.add({ name: "LEDGER", subjects: ["ledger.>"], placement: { cluster: region } });
}

// Returns when the order is stored in the client's region.
export async function place(client, order) {
  await jetstream(client).publish(`foo.orders.${order}`, order, { msgID: order });
}

// How often the ledger has an order.
export async function bookings(client, order) {
  const manager = await jetstreamManager(client);
  const { state } = await manager.streams.info("LEDGER", { subjects_filter: `ledger.${order}` });
  return state.subjects?.[`ledger.${order}`] ?? 0;
}

// Books the orders of one region's copy of the stream, each exactly once.
export class Bookkeeper {
  constructor(client, region) {
    this.client = client;
    this.stream = `foo-read-${region}`;
    this.js = jetstream(client, { timeout: BOOKING_MS });
  }

  // Ask for a consumer, for which the meta leader is needed; afterwards the region can work alone.
  async open() {
    const manager = await jetstreamManager(this.client);
    const info = await manager.consumers.add(this.stream, {
      durable_name: "bookkeeper",
      deliver_policy: DeliverPolicy.New,
      ack_policy: AckPolicy.Explicit,
      ack_wait: REDELIVERY_NS,
      filter_subject: "foo.orders.*",
    });
    this.orders = this.js.consumers.getConsumerFromInfo(info);
  }

  // Book what comes, until nothing has come for so many milliseconds. What cannot be booked now comes again.
  async work(idle) {
    for (;;) {
      const message = await this.orders.next({ expires: idle });
      if (!message) return;
      try {
        await this.handle(message);
      } catch {
        return; // the ledger does not answer: try again later
      }
    }
  }

  async handle(message) {
    await this.book(message.string());
    await message.ackAck();
  }

  // Repeating it changes nothing: the ledger knows the order's id.
  async book(order) {
    await this.js.publish(`ledger.${order}`, "", { msgID: `booking-${order}` });
  }
}
