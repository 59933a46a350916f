// The calls of nats.js, `@nats-io/jetstream` 3, on the virtual stream. The lab runs this in a folder whose node_modules
// has the package: one line of JSON comes in, one for each call goes out, as `Answer` in lab/compat/values.py has it.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as jetstream from "@nats-io/jetstream";
import { connect, createInbox, credsAuthenticator } from "@nats-io/transport-node";

const ANSWER_MS = 5000, ARRIVES_MS = 5000, LONGEST_MS = 30000, WAIT_MS = 3000; // the first is the library's own default
const STREAM = "Stream", MESSAGES = "Single messages", PUBLISH = "Publish", PULL = "Pull consumers";
const PUSH = "Push consumers", MANAGE = "Managing consumers", ACK = "Acknowledging", BUCKET = "Key-value bucket of its own";
const OBJECTS = "Object store of its own";

class Untrue extends Error {} // no error came, and what the call should have done is not so
class NotTried extends Error {} // why a call is not made

const write = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const input = await new Promise((resolve) => process.stdin.once("data", resolve));
const at = JSON.parse(input);
const connection = await connect({
  servers: at.servers,
  user: at.user,
  pass: at.password,
  ...(at.credentials && { authenticator: credsAuthenticator(await readFile(at.credentials)) }),
});
const js = jetstream.jetstream(connection);
const jsm = await jetstream.jetstreamManager(connection);
const optional = async (name) => import(name).catch(() => { throw new NotTried(`the package \`${name}\` is not there`); });

// --- what is so, asked by the real name ---

let number = 0;
const newName = () => `${at.mark}-js${number++}`;
const newSubject = () => `${at.prefix}.js${number++}`;
const marked = (config) => ({ description: at.mark, ...config });

async function api(call, body) {
  const answer = await connection.request(`$JS.API.${call}`, body ? JSON.stringify(body) : undefined, { timeout: ARRIVES_MS });
  return answer.json();
}

async function existing(config = {}) {
  const name = newName();
  const whole = marked({ name, durable_name: name, ack_policy: "explicit", filter_subject: at.every_seed, ...config });
  const { error } = await api(`CONSUMER.CREATE.${at.stream}.${name}`, { stream_name: at.stream, config: whole });
  if (error) throw new NotTried(`a consumer to try it on could not be made: ${error.description}`);
  if (!config.deliver_subject) await heardOf(name);
  return name;
}

// Whether this server knows who answers a pull consumer that was just made (docs/findings.md).
const heardOf = (consumer) => until(
  () => connection.request(`$JS.API.CONSUMER.MSG.NEXT.${at.stream}.${consumer}`, "{", { timeout: ANSWER_MS }).then(() => true, () => false),
  "nobody answers for the consumer",
);

const state = (consumer) => api(`CONSUMER.INFO.${at.stream}.${consumer}`);
const last = async (subject) => (await api(`STREAM.MSG.GET.${at.stream}`, { last_by_subj: subject })).message;

async function until(isTrue, otherwise) {
  for (const end = Date.now() + ARRIVES_MS; Date.now() < end; await sleep(50)) {
    const found = await isTrue();
    if (found) return found;
  }
  throw new Untrue(otherwise);
}

const arrived = (subject) => until(() => last(subject), `the message did not arrive in \`${at.stream}\` in time`);

function whole(messages) {
  if (!messages.length) throw new Untrue("no message was delivered");
  const { stream } = messages[0].info;
  const subjects = messages.map((message) => message.subject).sort().join();
  if (stream === at.stream && subjects !== [...at.seeds].sort().join()) {
    throw new Untrue(`${messages.length} of ${at.seeds.length} messages were delivered`);
  }
  return stream;
}

// All the seeds; of another stream, what it has.
async function taken(messages) {
  const found = [];
  const timer = setTimeout(() => messages.stop(), ANSWER_MS);
  for await (const message of messages) {
    found.push(message);
    if (message.info.stream !== at.stream || found.length === at.seeds.length) break;
  }
  clearTimeout(timer);
  return whole(found);
}

async function listed(lister) {
  const found = [];
  for await (const each of lister) found.push(each);
  return found;
}

function inList(names) {
  if (names.includes(at.virtual)) return at.virtual;
  throw new Untrue(`\`${at.virtual}\` is not in the list`);
}

async function known() {
  const subject = at.seeds.find((seed) => !seed.endsWith(`.${at.region}`)) ?? at.seeds[0];
  return { subject, seq: (await arrived(subject)).seq };
}

function same(message, { subject, seq }) {
  if (!message) throw new Untrue("no message was found");
  const stream = message.stream ?? at.stream; // which the server tells with Direct Get only
  if (stream === at.stream && (message.subject !== subject || message.seq !== seq)) {
    throw new Untrue(`message ${message.seq} on \`${message.subject}\` came instead of ${seq} on \`${subject}\``);
  }
  return stream;
}

const published = async (options) => (await js.publish(newSubject(), "x", options)).stream;

// --- the calls: group, name, what makes it, whether it writes ---

const calls = [
  [STREAM, "jsm.streams.info(name)", async () => {
    const info = await jsm.streams.info(at.virtual);
    if (info.state.messages < at.seeds.length) throw new Untrue(`it says that the stream has ${info.state.messages} messages`);
    return info.config.name;
  }],
  [STREAM, "jsm.streams.info(name, {subjects_filter})", async () => {
    const info = await jsm.streams.info(at.virtual, { subjects_filter: at.every_seed });
    const count = Object.keys(info.state.subjects ?? {}).length;
    if (info.config.name === at.stream && count !== at.seeds.length) throw new Untrue(`it has ${count} of ${at.seeds.length} subjects`);
    return info.config.name;
  }],
  [STREAM, "js.streams.get(name)", async () => (await (await js.streams.get(at.virtual)).info()).config.name],
  [STREAM, "stream.best()", async () => (await (await js.streams.get(at.virtual)).best()).name],
  [STREAM, "stream.alternates()", async () => {
    await (await js.streams.get(at.virtual)).alternates();
    return "";
  }],
  [STREAM, "jsm.streams.find(subject)", () => jsm.streams.find(at.every_seed)],
  [STREAM, 'jsm.streams.find(name + ".>")', () => jsm.streams.find(`${at.virtual}.>`)],
  [STREAM, "jsm.streams.names()", async () => inList(await listed(jsm.streams.names()))],
  [STREAM, "jsm.streams.list()", async () => inList((await listed(jsm.streams.list())).map((info) => info.config.name))],
  [STREAM, "jsm.streams.add(the same definition)", async () => {
    if (at.virtual !== at.stream) throw new NotTried(`it would define a stream \`${at.virtual}\` beside the lab's`);
    return (await jsm.streams.add((await jsm.streams.info(at.virtual)).config)).config.name;
  }],
  [STREAM, "jsm.streams.update(name, {})", async () => (await jsm.streams.update(at.virtual, {})).config.name],
  [STREAM, "jsm.streams.purge(name, {filter})", async () => {
    const subject = newSubject();
    await js.publish(subject, "to be purged");
    await arrived(subject);
    await jsm.streams.purge(at.virtual, { filter: subject });
    await until(async () => !(await last(subject)), "the message is still there");
    return at.stream;
  }],
  [STREAM, "jsm.streams.delete(name)", async () => { throw new NotTried("it would delete your messages"); }],
  [STREAM, "jsm.getAccountInfo()", async () => {
    if (!(await jsm.getAccountInfo()).streams) throw new Untrue("it says that the account has no streams");
    return "";
  }],

  [MESSAGES, "jsm.streams.getMessage(name, {seq})", async () => {
    const message = await known();
    return same(await jsm.streams.getMessage(at.virtual, { seq: message.seq }), message);
  }],
  [MESSAGES, "jsm.streams.getMessage(name, {last_by_subj})", async () => {
    const message = await known();
    return same(await jsm.streams.getMessage(at.virtual, { last_by_subj: message.subject }), message);
  }],
  [MESSAGES, "jsm.streams.getMessage(name, {seq, next_by_subj})", async () => {
    const message = await known();
    return same(await jsm.streams.getMessage(at.virtual, { seq: 1, next_by_subj: message.subject }), message);
  }],
  [MESSAGES, "stream.getMessage({seq})", async () => {
    const message = await known();
    return same(await (await js.streams.get(at.virtual)).getMessage({ seq: message.seq }), message);
  }],
  [MESSAGES, "jsm.direct.getMessage(name, {seq})", async () => {
    const message = await known();
    return same(await jsm.direct.getMessage(at.virtual, { seq: message.seq }), message);
  }],
  [MESSAGES, "jsm.direct.getMessage(name, {last_by_subj})", async () => {
    const message = await known();
    return same(await jsm.direct.getMessage(at.virtual, { last_by_subj: message.subject }), message);
  }],
  [MESSAGES, "jsm.direct.getMessage(name, {seq, next_by_subj})", async () => {
    const message = await known();
    return same(await jsm.direct.getMessage(at.virtual, { seq: 1, next_by_subj: message.subject }), message);
  }],
  [MESSAGES, "jsm.direct.getBatch(name, {seq, batch})", async () => {
    const message = await known();
    const found = await listed(await jsm.direct.getBatch(at.virtual, { seq: message.seq, batch: 1 }));
    return same(found[0], message);
  }],
  [MESSAGES, "jsm.direct.getLastMessagesFor(name, {multi_last})", async () => {
    const found = await listed(await jsm.direct.getLastMessagesFor(at.virtual, { multi_last: at.seeds }));
    const stream = found[0]?.stream ?? at.stream;
    if (stream === at.stream && found.length !== at.seeds.length) throw new Untrue(`${found.length} of ${at.seeds.length} messages came`);
    return stream;
  }],
  [MESSAGES, "jsm.streams.deleteMessage(name, seq)", async () => {
    const subject = newSubject();
    await js.publish(subject, "to be deleted");
    const { seq } = await arrived(subject);
    if ((await jsm.streams.getMessage(at.virtual, { seq }))?.subject !== subject) {
      throw new NotTried("the name leads to another message, which is yours");
    }
    await jsm.streams.deleteMessage(at.virtual, seq);
    await until(async () => !(await last(subject)), "the message is still there");
    return at.stream;
  }],

  [PUBLISH, "js.publish(subject)", async () => {
    const subject = newSubject();
    const { stream } = await js.publish(subject, "x");
    await arrived(subject);
    return stream;
  }, true],
  [PUBLISH, "js.publish(subject), expect.streamName", () => published({ expect: { streamName: at.virtual } }), true],
  [PUBLISH, "js.publish(subject), msgID", async () => {
    const subject = newSubject(), msgID = newName();
    const first = await js.publish(subject, "x", { msgID });
    const again = await js.publish(subject, "x", { msgID });
    if (first.duplicate || !again.duplicate) throw new Untrue("the second publish of the same id was not taken for a duplicate");
    return again.stream;
  }, true],
  [PUBLISH, "js.publish(subject), expect.lastSequence of streams.info", async () => {
    for (let attempt = 0; ; attempt++) { // others may be publishing
      const { state } = await jsm.streams.info(at.virtual);
      try {
        return await published({ expect: { lastSequence: state.last_seq } });
      } catch (error) {
        if (attempt === 2) throw error;
      }
    }
  }, true],
  [PUBLISH, "js.publish(subject), expect.lastSubjectSequence of getMessage", async () => {
    const subject = newSubject();
    await js.publish(subject, "first", { expect: { lastSubjectSequence: 0 } });
    await arrived(subject);
    const { seq } = await jsm.streams.getMessage(at.virtual, { last_by_subj: subject });
    return (await js.publish(subject, "second", { expect: { lastSubjectSequence: seq } })).stream;
  }, true],
  [PUBLISH, "js.publish(subject), ttl", () => published({ ttl: "60s" }), true],
  [PUBLISH, "js.startBatch(subject), batch.commit(subject)", async () => {
    const batch = await js.startBatch(newSubject(), "first");
    return (await batch.commit(newSubject(), "last")).stream;
  }, true],

  [PULL, "js.consumers.get(name, an existing one), next()", async () => {
    const consumer = await js.consumers.get(at.virtual, await existing({ filter_subject: at.seeds[0] }));
    const message = await consumer.next({ expires: ANSWER_MS });
    if (!message) throw new Untrue("no message was delivered");
    return message.info.stream;
  }],
  [PULL, "js.consumers.get(name, an existing one), fetch()", async () => {
    const consumer = await js.consumers.get(at.virtual, await existing());
    return taken(await consumer.fetch({ max_messages: at.seeds.length, expires: ANSWER_MS }));
  }],
  [PULL, "js.consumers.get(name, an existing one), consume()", async () => {
    return taken(await (await js.consumers.get(at.virtual, await existing())).consume());
  }],
  [PULL, "js.consumers.get(name), ordered, consume()", async () => {
    return taken(await (await js.consumers.get(at.virtual, { filter_subjects: at.every_seed, name_prefix: newName() })).consume());
  }],
  [PULL, "js.consumers.get(name), ordered, fetch()", async () => {
    const consumer = await js.consumers.get(at.virtual, { filter_subjects: at.every_seed, name_prefix: newName() });
    return taken(await consumer.fetch({ max_messages: at.seeds.length, expires: ANSWER_MS }));
  }],
  [PULL, "js.streams.get(name), stream.getConsumer(), ordered, consume()", async () => {
    const stream = await js.streams.get(at.virtual);
    return taken(await (await stream.getConsumer({ filter_subjects: at.every_seed, name_prefix: newName() })).consume());
  }],
  [PULL, "js.streams.get(name), stream.getConsumer(an existing one), consume()", async () => {
    return taken(await (await (await js.streams.get(at.virtual)).getConsumer(await existing())).consume());
  }],

  [PUSH, "js.consumers.getPushConsumer(name, an existing one), consume()", async () => {
    const name = await existing({ deliver_subject: createInbox() });
    return taken(await (await js.consumers.getPushConsumer(at.virtual, name)).consume());
  }],
  [PUSH, "js.consumers.getPushConsumer(name), ordered, consume()", async () => {
    const options = { filter_subjects: at.every_seed, name_prefix: newName(), deliver_prefix: createInbox() };
    return taken(await (await js.consumers.getPushConsumer(at.virtual, options)).consume());
  }],
  [PUSH, "js.consumers.getBoundPushConsumer({deliver_subject})", async () => {
    const deliver_subject = createInbox();
    await existing({ deliver_subject });
    return taken(await (await js.consumers.getBoundPushConsumer({ deliver_subject })).consume());
  }],

  [MANAGE, "jsm.consumers.add(name, {durable_name})", async () => {
    return (await jsm.consumers.add(at.virtual, marked({ durable_name: newName(), ack_policy: "explicit" }))).stream_name;
  }],
  [MANAGE, "jsm.consumers.add(name, {durable_name, filter_subject})", async () => {
    const config = marked({ durable_name: newName(), ack_policy: "explicit", filter_subject: at.every_seed });
    return (await jsm.consumers.add(at.virtual, config)).stream_name;
  }],
  [MANAGE, "jsm.consumers.add(name, {durable_name, filter_subjects})", async () => {
    const config = marked({ durable_name: newName(), ack_policy: "explicit", filter_subjects: at.seeds });
    return (await jsm.consumers.add(at.virtual, config)).stream_name;
  }],
  [MANAGE, "jsm.consumers.add(name, {}), ephemeral", async () => {
    return (await jsm.consumers.add(at.virtual, marked({ ack_policy: "explicit" }))).stream_name;
  }],
  [MANAGE, "jsm.consumers.add(name, {deliver_subject}), push", async () => {
    const config = marked({ durable_name: newName(), ack_policy: "explicit", deliver_subject: createInbox() });
    return (await jsm.consumers.add(at.virtual, config)).stream_name;
  }],
  [MANAGE, "jsm.consumers.update(name, consumer, {…})", async () => {
    const name = await existing();
    const info = await jsm.consumers.update(at.virtual, name, { max_ack_pending: 77 });
    await until(async () => (await state(name)).config.max_ack_pending === 77, "the consumer is as it was");
    return info.stream_name;
  }],
  [MANAGE, "jsm.consumers.info(name, consumer)", async () => (await jsm.consumers.info(at.virtual, await existing())).stream_name],
  [MANAGE, "jsm.consumers.list(name)", async () => {
    const name = await existing();
    const found = await listed(jsm.consumers.list(at.virtual));
    if (!found.some((info) => info.name === name)) throw new Untrue("the list lacks a consumer that exists");
    return found[0].stream_name;
  }],
  [MANAGE, "jsm.consumers.pause(name, consumer, until)", async () => {
    const name = await existing();
    await jsm.consumers.pause(at.virtual, name, new Date(Date.now() + 300_000));
    await until(async () => (await state(name)).paused, "the consumer is not paused");
    return at.stream;
  }],
  [MANAGE, "jsm.consumers.resume(name, consumer)", async () => {
    const name = await existing({ pause_until: new Date(Date.now() + 300_000).toISOString() });
    await jsm.consumers.resume(at.virtual, name);
    await until(async () => !(await state(name)).paused, "the consumer is still paused");
    return at.stream;
  }],
  [MANAGE, "stream.resetConsumer(consumer, seq)", async () => {
    const name = await existing({ filter_subject: at.seeds[0] });
    const { seq } = await arrived(at.seeds[0]);
    const consumer = await js.consumers.get(at.stream, name);
    await (await consumer.next({ expires: ANSWER_MS })).ackAck();
    await (await js.streams.get(at.virtual)).resetConsumer(name, seq);
    if (!(await consumer.next({ expires: ANSWER_MS }))) throw new Untrue("the message was not delivered again");
    return at.stream;
  }],
  [MANAGE, "jsm.consumers.unpin(name, consumer, group)", async () => {
    await jsm.consumers.unpin(at.virtual, await existing({ priority_groups: ["g"], priority_policy: "pinned_client" }), "g");
    return "";
  }],
  [MANAGE, "jsm.consumers.delete(name, consumer)", async () => {
    const name = await existing();
    await jsm.consumers.delete(at.virtual, name);
    await until(async () => (await state(name)).error, "the consumer is still there");
    return at.stream;
  }],

  [ACK, "msg.ack()", () => acknowledged(async (message) => message.ack(), settled)],
  [ACK, "msg.ackAck()", () => acknowledged(async (message) => {
    if (!(await message.ackAck({ timeout: ANSWER_MS }))) throw new Untrue("the server did not confirm it");
  }, settled)],
  [ACK, "msg.nak()", () => acknowledged(async (message) => message.nak(), again)],
  [ACK, "msg.nak(milliseconds)", () => acknowledged(async (message) => message.nak(500), again)],
  [ACK, "msg.working()", () => acknowledged(async (message, name, consumer) => {
    if (await consumer.next({ expires: WAIT_MS * 2 / 3 })) throw new Untrue("the message was delivered again too early");
    message.working();
  }, async (name, consumer) => {
    if (await consumer.next({ expires: WAIT_MS * 2 / 3 })) throw new Untrue("the message was delivered again all the same");
  })],
  [ACK, "msg.term()", () => acknowledged(async (message) => message.term(), settled)],

  [BUCKET, "kvm.create(), kvm.open(), kv.put(), kv.get()", async () => {
    const { kv, kvm, name } = await bucket();
    const revision = await kv.put("key", "value");
    const found = await (await kvm.open(name)).get("key");
    if (found?.string() !== "value" || found.revision !== revision) throw new Untrue("another value was read");
    return "";
  }],
  [BUCKET, "kv.create(), kv.update(version)", async () => {
    const { kv } = await bucket();
    const first = await kv.create("key", "1");
    await kv.update("key", "2", first);
    const refused = await kv.update("key", "3", first).then(() => false, () => true);
    if (!refused) throw new Untrue("an update of a revision that is gone was accepted");
    return "";
  }],
  [BUCKET, "kv.keys(), kv.history()", async () => {
    const { kv } = await bucket({ history: 5 });
    await kv.put("key", "1");
    await kv.put("key", "2");
    const keys = await listed(await kv.keys());
    const values = (await listed(await kv.history({ key: "key" }))).map((entry) => entry.string());
    if (keys.join() !== "key" || values.join() !== "1,2") throw new Untrue("keys or values are missing");
    return "";
  }],
  [BUCKET, "kv.watch()", async () => {
    const { kv } = await bucket();
    const watch = await kv.watch();
    const timer = setTimeout(() => watch.stop(), ANSWER_MS);
    await kv.put("key", "1");
    let seen = false;
    for await (const entry of watch) {
      seen = entry.key === "key";
      break;
    }
    clearTimeout(timer);
    if (!seen) throw new Untrue("the change was not seen");
    return "";
  }],
  [BUCKET, "kv.delete(), kv.purge()", async () => {
    const { kv } = await bucket();
    for (const remove of ["delete", "purge"]) {
      await kv.put("key", "1");
      await kv[remove]("key");
      if ((await kv.get("key"))?.operation === "PUT") throw new Untrue("the key is still there");
    }
    return "";
  }],
  [BUCKET, "kv.destroy()", async () => {
    const { kv, name } = await bucket();
    await kv.destroy();
    if (!(await api(`STREAM.INFO.KV_${name}`)).error) throw new Untrue("the bucket is still there");
    return "";
  }],
  [OBJECTS, "objm.create(), os.putBlob(), os.getBlob()", async () => {
    const { store } = await objects();
    await store.putBlob({ name: "object" }, new TextEncoder().encode("value"));
    if (new TextDecoder().decode(await store.getBlob("object")) !== "value") throw new Untrue("another value was read");
    return "";
  }],
  [OBJECTS, "os.list(), os.delete(), os.destroy()", async () => {
    const { store } = await objects();
    await store.putBlob({ name: "object" }, new TextEncoder().encode("value"));
    const names = (await store.list()).map((info) => info.name);
    if (names.join() !== "object") throw new Untrue("the object is not in the list");
    await store.delete("object");
    if (!(await store.info("object"))?.deleted) throw new Untrue("the object is still there");
    await store.destroy();
    return "";
  }],
];

async function acknowledged(say, look) {
  const name = await existing({ filter_subject: at.seeds[0], ack_wait: WAIT_MS * 1e6 });
  const consumer = await js.consumers.get(at.virtual, name);
  const message = await consumer.next({ expires: ANSWER_MS });
  if (!message) throw new Untrue("no message was delivered");
  await say(message, name, consumer);
  await look(name, consumer);
  return message.info.stream;
}

const settled = (name) => until(async () => (await state(name)).num_ack_pending === 0, "the server still waits for the acknowledgement");

async function again(name, consumer) {
  if (!(await consumer.next({ expires: ANSWER_MS }))) throw new Untrue("the message was not delivered again");
}

async function bucket(options) {
  const { Kvm } = await optional("@nats-io/kv");
  const kvm = new Kvm(js), name = newName();
  return { kvm, name, kv: await kvm.create(name, options) };
}

async function objects() {
  const { Objm } = await optional("@nats-io/obj");
  const name = newName();
  return { name, store: await new Objm(js).create(name) };
}

// A busy machine may have been too slow; what really gets no answer gets none again.
const answered = (run) => run().catch((error) => { if (error.name !== "TimeoutError") throw error; return run(); });

async function attempt([group, call, run, writes = false]) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Untrue(`no answer came within ${LONGEST_MS / 1000} s`)), LONGEST_MS); });
  try {
    return { group, call, writes, stream: await Promise.race([answered(run), late]) };
  } catch (error) {
    if (error instanceof NotTried) return { group, call, writes, skipped: error.message };
    if (error instanceof Untrue) return { group, call, writes, error: `no error, but ${error.message}` };
    return { group, call, writes, error: `${error.name}: ${error.message}`, code: error instanceof jetstream.JetStreamApiError ? error.code : null };
  } finally {
    clearTimeout(timer);
  }
}

const main = createRequire(join(process.cwd(), "calls.mjs")).resolve("@nats-io/jetstream");
write({ version: JSON.parse(await readFile(join(dirname(main), "..", "package.json"))).version });
for (const call of calls) write(await attempt(call));
await connection.close();
write({ done: true });
process.exit();
