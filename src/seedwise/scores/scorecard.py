"""Verdicts on scores of one's own: which pairs, and decided how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from seedwise.errors import InputError
from seedwise.scores.bands import Bands, bands_of
from seedwise.scores.card import Compared, Scorecard
from seedwise.scores.rows import some
from seedwise.scores.summaries import decide_summaries
from seedwise.scores.table import ArmTable, ScoreTable
from seedwise.stats import (
    Claim,
    Degenerate,
    MultiBootstrapResult,
    Outcome,
    Verdict,
    decide_checkpoints,
    decide_crossed,
    decide_paired,
    decide_scores,
    multi_bootstrap,
    resolve_family,
    sentence,
)

Pair = tuple[str, str]

_RESAMPLES, _FEWEST, _DRAWS = (
    10_000,
    1_000,
    20_000_000,
)  # of the bootstrap: fewer where examples are many and seconds become minutes
_TOO_MANY = 4_000_000  # cells of an arm beyond which resampling takes minutes


def choose_pairs(table: ScoreTable, a: str | None, b: str | None) -> list[Pair]:
    """The pairs to compare: A and B where given, the others against the one that is, else all of them."""
    if a is not None and a == b:
        raise InputError(f"--a and --b are both {a!r}; give two arms")
    names = list(table.arms)
    if len(names) < 2:
        raise InputError(f"only one arm was found ({', '.join(names) or 'none'}); two are needed")
    if a is not None and b is not None:
        return [(a, b)]
    if a is not None:
        return [(a, name) for name in names if name != a]
    if b is not None:
        return [(name, b) for name in names if name != b]
    return list(combinations(names, 2))


def decide_pairs(table: ScoreTable, pairs: Sequence[Pair], **options: Any) -> Scorecard:
    """Decide the pairs of one table; options and errors are those of `decide_tables`."""
    return decide_tables([(table, pairs)], **options)


def decide_tables(
    tables: Sequence[tuple[ScoreTable, Sequence[Pair]]],
    *,
    claim: Claim = "superiority",
    margin: float | None = None,
    alpha: float = 0.05,
    paired: bool = False,
    family: int | None = None,
    deterministic: Sequence[str] = (),
    require_exact: bool = False,
) -> Scorecard:
    """Decide `claim` for every pair of every table (a task each), or failing that the other one where there is a margin.

    Several pairs are one family under Holm, over tasks too. A larger `family` (claims that are decided elsewhere) holds each to
    Holm's first step. An arm of one seed that is not said to be deterministic is one checkpoint (see `decide_checkpoints`).
    Raises InputError for a declaration that does not fit the scores.
    """
    jobs = [(table, a, b) for table, pairs in tables for a, b in pairs]
    if family is not None and family < len(jobs):
        raise InputError(
            f"--family {family}: {len(jobs)} pairs are compared here, so the family is at least that large"
        )
    for table, _ in tables:
        for name in deterministic:
            if name in table.arms and len(table.arms[name].seeds) > 1:
                raise InputError(
                    f"arm {name} is said to be deterministic but has {len(table.arms[name].seeds)} seeds; give one"
                )
        _refuse_single_scores(table)
    size = family or len(jobs)
    options: dict[str, Any] = {"alpha": alpha, "claim": claim, "margin": margin, "family_size": size}
    verdicts: Sequence[Verdict] = [
        _decide(table, table.arms[a], table.arms[b], paired, tuple(deterministic), require_exact, options)
        for table, a, b in jobs
    ]
    if size == len(jobs) and size > 1:
        verdicts = resolve_family(verdicts)
    compared = tuple(_compared(table, a, b, verdict) for (table, a, b), verdict in zip(jobs, verdicts, strict=True))
    notices = dict.fromkeys(notice for table, _ in tables for notice in table.notices)
    bands = tuple(
        made
        for table, pairs in tables
        if len(table.arms) > 2
        and len(pairs) == len(table.arms) * (len(table.arms) - 1) // 2
        and (made := _bands(table, compared)) is not None
    )
    return Scorecard(compared, _note(len(jobs), size, alpha), tuple(notices), bands)


def _refuse_single_scores(table: ScoreTable) -> None:
    """Many arms with one score each are told so once, and not pair by pair."""
    if table.examples is None and len(table.arms) > 2 and all(len(arm.seeds) == 1 for arm in table.arms.values()):
        raise InputError(
            f"{len(table.arms)} arms have one seed and one score each ({some(table.arms, 4)}), and there is "
            f"nothing to measure an error by: give scores of "
            "examples (one run of each is then compared on them), or 3 seeds an arm or more"
        )


def _compared(table: ScoreTable, a: str, b: str, verdict: Verdict) -> Compared:
    if table.route is not None:
        verdict = replace(verdict, notes=(*verdict.notes, table.route))
    scale, unit = {"fraction": (100.0, "points"), "percent": (1.0, "points"), "own": (1.0, "")}[table.unit]
    return Compared(
        a=a,
        b=b,
        metric=table.metric,
        unit=table.unit,
        verdict=verdict,
        text=sentence(verdict, a, b, table.metric, unit, table.sign * scale),
        sensitivity=_sensitivity(table, table.arms[a], table.arms[b], verdict),
        task=table.task,
        sign=table.sign,
    )


def _decide(
    table: ScoreTable,
    a: ArmTable,
    b: ArmTable,
    paired: bool,
    deterministic: tuple[str, ...],
    require_exact: bool,
    options: dict[str, Any],
) -> Verdict:
    clusters: dict[str, Any] = {} if a.scores.ndim == 1 else {"clusters": table.clusters}
    options = {**options, "rng": np.random.default_rng(0)}
    if table.summaries:
        return decide_summaries(table.summaries[a.name], table.summaries[b.name], a.scores, b.scores, options)
    if paired:
        if set(a.seeds) != set(b.seeds):
            odd = sorted(set(a.seeds) ^ set(b.seeds))
            raise InputError(
                f"--paired: {a.name} and {b.name} do not share the seeds {', '.join(odd)}; pairs need the same ones"
            )
        order = [b.seeds.index(seed) for seed in a.seeds]
        return decide_paired(a.scores, b.scores[order], require_exact=require_exact, **clusters, **options)
    fixed = [arm.name in deterministic for arm in (a, b)]
    single = [len(arm.seeds) == 1 and not known for arm, known in zip((a, b), fixed, strict=True)]
    if any(single) and all(one or not known for one, known in zip(single, fixed, strict=True)):
        return decide_checkpoints(a.scores, b.scores, **clusters, **options)
    decide = decide_scores if a.scores.ndim == 1 else decide_crossed
    return decide(
        a.scores,
        b.scores,
        deterministic_a=fixed[0],
        deterministic_b=fixed[1],
        require_exact=require_exact,
        **clusters,
        **options,
    )


def _sensitivity(table: ScoreTable, a: ArmTable, b: ArmTable, verdict: Verdict) -> MultiBootstrapResult | None:
    if a.scores.ndim == 1 or verdict.question.of_checkpoints or a.scores.size > _TOO_MANY:
        return None
    result = multi_bootstrap(
        a.scores,
        b.scores[[b.seeds.index(seed) for seed in a.seeds]] if verdict.paired else b.scores,
        np.random.default_rng(0),
        verdict.alpha,
        paired=verdict.paired,
        resamples=max(_FEWEST, min(_RESAMPLES, _DRAWS // a.scores.shape[1])),
        deterministic_a=verdict.deterministic[0],
        deterministic_b=verdict.deterministic[1],
        clusters=table.clusters,
    )
    return None if isinstance(result, Degenerate) else result


def _note(pairs: int, family: int, alpha: float) -> str:
    if family == 1:
        return ""
    if family == pairs:
        return f"{pairs} pairs, decided as one family at {alpha:g} under Holm's correction."
    return f"Held to the first step of Holm over a family of {family} claims at {alpha:g}."


def _bands(table: ScoreTable, compared: Sequence[Compared]) -> Bands | None:
    """Groups by the verdicts of a task's pairs; None where a pair has no verdict to go by."""
    pairs = [pair for pair in compared if pair.task == table.task]
    if any(pair.verdict.outcome is Outcome.DEGENERATE for pair in pairs):
        return None
    better = [(pair.a, pair.b) for pair in pairs if pair.verdict.outcome is Outcome.A_BETTER]
    better += [(pair.b, pair.a) for pair in pairs if pair.verdict.outcome is Outcome.B_BETTER]
    scale = 100.0 if table.unit == "fraction" else 1.0
    means = {name: float(arm.seed_scores.mean()) for name, arm in table.arms.items()}
    return bands_of(means, better, sign=table.sign, scale=scale, metric=table.metric, task=table.task)
