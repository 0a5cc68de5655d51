"""Has an arm become worse?  Its runs of now against all earlier ones in the store: a reference, never the last run alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from seedwise.errors import SeedwiseError
from seedwise.planning.plan import Plan
from seedwise.stats import MIN_SEEDS, Degenerate, DegenerateReason, NonInferiority, noninferiority, p_is
from seedwise.store.history import History, arm_kind, example_scores
from seedwise.store.store import Store, StoredRun
from seedwise.study.metric import Metric
from seedwise.verdicts.comparison import read_arm


class Gate(StrEnum):
    """`UNDECIDABLE` is no pass: there is a reference, but too little of it, or of the arm's own seeds."""

    PASSED = "no worse"
    FAILED = "not shown to be no worse"
    UNDECIDABLE = "undecidable"
    NO_REFERENCE = "no reference"


@dataclass(frozen=True, slots=True)
class Regression:
    """What the gate says of one arm; `words` is a sentence or two, `result` its figures where there are any."""

    arm: str
    gate: Gate
    words: str
    result: NonInferiority | None = None


def check_arm(name: str, plan: Plan, store: Store, history: History, margin: float) -> Regression:
    """Test that the arm's finished runs are no worse than its earlier ones in `history` by more than `margin`.

    Earlier ones are those of the same study and arm, or with the same spec, that were scored on the same test file and started
    before any of the present ones: of another image, say, or another recipe. A seed that was run in several versions counts
    once, with the mean of them, since its versions are no independent draws. `margin` is in the metric's own unit.
    """
    deterministic = plan.study.arms[name].deterministic
    arm = read_arm(name, plan, store, by_id=True)
    reference = _reference(name, plan, arm.runs, history)
    if not reference:
        words = f"{name}: no earlier runs on this test file; these become the reference"
        return Regression(name, Gate.NO_REFERENCE, words)
    try:
        old, about = _by_seed(reference, store, plan.data.group_of)
    except (SeedwiseError, OSError, ValueError) as error:
        return Regression(name, Gate.UNDECIDABLE, f"{name}: the earlier runs cannot be read ({error})")
    new = arm.examples
    result = noninferiority(
        new,
        old[:1] if deterministic else old,
        margin,
        plan.study.alpha,
        deterministic_new=deterministic,
        deterministic_old=deterministic,
        clusters=arm.clusters,
    )
    if isinstance(result, Degenerate):
        same = result.reason is DegenerateReason.ZERO_VARIANCE and float(new.mean()) >= float(old.mean())
        words = f"{name}: the same scores as in {about}" if same else f"{name} against {about}: {result.detail}"
        return Regression(name, Gate.PASSED if same else Gate.UNDECIDABLE, words)
    return _judged(name, about, arm.metric, result)


def _reference(name: str, plan: Plan, own: Sequence[StoredRun], history: History) -> list[StoredRun]:
    present = {run.run_id for run in plan.runs}
    begun = min(run.provenance.started for run in own)
    return [
        run
        for run in history.of_arm(plan, name, arm_kind(own[0].spec))
        if run.run_id not in present and run.provenance.started <= begun
    ]


def _by_seed(
    reference: Sequence[StoredRun], store: Store, groups: Mapping[str, str]
) -> tuple[NDArray[np.float64], str]:
    """[seeds, examples], each seed the mean of its versions; and what the reference consists of, in words."""
    scores, _ = example_scores(reference, store, groups)
    seeds = [run.spec.seeds.seed for run in reference]
    rows = [
        scores[[index for index, own in enumerate(seeds) if own == seed]].mean(axis=0) for seed in sorted(set(seeds))
    ]
    versions = len({(run.provenance.digest, arm_kind(run.spec)) for run in reference})
    return np.array(rows), (
        f"{len(reference)} earlier runs ({len(rows)} seeds, {versions} version{'' if versions == 1 else 's'} of image or recipe)"
    )


def _judged(name: str, about: str, metric: Metric, result: NonInferiority) -> Regression:
    n_new, n_old = result.n_seeds
    drawn = "" if result.n_clusters is None else f" on {result.n_examples} examples in {result.n_clusters} clusters"
    estimate, lower, margin = (
        metric.scale * metric.own(value) for value in (result.estimate, result.lower, -result.margin)
    )
    seen = (
        f"{name} against {about}: {metric.name} changed by {f'{estimate:+.2f} {metric.unit}'.strip()}{drawn}, and with "
        f"{100 * (1 - result.alpha):g} % confidence not by {'less' if metric.higher_is_better else 'more'} than {lower:+.2f} "
        f"(margin {'' if metric.higher_is_better else '+'}{margin:g}; {p_is(result.p)})"
    )
    if not result.attainable:
        words = f"{seen}. {n_new} seeds against {n_old} decide nothing: it takes {MIN_SEEDS} in each"
        return Regression(name, Gate.UNDECIDABLE, words, result)
    if result.floor is not None and result.floor > result.alpha:
        seen += ". This rests on seeds that scatter near normally; no exact test over so few could confirm it"
    rates = (
        f"Where nothing has changed, this gate raises a false alarm in {100 * result.false_alarm:.2g} % of cases with "
        f"these seeds and examples; a loss of the margin passes in at most {100 * result.alpha:g} %"
    )
    return Regression(name, Gate.PASSED if result.passed else Gate.FAILED, f"{seen}. {rates}", result)
