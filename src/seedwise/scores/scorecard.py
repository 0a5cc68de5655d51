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
from seedwise.scores.table import ArmTable, ScoreTable
from seedwise.stats import (
    Claim,
    Degenerate,
    MultiBootstrapResult,
    Verdict,
    decide_crossed,
    decide_paired,
    decide_scores,
    format_p,
    multi_bootstrap,
    resolve_family,
    sentence,
)

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Compared:
    """One pair's verdict, in the metric's own unit; `text` is its sentence.

    `sensitivity` is the multi-bootstrap, where there are scores of examples; it decides nothing.
    """

    a: str
    b: str
    metric: str
    unit: str
    verdict: Verdict
    text: str
    sensitivity: MultiBootstrapResult | None


@dataclass(frozen=True, slots=True)
class Scorecard:
    """All pairs that were compared; `note` says what family they were held to."""

    pairs: tuple[Compared, ...]
    note: str


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


def decide_pairs(
    table: ScoreTable,
    pairs: Sequence[Pair],
    *,
    claim: Claim = "superiority",
    margin: float | None = None,
    alpha: float = 0.05,
    paired: bool = False,
    family: int | None = None,
    deterministic: Sequence[str] = (),
) -> Scorecard:
    """Decide `claim` for every pair, or failing that the other one where there is a margin (see `decide_crossed`).

    Several pairs are one family under Holm. A larger `family` (claims that are decided elsewhere) holds each to Holm's
    first step. Raises InputError for a declaration that does not fit the scores.
    """
    if family is not None and family < len(pairs):
        raise InputError(
            f"--family {family}: {len(pairs)} pairs are compared here, so the family is at least that large"
        )
    for name in deterministic:
        if name in table.arms and len(table.arms[name].seeds) > 1:
            raise InputError(
                f"arm {name} is said to be deterministic but has {len(table.arms[name].seeds)} seeds; give one"
            )
    size = family or len(pairs)
    options: dict[str, Any] = {
        "alpha": alpha,
        "claim": claim,
        "margin": margin,
        "family_size": size,
        "rng": np.random.default_rng(0),
    }
    verdicts: Sequence[Verdict] = [
        _decide(table.arms[a], table.arms[b], paired, tuple(deterministic), options) for a, b in pairs
    ]
    if size == len(pairs) and size > 1:
        verdicts = resolve_family(verdicts)
    if table.route is not None:
        verdicts = [replace(verdict, notes=(*verdict.notes, table.route)) for verdict in verdicts]
    scale, unit = {"fraction": (100.0, "points"), "percent": (1.0, "points"), "own": (1.0, "units")}[table.unit]
    compared = tuple(
        Compared(
            a=a,
            b=b,
            metric=table.metric,
            unit=table.unit,
            verdict=verdict,
            text=sentence(verdict, a, b, table.metric, unit, scale),
            sensitivity=_sensitivity(table.arms[a], table.arms[b], verdict),
        )
        for (a, b), verdict in zip(pairs, verdicts, strict=True)
    )
    return Scorecard(compared, _note(len(pairs), size, alpha))


def _decide(a: ArmTable, b: ArmTable, paired: bool, deterministic: tuple[str, ...], options: dict[str, Any]) -> Verdict:
    if paired:
        if set(a.seeds) != set(b.seeds):
            odd = sorted(set(a.seeds) ^ set(b.seeds))
            raise InputError(
                f"--paired: {a.name} and {b.name} do not share the seeds {', '.join(odd)}; pairs need the same ones"
            )
        order = [b.seeds.index(seed) for seed in a.seeds]
        return decide_paired(a.scores, b.scores[order], **options)
    decide = decide_scores if a.scores.ndim == 1 else decide_crossed
    return decide(
        a.scores,
        b.scores,
        deterministic_a=a.name in deterministic,
        deterministic_b=b.name in deterministic,
        **options,
    )


def _sensitivity(a: ArmTable, b: ArmTable, verdict: Verdict) -> MultiBootstrapResult | None:
    if a.scores.ndim == 1:
        return None
    result = multi_bootstrap(
        a.scores,
        b.scores[[b.seeds.index(seed) for seed in a.seeds]] if verdict.paired else b.scores,
        np.random.default_rng(0),
        verdict.alpha,
        paired=verdict.paired,
        deterministic_a=verdict.deterministic[0],
        deterministic_b=verdict.deterministic[1],
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
    return {
        "a": compared.a,
        "b": compared.b,
        "metric": compared.metric,
        "unit": compared.unit,
        "verdict": verdict.outcome.value,
        "question": verdict.question.value,
        "estimate": verdict.estimate,
        "interval": None if verdict.interval is None else list(verdict.interval),
        "alpha": verdict.alpha,
        "p": verdict.p,
        "p_adjusted": verdict.p_adjusted,
        "p_exact": verdict.p_exact,
        "floor": verdict.floor,
        "p_a_greater_b": verdict.p_a_greater_b,
        "n_seeds": list(verdict.n_seeds),
        "n_examples": verdict.n_examples,
        "paired": verdict.paired,
        "family_size": verdict.family_size,
        "claim": verdict.claim,
        "tost": None
        if test is None
        else {"margin": test.margin, "p": test.p, "interval": list(test.interval), "equivalent": test.equivalent},
        "multi_bootstrap": None
        if resampled is None
        else {"p": resampled.p, "interval": list(resampled.interval), "resamples": resampled.resamples},
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
    lines = [f"{pair.a} against {pair.b}: {pair.verdict.outcome.value}\n  {pair.text}" for pair in card.pairs]
    return "\n".join([*lines, *([card.note] if card.note else [])])


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
        cells = (cell.replace("|", "\\|") for cell in _cells(pair))
        lines.append(f"| {' | '.join(cells)} |")
    sentences = [f"- {pair.text}" for pair in card.pairs]
    return "\n".join([*lines, "", *sentences, *(["", card.note] if card.note else [])])


def as_latex(card: Scorecard) -> str:
    """A booktabs table, the sentences as comments above it."""
    rows = [" & ".join(_escape(cell) for cell in _cells(pair)) + r" \\" for pair in card.pairs]
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
        ]
    )


FORMATS = {"text": as_text, "json": as_json, "md": as_markdown, "latex": as_latex, "csv": as_csv}


def _flat(item: dict[str, Any]) -> dict[str, Any]:
    low, high = item["interval"] or (None, None)
    test = item["tost"] or {}
    t_low, t_high = test.get("interval") or (None, None)
    needed = item["needed"] or {}
    plain = {
        k: v for k, v in item.items() if k not in ("interval", "n_seeds", "tost", "multi_bootstrap", "needed", "notes")
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
    }


def _cells(pair: Compared) -> list[str]:
    verdict = pair.verdict
    scale, digits = (100.0, 2) if pair.unit == "fraction" else (1.0, 2 if pair.unit == "percent" else 4)
    n_a, n_b = verdict.n_seeds
    interval = "–"
    if verdict.interval is not None:
        interval = " to ".join(f"{bound * scale:.{digits}f}" for bound in verdict.interval)
    return [
        pair.a,
        pair.b,
        verdict.outcome.value,
        "–" if verdict.estimate is None else f"{verdict.estimate * scale:+.{digits}f}",
        interval,
        *("–" if p is None else format_p(p) for p in (verdict.p, verdict.p_exact, verdict.floor)),
        f"{n_a}" if n_a == n_b else f"{n_a}, {n_b}",
        "–" if verdict.n_examples is None else f"{verdict.n_examples}",
    ]


def _escape(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--"}
    special |= {char: f"\\{char}" for char in "&%$#_{}"}
    return "".join(special.get(char, char) for char in text)
