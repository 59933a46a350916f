"""The walkthrough's original definitions, which is what differs from `mapped`: the transform that takes the region out
of the subject sits on the copy itself, and nothing allows Direct Get.

From 2.12.3 on servers lose their place in such a stream and source everything again (docs/concepts.md): this layout is
there to show it.
"""

from dataclasses import replace

from lab.layouts.layout import Layout, Stream
from lab.layouts.mapped import mapped
from lab.topology import Topology


def seed(topology: Topology) -> Layout:
    layout = mapped(topology)
    streams = tuple(_copy(layout, stream) if stream.is_copy else _origin(stream) for stream in layout.streams)
    return replace(layout, name="seed", streams=streams)


def _origin(stream: Stream) -> Stream:
    return replace(stream, definition={**stream.definition, "allow_direct": False})


def _copy(layout: Layout, stream: Stream) -> Stream:
    virtual = layout.virtual_name
    original = {
        "subject_transform": {"src": f"{virtual}.*.>", "dest": f"{virtual}.>"},
        "sources": [
            {"name": origin.name, "filter_subject": f"{origin.prefix}.>"} for origin in layout.origins_of(stream.key)
        ],
        "deny_delete": False,
        "deny_purge": False,
        "allow_direct": False,
    }
    kept = {key: value for key, value in stream.definition.items() if key not in original}
    return replace(stream, definition=kept | original)
