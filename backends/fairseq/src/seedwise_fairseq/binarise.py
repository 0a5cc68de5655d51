"""Splits in fairseq's binary format, each folder with its dictionary.

Of a classification task `input0/`, `input1/` for pairs and `label/`; of a regression task `label/SPLIT.label`, a number a
line, in place of the latter; of texts alone the folder itself.
"""

from __future__ import annotations

import seedwise_fairseq.compat  # noqa: F401 - before anything of fairseq's

# isort: split

import hashlib
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from fairseq.data import Dictionary, indexed_dataset

from seedwise_contract import DataError, RunSpec, canonical_json
from seedwise_contract.data import Example, Measured
from seedwise_fairseq import __version__
from seedwise_fairseq.text import EOS, SPECIALS, Coder, Row, Texts, paired


def binarised(spec: RunSpec, coder: Coder, examples: Mapping[str, Sequence[Row]]) -> Path:
    """The folder with every split, below the temporary folder; made where a process before has not left it there.

    Its name is a digest over the files' and the model's, the columns, the labels and the lengths: whatever decides it.
    """
    assert spec.recipe is not None
    assert spec.model is not None
    decides = [__version__, spec.task.model_dump(mode="json"), spec.model.sha256]
    decides += [spec.recipe.max_length, spec.recipe.truncation]
    place = Path(tempfile.gettempdir(), f"seedwise-fairseq-{os.getuid()}")
    folder = place / hashlib.sha256(canonical_json(decides).encode()).hexdigest()[:20]
    if folder.is_dir():
        return folder
    place.mkdir(mode=0o700, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=place))
    try:
        for split, rows in examples.items():
            texts = coder.code(rows, spec)
            if spec.task.kind == "masked_lm":
                _refuse_short(rows, texts, spec)
                _write(partial, split, coder.symbols, texts, lambda one: one.first)
                continue
            _write(partial / "input0", split, coder.symbols, texts, lambda one: one.first)
            if paired(spec):
                _write(partial / "input1", split, coder.symbols, texts, lambda one: one.second)
            if spec.task.kind == "regression":
                (partial / "label").mkdir(exist_ok=True)
                numbers = "".join(f"{row.label!r}\n" for row in rows if isinstance(row, Measured))
                (partial / "label" / f"{split}.label").write_text(numbers, encoding="utf-8")
                continue
            labels = [str(index) for index in range(len(spec.task.labels))]
            targets = [Texts([row.label + len(SPECIALS)], None) for row in rows if isinstance(row, Example)]
            _write(partial / "label", split, [*SPECIALS, *labels], targets, lambda one: one.first)
        try:
            partial.rename(folder)
        except OSError:  # another process was first
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _refuse_short(rows: Sequence[Row], texts: Sequence[Texts], spec: RunSpec) -> None:
    """fairseq masks a share of a row's tokens, <s> and </s> among them: of a short row perhaps none."""
    assert spec.task.kind == "masked_lm"
    share = spec.task.masking.probability
    short = [row.id for row, one in zip(rows, texts, strict=True) if share * (len(one.first) + 2) < 1]
    if short:
        raise DataError(
            f"example {short[0]} ({len(short)} in all) is too short: with masking.probability {share} a row needs "
            f"{math.ceil(1 / share)} tokens, <s> and </s> among them, for one of them to be predicted; "
            "join short texts, or leave them out"
        )


def dictionary_of(symbols: Sequence[str]) -> Dictionary:
    dictionary = Dictionary()
    for symbol in symbols[len(SPECIALS) :]:
        dictionary.add_symbol(symbol)
    return dictionary


def save_dictionary(symbols: Sequence[str], folder: Path) -> None:
    """`dict.txt` below `folder`; <mask>, which the task adds when it reads, stays out."""
    folder.mkdir(parents=True, exist_ok=True)
    dictionary_of([symbol for symbol in symbols if symbol != "<mask>"]).save(str(folder / "dict.txt"))


def _write(
    folder: Path,
    split: str,
    symbols: Sequence[str],
    rows: Sequence[Texts],
    part: Callable[[Texts], list[int] | None],
) -> None:
    if not (folder / "dict.txt").exists():
        save_dictionary(symbols, folder)
    prefix = str(folder / split)
    builder = indexed_dataset.make_builder(prefix + ".bin", impl="mmap", vocab_size=len(symbols))
    for row in rows:
        builder.add_item(torch.IntTensor([*(part(row) or []), EOS]))
    builder.finalize(prefix + ".idx")
