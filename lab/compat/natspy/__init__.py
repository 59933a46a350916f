"""The calls of nats-py: `place.py` has the list and what each needs, the other modules put their calls into it."""

from lab.compat.natspy import acks, consumers, stores, streams
from lab.compat.natspy.place import LISTED, Place, tried
from lab.compat.values import GROUPS

CALLS = sorted(LISTED, key=lambda call: GROUPS.index(call.group))

__all__ = ["CALLS", "Place", "acks", "consumers", "stores", "streams", "tried"]
