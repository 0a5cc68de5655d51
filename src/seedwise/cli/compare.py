"""`seedwise compare`: the full verdict on scores of one's own, from any system."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from seedwise.cli.common import show
from seedwise.errors import InputError


class Format(StrEnum):
    text = "text"
    json = "json"
    md = "md"
    latex = "latex"
    csv = "csv"
    html = "html"


class ClaimName(StrEnum):
    superiority = "superiority"
    equivalence = "equivalence"


class DirectionName(StrEnum):
    higher_is_better = "higher"
    lower_is_better = "lower"


class AtName(StrEnum):
    last = "last"
    best = "best"


class OnName(StrEnum):
    all = "all"
    common = "common"


class ScopeName(StrEnum):
    each = "each"
    suite = "suite"
    like = "tasks-like-these"


class UnitName(StrEnum):
    fraction = "fraction"
    percent = "percent"
    own = "own"


def compare(
    scores: Annotated[
        list[str],
        typer.Argument(
            metavar="SCORES",
            help="Files (CSV, TSV, JSON, JSONL, Parquet, .eval, also .gz), folders, quoted globs, or - for standard input: arm, seed, "
            "score (a row a seed), or arm, seed, example and score, or prediction and label, loss and tokens, errors and words (a row an "
            "example), or arm, mean, sd, n (as published).  ARM=FILE: one seed of an arm, such as a sample log of "
            "lm-evaluation-harness or a run's predictions/test.jsonl.  mlflow: runs of an MLflow server (see --filter).",
        ),
    ],
    a: Annotated[
        str | None, typer.Option("--a", help="Arm A.  Default: the first; with more than two arms, all.")
    ] = None,
    b: Annotated[str | None, typer.Option("--b", help="Arm B.  Alone: every other arm against it.")] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric",
            help="The metric's name, and its column if that is not `score`.  Made of predictions and labels: accuracy, f1, "
            "macro-f1, matthews, pearson, spearman, mse; of losses and tokens: perplexity; of two columns: errors/words.",
        ),
    ] = None,
    positive: Annotated[
        str | None, typer.Option("--positive", help="The class that f1 is of; default: label 1.")
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(
            "--margin", help="Also test equivalence within this margin, in the metric's own unit (0.01 or 1)."
        ),
    ] = None,
    claim: Annotated[ClaimName, typer.Option("--claim", help="What was declared before.")] = ClaimName.superiority,
    alpha: Annotated[float, typer.Option("--alpha", help="Chance of a false claim in the family.")] = 0.05,
    paired: Annotated[
        bool, typer.Option("--paired", help="Equal seeds of two arms are one draw (same head, same data order).")
    ] = False,
    family: Annotated[
        int | None, typer.Option("--family", min=1, help="Claims decided together; default: the pairs compared here.")
    ] = None,
    deterministic: Annotated[
        list[str] | None, typer.Option("--deterministic", help="An arm that always gives its one result.")
    ] = None,
    unit: Annotated[
        UnitName | None,
        typer.Option("--unit", help="Unit of the scores.  Default: guessed, and mixed units are refused."),
    ] = None,
    direction: Annotated[
        DirectionName | None,
        typer.Option("--direction", help="Which way is better.  Default: by the metric's name, and said."),
    ] = None,
    arm: Annotated[
        list[str] | None,
        typer.Option("--arm", help="Column that names the arm; several make one.  a.b reaches into nested values."),
    ] = None,
    seed: Annotated[str | None, typer.Option("--seed", help="Column of the seed.")] = None,
    example: Annotated[str | None, typer.Option("--example", help="Column that says which example a row is.")] = None,
    task: Annotated[
        str | None, typer.Option("--task", help="Column of the task: a verdict each, in one family.")
    ] = None,
    scope: Annotated[
        ScopeName | None,
        typer.Option(
            "--scope",
            help="Of several tasks, one question alone: on each, over the mean of these (suite), or over tasks like these "
            "(five or more).  Default: text, md and html have all of them, other formats each task.",
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster", help="Column of what examples share (passage, user, film); none: examples are independent."
        ),
    ] = None,
    score: Annotated[str | None, typer.Option("--score", help="Column of the score.")] = None,
    prediction: Annotated[str | None, typer.Option("--prediction", help="Column of the prediction.")] = None,
    label: Annotated[str | None, typer.Option("--label", help="Column of the label.")] = None,
    gold: Annotated[
        Path | None,
        typer.Option("--gold", help="A file of the labels by example, where the others hold predictions alone."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="COLUMN=VALUE",
            help="Only rows with this value, or COLUMN!=VALUE without it; may be given again.",
        ),
    ] = None,
    at: Annotated[
        AtName | None, typer.Option("--at", help="Where a run has several epochs: the last or the best.")
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option("--pattern", help="Arm, seed and task from a file's path, such as '{arm}/seed{seed}/*.json'."),
    ] = None,
    on: Annotated[
        OnName, typer.Option("--on", help="common: on the examples that all arms and seeds have.")
    ] = OnName.all,
    published: Annotated[
        str | None,
        typer.Option(
            "--published", metavar="[NAME=]VALUE", help="A number from elsewhere: is it what these seeds give?"
        ),
    ] = None,
    published_runs: Annotated[
        int, typer.Option("--published-runs", min=1, help="How many runs the published number is the mean of.")
    ] = 1,
    require_exact: Annotated[
        bool,
        typer.Option("--require-exact", help="A difference counts only where the exact test over seeds confirms it."),
    ] = False,
    tracking_uri: Annotated[
        str | None, typer.Option("--tracking-uri", help="mlflow: where; default: MLFLOW_TRACKING_URI.")
    ] = None,
    experiment: Annotated[
        list[str] | None, typer.Option("--experiment", help="mlflow: experiments by name; default: all.")
    ] = None,
    run_filter: Annotated[str, typer.Option("--filter", help="mlflow: which runs, in its own filter language.")] = "",
    arm_tag: Annotated[str | None, typer.Option("--arm-tag", help="mlflow: the tag that names a run's arm.")] = None,
    arm_param: Annotated[str | None, typer.Option("--arm-param", help="mlflow: the parameter that does.")] = None,
    seed_tag: Annotated[str | None, typer.Option("--seed-tag", help="mlflow: the tag of its seed.")] = None,
    seed_param: Annotated[
        str | None,
        typer.Option("--seed-param", help="mlflow: the parameter of its seed; default: every run is a seed."),
    ] = None,
    evaluations: Annotated[
        bool,
        typer.Option(
            "--evaluations",
            help="mlflow: what scorers said of each example (mlflow.genai.evaluate); arm: the run's name.",
        ),
    ] = False,
    test_size: Annotated[
        int | None,
        typer.Option(
            "--test-size", min=2, help="How many examples the one accuracy of each arm is of: the test of two shares."
        ),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", help="Also pack the scores and verdicts into this file, for `seedwise verify`."),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How to print the verdict.")] = Format.text,
) -> None:
    """Compare arms by their scores: estimate, interval, exact test with its floor, verdict.

    More than two arms without --a and --b: all pairs, as one family under Holm's correction.
    """
    from seedwise.scores.asked import Asked  # these bring scipy, slow to import
    from seedwise.scores.formats import FORMATS
    from seedwise.scores.gold import with_labels
    from seedwise.scores.layout import lay_out
    from seedwise.scores.mlflow_evaluations import read_evaluations
    from seedwise.scores.mlflow_runs import MlflowRuns, read_runs
    from seedwise.scores.published import reproduce, shown
    from seedwise.scores.scorecard import Terms, decide
    from seedwise.scores.sources import evidence_of, read_frames

    asked = Asked(
        metric=metric,
        arm=tuple(arm or ()),
        seed=seed,
        example=example,
        task=task,
        cluster=cluster,
        score=score,
        prediction=prediction,
        label=label,
        where=tuple(_condition(each) for each in where or ()),
        at=None if at is None else at.value,
        pattern=pattern,
        direction=None if direction is None else direction.value,
        common=on is OnName.common,
        unit=None if unit is None else unit.value,
        positive=positive,
    )
    if bundle is not None and bundle.is_dir():
        raise InputError(f"--bundle {bundle}: is a folder; name the file to write")
    terms = Terms(
        a=a,
        b=b,
        claim=claim.value,
        margin=margin,
        alpha=alpha,
        paired=paired,
        family=family,
        deterministic=tuple(deterministic or ()),
        require_exact=require_exact,
        test_size=test_size,
    )
    if scores == ["mlflow"] and not Path("mlflow").is_file():
        chosen = MlflowRuns(tracking_uri, experiment or (), run_filter, arm_tag, arm_param, seed_tag, seed_param)
        frames = [read_evaluations(chosen) if evaluations else read_runs(chosen, metric)]
    else:
        frames = read_frames(scores)
    if gold is not None:
        (labels,) = read_frames([str(gold)])
        frames = with_labels(frames, labels, asked)
    evidence = evidence_of(frames, asked)
    tables = lay_out(evidence, asked, terms.arms)
    if published is not None:
        found = reproduce(tables, published, published_runs, alpha)
        typer.echo(shown(found, form.value))
    else:
        card = decide(tables, terms)
        if scope is not None:
            card = card.only(scope.value)
        if form not in (Format.text, Format.html):
            for notice in card.notices:
                typer.echo(notice, err=True)
        (show if form is Format.text else typer.echo)(FORMATS[form.value](card))
    if bundle is not None:
        from seedwise.bundle.comparison import pack_comparison
        from seedwise_contract.files import write_whole

        data = pack_comparison(evidence, asked, terms, frames, published, published_runs)
        write_whole(bundle, data)
        typer.echo(f"{bundle}: {len(data) / 1e6:.2f} MB; `seedwise verify {bundle}` recomputes it", err=True)


def _condition(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InputError(f"--where {text}: write COLUMN=VALUE")
    return name, value
