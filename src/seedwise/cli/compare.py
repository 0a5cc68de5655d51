"""`seedwise compare`: the full verdict on scores of one's own, from any system."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

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
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster", help="Column of what examples share (passage, user, film); none: examples are independent."
        ),
    ] = None,
    score: Annotated[str | None, typer.Option("--score", help="Column of the score.")] = None,
    prediction: Annotated[str | None, typer.Option("--prediction", help="Column of the prediction.")] = None,
    label: Annotated[str | None, typer.Option("--label", help="Column of the label.")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="COLUMN=VALUE", help="Only rows with this value; may be given again."),
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
    form: Annotated[Format, typer.Option("--format", help="How to print the verdict.")] = Format.text,
) -> None:
    """Compare arms by their scores: estimate, interval, exact test with its floor, verdict.

    More than two arms without --a and --b: all pairs, as one family under Holm's correction.
    """
    from seedwise.scores.asked import Asked  # these bring scipy, slow to import
    from seedwise.scores.formats import FORMATS
    from seedwise.scores.mlflow_runs import MlflowRuns, read_runs
    from seedwise.scores.published import compare_published
    from seedwise.scores.scorecard import choose_pairs, decide_tables
    from seedwise.scores.table import read_frames, tables_of

    if not 0.0 < alpha < 0.5:
        raise InputError(f"--alpha {alpha:g}: must lie between 0 and 0.5")
    if margin is not None and not 0.0 < margin < float("inf"):
        raise InputError(f"--margin {margin:g}: must be positive, in the metric's own unit")
    if claim is ClaimName.equivalence and margin is None:
        raise InputError("--claim equivalence needs a --margin, declared before the scores are seen")
    if paired and deterministic:
        raise InputError("--paired and --deterministic exclude each other: a deterministic arm has no seeds to share")
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
    only = [a, b] if a is not None and b is not None else None
    if scores == ["mlflow"] and not Path("mlflow").is_file():
        chosen = MlflowRuns(tracking_uri, experiment or (), run_filter, arm_tag, arm_param, seed_tag, seed_param)
        frames = [read_runs(chosen, metric)]
    else:
        frames = read_frames(scores)
    tables = tables_of(frames, asked, only)
    if published is not None:
        typer.echo(compare_published(tables, published, published_runs, alpha, form.value))
        return
    for name in (a, b, *(deterministic or ())):
        if name is not None and all(name not in table.arms for table in tables):
            raise InputError(f"no arm {name!r} in {', '.join(scores)}; arms: {', '.join(tables[0].arms)}")
    card = decide_tables(
        [(table, choose_pairs(table, a, b)) for table in tables],
        claim=claim.value,
        margin=margin,
        alpha=alpha,
        paired=paired,
        family=family,
        deterministic=deterministic or (),
        require_exact=require_exact,
    )
    if form not in (Format.text, Format.html):
        for notice in card.notices:
            typer.echo(notice, err=True)
    typer.echo(FORMATS[form.value](card))


def _condition(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InputError(f"--where {text}: write COLUMN=VALUE")
    return name, value
