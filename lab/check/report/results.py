"""`results.json` and `junit.xml`: the report for programs."""

import json
import math
from dataclasses import asdict
from typing import Any

from lab.check.checkers import property_of
from lab.check.figures import Figures
from lab.check.figures.convergence import EDGES
from lab.check.findings import Finding, Verdict
from lab.check.history import SECOND, History
from lab.check.report import words
from lab.html import junit

FORMAT = 1


def results(history: History, verdict: Verdict, figures: Figures) -> str:
    run = history.run
    document = {
        "format": FORMAT,
        "validity": verdict.validity,
        "exit_code": verdict.exit_code,
        "sentence": words.headline(history, verdict, figures),
        "run": {
            "id": run.id,
            "began": run.began,
            "ended": run.ended,
            "seconds": figures.time.end,
            "seed": run.seed,
            "nats": run.nats,
            "image": run.image,
            "layout": run.topology.layout,
            "regions": list(run.topology.regions),
            "notes": list(run.noticed),
        },
        "findings": [{"name": property_of(finding.property).name} | asdict(finding) for finding in verdict.findings],
        "not_tested": list(verdict.not_tested),
        "faults": [_fault(history, number) for number in range(len(history.faults))],
        "figures": _figures(figures),
    }
    return json.dumps(_known(document), indent=1, ensure_ascii=False) + "\n"


def _fault(history: History, number: int) -> dict[str, Any]:
    fault = history.faults[number]
    return {
        "id": fault.id,
        "kind": fault.kind,
        "what": fault.what,
        "began": fault.began / SECOND,
        "healed": None if fault.healed is None else fault.healed / SECOND,
        "proven": fault.proven,
        "evidence": fault.evidence,
        "error": fault.error,
    }


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "counts": asdict(figures.counts),
        "latency": [
            {
                "region": region.region,
                "acknowledged": region.acknowledged,
                "p50": region.total_p50,
                "p99": region.total_p99,
            }
            for region in figures.traffic
        ],
        "fates": [asdict(fates) for fates in figures.fates],
        "missing": {lag.region: lag.missing for lag in figures.lags if len(lag.behind)},
        "recoveries": [
            {
                "fault": recovery.fault,
                "what": recovery.what,
                "lasted": recovery.lasted,
                "healed": recovery.healed,
                "during": list(recovery.during),
                "pairs": [
                    {
                        "origin": origin,
                        "reader": reader,
                        "seconds": seconds,
                        "missing": recovery.missing.get((origin, reader), 0),
                    }
                    for (origin, reader), seconds in recovery.seconds.items()
                ],
            }
            for recovery in figures.recoveries
        ],
        "visibility": {
            "bucket_seconds": [float(f"{edge:.4g}") for edge in EDGES],
            "pairs": [asdict(pair) for pair in figures.visibility],
        },
        "availability": {
            "stretches": [
                {"began": stretch.began_s, "ended": stretch.ended_s, "faults": stretch.faults}
                for stretch in figures.availability.stretches
            ],
            "cells": [asdict(cell) for cell in figures.availability.cells],
        },
        "disorder": [asdict(pair) for pair in figures.disorder],
    }


def _known(value: Any) -> Any:
    """JSON has no NaN: what is not known is null."""
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 6)
    if isinstance(value, dict):
        return {key: _known(inner) for key, inner in value.items()}
    return [_known(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def cases(history: History, verdict: Verdict, figures: Figures) -> str:
    """One test for each finding; an unknown one is skipped, with its reason."""
    return junit.document(
        f"lab check {history.run.id}",
        [
            junit.Case(
                " ".join(filter(None, (finding.property, property_of(finding.property).name, finding.place))),
                "check",
                finding.validity,
                detail=_detail(finding),
            )
            for finding in verdict.findings
        ],
    )


def _detail(finding: Finding) -> str:
    stories = [f"{words.at(example.time)} {example.message} {example.story}" for example in finding.examples]
    return "\n".join([finding.sentence, *stories])
