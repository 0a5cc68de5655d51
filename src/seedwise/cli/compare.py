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


class ClaimName(StrEnum):
    superiority = "superiority"
    equivalence = "equivalence"


class UnitName(StrEnum):
    fraction = "fraction"
    percent = "percent"
    own = "own"


def compare(
    scores: Annotated[
        list[str],
        typer.Argument(
            metavar="SCORES",
            help="CSV, TSV, JSONL or Parquet: arm, seed, score (a row a seed), or arm, seed, example and score, or prediction "
            "and label, or loss and tokens (a row an example).  ARM=FILE: one seed of an arm, such as a sample log of "
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
            "macro-f1, matthews; of losses and tokens: perplexity.",
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
    """Compare arms by their scores, higher being better: estimate, interval, exact test with its floor, verdict.

    More than two arms without --a and --b: all pairs, as one family under Holm's correction.
    """
    from seedwise.scores.mlflow_runs import MlflowRuns, read_runs
    from seedwise.scores.scorecard import FORMATS, choose_pairs, decide_pairs  # brings scipy, slow to import
    from seedwise.scores.table import lay_out, read_scores

    if not 0.0 < alpha < 0.5:
        raise InputError(f"--alpha {alpha:g}: must lie between 0 and 0.5")
    if margin is not None and not 0.0 < margin < float("inf"):
        raise InputError(f"--margin {margin:g}: must be positive, in the metric's own unit")
    if claim is ClaimName.equivalence and margin is None:
        raise InputError("--claim equivalence needs a --margin, declared before the scores are seen")
    if paired and deterministic:
        raise InputError("--paired and --deterministic exclude each other: a deterministic arm has no seeds to share")
    only = [a, b] if a is not None and b is not None else None
    if scores == ["mlflow"] and not Path("mlflow").is_file():
        asked = MlflowRuns(tracking_uri, experiment or (), run_filter, arm_tag, arm_param, seed_tag, seed_param)
        table = lay_out(read_runs(asked, metric), metric, only, unit.value if unit else None)
    else:
        table = read_scores(scores, metric, only, unit.value if unit else None, positive)
    for name in (a, b, *(deterministic or ())):
        if name is not None and name not in table.arms:
            raise InputError(f"no arm {name!r} in {', '.join(scores)}; arms: {', '.join(table.arms)}")
    card = decide_pairs(
        table,
        choose_pairs(table, a, b),
        claim=claim.value,
        margin=margin,
        alpha=alpha,
        paired=paired,
        family=family,
        deterministic=deterministic or (),
    )
    typer.echo(FORMATS[form.value](card))
