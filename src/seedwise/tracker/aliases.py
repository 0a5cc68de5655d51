"""Figures once more by the names that MLflow's own pages and functions give them, beside ours.

Its evaluation pages show a metric `SCORER/mean` as the value of that scorer. Its paired comparison
(`mlflow.genai.compare_evaluations`, MLflow 3.18) leaves `compare/BASELINE/SCORER/STATISTIC` on the candidate's run, BASELINE
being the first eight characters of the baseline's run id, and `compare/BASELINE.json` with the whole of it. Whoever reads
those finds the verdicts of a study by the same names.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seedwise.study.metric import METRICS
from seedwise.tracker.content import Point, RunContent
from seedwise.tracker.flatten import clean_key
from seedwise.verdicts.comparison import StudyOutcome

PRIMARY_METRIC = "mlflow.experiment.primaryMetric.name"
GREATER_IS_BETTER = "mlflow.experiment.primaryMetric.greaterIsBetter"
COMPARISONS = "compare/"
_SHORT = 8  # of a run's id


def mean_key(metric: str) -> str:
    """What the evaluation pages read the run's value of `metric` from."""
    return clean_key(f"{metric}/mean")


@dataclass(frozen=True, slots=True)
class Against:
    """An arm beside the arm `baseline`: candidate minus baseline, in the metric's own unit and direction.

    `p_value` is two-sided, of the difference, unadjusted; `n_paired` counts the examples that both answered. MLflow's effect
    size is left out: it is one of two runs over examples, which says nothing of seeds.
    """

    baseline: str
    metric: str
    figures: Mapping[str, float]


def against(outcome: StudyOutcome, arm: str) -> tuple[Against, ...]:
    """Every comparison whose first arm is `arm`, each pair once: as the study's first claim about it decides."""
    metric = METRICS[outcome.study.task.metric]
    found: dict[str, Against] = {}
    for claim in (*outcome.claims, *outcome.explored):
        verdict = claim.verdict
        if claim.a != arm or claim.b in found or verdict.estimate is None:
            continue
        low, high = metric.own_interval(verdict.interval) or (None, None)
        examples = None if verdict.n_examples is None else float(verdict.n_examples)
        figures = {
            "diff": metric.own(verdict.estimate),
            "ci_low": low,
            "ci_high": high,
            "p_value": verdict.p,
            "n_paired": examples,
        }
        said = {key: value for key, value in figures.items() if value is not None}
        found[claim.b] = Against(claim.b, outcome.study.task.metric, said)
    return tuple(found.values())


def beside(content: RunContent, comparisons: Sequence[Against], runs: Mapping[str, str]) -> RunContent:
    """The arm's run with its comparisons; `runs` holds the id of each arm's run."""
    points, texts = list(content.points), dict(content.texts)
    for comparison in comparisons:
        if comparison.baseline not in runs:
            continue
        place = f"{COMPARISONS}{runs[comparison.baseline][:_SHORT]}"
        points += [
            Point(clean_key(f"{place}/{comparison.metric}/{key}"), value) for key, value in comparison.figures.items()
        ]
        texts[f"{place}.json"] = json.dumps({"baseline_run_id": runs[comparison.baseline]}) + "\n"
    return dataclasses.replace(content, points=tuple(points), texts=texts)
