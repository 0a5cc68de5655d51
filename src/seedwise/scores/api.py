"""`seedwise.compare`: verdicts on a data frame, on arrays, or on files, from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seedwise.errors import InputError
from seedwise.scores.asked import Asked, At, Unit
from seedwise.scores.card import Scorecard
from seedwise.scores.direction import Direction
from seedwise.scores.formats import as_text
from seedwise.scores.frame import ArrowColumn, Frame, ListColumn, frame_of_lists
from seedwise.scores.gold import with_labels
from seedwise.scores.page import fragment, page
from seedwise.scores.scorecard import Terms, decide
from seedwise.scores.sources import read_frames, tables_of
from seedwise.stats import Claim


@dataclass(frozen=True, slots=True)
class Comparison(Scorecard):
    """A scorecard that prints as text and shows itself in a notebook; `pairs` hold the typed verdicts."""

    def __str__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return fragment(self)

    def html(self) -> str:
        """A whole page that needs nothing else."""
        return page(self)


def compare(
    scores: Any,
    *,
    a: str | None = None,
    b: str | None = None,
    metric: str | None = None,
    direction: Direction | None = None,
    arm: str | Sequence[str] = (),
    seed: str | None = None,
    example: str | None = None,
    task: str | None = None,
    cluster: str | None = None,
    score: str | None = None,
    prediction: str | None = None,
    label: str | None = None,
    gold: Any = None,
    where: Mapping[str, object] | None = None,
    at: At | None = None,
    pattern: str | None = None,
    common: bool = False,
    unit: Unit | None = None,
    positive: str | None = None,
    claim: Claim = "superiority",
    margin: float | None = None,
    alpha: float = 0.05,
    paired: bool = False,
    family: int | None = None,
    deterministic: Sequence[str] = (),
    require_exact: bool = False,
    test_size: int | None = None,
) -> Comparison:
    """Compare arms by their scores: `seedwise compare` from Python, with the same columns, options, defaults and errors.

    `scores` is a frame of pandas or polars or an Arrow table (a row a seed, or a row an example), a mapping of columns, a
    mapping of arms to arrays ([seeds], or [seeds, examples] with the same examples in the same order), or the paths of files.
    `gold` is another such, with the labels by example, where the scores hold predictions alone.
    Raises InputError for scores that do not fit together, naming what was found.
    """
    asked = Asked(
        metric=metric, arm=(arm,) if isinstance(arm, str) else tuple(arm), seed=seed, example=example, task=task, cluster=cluster,
        score=score, prediction=prediction, label=label, where=_conditions(where or {}),
        at=at, pattern=pattern, direction=direction, common=common, unit=unit, positive=positive,
    )  # fmt: skip
    terms = Terms(
        a=a, b=b, claim=claim, margin=margin, alpha=alpha, paired=paired, family=family, deterministic=tuple(deterministic),
        require_exact=require_exact, test_size=test_size,
    )  # fmt: skip
    frames = frames_of(scores)
    if gold is not None:
        (labels,) = frames_of(gold)
        frames = with_labels(frames, labels, asked)
    card = decide(tables_of(frames, asked, terms.arms), terms)
    return Comparison(card.pairs, card.note, card.notices, card.bands, card.over_tasks)


def _conditions(where: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (key, str(each))
        for key, value in where.items()
        for each in (value if isinstance(value, list | tuple | set) else (value,))
    )


def frames_of(scores: Any) -> list[Frame]:
    """Frames of whatever holds scores. Raises InputError for a kind that is not known."""
    if isinstance(scores, str | Path):
        return read_frames([str(scores)])
    if isinstance(scores, Sequence) and scores and all(isinstance(each, str | Path) for each in scores):
        return read_frames([str(each) for each in scores])
    if isinstance(scores, Mapping):
        return [_of_arrays(scores) if _are_arms(scores) else frame_of_lists("the scores", scores)]
    if hasattr(scores, "to_arrow"):  # polars
        scores = scores.to_arrow()
    if hasattr(scores, "column_names") and hasattr(scores, "num_rows"):  # Arrow
        n = int(scores.num_rows)
        columns = {str(name): ArrowColumn(scores[name]) for name in scores.column_names}
        return [Frame("the frame", columns, n, lambda: range(n))]
    if hasattr(scores, "columns") and hasattr(scores, "index"):  # pandas
        named = [name for name in scores.index.names if name is not None]
        table = scores.reset_index() if named else scores
        listed = {str(name): ListColumn(table[name].tolist()) for name in table.columns}
        return [Frame("the frame", listed, len(table), lambda: range(len(table)))]
    raise InputError(
        f"scores are a {type(scores).__name__}; give a frame of pandas or polars, a mapping of columns, of arms to arrays, or files"
    )


def _are_arms(scores: Mapping[Any, Any]) -> bool:
    """Arms to arrays of numbers, rather than columns: none of the names is one that a column has."""
    if {"arm", "seed", "score", "example"} & {str(name).casefold() for name in scores}:
        return False
    try:
        return len(scores) > 1 and all(
            np.asarray(values, dtype=np.float64).ndim in (1, 2) for values in scores.values()
        )
    except (TypeError, ValueError):
        return False


def _of_arrays(scores: Mapping[Any, Any]) -> Frame:
    arrays = {str(name): np.asarray(values, dtype=np.float64) for name, values in scores.items()}
    shapes = {array.shape[1:] for array in arrays.values()}
    if len(shapes) > 1:
        raise InputError(
            "arms have arrays of other shapes: "
            + ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
            + "; give [seeds], or [seeds, examples] with the same examples"
        )
    columns: dict[str, list[object]] = {"arm": [], "seed": [], "score": []}
    if shapes != {()}:
        columns["example"] = []
    for name, array in arrays.items():
        for place, value in np.ndenumerate(array):
            columns["arm"].append(name)
            columns["seed"].append(place[0])
            columns["score"].append(float(value))
            if "example" in columns:
                columns["example"].append(place[1])
    return frame_of_lists("the arrays", columns)
