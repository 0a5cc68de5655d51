"""Verdicts on scores of one's own: which pairs, and decided how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from seedwise.errors import InputError
from seedwise.scores.card import Compared, Scorecard
from seedwise.scores.over_tasks import compare_over_tasks
from seedwise.scores.rows import some
from seedwise.scores.shares import decide_single_shares
from seedwise.scores.summaries import decide_summaries
from seedwise.scores.table import ArmTable, ScoreTable
from seedwise.scores.units import scale_of, words_of
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
from seedwise.verdicts.bands import Bands, bands_of

Pair = tuple[str, str]
MOST_PAIRS = 20_000  # of 200 arms: half a minute

# Of the bootstrap, which decides nothing: resamples of a pair, and examples drawn for one and for all pairs before seconds become minutes.
_RESAMPLES, _FEWEST, _DRAWS, _MOST_DRAWS = 10_000, 1_000, 20_000_000, 200_000_000
_TOO_MANY = 4_000_000  # cells of an arm beyond which resampling takes minutes


def choose_pairs(table: ScoreTable, a: str | None, b: str | None) -> list[Pair]:
    """The pairs to compare: A and B where given, the others against the one that is, else all of them."""
    if a is not None and a == b:
        raise InputError(f"--a and --b are both {a!r}; give two arms")
    names = list(table.arms)
    for name in (a, b):
        if name is not None and name not in names:
            on = f" on {table.task} (--where leaves tasks out)" if table.task else ""
            raise InputError(f"no arm {name!r}{on}; arms: {', '.join(names)}")
    if len(names) < 2:
        on = f"; on {table.task} (--where leaves tasks out)" if table.task else ""
        raise InputError(f"only one arm was found ({', '.join(names) or 'none'}); two are needed{on}")
    if a is not None and b is not None:
        return [(a, b)]
    if a is not None:
        return [(a, name) for name in names if name != a]
    if b is not None:
        return [(name, b) for name in names if name != b]
    if (pairs := len(names) * (len(names) - 1) // 2) > MOST_PAIRS:
        raise InputError(
            f"{len(names):,} arms are {pairs:,} pairs; at most {MOST_PAIRS:,} are decided together: name one arm with --a or --b, or "
            "keep fewer with --where"
        )
    return list(combinations(names, 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the pairs are held to: `a` and `b` as in `choose_pairs`, the others as in `decide_crossed`.

    Several pairs are one family under Holm, over tasks too; verdicts over all tasks follow, a family a scope (see
    `compare_over_tasks`). A larger `family` (claims that are decided elsewhere) holds each to
    Holm's first step. `deterministic` names arms that always give their one result; any other arm of one seed is one checkpoint
    (see `decide_checkpoints`). `test_size` is how many examples the single score of each arm is a share of.
    """

    a: str | None = None
    b: str | None = None
    claim: Claim = "superiority"
    margin: float | None = None
    alpha: float = 0.05
    paired: bool = False
    family: int | None = None
    deterministic: Sequence[str] = ()
    require_exact: bool = False
    test_size: int | None = None

    @property
    def arms(self) -> list[str] | None:
        """The arms that have to fit together; None for all that there are."""
        return [self.a, self.b] if self.a is not None and self.b is not None else None


def decide(tables: Sequence[ScoreTable], terms: Terms) -> Scorecard:
    """Decide the claim for every pair of every table (a task each), or failing that the other one where there is a margin.

    Raises InputError for a declaration that does not fit the scores.
    """
    _refuse_terms(tables, terms)
    jobs = [(table, a, b) for table in tables for a, b in choose_pairs(table, terms.a, terms.b)]
    if terms.family is not None and terms.family < len(jobs):
        raise InputError(
            f"--family {terms.family}: {len(jobs)} pairs are compared here, so the family is at least that large"
        )
    size = terms.family or len(jobs)
    verdicts: Sequence[Verdict] = [_decide(table, table.arms[a], table.arms[b], terms, size) for table, a, b in jobs]
    if size == len(jobs) and size > 1:
        verdicts = resolve_family(verdicts)
    compared = tuple(
        _compared(table, a, b, verdict, len(jobs)) for (table, a, b), verdict in zip(jobs, verdicts, strict=True)
    )
    notices = dict.fromkeys(notice for table in tables for notice in table.notices)
    if terms.test_size is None and any(_of_single_scores(table) for table in tables):
        notices[
            "one number an arm: where these are shares of right answers, --test-size N, of how many examples, compares them"
        ] = None
    whole = terms.a is None and terms.b is None
    bands = [_bands(table, compared) for table in tables if whole and len(table.arms) > 2]
    over = compare_over_tasks(
        tables,
        list(dict.fromkeys((a, b) for _, a, b in jobs)),
        deterministic=terms.deterministic,
        paired=terms.paired,
        family=terms.family,
        alpha=terms.alpha,
        claim=terms.claim,
        margin=terms.margin,
        require_exact=terms.require_exact,
    )
    return Scorecard(
        compared,
        _note(len(jobs), size, terms.alpha, len(over.pairs)),
        (*notices, *over.notices),
        (*(each for each in bands if each is not None), *over.bands),
        over.pairs,
    )


def _refuse_terms(tables: Sequence[ScoreTable], terms: Terms) -> None:
    if not 0.0 < terms.alpha < 0.5:
        raise InputError(f"--alpha {terms.alpha:g}: must lie between 0 and 0.5")
    if terms.margin is not None and not 0.0 < terms.margin < float("inf"):
        raise InputError(f"--margin {terms.margin:g}: must be positive, in the metric's own unit")
    if terms.claim == "equivalence" and terms.margin is None:
        raise InputError("--claim equivalence needs a --margin, declared before the scores are seen")
    if terms.paired and terms.deterministic:
        raise InputError("--paired and --deterministic exclude each other: a deterministic arm has no seeds to share")
    for name in terms.deterministic:
        if name is not None and all(name not in table.arms for table in tables):
            raise InputError(f"no arm {name!r}; arms: {', '.join(tables[0].arms)}")
    for table in tables:
        for name in terms.deterministic:
            if name in table.arms and len(table.arms[name].seeds) > 1:
                raise InputError(
                    f"arm {name} is said to be deterministic but has {len(table.arms[name].seeds)} seeds; give one"
                )
        if terms.test_size is None:
            _refuse_single_scores(table)


def _refuse_single_scores(table: ScoreTable) -> None:
    """Many arms with one score each are told so once, and not pair by pair."""
    if len(table.arms) > 2 and _of_single_scores(table):
        raise InputError(
            f"{len(table.arms)} arms have one seed and one score each ({some(table.arms, 4)}), and there is "
            f"nothing to measure an error by: give scores of "
            "examples (one run of each is then compared on them), or 3 seeds an arm or more; or, where these are shares of right "
            "answers, the size of the test set with --test-size N"
        )


def _of_single_scores(table: ScoreTable) -> bool:
    return table.examples is None and all(len(arm.seeds) == 1 for arm in table.arms.values())


def _compared(table: ScoreTable, a: str, b: str, verdict: Verdict, n_pairs: int) -> Compared:
    if table.route is not None:
        verdict = replace(verdict, notes=(*verdict.notes, table.route))
    return Compared(
        a=a,
        b=b,
        metric=table.metric,
        unit=table.unit,
        verdict=verdict,
        text=sentence(verdict, a, b, table.metric, words_of(table.unit), table.sign * scale_of(table.unit)),
        sensitivity=_sensitivity(table, table.arms[a], table.arms[b], verdict, n_pairs),
        task=table.task,
        sign=table.sign,
    )


def _decide(table: ScoreTable, a: ArmTable, b: ArmTable, terms: Terms, family_size: int) -> Verdict:
    held: dict[str, Any] = {
        "alpha": terms.alpha, "claim": terms.claim, "margin": terms.margin, "family_size": family_size,
    }  # fmt: skip
    if terms.test_size is not None:
        return decide_single_shares(table, a, b, terms.test_size, held)
    clusters: dict[str, Any] = {} if a.scores.ndim == 1 else {"clusters": table.clusters}
    options = {**held, "rng": np.random.default_rng(0)}
    if table.summaries:
        return decide_summaries(table.summaries[a.name], table.summaries[b.name], a.scores, b.scores, options)
    if terms.paired:
        if set(a.seeds) != set(b.seeds):
            odd = sorted(set(a.seeds) ^ set(b.seeds))
            raise InputError(
                f"--paired: {a.name} and {b.name} do not share the seeds {', '.join(odd)}; pairs need the same ones"
            )
        order = [b.seeds.index(seed) for seed in a.seeds]
        return decide_paired(a.scores, b.scores[order], require_exact=terms.require_exact, **clusters, **options)
    fixed = [arm.name in terms.deterministic for arm in (a, b)]
    single = [len(arm.seeds) == 1 and not known for arm, known in zip((a, b), fixed, strict=True)]
    if any(single) and all(one or not known for one, known in zip(single, fixed, strict=True)):
        return decide_checkpoints(a.scores, b.scores, **clusters, **options)
    decide = decide_scores if a.scores.ndim == 1 else decide_crossed
    return decide(
        a.scores,
        b.scores,
        deterministic_a=fixed[0],
        deterministic_b=fixed[1],
        require_exact=terms.require_exact,
        **clusters,
        **options,
    )


def _sensitivity(
    table: ScoreTable, a: ArmTable, b: ArmTable, verdict: Verdict, n_pairs: int
) -> MultiBootstrapResult | None:
    if a.scores.ndim == 1 or verdict.question.of_checkpoints or a.scores.size > _TOO_MANY:
        return None
    n_draws = a.scores.shape[1] if table.clusters is None else table.clusters.n_clusters
    resamples = max(_FEWEST, min(_RESAMPLES, _DRAWS // (n_draws * n_pairs)))
    if resamples * n_draws * n_pairs > _MOST_DRAWS:
        return None
    result = multi_bootstrap(
        a.scores,
        b.scores[[b.seeds.index(seed) for seed in a.seeds]] if verdict.paired else b.scores,
        np.random.default_rng(0),
        verdict.alpha,
        paired=verdict.paired,
        resamples=resamples,
        deterministic_a=verdict.deterministic[0],
        deterministic_b=verdict.deterministic[1],
        clusters=table.clusters,
    )
    return None if isinstance(result, Degenerate) else result


def _note(pairs: int, family: int, alpha: float, over_tasks: int = 0) -> str:
    if family == 1:
        return ""
    if family == pairs:
        apart = " Verdicts over all tasks are families of their own, one on these tasks and one on tasks like these."
        return (
            f"{pairs} pairs, decided as one family at {alpha:g} under Holm's correction.{apart if over_tasks else ''}"
        )
    return f"Held to the first step of Holm over a family of {family} claims at {alpha:g}."


def _bands(table: ScoreTable, compared: Sequence[Compared]) -> Bands | None:
    """Groups by the verdicts of a task's pairs; None where a pair has no verdict to go by."""
    pairs = [pair for pair in compared if pair.task == table.task]
    if any(pair.verdict.outcome is Outcome.DEGENERATE for pair in pairs):
        return None
    better = [(pair.a, pair.b) for pair in pairs if pair.verdict.outcome is Outcome.A_BETTER]
    better += [(pair.b, pair.a) for pair in pairs if pair.verdict.outcome is Outcome.B_BETTER]
    scale = scale_of(table.unit)
    means = {name: float(arm.seed_scores.mean()) for name, arm in table.arms.items()}
    return bands_of(means, better, sign=table.sign, scale=scale, metric=table.metric, task=table.task)
