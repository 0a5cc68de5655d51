"""Scores from any system: read, checked, and laid out by arm, seed and example.

A file holds an arm, a seed and a score (a row a seed), or also an example and either a score, a prediction and a label, a loss and
its tokens, or errors and words (a row an example). A file given as `ARM=FILE` is one seed of that arm. Names of columns are
recognised or asked for (see `roles`); formats of evaluation harnesses and trainers have readers of their own (see
`readers.registry`). Faults name the file and the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from seedwise.errors import InputError
from seedwise.scores.asked import Asked, Unit
from seedwise.scores.frame import Frame
from seedwise.scores.layout import Evidence, lay_out
from seedwise.scores.reading import collect
from seedwise.scores.summaries import read_summaries
from seedwise.scores.table import ScoreTable


def read_scores(
    sources: Sequence[str],
    metric: str | None = None,
    arms: Sequence[str] | None = None,
    unit: Unit | None = None,
    positive: str | None = None,
) -> ScoreTable:
    """The scores in `sources` (`FILE` or `ARM=FILE`), of `arms` only where given, of one task.

    `metric` names the score's column where that is not `score`, the metric that is made of predictions and labels (accuracy, f1
    of the class `positive`, macro-f1, matthews) or of losses (perplexity), and the metric in what is printed. `unit` is guessed
    from the metric's name and the scores (all within 0 and 1: fraction; within -100 and 100: percent) and mixed units are
    refused; stated, it is taken at its word. Raises InputError.
    """
    tables = read_tables(sources, Asked(metric=metric, unit=unit, positive=positive), arms)
    if len(tables) > 1:
        raise InputError(f"several tasks ({', '.join(table.task or '' for table in tables)}); keep one with --where")
    return tables[0]


def read_tables(sources: Sequence[str], asked: Asked, arms: Sequence[str] | None = None) -> tuple[ScoreTable, ...]:
    """A table a task of the scores in `sources`."""
    return tables_of(read_frames(sources), asked, arms)


def tables_of(frames: Sequence[Frame], asked: Asked, arms: Sequence[str] | None = None) -> tuple[ScoreTable, ...]:
    """A table a task of frames from anywhere."""
    return lay_out(evidence_of(frames, asked), asked, arms)


def evidence_of(frames: Sequence[Frame], asked: Asked) -> Evidence:
    """What the frames say, before it is laid out: rows of scores, or summaries as published."""
    return read_summaries(frames, asked) or collect(frames, asked)


def read_frames(sources: Sequence[str]) -> list[Frame]:
    """The frames of `FILE`, `ARM=FILE`, folders, globs and `-` (standard input)."""
    from seedwise.scores.readers.registry import find_files, read_file

    frames: list[Frame] = []
    seen: dict[Path, str] = {}
    for source in sources:
        arm, path = _split(source)
        for file in find_files(path):
            if file is not None and file.resolve() in seen:
                raise InputError(
                    f"{file}: is given twice, as {seen[file.resolve()]} and as {source}; a run counts once"
                )
            if file is not None:
                seen[file.resolve()] = source
            frame = read_file(file)
            frames.append(frame if arm is None else replace(frame, arm=arm))
    if len(frames) > 1:  # a folder may hold both a run's log and its results: what has no scores is left out
        kept = [frame for frame in frames if frame.n]
        return kept or frames
    return frames


def _split(source: str) -> tuple[str | None, str]:
    arm, equals, path = source.partition("=")
    if equals and not Path(source).exists():
        return arm, path
    return None, source
