"""From frames to rows: the score of each, and whose it is."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from seedwise.errors import InputError
from seedwise.scores.asked import Asked, by_pattern
from seedwise.scores.direction import Direction, direction_of
from seedwise.scores.frame import Frame, column_of
from seedwise.scores.identity import whose
from seedwise.scores.metrics import OF_NUMBERS, SHOWN
from seedwise.scores.roles import CONTENT, Roles, Score, plain, roles_of, score_of
from seedwise.scores.rows import Coded, Floats, Ints, Mask, Rows, groups, join_rows, name_rows, some
from seedwise.scores.selection import at_epoch, refuse_filters, texts_of, where
from seedwise.scores.wide import lengthen


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of all sources, the metric that they are scores of, and what was chosen for the reader to know."""

    rows: Rows
    metric: str
    direction: Direction
    notices: tuple[str, ...]


def collect(frames: Sequence[Frame], asked: Asked) -> Found:
    """Rows of `frames`, each with the arm and seed that its columns, its format or its name say."""
    parts: list[Rows] = []
    notices: dict[str, None] = {}
    frames = [lengthen(frame, asked) for frame in where(frames, asked)]
    scores: list[Score] = []
    named: set[tuple[str, str]] = set()
    for index, frame in enumerate(frames):
        rows, score, said = _rows(frame, asked, index, len(frames), named)
        parts.append(rows)
        scores.append(score)
        notices.update(dict.fromkeys(said))
    if len({rows.example is None for rows in parts}) > 1:
        raise InputError(
            f"{parts[0].sources[0]}: some files hold a row a seed and others a row an example; give one kind"
        )
    metrics = list(dict.fromkeys(score.metric for score in scores))
    if len(metrics) > 1:
        raise InputError(f"the files hold different scores ({', '.join(metrics)}); name one with --metric")
    direction, told = _direction(metrics[0], scores[0], asked)
    if told:
        notices[told] = None
    return Found(join_rows(parts), metrics[0], direction, tuple(notices))


def _direction(metric: str, score: Score, asked: Asked) -> tuple[Direction, str | None]:
    if asked.direction is not None:
        return asked.direction, None
    if score.of_labels:
        return ("lower" if metric == "mse" else "higher"), None
    known = direction_of(metric) or (direction_of(score.column) if score.column and metric != score.column else None)
    if known is None and score.above is not None:
        known = direction_of(score.above)
    if known is not None:
        return known, f"{SHOWN.get(metric, metric)}: lower is better" if known == "lower" else None
    return "higher", f"{metric}: taken as higher is better, its name does not say; --direction lower if it is not"


def _rows(
    frame: Frame, asked: Asked, index: int, n_frames: int, named: set[tuple[str, str]]
) -> tuple[Rows, Score, list[str]]:
    roles = roles_of(frame, asked)
    refuse_filters(frame)
    if frame.lacks and frame.n and "log_samples" in frame.lacks and asked.metric is None and asked.score is None:
        raise InputError(f"{frame.source}: {frame.kind}: say which metric to compare with --metric; {frame.lacks}")
    score = score_of(frame, asked, roles)
    frame, said = at_epoch(frame, asked, roles, score)
    notices = [*frame.notes, *said]
    arm, seed, how = whose(frame, asked, roles, index, n_frames, named)
    notices += how
    example = None if roles.example is None else texts_of(frame, roles.example)
    if example is None and (score.of_labels or score.above is not None) and _several(arm, seed):
        raise InputError(
            f"{frame.source}: prediction and label (or loss and tokens, errors and words) need a column "
            f"example that says which row of the test "
            "set it is; name it with --example"
        )
    for name, column in (("arm", arm), ("seed", seed), ("example", example)):
        if column is not None and column.missing.any():
            raise InputError(
                f"{_named_rows(frame, column.missing)}: {name} is empty; fill it in, or leave these rows out: "
                f"{_without({'arm': roles.arm[0] if roles.arm else None, 'seed': roles.seed, 'example': roles.example}[name] or name, '')}"
            )
    values, label, prediction, below = _scores(frame, roles, score, asked)
    chosen = {
        "arm": " and ".join(roles.arm), "seed": roles.seed, "example": roles.example, "task": roles.task, "cluster": roles.cluster,
    }  # fmt: skip
    other = {role: name for role, name in chosen.items() if name and plain(name) != role}
    if score.column and plain(score.column) != "score" and score.column != asked.metric:
        other["score"] = score.column
    if other:
        notices.append("columns taken: " + ", ".join(f"{role} from {name}" for role, name in other.items()))
    if score.of_labels and "score" in frame.columns:
        notices.append(
            f"{SHOWN.get(score.metric, score.metric)} is made of prediction and label; the column score was "
            f"left aside (--score score takes it)"
        )
    content = {
        name: frame.columns[name].texts()
        for name in frame.columns
        if example is not None
        and plain(name) in CONTENT
        and name != roles.example
        and not (plain(name) == "words" and score.below != name)
    }
    task = texts_of(frame, roles.task) if roles.task else (Coded.constant(frame.task, frame.n) if frame.task else None)
    pattern = by_pattern(asked.pattern, frame.source) if asked.pattern else {}
    if "task" in pattern and roles.task is None:
        task = Coded.constant(pattern["task"], frame.n)
    rows = Rows(
        arm=arm,
        seed=seed,
        score=values,
        source=np.zeros(frame.n, dtype=np.intp),
        line=np.arange(frame.n, dtype=np.intp),
        sources=(frame.source,),
        lines=(frame.lines,),
        example=example,
        task=task,
        cluster=None if roles.cluster is None else texts_of(frame, roles.cluster),
        label=label,
        prediction=prediction,
        below=below,
        content=content,
    )
    if roles.repeat is not None and roles.repeat != roles.seed and example is not None:
        rows, repeated = _mean_of_repeats(rows, roles.repeat)
        notices += repeated
    return rows, score, notices


def _several(arm: Coded, seed: Coded) -> bool:
    return bool(int(groups([arm, seed]).max(initial=-1)) + 1 < arm.codes.size) or len(arm.names) == 1


def _named_rows(frame: Frame, rows: Mask) -> str:
    lines = frame.lines()
    return f"{frame.source}: {name_rows([lines[int(row)] for row in np.flatnonzero(rows)])}"


def _scores(
    frame: Frame, roles: Roles, score: Score, asked: Asked
) -> tuple[Floats, Coded | None, Coded | None, Floats | None]:
    if score.above is not None and score.below is not None:
        above, below = _numbers(frame, score.above), _numbers(frame, score.below)
        if (below < 0.0).any() or (score.metric == "perplexity" and (below < 1.0).any()):
            wrong = below < (1.0 if score.metric == "perplexity" else 0.0)
            raise InputError(
                f"{_named_rows(frame, wrong)}: {score.below} is under "
                f"{1 if score.metric == 'perplexity' else 0}; leave out examples without any"
            )
        return above, None, None, below
    if not score.of_labels:
        return _numbers(frame, str(score.column)), None, None, None
    label, prediction = texts_of(frame, roles.label or "label"), texts_of(frame, roles.prediction or "prediction")
    for name, column in (("prediction", prediction), ("label", label)):
        if column.missing.any():
            hint = (
                "; an answer that could not be read counts as wrong if you write a word for it, such as unreadable"
                if name == "prediction"
                else ""
            )
            raise InputError(f"{_named_rows(frame, column.missing)}: {name} is empty{hint}")
    if score.metric in OF_NUMBERS:
        gold, said = _numbers(frame, roles.label or "label"), _numbers(frame, roles.prediction or "prediction")
        return said, label, prediction, gold
    _refuse_fractions(frame, label)
    if set(prediction.names).isdisjoint(label.names):
        raise InputError(
            f"{frame.source}: no prediction is among the labels: predictions {some(sorted(prediction.names), 4)}; labels "
            f"{some(sorted(label.names), 4)}; write both in the same way"
        )
    table = {name: code for code, name in enumerate(label.names)}
    same = np.array([table.get(name, -1) for name in prediction.names], dtype=np.intp)
    return (same[prediction.codes] == label.codes).astype(np.float64), label, prediction, None


def _without(column: str, value: str) -> str:
    """The option that leaves rows out, as a shell takes it."""
    return f"--where {shlex.quote(f'{column}!={value}')}"


def _refuse_fractions(frame: Frame, label: Coded) -> None:
    fractions = [name for name in label.names if _is_fraction(name)]
    if fractions:
        raise InputError(
            f"{frame.source}: labels such as {some(fractions, 3)} are numbers and no classes; take --metric "
            f"pearson, spearman or mse, or name "
            "the column of the classes with --label"
        )


def _is_fraction(text: str) -> bool:
    try:
        return not float(text).is_integer()
    except ValueError:
        return False


def _numbers(frame: Frame, name: str) -> Floats:
    column = column_of(frame, name)
    if column is None:
        raise InputError(f"{frame.source}: no column {name!r}; found {some(map(repr, frame.columns), 20)}")
    values, wrong = column.numbers()
    if wrong.any():
        texts = column.texts()
        found = sorted({texts.text(int(row)) for row in np.flatnonzero(wrong)[:50]})
        raise InputError(
            f"{_named_rows(frame, wrong)}: {name} is no number: {some(found, 4)} (--score names another column; "
            f"{_without(name, found[0])} leaves such rows out)"
        )
    bad = ~np.isfinite(values)
    if bad.any():
        raise InputError(
            f"{_named_rows(frame, bad)}: {name} is empty or not finite; give a diverged run the score that its predictions have, or "
            "leave out the whole run, as with --where 'seed!=3', and say so"
        )
    return values


def _mean_of_repeats(rows: Rows, column: str) -> tuple[Rows, list[str]]:
    """One row an example: the mean over the times that one model was asked the same."""
    whose = groups([each for each in (rows.arm, rows.seed, rows.task, rows.example) if each is not None])
    found, first, inverse = np.unique(whose, return_index=True, return_inverse=True)
    if found.size == whose.size:
        return rows, []
    means = np.bincount(inverse.reshape(-1), weights=rows.score) / np.bincount(inverse.reshape(-1))
    order: Ints = np.argsort(first)
    kept = rows.take(first[order])
    times = whose.size / found.size
    said = (
        f"each example was asked {times:g} times ({column}): their mean counts, since they are answers "
        f"of one model and no runs of their own; "
        f"--seed {column} takes each as a run"
    )
    return replace(kept, score=means[order]), [said]
