"""A comparison as text, JSON, Markdown, LaTeX, CSV or a page."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, fields
from typing import Any

from seedwise.escaping import cell, latex, latex_comment, markdown
from seedwise.scores.card import Compared, Scorecard, outcome_of, own_interval, pair_cells
from seedwise.stats import ErrorParts, Outcome

MOST_SENTENCES = 200  # of pairs, beyond which a text shows their groups alone


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
        "parts": None if verdict.parts is None else asdict(verdict.parts),
        "basis": None if verdict.basis is None else verdict.basis.value,
        "require_exact": verdict.require_exact,
        "alpha": verdict.alpha,
        "level": verdict.level,
        "p": verdict.p,
        "p_adjusted": verdict.p_adjusted,
        "p_exact": verdict.p_exact,
        "floor": verdict.floor,
        "p_a_greater_b": verdict.p_a_greater_b,
        "p_a_greater_b_interval": None
        if verdict.p_a_greater_b_interval is None
        else list(verdict.p_a_greater_b_interval),
        "n_seeds": list(verdict.n_seeds),
        "n_examples": verdict.n_examples,
        "n_clusters": verdict.n_clusters,
        "n_tasks": verdict.n_tasks,
        "collapsed": list(verdict.collapsed),
        "collapse_bound": list(verdict.collapse_bound),
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
    several = len({pair.task for pair in (*card.pairs, *card.over_tasks)}) > 1
    lines = [f"({notice})" for notice in card.notices]
    shown = (*card.pairs, *card.over_tasks)
    if len(card.pairs) > MOST_SENTENCES and card.bands:
        apart = sum(pair.verdict.outcome in (Outcome.A_BETTER, Outcome.B_BETTER) for pair in card.pairs)
        lines.append(
            f"{len(card.pairs)} pairs, of which {apart} are told apart: the groups below show which; --format json or csv "
            "has the figures of every pair"
        )
        shown = card.over_tasks
    for pair in shown:
        task = f"{pair.task}: " if several else ""
        lines.append(f"{task}{pair.a} against {pair.b}: {outcome_of(pair)}\n  {pair.text}")
    for bands in card.bands:
        lines.extend(bands.lines(several))
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
    writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)
    return out.getvalue().rstrip("\n")


def as_markdown(card: Scorecard) -> str:
    head = "| A | B | verdict | A − B | interval | p | exact p | floor | seeds | examples |"
    lines = [head, "| --- | --- | --- | --: | --: | --: | --: | --: | --: | --: |"]
    for pair in (*card.pairs, *card.over_tasks):
        cells = map(markdown, pair_cells(pair))
        lines.append(f"| {' | '.join(cells)} |")
    sentences = [f"- {markdown(pair.text)}" for pair in (*card.pairs, *card.over_tasks)]
    return "\n".join([*lines, "", *sentences, *_groups_md(card), *(["", markdown(card.note)] if card.note else [])])


def _groups_md(card: Scorecard) -> list[str]:
    lines: list[str] = []
    for bands in card.bands:
        lines += ["", *bands.markdown()]
    return lines


def as_latex(card: Scorecard) -> str:
    """A booktabs table, the sentences as comments above it."""
    rows = [" & ".join(map(latex, pair_cells(pair))) + r" \\" for pair in card.pairs]
    return "\n".join(
        [
            *(f"% {latex_comment(pair.text)}" for pair in card.pairs),
            *([f"% {latex_comment(card.note)}"] if card.note else []),
            r"\begin{tabular}{lllrrrrrrr}",
            r"\toprule",
            r"A & B & verdict & $A - B$ & interval & $p$ & exact $p$ & floor & seeds & examples \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            *(line for bands in card.bands for line in bands.latex(latex)),
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
    needed, parts = item["needed"] or {}, item["parts"] or {}
    greater_low, greater_high = item["p_a_greater_b_interval"] or (None, None)
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
            "collapse_bound",
            "parts",
            "p_a_greater_b_interval",
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
        "collapse_bound_a": item["collapse_bound"][0],
        "collapse_bound_b": item["collapse_bound"][1],
        "p_a_greater_b_low": greater_low,
        "p_a_greater_b_high": greater_high,
        **{f"variance_{part.name}": parts.get(part.name) for part in fields(ErrorParts)},
        "mcnemar_p": mcnemar.get("p"),
        "prediction_low": ahead_low,
        "prediction_high": ahead_high,
    }
