"""A suite of tasks on one page: arms × tasks, the verdicts over the tasks, and where each task's own page lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from seedwise.report.arm_rows import Interval
from seedwise.report.comparisons import ClaimStatus, Decided
from seedwise.report.label import label_of
from seedwise.study.metric import METRICS, MINUS, MetricName
from seedwise.study.suite import Suite
from seedwise.verdicts.bands import Bands
from seedwise.verdicts.comparison import ClaimOutcome
from seedwise.verdicts.over_tasks import SuiteOutcome, bands_over, matrix_of
from seedwise.verdicts.signature import sign_over
from seedwise_contract.base import ContractModel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUITE_FORMAT: Literal[1] = 1


class Cell(ContractModel):
    """One arm on one task, in the metric's own numbers; None where runs are missing.  `best`: no arm's mean is better there."""

    mean: float | None
    sd: float | None
    n: int
    planned: int
    best: bool


class TaskColumn(ContractModel):
    task: str
    study: str
    metric: MetricName
    data: str
    examples: int


class OverTasks(Decided):
    """A verdict over the tasks: raw differences as fractions of the metric's scale, or in standard deviations of an example's score."""

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
        return "–" if claim.estimate is None else f"{metric.difference(claim.estimate)} {metric.unit}".strip()


def suite_report(found: SuiteOutcome) -> SuiteReport:
    """The page's values of a suite's outcome."""
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
    return Cell(mean=arm.summary.mean, sd=arm.summary.sd, n=arm.summary.n, planned=len(planned), best=best)


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


def forest(report: SuiteReport) -> str | None:
    """Differences of the claimed pairs on each task and over the tasks, as an SVG; None where there is nothing to draw.

    Only of raw differences: those of other metrics have no axis in common.
    """
    from seedwise.report.drawing import label_rows, render
    from seedwise.report.svg import ARM_COLOURS, INK

    if len({column.metric for column in report.tasks}) > 1 or any(claim.standardised for claim in report.claims):
        return None
    metric = METRICS[report.tasks[0].metric]
    rows: list[tuple[str, float, Interval, bool]] = []
    for claim in report.each:
        if claim.estimate is not None and claim.interval is not None:
            rows.append((f"{claim.a} {MINUS} {claim.b}, {claim.task}", claim.estimate, claim.interval, False))
    for over in report.claims:
        if over.estimate is not None and over.interval is not None:
            words = "tasks like these" if over.scope == "tasks-like-these" else "these tasks"
            rows.append((f"{over.a} {MINUS} {over.b}, mean of {words}", over.estimate, over.interval, True))
    if not rows:
        return None

    def draw(axes: Axes) -> None:
        axes.axvline(0.0, color=INK, linewidth=1.0)
        for place, (_, estimate, (low, high), mean) in enumerate(rows):
            axes.plot(
                [metric.scale * low, metric.scale * high], [-place, -place], color=INK, linewidth=2.6 if mean else 1.4
            )
            axes.plot([metric.scale * estimate], [-place], "D" if mean else "o", color=ARM_COLOURS[0], markersize=7)
        label_rows(axes, [name for name, *_ in rows])
        axes.set_xlabel(f"difference in {metric.name}{f', {metric.unit}' if metric.unit else ''}")
        axes.grid(axis="x")  # fmt: skip

    return render(f"{report.name}-tasks", 0.62 * len(rows) + 0.75, draw)


def render_suite(report: SuiteReport, kind: Literal["html", "md", "json"], page: str = "report.html") -> str:
    """The suite's page, its Markdown, or its values; `page` is the name of its tasks' pages."""
    if kind == "json":
        return report.model_dump_json(indent=1) + "\n"
    from markupsafe import Markup

    from seedwise.report.pages import environment

    drawn = forest(report) if kind == "html" else None
    bands = _drawn_bands(report) if kind == "html" and report.bands else None
    template = environment(autoescape=kind == "html").get_template(f"suite.{kind}.j2")
    return template.render(
        suite=report,
        page=page,
        drawn=None if drawn is None else Markup(drawn),
        bands=None if bands is None else Markup(bands),
    )


def _drawn_bands(report: SuiteReport) -> str:
    from seedwise.report.bands import draw_bands

    metric = METRICS[report.tasks[0].metric]
    letters = dict.fromkeys(letter for band in report.bands for letter in band.letters.split())
    bands = Bands(
        task=None,
        metric=f"mean {metric.name}{metric.axis}",
        scale=metric.scale,
        arms=tuple((band.arm, band.mean) for band in report.bands),
        groups=tuple(tuple(band.arm for band in report.bands if letter in band.letters.split()) for letter in letters),
        best=(),
    )
    return draw_bands(bands, f"{report.name}-bands")


SUITE_FILES: Sequence[tuple[Literal["html", "md", "json"], str]] = (
    ("html", "report.html"),
    ("md", "report.md"),
    ("json", "report.json"),
)
