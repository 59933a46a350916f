// A client for @nats-io/jetstream that speaks the lab's client protocol (docs/client-protocol.md).
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import * as js from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { connect, createInbox, credsAuthenticator } from "@nats-io/transport-node";

const pending = new Map(); // deliveries to be acknowledged, by consumer and sequence
let connection, stream, connected;

const write = (line) => process.stdout.write(JSON.stringify(line) + "\n");

const requests = {
  async connect({ servers, name, timeout, user, password: pass, credentials }) {
    connection = await connect({
      servers: servers.map((server) => server.replace("nats://", "")),
      name,
      timeout,
      user,
      pass,
      ...(credentials && { authenticator: credsAuthenticator(await readFile(credentials)) }),
      noRandomize: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 500,
      pingInterval: 5000,
    });
    stream = js.jetstream(connection);
    connected = true;
    follow(connection);
  },

  async publish({ subject, body, message_id, timeout }) {
    if (!connected) return { outcome: "fail", error: "not connected" }; // nats.js would keep it, and send it later
    try {
      const ack = await stream.publish(subject, body, { msgID: message_id, timeout, retries: 1 });
      return { stream: ack.stream, sequence: ack.seq, duplicate: ack.duplicate };
    } catch (error) {
      // nats.js calls that a server without JetStream.
      if (error.cause?.isNoResponders?.()) return { outcome: "fail", error: "no responders" };
      if (error instanceof js.JetStreamApiError) return { outcome: "fail", error: `JetStream ${error.code}` };
      return { outcome: "unknown", error: error.name };
    }
  },

  async consume({ id, kind, stream: name, subject, consumer: durable, ack_wait, bucket }) {
    if (kind === "watch") {
      const entries = await (await new Kvm(stream).open(bucket)).watch();
      pass(entries, (entry) => write({ consumer: id, sequence: entry.revision, subject: entry.key, body: entry.string() }));
      return;
    }
    const passOn = (message) => {
      if (kind !== "ordered") pending.set(`${id} ${message.seq}`, message);
      const { subject, seq: sequence } = message;
      write({ consumer: id, sequence, subject, body: message.string(), delivery: message.info.deliveryCount });
    };
    if (kind === "ordered") {
      const ordered = { filter_subjects: subject, deliver_policy: js.DeliverPolicy.New };
      const consumer = await stream.consumers.get(name, ordered);
      pass(await consumer.consume(), passOn);
      return;
    }
    const manager = await js.jetstreamManager(connection);
    const info = await manager.consumers.add(name, {
      durable_name: durable,
      deliver_policy: js.DeliverPolicy.New,
      ack_policy: js.AckPolicy.Explicit,
      ack_wait: ack_wait * 1e6,
      filter_subject: subject,
      max_ack_pending: 10000,
      ...(kind === "push" && { deliver_subject: createInbox() }),
    });
    const { consumers } = stream;
    const consumer = kind === "push" ? await consumers.getPushConsumer(name, durable) : consumers.getConsumerFromInfo(info);
    pass(await consumer.consume(), passOn);
  },

  async ack({ consumer, sequence, timeout }) {
    const key = `${consumer} ${sequence}`;
    const message = pending.get(key);
    if (!message) return { outcome: "fail", error: "no such delivery" };
    pending.delete(key);
    if (!(await message.ackAck({ timeout }))) return { outcome: "unknown", error: "not confirmed" };
  },

  async disconnect() {
    pending.clear();
    await connection.close();
  },
};

async function follow(connection) {
  for await (const { type } of connection.status()) {
    if (type === "disconnect") connected = false;
    if (type === "reconnect") connected = true;
  }
}

async function pass(messages, passOn) {
  try {
    for await (const message of messages) passOn(message);
  } catch (error) {
    console.error("a consumer ended:", error);
  }
}

write({ client: "@nats-io/jetstream 3.4.0", protocol: 1, consumers: ["pull", "push", "ordered", "watch"] });
const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const { do: what, id, ...request } = JSON.parse(line);
  requests[what]({ id, ...request }).then(
    (done) => write({ id, outcome: "ok", ...done }),
    (error) => write({ id, outcome: "fail", error: String(error) }),
  );
});
lines.on("close", () => process.exit());
