"""A suite of tasks on one page: arms × tasks, the verdicts over the tasks, and where each task's own page lies."""

from __future__ import annotations

from typing import Literal

from seedwise.report import text
from seedwise.report.arm_rows import Interval
from seedwise.report.brief import undecided
from seedwise.report.comparisons import ClaimStatus, Decided, ReportedRow
from seedwise.report.label import label_of
from seedwise.report.origins import Source
from seedwise.report.reported import reported_rows
from seedwise.stats import Question
from seedwise.study.metric import METRICS, MINUS, MetricName
from seedwise.study.suite import Suite
from seedwise.verdicts.comparison import ClaimOutcome
from seedwise.verdicts.over_tasks import SuiteOutcome, bands_over, matrix_of
from seedwise.verdicts.signature import sign_over
from seedwise_contract.base import ContractModel

SUITE_FORMAT: Literal[1] = 1


class Cell(ContractModel):
    """One arm on one task, in the metric's own numbers; None where runs are missing.  `best`: no arm's mean is better there.
    `interval`: of the mean, over seeds."""

    mean: float | None
    sd: float | None
    n: int
    planned: int
    best: bool
    interval: Interval | None = None


class TaskColumn(ContractModel):
    """A task; `reported` are numbers published elsewhere, beside ours."""

    task: str
    study: str
    metric: MetricName
    data: str
    examples: int
    reported: tuple[ReportedRow, ...] = ()


class OverTasks(Decided):
    """A verdict over the tasks: raw differences as fractions of the metric's scale, or in standard deviations of an example's score.
    `examples_needed` are tasks where the verdict is on tasks like these."""

    scope: str
    standardised: bool
    alpha: float
    family_size: int
    level: float
    n_tasks: int | None
    n_seeds: tuple[int, int]
    n_examples: int | None
    estimate: float | None
    interval: Interval | None
    standard_error: float | None
    df: float | None
    p: float | None
    p_adjusted: float | None
    p_exact: float | None
    floor: float | None
    basis: str | None
    margin: float | None
    tost_p: float | None
    notes: tuple[str, ...]
    signature: str = ""
    seeds_needed: int | None = None
    examples_needed: int | None = None


class OnTask(ContractModel):
    """A declared claim's verdict on one task."""

    task: str
    name: str
    a: str
    b: str
    label: str
    status: ClaimStatus | None
    estimate: float | None
    interval: Interval | None
    p_adjusted: float | None


class Band(ContractModel):
    """An arm's mean over these tasks, and the letters of the groups that it is in."""

    arm: str
    mean: float
    letters: str


class SuiteReport(ContractModel):
    """Everything that the page of a suite says."""

    format: Literal[1]
    name: str
    title: str
    description: str
    tasks: tuple[TaskColumn, ...]
    missing_tasks: tuple[str, ...]
    matrix: dict[str, tuple[Cell, ...]]
    bands: tuple[Band, ...] = ()
    claims: tuple[OverTasks, ...]
    open_claims: tuple[str, ...]
    each: tuple[OnTask, ...]
    planned: int
    finished: int
    declaration: str
    source: Source | None = None

    def text(self, arm: str, place: int) -> str:
        """A cell as it is shown: mean ± sd, a star where no other arm's mean is better."""
        cell, metric = self.matrix[arm][place], METRICS[self.tasks[place].metric]
        if cell.mean is None:
            return f"{cell.n} of {cell.planned} runs"
        spread = "" if cell.sd is None else f" ± {metric.shown(cell.sd)}"
        return f"{metric.shown(cell.mean)}{spread}{' *' if cell.best else ''}"

    def over(self, arm: str) -> str:
        """An arm's mean over the tasks, and its groups."""
        metric = METRICS[self.tasks[0].metric]
        found = next((band for band in self.bands if band.arm == arm), None)
        return "–" if found is None else f"{metric.shown(found.mean)} {found.letters}"

    def head(self, place: int) -> str:
        column = self.tasks[place]
        return f"{column.task} ({column.metric}{METRICS[column.metric].axis})"

    def difference(self, claim: OnTask) -> str:
        metric = METRICS[next(column.metric for column in self.tasks if column.task == claim.task)]
        if claim.estimate is None:
            return "–"
        interval = "" if claim.interval is None else f" ({text.difference_interval(claim.interval, metric.name)})"
        return f"{metric.difference(claim.estimate)} {metric.unit}".strip() + interval

    def brief(self, claim: OverTasks) -> str | None:
        """An inconclusive verdict in two or three sentences, as on the page of one study; None for every other outcome."""
        if claim.outcome != "inconclusive" or claim.estimate is None or claim.interval is None:
            return None
        metric = METRICS[self.tasks[0].metric]
        where = "over these tasks"
        options = [] if claim.seeds_needed is None else [f"{text.plural(claim.seeds_needed, 'seed')} an arm"]
        alone = "More seeds alone, or more examples alone,"
        things = "examples like these"
        if claim.question == Question.LIKE_TASKS.value:
            where, alone, things = "over tasks like these", "More tasks alone", "tasks like these"
        if claim.examples_needed is not None:
            options.append(f"{claim.examples_needed:,} {things}")
        if claim.standardised:
            what, unit = "mean standardised difference", "standard deviations"
            estimate, low, high = (f"{value:+.2f}".replace("-", MINUS) for value in (claim.estimate, *claim.interval))
            margin = f"±{claim.margin or 0.0:g} {unit}"
        else:
            what, unit = f"mean difference in {metric.name}", metric.unit
            estimate, low, high = (metric.difference(value) for value in (claim.estimate, *claim.interval))
            margin = f"{text.margin(claim.margin, metric.name)} {unit}".strip()
        found = (
            f"the {what} {where}, {claim.a} minus {claim.b}, is {f'{estimate} {unit}'.strip()} "
            f"({text.percent(1.0 - claim.alpha)} interval {low} to {high})"
        )
        return undecided(claim, found, margin, options, alone)


def suite_report(found: SuiteOutcome, source: Source | None = None) -> SuiteReport:
    """The page's values of a suite's outcome; `source` is the file of the study, where the page is to show it."""
    suite = found.suite
    outcomes, bands = found.tasks, bands_over(found)
    matrix = {name: tuple(_cell(found, name, task) for task in outcomes) for name in matrix_of(found)}
    return SuiteReport(
        format=SUITE_FORMAT,
        name=suite.name,
        title=suite.title,
        description=suite.description.strip(),
        tasks=tuple(
            TaskColumn(
                task=task,
                study=each.study.name,
                metric=each.study.task.metric,
                data=each.study.task.data,
                examples=each.plan.data.splits["test"].rows,
                reported=reported_rows(each),
            )
            for task, each in outcomes.items()
        ),
        missing_tasks=tuple(task for task in suite.tasks if task not in outcomes),
        matrix=matrix,
        bands=() if bands is None else tuple(
            Band(arm=arm, mean=mean, letters=bands.letters(arm)) for arm, mean in bands.arms
        ),
        claims=tuple(_over(claim, suite, found) for claim in found.claims),
        open_claims=tuple(claim.words for claim in found.open_claims),
        each=tuple(_on(task, claim, outcomes[task].study.task.metric) for task in outcomes for claim in outcomes[task].claims),
        planned=sum(len(each.plan.runs) for each in found.outcomes),
        finished=sum(len(each.plan.runs) - len(each.missing) for each in found.outcomes),
        declaration=suite.declaration,
        source=source,
    )  # fmt: skip


def _cell(found: SuiteOutcome, name: str, task: str) -> Cell:
    outcome = found.tasks[task]
    arm = outcome.arms.get(name)
    planned = outcome.plan.of_arm(name)
    if arm is None or arm.summary.mean is None:
        gone = {run.run_id for run in outcome.missing}
        done = sum(run.run_id not in gone for run in planned)
        return Cell(mean=None, sd=None, n=done, planned=len(planned), best=False)
    metric = METRICS[outcome.study.task.metric]
    others = [each.summary.mean for each in outcome.arms.values() if each.summary.mean is not None]
    best = all(metric.better(arm.summary.mean, other) for other in others)
    summary = arm.summary
    return Cell(
        mean=summary.mean, sd=summary.sd, n=summary.n, planned=len(planned), best=best, interval=summary.interval
    )


def _over(claim: ClaimOutcome, suite: Suite, found: SuiteOutcome) -> OverTasks:
    verdict = claim.verdict
    metric = METRICS[found.outcomes[0].study.task.metric]
    turn = 1.0 if suite.standardised or metric.higher_is_better else -1.0
    ends = None if verdict.interval is None else sorted(turn * bound for bound in verdict.interval)
    scope = next(declared.scope for declared in suite.claims if declared.name == claim.name)
    return OverTasks(
        name=claim.name,
        statement=claim.statement,
        a=claim.a,
        b=claim.b,
        outcome=verdict.outcome.value,
        status=claim.status.value if claim.status else None,
        label=label_of(claim, "the margin"),
        sentence=claim.sentence,
        declared=claim.declared,
        question=verdict.question.value,
        claim=verdict.claim,
        scope=scope,
        standardised=suite.standardised,
        alpha=verdict.alpha,
        family_size=verdict.family_size,
        level=verdict.level,
        n_tasks=verdict.n_tasks,
        n_seeds=verdict.n_seeds,
        n_examples=verdict.n_examples,
        estimate=None if verdict.estimate is None else turn * verdict.estimate,
        interval=None if ends is None else (ends[0], ends[1]),
        standard_error=verdict.standard_error,
        df=verdict.df,
        p=verdict.p,
        p_adjusted=verdict.p_adjusted,
        p_exact=verdict.p_exact,
        floor=verdict.floor,
        basis=verdict.basis.value if verdict.basis else None,
        margin=verdict.margin,
        tost_p=verdict.tost.p if verdict.tost else None,
        notes=claim.notes,
        signature=str(sign_over(found, claim)),
        seeds_needed=verdict.needed.seeds_per_arm if verdict.needed else None,
        examples_needed=verdict.needed.examples if verdict.needed else None,
    )


def _on(task: str, claim: ClaimOutcome, name: MetricName) -> OnTask:
    verdict, metric = claim.verdict, METRICS[name]
    return OnTask(
        task=task,
        name=claim.name,
        a=claim.a,
        b=claim.b,
        label=label_of(claim, "the margin"),
        status=claim.status.value if claim.status else None,
        estimate=None if verdict.estimate is None else metric.own(verdict.estimate),
        interval=metric.own_interval(verdict.interval),
        p_adjusted=verdict.p_adjusted,
    )


def suite_lines(found: SuiteOutcome) -> list[str]:
    """The matrix and the verdicts over the tasks, for a terminal."""
    report = suite_report(found)
    wide = max([len(name) for name in report.matrix] + [3])
    columns = range(len(report.tasks))
    widths = [
        max([len(report.head(place)), *(len(report.text(arm, place)) for arm in report.matrix)]) for place in columns
    ]
    lines = ["  ".join([" " * wide, *(report.head(place).rjust(widths[place]) for place in columns)])]
    for arm in report.matrix:
        lines.append("  ".join([arm.ljust(wide), *(report.text(arm, place).rjust(widths[place]) for place in columns)]))
    lines += [f"{task}: not among the tasks of this call" for task in report.missing_tasks]
    lines.append("mean ± sd over seeds; *: the best mean of a task, which is no verdict")
    if report.bands:
        lines.append("mean over these tasks; arms that share a letter are not told apart (all pairs, exploratory)")
        lines += [f"  {band.arm:<{wide}}  {report.over(band.arm)}" for band in report.bands]
    for claim in report.claims:
        label = claim.label if claim.status is None else f"{claim.status} ({claim.label})"
        lines.append(f"{claim.name}: {'' if claim.declared else 'exploratory: '}{label}")
        lines.append(f"  {claim.sentence}")
        lines += [f"  note: {note}" for note in claim.notes]
        lines += [f"  cite as: {claim.signature}"] if claim.declared else []
    lines += [f"open: {statement}; runs of some task are missing" for statement in report.open_claims]
    return lines
