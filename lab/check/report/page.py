"""`report.html`: one page that needs nothing but itself."""

import json
from collections.abc import Sequence

from lab.check.figures import Figures
from lab.check.findings import Verdict
from lab.check.history import SECOND, History
from lab.check.report import logs, sections, words
from lab.check.report.findings import found, servers
from lab.html.document import bullets, document, section
from lab.html.markup import escape, tag
from lab.html.svg import INNER, LEFT, WIDTH, Picture
from lab.html.table import html
from lab.verdict import SYMBOLS

ORDER = (
    "Messages of one origin have one order everywhere; messages of different origins may come in another order in each "
    "region. This is how much they do: of all pairs of messages that both regions hold, the share that stands the "
    "other way round. It is not a violation."
)
NOT_TESTED = (
    "A run can show that something is broken. It cannot show that nothing is: "
    "another run may find what this one did not."
)
AGAIN = "The schedule, the messages and the targets of the faults are the same each time; the servers' timing is not."


def page(
    history: History, verdict: Verdict, figures: Figures, pictures: dict[str, Picture], said: Sequence[logs.Line]
) -> str:
    def drawn(name: str, heading: str, empty: str, *more: str) -> str:
        picture = pictures.get(name)
        if picture is None:
            return section(name, heading, empty, *more)
        return section(name, heading, picture.explained, _figure(picture), *more)

    fates = html(sections.fate_table(figures)) if figures.fates else ""
    probes = html(sections.availability_table(history, figures)) if figures.availability.cells else ""
    body = [
        _top(history, verdict, figures),
        _checked(history, verdict),
        drawn("timeline", "What happened", "Nothing was published.", _faults(history, figures)),
        drawn("convergence", "How far each region was behind", "No stream was read, and the servers were not asked."),
        drawn("fates", "The fate of every message", "No message was published.", fates),
        drawn("visibility", "How soon a message can be read elsewhere", "No message was acknowledged and read."),
        drawn("availability", "What worked, where and when", "Nothing was probed.", probes),
        _order(figures),
        found(history, verdict, said),
        servers(said),
        section("not-tested", "What was not tested", NOT_TESTED, bullets(verdict.not_tested)),
        _again(history),
    ]
    heading = words.headline(history, verdict, figures)
    return document(heading, "".join(body), _data(history, figures, pictures))


def _data(history: History, figures: Figures, pictures: dict[str, Picture]) -> str:
    time = figures.time
    values = {
        "size": WIDTH,
        "left": LEFT,
        "inner": INNER,
        "end": time.end,
        "width": time.width,
        "bins": time.bins,
        "plots": {picture.name: picture.hover for picture in pictures.values() if picture.hover},
        "faults": [
            (fault.what, fault.began / SECOND, None if fault.healed is None else fault.healed / SECOND)
            for fault in history.faults
        ],
    }
    # Inside a script element only `<` could end it.
    return json.dumps(values, separators=(",", ":")).replace("<", "\\u003c")


def _top(history: History, verdict: Verdict, figures: Figures) -> str:
    symbol, word = SYMBOLS[verdict.validity], verdict.validity
    badge = tag("span", f"{symbol} {word}", class_=f"badge {verdict.validity}")
    facts = "".join(tag("span", escape(fact)) for fact in sections.environment(history, figures))
    headline = tag("h1", escape(words.headline(history, verdict, figures)))
    bounds = 'It speaks of this run only: see <a href="#not-tested">what was not tested</a>.'
    lead = tag("p", f"{escape(words.EXPLAINED[verdict.validity])} {bounds}", class_="soft")
    tiles = "".join(tag("div", tag("dt", escape(name)) + tag("dd", escape(value))) for name, value in _tiles(figures))
    return tag("header", tag("div", badge + facts, class_="kicker") + headline + lead) + tag(
        "dl", tiles, class_="tiles"
    )


def _tiles(figures: Figures) -> list[tuple[str, str]]:
    counts = figures.counts
    readers = [fates.region for fates in figures.fates if not fates.problem]
    caught_up = [recovery.region(reader) for recovery in figures.recoveries for reader in readers]
    known = [value for value in caught_up if value is not None]
    longest = None if None in caught_up else max(known, default=float("nan"))
    return [
        ("acknowledged", words.count(counts.acknowledged)),
        ("refused", words.count(counts.refused)),
        ("unknown outcome", words.count(counts.unknown)),
        ("copies read back", words.count(counts.rows)),
        ("faults proven", f"{counts.proven} of {counts.faults}"),
        ("longest catching up", words.seconds(longest)),
    ]


def _figure(picture: Picture) -> str:
    scrolled = tag(
        "div", picture.svg(), class_="wide", tabindex="0", role="region", aria_label=f"{picture.heading}, drawing"
    )
    return tag("figure", scrolled)


def _checked(history: History, verdict: Verdict) -> str:
    if not verdict.findings:
        return section("checked", "What was checked", "Nothing: no checker had anything to look at.")
    how = (
        "A number is how many things were looked at. ✓ held, ✗ did not, ? cannot be told, empty does not apply. "
        "Each cell leads to its explanation."
    )
    return section("checked", "What was checked", how, html(sections.property_table(history, verdict), "property"))


def _faults(history: History, figures: Figures) -> str:
    if not history.faults:
        return tag("p", "No fault was injected.", class_="how")
    return tag("h3", "The faults") + html(sections.fault_table(history, figures), "faults")


def _order(figures: Figures) -> str:
    heading = "Do the regions show the same order?"
    if not figures.disorder:
        return section("order", heading, "Fewer than two regions were read.")
    return section("order", heading, ORDER, html(sections.order_table(figures)))


def _again(history: History) -> str:
    run = history.run
    schedule = json.dumps(dict(run.schedule), indent=1, ensure_ascii=False, default=str)
    return section(
        "again",
        "Do it again",
        AGAIN,
        tag("pre", escape("\n".join(sections.reproduce(history)))),
        tag("details", tag("summary", "The schedule, as it was resolved") + tag("pre", escape(schedule))),
        tag("h3", "Noticed during the run") + bullets(run.noticed) if run.noticed else "",
        tag("footer", escape(f"NATS Region Lab · run {run.id} · {run.image}")),
    )
