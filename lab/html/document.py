"""The frame of every page of the lab: one file that needs nothing but itself; pure."""

from collections.abc import Sequence

from lab.html import style
from lab.html.markup import escape, tag


def document(heading: str, body: str, data: str = "{}") -> str:
    """The whole page around a body of markup. `data` is JSON for the script, which shows numbers under the pointer."""
    looks = style.flat(style.COLOURS + style.PAGE + style.DRAWING)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(heading)}</title><style>{looks}</style></head>"
        f'<body><svg width="0" height="0" style="position:absolute" aria-hidden="true">{style.PATTERNS}</svg>'
        f'{body}<div id="tip" aria-hidden="true"></div>'
        f'<script type="application/json" id="data">{data}</script>'
        f"<script>{style.SCRIPT.strip()}</script></body></html>\n"
    )


def section(name: str, heading: str, how: str, *content: str) -> str:
    """A part of a page: its heading, a sentence or two that tell how to read it, and what there is to read."""
    lead = tag("p", escape(how), class_="how") if how else ""
    return tag("section", tag("h2", escape(heading)) + lead + "".join(content), id=name)


def bullets(texts: Sequence[str]) -> str:
    return tag("ul", "".join(tag("li", escape(text)) for text in texts)) if texts else ""
