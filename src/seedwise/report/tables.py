"""The report as CSV: a row a verdict, and a row a run, which `seedwise compare` reads."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from seedwise.escaping import cell
from seedwise.report.comparisons import Comparison, ErrorParts
from seedwise.report.model import ReportModel

_PAIRS = (
    "n_seeds",
    "interval",
    "collapse_bound",
    "p_a_greater_b_interval",
    "tost_interval",
    "welch_interval",
    "multi_bootstrap_interval",
)
_ENDS = {"n_seeds": ("a", "b"), "collapse_bound": ("a", "b")}
_PARTS = tuple(ErrorParts.model_fields)


def render_verdicts(model: ReportModel) -> str:
    """One row a claim or exploratory comparison; pairs of numbers in two columns, an undefined figure an empty cell."""
    rows = [
        {"study": study.name, "metric": study.metric, **_flat(claim)}
        for study in model.studies
        for claim in (*study.claims, *study.explored)
    ]
    fields = ["study", "metric", *(name for field in Comparison.model_fields for name in _columns(field))]
    return _csv(fields, rows)


def render_scores(model: ReportModel) -> str:
    """One row a planned run, empty where it has no score; the score's column is named by the metric, as `compare --metric`
    asks for it."""
    metrics = {study.metric for study in model.studies}
    named = metrics.pop() if len(metrics) == 1 else "score"
    rows = [
        {"study": study.name, "arm": arm.name, **score.model_dump(), named: score.score}
        for study in model.studies
        for arm in study.arms
        for score in arm.scores
    ]
    return _csv(("study", "arm", "seed", named, "status", "selected_epoch", "selected_value", "run_id"), rows)


def _columns(field: str) -> tuple[str, ...]:
    if field == "parts":
        return tuple(f"variance_{part}" for part in _PARTS)
    return tuple(f"{field}_{end}" for end in _ENDS.get(field, ("low", "high"))) if field in _PAIRS else (field,)


def _flat(claim: Comparison) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for field, value in claim.model_dump().items():
        if field == "parts":
            flat |= {f"variance_{part}": (value or {}).get(part) for part in _PARTS}
        elif field in _PAIRS:
            flat |= dict(zip(_columns(field), value or (None, None), strict=True))
        else:
            flat[field] = "; ".join(map(str, value)) if isinstance(value, tuple | list) else value
    return flat


def _csv(fields: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(fields), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)
    return out.getvalue()
