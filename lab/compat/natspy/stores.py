"""Calls of nats-py on a key-value bucket and an object store of their own, which are no part of the virtual stream."""

from typing import Any

from nats.js.errors import KeyWrongLastSequenceError, NotFoundError

from lab.compat.natspy.place import Place, Untrue, call
from lab.compat.values import BUCKET, OBJECTS


async def _bucket(at: Place, **options: Any) -> Any:
    name = at.new_name()
    made = await at.js.create_key_value(bucket=name, **options)
    await at.heard_of_stream(f"$KV.{name}.key")
    return made


async def _store(at: Place) -> tuple[str, Any]:
    name = at.new_name()
    made = await at.js.create_object_store(name)
    await at.heard_of_stream(f"$O.{name}.M.object")
    return name, made


@call(BUCKET, "js.create_key_value(), js.key_value(), kv.put(), kv.get()")
async def put_and_get(at: Place) -> str:
    made = await _bucket(at)
    bucket = await at.js.key_value((await made.status()).bucket)
    revision = await bucket.put("key", b"value")
    found = await bucket.get("key")
    if (found.value, found.revision) != (b"value", revision):
        raise Untrue("another value was read")
    return ""


@call(BUCKET, "kv.create(), kv.update(last=…)")
async def create_and_update(at: Place) -> str:
    bucket = await _bucket(at)
    first = await bucket.create("key", b"1")
    await bucket.update("key", b"2", last=first)
    try:
        await bucket.update("key", b"3", last=first)
    except KeyWrongLastSequenceError:
        return ""
    raise Untrue("an update of a revision that is gone was accepted")


@call(BUCKET, "kv.keys(), kv.history()")
async def keys_and_history(at: Place) -> str:
    bucket = await _bucket(at, history=5)
    for value in (b"1", b"2"):
        await bucket.put("key", value)
    if await bucket.keys() != ["key"] or [entry.value for entry in await bucket.history("key")] != [b"1", b"2"]:
        raise Untrue("keys or values are missing")
    return ""


@call(BUCKET, "kv.watch()")
async def watch(at: Place) -> str:
    bucket = await _bucket(at)
    watcher = await bucket.watchall()
    await watcher.updates()  # nothing is there yet
    await bucket.put("key", b"1")
    entry = await watcher.updates()
    await watcher.stop()
    if entry is None or entry.key != "key":
        raise Untrue("the change was not seen")
    return ""


@call(BUCKET, "kv.delete(), kv.purge()")
async def delete_and_purge(at: Place) -> str:
    bucket = await _bucket(at)
    for remove in (bucket.delete, bucket.purge):
        await bucket.put("key", b"1")
        await remove("key")
        try:
            await bucket.get("key")
        except NotFoundError:
            continue
        raise Untrue("the key is still there")
    return ""


@call(BUCKET, "js.delete_key_value()")
async def delete_bucket(at: Place) -> str:
    bucket = (await (await _bucket(at)).status()).bucket
    await at.js.delete_key_value(bucket)
    try:
        await at.js.key_value(bucket)
    except NotFoundError:
        return ""
    raise Untrue("the bucket is still there")


@call(OBJECTS, "js.create_object_store(), js.object_store(), os.put(), os.get()")
async def put_and_get_objects(at: Place) -> str:
    name, _ = await _store(at)
    store = await at.js.object_store(name)
    await store.put("object", b"value")
    if (await store.get("object")).data != b"value":
        raise Untrue("another value was read")
    return ""


@call(OBJECTS, "os.list(), os.delete(), js.delete_object_store()")
async def delete_objects(at: Place) -> str:
    name, store = await _store(at)
    await store.put("object", b"value")
    if [info.name for info in await store.list()] != ["object"]:
        raise Untrue("the object is not in the list")
    await store.delete("object")
    if not (await store.get_info("object", show_deleted=True)).deleted:
        raise Untrue("the object is still there")
    await at.js.delete_object_store(name)
    return ""
