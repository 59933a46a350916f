"""Outcomes of calls as text and as tables in Markdown; pure."""

import re
from collections.abc import Sequence

from lab.compat.values import CLIENTS, Compatibility, Outcome, Tried

# A sequence, as in `wrong last sequence: 7`, and a subject: notes are the same on all layouts without them.
OF_THIS_RUN = r"(?<=: )\d+$|(?<=\.)probe\.lab-compat\.[\w.-]+"


def text(found: Compatibility) -> str:
    """For a terminal: each client's calls, with the server's code and the error's words."""
    lines = [_where(found)]
    for tried in found.clients:
        width = max(len(outcome.call) for outcome in tried.outcomes)
        lines += ["", _summary(tried, found.virtual)]
        group = ""
        for outcome in tried.outcomes:
            if outcome.group != group:
                group = outcome.group
                lines += ["", f"  {group}"]
            lines.append(f"    {outcome.call:<{width}}  {outcome.state:<12}  {_told(outcome)}".rstrip())
    return "\n".join(lines)


def markdown(found: Compatibility) -> str:
    """The same as tables."""
    return "\n\n".join([_where(found) + ".", *(tables([found], tried.client) for tried in found.clients)]) + "\n"


def tables(results: Sequence[Compatibility], client: str) -> str:
    """Call × layout for one client, from runs on several layouts; what was not as it should be is in notes below."""
    tried = {found.layout: one for found in results for one in found.clients if one.client == client}
    notes: dict[str, int] = {}
    rows = [f"| | {' | '.join(f'`{layout}`' for layout in tried)} |", f"|---|{'---|' * len(tried)}"]
    by_call = {layout: {o.call: o for o in one.outcomes} for layout, one in tried.items()}
    groups = {o.call: o.group for one in tried.values() for o in one.outcomes}
    last = ""
    for call, group in groups.items():
        if group != last:
            rows.append(f"| **{group}** |{' |' * len(tried)}")
            last = group
        cells = (_cell(outcomes.get(call), notes) for outcomes in by_call.values())
        rows.append(f"| `{call}` | {' | '.join(cells)} |")
    summaries = "; ".join(f"`{layout}` {_count(one)}" for layout, one in tried.items())
    versions = ", ".join(sorted({one.version for one in tried.values()}))
    numbered = [f"{number}. {note}" for note, number in notes.items()]
    return "\n".join([f"{client} {versions}, calls that work: {summaries}.", "", *rows, "", *numbered]).rstrip()


def across(results: Sequence[Compatibility]) -> str:
    """The tables of all clients, and where they were tried."""
    ran = [f"- {_where(found)}" for found in results]
    parts = [f"### {client}\n\n{tables(results, client)}" for client in CLIENTS]
    return "\n\n".join(["\n".join(ran), *parts])


def _where(found: Compatibility) -> str:
    return (
        f"layout `{found.layout}`, a client in {found.region}, "
        f"nats-server {found.server} on {found.nodes} nodes, stream `{found.virtual}`"
    )


def _summary(tried: Tried, virtual: str) -> str:
    return f"{tried.client} {tried.version}: {_count(tried)} calls work on `{virtual}`"


def _count(tried: Tried) -> str:
    return f"{tried.count('works')} of {len(tried.outcomes) - tried.count('not tried')}"


def _told(outcome: Outcome) -> str:
    return f"{outcome.code}: {outcome.detail}" if outcome.code else outcome.detail


def _cell(outcome: Outcome | None, notes: dict[str, int]) -> str:
    if outcome is None:
        return ""
    if outcome.state == "works":
        return "works"
    number = notes.setdefault(re.sub(OF_THIS_RUN, "…", _told(outcome)), len(notes) + 1)
    state = outcome.state if outcome.state == "not tried" else f"**{outcome.state}**"
    return f"{state} <sup>{number}</sup>"
