"""A comparison of scores of one's own in a bundle: the scores that count, what they were held to, and the verdicts.

Not the files that the scores were read from, which may hold texts: their names and sha256 are listed, for whoever has them.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from seedwise.bounded import parse_json
from seedwise.bundle.layout import COMPARISONS, README, comparison_file, json_bytes, sealed
from seedwise.scores.asked import Asked
from seedwise.scores.card import Scorecard
from seedwise.scores.formats import as_dict
from seedwise.scores.frame import Frame
from seedwise.scores.layout import Evidence, lay_out
from seedwise.scores.metrics import OF_NUMBERS, RESAMPLED
from seedwise.scores.published import Reproduced, reproduce
from seedwise.scores.readers.content import Content
from seedwise.scores.readers.delimited import read_delimited
from seedwise.scores.reading import Found
from seedwise.scores.rows import Coded, Rows
from seedwise.scores.scorecard import Terms, decide
from seedwise.scores.summaries import MOST_SEEDS, Published, Summary
from seedwise_contract.base import ContractModel
from seedwise_contract.spec import Sha256

NAME = "scores"
RECORD, SCORES, VERDICTS = COMPARISONS
_README = """# Evidence of a comparison

    seedwise verify BUNDLE

recomputes every estimate, interval and p value from the scores in here, without a network or the files that they were read
from, and compares them with the verdicts.

| where | what |
| --- | --- |
| `comparisons/scores/scores.csv` | the scores that were compared: a row a seed, or a row an example, or means as published |
| `comparisons/scores/comparison.json` | metric, direction, claim, level, family; the sources, each with its sha256 |
| `comparisons/scores/verdicts.json` | what is claimed: verdicts with every figure, groups of arms |
| `manifest.json` | the sha256 of every other file |

What was read besides (texts, other columns, rows left out) is not in here; a source with the sha256 listed gives these scores.
"""


class SourceFile(ContractModel):
    """One source; `sha256` None where it is no file (a tracking server, standard input)."""

    name: str
    sha256: Sha256 | None


class HeldTo(ContractModel):
    """`seedwise.scores.scorecard.Terms`, as it was."""

    a: str | None
    b: str | None
    claim: Literal["superiority", "equivalence"]
    margin: float | None
    alpha: float
    paired: bool
    family: int | None
    deterministic: tuple[str, ...]
    require_exact: bool
    test_size: int | None = Field(ge=2, le=10**9)


class ComparisonFile(ContractModel):
    """`comparison.json`: what was asked of the scores, and where they come from."""

    scores: Literal["rows", "published means"]
    metric: str | None
    direction: Literal["higher", "lower"]
    unit: Literal["fraction", "percent", "own"] | None
    positive: str | None
    cluster: str | None
    common: bool
    terms: HeldTo
    published: str | None
    published_runs: int = Field(ge=1, le=10**6)
    notices: tuple[str, ...]
    sources: tuple[SourceFile, ...]


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What the scores in a bundle give: verdicts, or a published number held against seeds."""

    card: Scorecard | None
    reproduced: tuple[Reproduced, ...]
    n_scores: int

    def figures(self) -> dict[str, Any]:
        """Every figure as plain JSON."""
        value: dict[str, Any] = {"reproduced": [asdict(each) for each in self.reproduced]}
        if self.card is not None:
            value |= {
                "pairs": [as_dict(pair) for pair in self.card.pairs],
                "over_tasks": [as_dict(pair) for pair in self.card.over_tasks],
                "groups": [asdict(bands) for bands in self.card.bands],
                "family": self.card.note,
            }
        return dict(json.loads(json.dumps(value, allow_nan=False)))


def pack_comparison(
    evidence: Evidence,
    asked: Asked,
    terms: Terms,
    frames: Sequence[Frame],
    published: str | None = None,
    published_runs: int = 1,
) -> bytes:
    """The bundle of a comparison as `seedwise compare` makes it: equal scores and options give equal bytes."""
    if isinstance(evidence, Published):
        direction, metric, scores = (
            asked.direction,
            asked.metric or evidence.metric,
            _summaries_csv(evidence, terms.arms),
        )
    else:
        direction, metric, scores = evidence.direction, evidence.metric, _rows_csv(evidence, terms.arms)
    record = ComparisonFile(
        scores="published means" if isinstance(evidence, Published) else "rows",
        metric=metric,
        direction=direction or lay_out(evidence, asked, terms.arms)[0].direction,
        unit=asked.unit,
        positive=asked.positive,
        cluster=asked.cluster,
        common=asked.common,
        terms=HeldTo(**{**asdict(terms), "deterministic": tuple(terms.deterministic)}),
        published=published,
        published_runs=published_runs,
        notices=evidence.notices,
        sources=tuple(dict.fromkeys(SourceFile(name=_shown(frame.source), sha256=frame.digest) for frame in frames)),
    )
    data = json_bytes(record.model_dump(mode="json"))
    made = recompute(data, scores)
    files = {
        comparison_file(NAME, RECORD): data,
        comparison_file(NAME, SCORES): scores,
        comparison_file(NAME, VERDICTS): json_bytes(made.figures()),
        README: _README.encode(),
    }
    return sealed(files, comparisons=(NAME,))


def recompute(record: bytes, scores: bytes) -> Recomputed:
    """What the scores give under what was asked. Raises InputError or ValueError for files that say nothing that can be held."""
    said = ComparisonFile.model_validate_json(record)
    asked = Asked(
        metric=said.metric, direction=said.direction, unit=said.unit, positive=said.positive, cluster=said.cluster, common=said.common
    )  # fmt: skip
    terms = Terms(**said.terms.model_dump())
    frame = read_delimited(Content("scores.csv", ".csv", scores, None))
    evidence: Evidence
    if said.scores == "rows":
        if said.metric is None:
            raise ValueError("metric: missing; it says what the scores are of")
        evidence = Found(_rows(frame), said.metric, said.direction, said.notices)
    else:
        evidence = Published(_summaries(frame), said.notices)
    tables = lay_out(evidence, asked, terms.arms)
    if said.published is not None:
        return Recomputed(None, reproduce(tables, said.published, said.published_runs, terms.alpha), frame.n)
    return Recomputed(decide(tables, terms), (), frame.n)


def _rows_csv(found: Found, arms: Sequence[str] | None) -> bytes:
    """The rows of `arms`, in order; predictions and labels only where the metric is made of them."""
    rows = found.rows
    if arms:
        rows = rows.take(np.isin(rows.arm.codes, [code for code, name in enumerate(rows.arm.names) if name in arms]))
    columns: dict[str, Coded | None] = {
        "arm": rows.arm, "seed": rows.seed, "task": rows.task, "example": rows.example, "cluster": rows.cluster,
    }  # fmt: skip
    if found.metric in (*RESAMPLED, *OF_NUMBERS):
        columns |= {"label": rows.label, "prediction": rows.prediction}
    texts = {name: _texts(coded) for name, coded in columns.items() if coded is not None}
    numbers = {"score": rows.score, **({} if rows.below is None else {"below": rows.below})}
    return _csv({**texts, **{name: [repr(value) for value in values.tolist()] for name, values in numbers.items()}})


def _texts(coded: Coded) -> list[str]:
    names = [*coded.names, ""]
    return [names[code] for code in coded.codes.tolist()]


def _csv(columns: Mapping[str, Sequence[object]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return out.getvalue().encode()


def _rows(frame: Frame) -> Rows:
    needed = {"arm", "seed", "score"}
    if not needed <= set(frame.columns):
        raise ValueError(f"scores.csv: no column {', '.join(sorted(needed - set(frame.columns)))}")
    numbers = {}
    for name in ("score", "below"):
        if name in frame.columns:
            numbers[name], wrong = frame.columns[name].numbers()
            if wrong.any() or not np.isfinite(numbers[name]).all():
                raise ValueError(f"scores.csv: {name}: holds what is no number")
    texts = {
        name: frame.columns[name].texts()
        for name in ("arm", "seed", "task", "example", "cluster", "label", "prediction")
        if name in frame.columns
    }
    for name, coded in texts.items():
        if name != "cluster" and coded.missing.any():
            raise ValueError(f"scores.csv: {name}: is empty in a row")
    return Rows(
        score=numbers["score"],
        below=numbers.get("below"),
        source=np.zeros(frame.n, dtype=np.intp),
        line=np.arange(frame.n, dtype=np.intp),
        sources=("scores.csv",),
        lines=(frame.lines,),
        arm=texts["arm"],
        seed=texts["seed"],
        task=texts.get("task"),
        example=texts.get("example"),
        cluster=texts.get("cluster"),
        label=texts.get("label"),
        prediction=texts.get("prediction"),
    )


def _summaries_csv(published: Published, arms: Sequence[str] | None) -> bytes:
    rows = [
        (task or "", arm, repr(each.mean), repr(each.sd), each.n)
        for task, summaries in published.tasks.items()
        for arm, each in summaries.items()
        if arms is None or arm in arms
    ]
    columns = dict(zip(("task", "arm", "mean", "sd", "n"), zip(*rows, strict=True), strict=True))
    return _csv({name: values for name, values in columns.items() if name != "task" or any(values)})


def _summaries(frame: Frame) -> dict[str | None, dict[str, Summary]]:
    held: dict[str | None, dict[str, Summary]] = {}
    if not {"arm", "mean", "sd", "n"} <= set(frame.columns):
        raise ValueError("scores.csv: holds no arm, mean, sd and n")
    arms, tasks = frame.columns["arm"].texts(), frame.columns["task"].texts() if "task" in frame.columns else None
    mean, sd, n = (frame.columns[name].numbers()[0] for name in ("mean", "sd", "n"))
    for row in range(frame.n):
        if not (np.isfinite([mean[row], sd[row]]).all() and sd[row] >= 0.0 and n[row] in range(1, MOST_SEEDS + 1)):
            raise ValueError(f"scores.csv: row {row + 1}: no mean, sd and n")
        of_task = held.setdefault(None if tasks is None else tasks.text(row), {})
        of_task[arms.text(row)] = Summary(float(mean[row]), float(sd[row]), int(n[row]))
    return held


def read_verdicts(data: bytes) -> dict[str, Any]:
    """What a bundle claims. Raises ValueError where it is no JSON object."""
    said = parse_json(data)
    if not isinstance(said, dict):
        raise ValueError("no object of verdicts")
    return said


def _shown(source: str) -> str:
    """A source as it was given; of a path from the root the name alone, which says nothing of the machine."""
    return Path(source).name if Path(source).is_absolute() else source
