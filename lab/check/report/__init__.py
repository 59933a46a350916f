"""The report of a run, as texts; where they are written is the caller's business.

report.html     for a person: one page, no network
report.md       for the step summary of continuous integration
results.json    for programs; documented in docs/report.md
junit.xml       one test for each finding
plots/*.svg     the page's drawings as files
"""

from collections.abc import Mapping, Sequence

from lab.check.figures import Figures, figures
from lab.check.findings import Verdict
from lab.check.history import History
from lab.check.report import logs as server_logs
from lab.check.report import markdown, pictures, results, timelines
from lab.check.report.page import page
from lab.html import style
from lab.html.svg import Picture


def documents(history: History, verdict: Verdict, logs: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Relative path -> text. `logs`: node -> the warnings and errors of its log during the run, with their times."""
    drawn = figures(history)
    said = server_logs.lines(logs, history.run.began)
    plots = _pictures(history, drawn)
    alone = style.flat(style.COLOURS + style.DRAWING)
    return {
        "report.html": page(history, verdict, drawn, plots, said),
        "report.md": markdown.report(history, verdict, drawn, said),
        "results.json": results.results(history, verdict, drawn),
        "junit.xml": results.cases(history, verdict, drawn),
        **{f"plots/{name}.svg": f"{picture.svg(alone, style.PATTERNS)}\n" for name, picture in plots.items()},
    }


def _pictures(history: History, drawn: Figures) -> dict[str, Picture]:
    """Those for which there is something to draw."""
    found = []
    if drawn.counts.published:
        found += [timelines.timeline(history, drawn), pictures.fates(history, drawn)]
    if drawn.counts.published and any(len(lag.behind) or lag.sampled for lag in drawn.lags):
        found.append(timelines.convergence(history, drawn))
    if any(pair.calm.count or pair.faulted.count for pair in drawn.visibility):
        found.append(pictures.visibility(drawn))
    if history.probes:
        found.append(timelines.probes(history, drawn))
    return {picture.name: picture for picture in found}
