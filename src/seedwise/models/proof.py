"""The proof of a conversion: a model in its framework and what was made of it in the other, on the same real texts.

Both are asked by the verb `states` for tokens, hidden states and logits, in float32 and without dropout.  Logits are those
of the model's own classification head; where it has none, of one that both are given.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedwise.assets.prepare import data_root, prepare_data
from seedwise.bounded import RECORD_BYTES, read_text
from seedwise.errors import InputError, SeedwiseError
from seedwise.execution.verb import ask
from seedwise.notify import Notify
from seedwise.project import Project
from seedwise.runtimes.base import Runtime
from seedwise.study.model import Rows
from seedwise_contract.tools import StatesRequest

TOLERANCE = 1e-4
TEXTS = "rotten-tomatoes"
_LONGEST = 256  # tokens of a text that are compared at most
_MASKED_TEXTS = 8  # logits of masked words: a number for every token and word
_UNKNOWN = 3  # <unk>
Numbers = NDArray[Any]


class NotEqual(SeedwiseError):
    """The converted model does not give the numbers of its source."""

    exit_code = 6


@dataclass(frozen=True, slots=True)
class Place:
    """A model folder `name` below `root`, which is mounted as models root, and the backend that reads it."""

    backend: str
    root: Path
    name: str


@dataclass(frozen=True, slots=True)
class Proof:
    """Largest absolute differences; `hidden` over every token's last hidden state, `logits` over every text's.

    `masked` is over the logits of the head for masked tokens, on the first texts; None where one of them has no such head.
    """

    texts: str
    rows: int
    tokens: int
    max_length: int
    hidden: float
    logits: float
    masked: float | None

    @property
    def passed(self) -> bool:
        return max(self.hidden, self.logits, self.masked or 0.0) < TOLERANCE


def real_texts(source: Path | None, rows: int, project: Project, say: Notify) -> tuple[str, list[str]]:
    """What the texts are and the first `rows` of them: lines of the file `source`, else of the embedded data set."""
    if source is None:
        prepared = prepare_data(TEXTS, Rows(train=1, selection=rows, test=2), project, say)
        path = data_root(project) / prepared.splits["selection"].file
        return f"{TEXTS} (selection)", [json.loads(line)["text"] for line in path.read_text("utf-8").splitlines()]
    try:
        texts = [line.strip() for line in read_text(source, RECORD_BYTES).split("\n") if line.strip()][:rows]
    except InputError as error:
        raise InputError(f"--texts {error}") from None
    if not texts:
        raise InputError(f"--texts {source}: found no text; give a text on each line")
    return str(source), texts


def prove(
    runtime: Runtime,
    project: Project,
    pair: tuple[Place, Place],
    positions: int,
    vocabulary: int,
    texts: tuple[str, list[str]],
    work: Path,
) -> Proof:
    """Ask both for their states on `texts`; `vocabulary` is fairseq's, `work` a folder of ours.

    `NotEqual` where even the tokens differ.
    """
    told, lines = texts
    max_length = min(_LONGEST, positions)
    found = []
    for number, place in enumerate(pair):
        request = StatesRequest(model=place.name, texts=lines, max_length=max_length, masked_texts=_MASKED_TEXTS)
        out = work / f"states-{number}"
        ask(runtime, project, place.backend, "states", request, out, place.root)
        with np.load(out / "states.npz") as states:
            found.append({name: states[name] for name in states.files})
    first, second = found
    # Pieces that the dictionary lacks are <unk> to fairseq, and have rows beyond its vocabulary in transformers.
    for states in found:
        states["ids"] = np.where(states["ids"] < vocabulary, states["ids"], _UNKNOWN)
    _same_tokens(pair, lines, first, second)
    masked = None
    if "masked" in first and "masked" in second:
        # Rows beyond the smaller vocabulary are copies of <unk>'s, and never the source's.
        width = min(first["masked"].shape[1], second["masked"].shape[1])
        masked = _largest(first["masked"][:, :width], second["masked"][:, :width])
    return Proof(
        texts=told,
        rows=len(lines),
        tokens=len(first["ids"]),
        max_length=max_length,
        hidden=_largest(first["hidden"], second["hidden"]),
        logits=_largest(first["logits"], second["logits"]),
        masked=masked,
    )


def _largest(one: Numbers, other: Numbers) -> float:
    """The largest absolute difference; infinite where one of them is not finite or of another shape."""
    if one.shape != other.shape or not (np.isfinite(one).all() and np.isfinite(other).all()):
        return float("inf")
    return float(np.abs(one - other).max())


def _same_tokens(
    pair: tuple[Place, Place], texts: list[str], first: dict[str, Numbers], second: dict[str, Numbers]
) -> None:
    """`NotEqual` names the first text that is not coded alike.  A transformers source may
    have other numbers than fairseq's: of those the lengths are compared."""
    places = (first["lengths"].cumsum(), second["lengths"].cumsum())
    for number, text in enumerate(texts):
        coded = [
            states["ids"][place[number] - states["lengths"][number] : place[number]]
            for states, place in zip((first, second), places, strict=True)
        ]
        if len(coded[0]) != len(coded[1]) or (pair[0].backend == "fairseq" and not np.array_equal(coded[0], coded[1])):
            raise NotEqual(
                f"{pair[0].backend} and {pair[1].backend} do not code this text alike: {text!r}: "
                f"{coded[0].tolist()} and {coded[1].tolist()}"
            )
