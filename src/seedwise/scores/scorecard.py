"""Verdicts on scores of one's own: which pairs, decided how, and shown as text, JSON, Markdown, LaTeX or CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from seedwise.errors import InputError
from seedwise.scores.bands import Bands, bands_of
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
    format_p,
    multi_bootstrap,
    resolve_family,
    sentence,
)

Pair = tuple[str, str]

_TOO_MANY = 4_000_000  # cells of an arm beyond which resampling takes minutes


@dataclass(frozen=True, slots=True)
class Compared:
    """One pair's verdict; `text` is its sentence.

    The verdict is of scores of which higher is better; `sign` is -1 where the metric's own lower values are, and what is
    shown is the metric's own. `sensitivity` is the multi-bootstrap, where there are scores of examples; it decides nothing.
    """

    a: str
    b: str
    metric: str
    unit: str
    verdict: Verdict
    text: str
    sensitivity: MultiBootstrapResult | None
    task: str | None = None
    sign: float = 1.0

    @property
    def estimate(self) -> float | None:
        """A - B in the metric's own unit and direction."""
        return None if self.verdict.estimate is None else self.sign * self.verdict.estimate

    @property
    def interval(self) -> tuple[float, float] | None:
        return own_interval(self.verdict.interval, self.sign)


@dataclass(frozen=True, slots=True)
class Scorecard:
    """All pairs that were compared; `note` says what family they were held to, `notices` what was chosen in reading.

    `bands` are groups of arms that cannot be told apart, best first, a tuple a task, where all pairs of several arms were compared.
    """

    pairs: tuple[Compared, ...]
    note: str
    notices: tuple[str, ...] = ()
    bands: tuple[Bands, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The verdict of the one pair that was compared; ValueError where there are several."""
        (pair,) = self.pairs
        return pair.verdict

    def __str__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        from seedwise.scores.page import fragment

        return fragment(self)


def own_interval(interval: tuple[float, float] | None, sign: float) -> tuple[float, float] | None:
    """An interval of scores of which higher is better, in the metric's own direction."""
    if interval is None:
        return None
    low, high = sorted(sign * bound for bound in interval)
    return low, high


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
        and (made := bands_of(table, [pair for pair in compared if pair.task == table.task])) is not None
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


def as_dict(compared: Compared) -> dict[str, Any]:
    """One pair for a program, numbers in the metric's own unit."""
    verdict = compared.verdict
    test, resampled = verdict.tost, compared.sensitivity
    task = {} if compared.task is None else {"task": compared.task}
    return {
        **task,
        "a": compared.a,
        "b": compared.b,
        "metric": compared.metric,
        "direction": "higher" if compared.sign > 0.0 else "lower",
        "unit": compared.unit,
        "verdict": verdict.outcome.value,
        "question": verdict.question.value,
        "estimate": compared.estimate,
        "interval": None if compared.interval is None else list(compared.interval),
        "standard_error": verdict.standard_error,
        "df": verdict.df,
        "basis": None if verdict.basis is None else verdict.basis.value,
        "alpha": verdict.alpha,
        "p": verdict.p,
        "p_adjusted": verdict.p_adjusted,
        "p_exact": verdict.p_exact,
        "floor": verdict.floor,
        "p_a_greater_b": verdict.p_a_greater_b,
        "n_seeds": list(verdict.n_seeds),
        "n_examples": verdict.n_examples,
        "n_clusters": verdict.n_clusters,
        "collapsed": list(verdict.collapsed),
        "paired": verdict.paired,
        "family_size": verdict.family_size,
        "claim": verdict.claim,
        "tost": None
        if test is None
        else {
            "margin": test.margin,
            "p": test.p,
            "interval": list(own_interval(test.interval, compared.sign) or ()),
            "equivalent": test.equivalent,
        },
        "mcnemar": None
        if verdict.mcnemar is None
        else {"only_a": verdict.mcnemar.only_a, "only_b": verdict.mcnemar.only_b, "p": verdict.mcnemar.p},
        "prediction": None
        if verdict.prediction is None
        else {
            "interval": list(own_interval(verdict.prediction.interval, compared.sign) or ()),
            "p": verdict.prediction.p,
            "inside": verdict.prediction.inside,
        },
        "multi_bootstrap": None
        if resampled is None
        else {
            "p": resampled.p,
            "interval": list(own_interval(resampled.interval, compared.sign) or ()),
            "resamples": resampled.resamples,
        },
        "needed": None
        if verdict.needed is None
        else {
            "seeds_per_arm": verdict.needed.seeds_per_arm,
            "examples": verdict.needed.examples,
            "approximate": verdict.needed.approximate,
        },
        "reason": None if verdict.reason is None else verdict.reason.value,
        "notes": list(verdict.notes),
        "sentence": compared.text,
    }


def as_text(card: Scorecard) -> str:
    """What was chosen in reading, a verdict a pair with its sentence, and the groups of arms."""
    several = len({pair.task for pair in card.pairs}) > 1
    lines = [f"({notice})" for notice in card.notices]
    for pair in card.pairs:
        task = f"{pair.task}: " if several else ""
        lines.append(f"{task}{pair.a} against {pair.b}: {outcome_of(pair)}\n  {pair.text}")
    for bands in card.bands:
        lines.extend(bands.lines(several))
    return "\n".join([*lines, *([card.note] if card.note else [])])


def outcome_of(pair: Compared) -> str:
    """The outcome with the arms' names."""
    names = {Outcome.A_BETTER: f"{pair.a} better", Outcome.B_BETTER: f"{pair.b} better"}
    return names.get(pair.verdict.outcome, pair.verdict.outcome.value)


def as_json(card: Scorecard) -> str:
    """One object where one pair was compared, a list of them where several were."""
    items = [as_dict(pair) for pair in card.pairs]
    return json.dumps(items[0] if len(items) == 1 else items, indent=2, ensure_ascii=False, allow_nan=False)


def as_csv(card: Scorecard) -> str:
    """A header and a row a pair; intervals and seeds in two columns each, an undefined figure an empty cell."""
    rows = [_flat(as_dict(pair)) for pair in card.pairs]
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().rstrip("\n")


def as_markdown(card: Scorecard) -> str:
    head = "| A | B | verdict | A − B | interval | p | exact p | floor | seeds | examples |"
    lines = [head, "| --- | --- | --- | --: | --: | --: | --: | --: | --: | --: |"]
    for pair in card.pairs:
        cells = (cell.replace("|", "\\|") for cell in pair_cells(pair))
        lines.append(f"| {' | '.join(cells)} |")
    sentences = [f"- {pair.text}" for pair in card.pairs]
    return "\n".join([*lines, "", *sentences, *_groups_md(card), *(["", card.note] if card.note else [])])


def _groups_md(card: Scorecard) -> list[str]:
    lines: list[str] = []
    for bands in card.bands:
        lines += ["", *bands.markdown()]
    return lines


def as_latex(card: Scorecard) -> str:
    """A booktabs table, the sentences as comments above it."""
    rows = [" & ".join(_escape(cell) for cell in pair_cells(pair)) + r" \\" for pair in card.pairs]
    return "\n".join(
        [
            *(f"% {pair.text}" for pair in card.pairs),
            *([f"% {card.note}"] if card.note else []),
            r"\begin{tabular}{lllrrrrrrr}",
            r"\toprule",
            r"A & B & verdict & $A - B$ & interval & $p$ & exact $p$ & floor & seeds & examples \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            *(line for bands in card.bands for line in bands.latex(_escape)),
        ]
    )


def as_html(card: Scorecard) -> str:
    from seedwise.scores.page import page  # brings jinja2 and matplotlib, slow to import

    return page(card)


FORMATS = {"text": as_text, "json": as_json, "md": as_markdown, "latex": as_latex, "csv": as_csv, "html": as_html}


def _flat(item: dict[str, Any]) -> dict[str, Any]:
    low, high = item["interval"] or (None, None)
    mcnemar, prediction = item["mcnemar"] or {}, item["prediction"] or {}
    ahead_low, ahead_high = prediction.get("interval") or (None, None)
    test = item["tost"] or {}
    t_low, t_high = test.get("interval") or (None, None)
    needed = item["needed"] or {}
    plain = {
        k: v
        for k, v in item.items()
        if k
        not in (
            "interval",
            "n_seeds",
            "tost",
            "multi_bootstrap",
            "needed",
            "notes",
            "mcnemar",
            "prediction",
            "collapsed",
        )
    }
    return {
        **plain,
        "interval_low": low,
        "interval_high": high,
        "n_seeds_a": item["n_seeds"][0],
        "n_seeds_b": item["n_seeds"][1],
        "margin": test.get("margin"),
        "tost_p": test.get("p"),
        "tost_low": t_low,
        "tost_high": t_high,
        "needed_seeds_per_arm": needed.get("seeds_per_arm"),
        "needed_examples": needed.get("examples"),
        "collapsed_a": item["collapsed"][0],
        "collapsed_b": item["collapsed"][1],
        "mcnemar_p": mcnemar.get("p"),
        "prediction_low": ahead_low,
        "prediction_high": ahead_high,
    }


def pair_cells(pair: Compared) -> list[str]:
    verdict = pair.verdict
    scale, digits = (100.0, 2) if pair.unit == "fraction" else (1.0, 2 if pair.unit == "percent" else 4)
    n_a, n_b = verdict.n_seeds
    interval = "–"
    if pair.interval is not None:
        interval = " to ".join(f"{bound * scale:.{digits}f}" for bound in pair.interval)
    return [
        pair.a if pair.task is None else f"{pair.a} ({pair.task})",
        pair.b,
        verdict.outcome.value,
        "–" if pair.estimate is None else f"{pair.estimate * scale:+.{digits}f}",
        interval,
        *("–" if p is None else format_p(p) for p in (verdict.p, verdict.p_exact, verdict.floor)),
        f"{n_a}" if n_a == n_b else f"{n_a}, {n_b}",
        "–" if verdict.n_examples is None else f"{verdict.n_examples}",
    ]


def _escape(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--"}
    special |= {char: f"\\{char}" for char in "&%$#_{}"}
    return "".join(special.get(char, char) for char in text)
