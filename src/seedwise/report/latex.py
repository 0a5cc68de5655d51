r"""The report as LaTeX: booktabs tables and the verdicts' sentences, to be read with \input{report.tex}.

Needs the package booktabs and nothing else; plain ASCII but for letters that the words of a study have.
"""

from __future__ import annotations

from seedwise.escaping import latex as tex
from seedwise.escaping import latex_comment as _comment
from seedwise.report import text
from seedwise.report.arm_rows import ArmRow
from seedwise.report.comparisons import Comparison, ReportedRow
from seedwise.report.model import ReportModel, StudyReport
from seedwise.study.metric import METRICS, MINUS, MetricName


def render_latex(model: ReportModel) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in model.versions.items())
    lines = [
        f"% {_comment(versions)}; inputs {text.short(model.inputs)}",
        r"% \usepackage{booktabs} in the preamble, \input{report.tex} where this shall stand",
    ]
    for study in model.studies:
        lines += ["", *_study(study)]
    return "\n".join(lines) + "\n"


def _study(study: StudyReport) -> list[str]:
    lines = [f"% study {_comment(study.name)}: {_comment(study.title)}"]
    if study.look is not None:
        lines += [tex(text.look(study.look)), ""]
    for ratio in study.ratios:
        mark = rf" (\emph{{{tex(f'{ratio.status}: {ratio.label}')}}})"
        lines += [rf"\paragraph{{{tex(ratio.statement)}}}{mark} {tex(ratio.sentence)}", ""]
    for claim in study.claims:
        words = f"{claim.status or ''}: {claim.label}{'' if claim.declared else '; exploratory'}"
        mark = rf" (\emph{{{tex(words)}}})"
        notes = " ".join(map(text.as_sentence, claim.notes))
        lines += [rf"\paragraph{{{tex(claim.statement)}}}{mark} {tex(f'{claim.sentence} {notes}')}", ""]
    for pending in study.open_claims:
        waiting = tex(text.some(pending.waiting_for))
        lines += [rf"\paragraph{{{tex(pending.statement)}}} Not decided: waiting for {waiting}.", ""]
    for refused in study.refused_claims:
        lines += [rf"\paragraph{{{tex(refused.statement)}}} {tex(text.as_sentence(refused.reason))}", ""]
    lines += _arms(study)
    if study.tuned:
        lines += ["", *_tuning(study)]
    compared = (*study.claims, *study.explored)
    if compared:
        lines += ["", *_comparisons(study, compared)]
    if study.reported:
        lines += ["", *_reported(study.reported, study.metric)]
    signatures = [claim.signature for claim in study.claims]
    if signatures:
        lines += ["", rf"{{\footnotesize\raggedright Signature{'s' if len(signatures) > 1 else ''}:"]
        lines += [rf"\texttt{{{_breakable(signature)}}}\par" for signature in signatures] + ["}"]
    return lines


def _arms(study: StudyReport) -> list[str]:
    metric = METRICS[study.metric]
    caption = (
        f"{study.metric.capitalize()} on the test split{' in percent' if metric.sign else ''}, over seeds: mean, sample standard "
        f"deviation and {text.percent(study.level)} t interval, which holds for this test file."
    )
    head = ["arm", "seeds", "mean", "sd", "interval", "trainable", "a run"]
    return _table(caption, f"{study.name}-arms", "lrrrrrr", head, [_arm(arm, study.metric) for arm in study.arms])


def _arm(arm: ArmRow, metric: MetricName) -> list[str]:
    cost = arm.cost
    return [
        f"{arm.name}{' (baseline)' if arm.baseline else ''}",
        f"{arm.n}" if arm.complete else f"{arm.finished} of {len(arm.scores)}",
        text.score(arm.mean, metric),
        text.score(arm.sd, metric),
        text.score_interval(arm.interval, metric),
        text.count(cost.trainable_parameters if cost else None),
        text.seconds(cost.seconds_per_run if cost else None),
    ]


def _tuning(study: StudyReport) -> list[str]:
    first = study.tuned[0]
    caption = (
        f"Tuning by equal budgets: {first.metric} on the selection split{' in percent' if text.selection_axis(first.metric) else ''}, mean "
        f"over {text.plural(first.seeds, 'seed')} of the search, and the expected best of all the points (Dodge et al. 2019) with its "
        "95 % interval over searches of as many."
    )
    rows = []
    for arm in study.tuned:
        words, mean = arm.points[arm.chosen]
        best = (
            f"{text.selected(arm.curve[-1][1], arm.metric)} ({text.selected_interval(arm.curve[-1][2], arm.metric)})"
            if arm.curve
            else text.MISSING
        )
        rows.append([arm.arm, f"{len(arm.points)}", words, text.selected(mean, arm.metric), best])
    head = ["arm", "points", "chosen", "its mean", "expected best of all (interval)"]
    return _table(caption, f"{study.name}-tuning", "lrlrr", head, rows)


def _comparisons(study: StudyReport, compared: tuple[Comparison, ...]) -> list[str]:
    in_unit = f" in {unit}" if (unit := METRICS[study.metric].unit) else ""
    starred = "" if all(claim.declared for claim in compared) else " An asterisk marks what is exploratory."
    caption = (
        f"Differences of {study.metric}{in_unit}, first arm (A) minus second (B), with the {text.percent(study.level)} interval and p "
        f"over {text.listed(list(dict.fromkeys(claim.question for claim in compared)))}{_clusters(compared)}; SE: standard error, df: "
        f"degrees of freedom; the exact p and its floor are over seeds.{starred}"
    )
    head = ["A \N{MINUS SIGN} B", "difference (interval)", "SE (df)", "p", "exact p", "floor", "verdict"]
    rows = [
        [
            f"{claim.a} {MINUS} {claim.b}{'' if claim.declared else '*'}",
            f"{text.difference(claim.estimate, study.metric)} ({text.difference_interval(claim.interval, study.metric)})",
            f"{text.error(claim.standard_error, study.metric)} ({text.degrees(claim.df)})",
            text.p_value(claim.p),
            text.p_value(claim.p_exact),
            text.floor(claim.floor),
            claim.outcome if claim.status is None else f"{claim.outcome} ({claim.status})",
        ]
        for claim in compared
    ]
    return _table(caption, f"{study.name}-comparisons", "lrrrrrl", head, rows)


def _clusters(compared: tuple[Comparison, ...]) -> str:
    counts = sorted({claim.n_clusters for claim in compared if claim.n_clusters is not None})
    return f" (examples in {text.listed([f'{count:,}' for count in counts])} clusters)" if counts else ""


def _reported(rows: tuple[ReportedRow, ...], metric: MetricName) -> list[str]:
    head = ["source", "arm", "reported", "runs", "ours", "expected of ours"]
    cells = [
        [
            row.source,
            row.arm,
            text.score(row.mean, metric),
            f"{row.runs}",
            text.score(row.ours, metric),
            text.score_interval(row.expected, metric),
        ]
        for row in rows
    ]
    return _table(
        f"Numbers reported elsewhere{', in percent' if METRICS[metric].sign else ''}, beside ours.",
        None,
        "llrrrr",
        head,
        cells,
    )


def _table(caption: str, label: str | None, columns: str, head: list[str], rows: list[list[str]]) -> list[str]:
    return [
        r"\begin{table}[htbp]",
        r"\centering\footnotesize\setlength{\tabcolsep}{4pt}",
        rf"\caption{{{tex(caption)}}}",
        *([rf"\label{{tab:{label}}}"] if label else []),
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        _row(head),
        r"\midrule",
        *map(_row, rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]


def _row(cells: list[str]) -> str:
    return " & ".join(map(tex, cells)) + r" \\"


def _breakable(signature: str) -> str:
    """A line may end after each field."""
    return tex(signature).replace(r"\textbar{}", r"\textbar{}\allowbreak{}")
