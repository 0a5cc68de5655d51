"""Splits in fairseq's binary format: `input0/`, `input1/` for pairs, `label/`, each with its dictionary."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence

import torch
from fairseq.data import Dictionary, indexed_dataset

from seedwise_contract import RunSpec, canonical_json
from seedwise_contract.data import Example
from seedwise_fairseq import __version__
from seedwise_fairseq.text import EOS, SPECIALS, Coder, Texts


def binarised(spec: RunSpec, coder: Coder, examples: Dict[str, List[Example]]) -> Path:
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
        labels = [str(index) for index in range(len(spec.task.labels))]
        for split, rows in examples.items():
            texts = coder.code(rows, spec)
            _write(partial / "input0", split, coder.symbols, texts, lambda one: one.first)
            if spec.task.columns.text_pair is not None:
                _write(partial / "input1", split, coder.symbols, texts, lambda one: one.second)
            targets = [Texts([row.label + len(SPECIALS)], None) for row in rows]
            _write(partial / "label", split, [*SPECIALS, *labels], targets, lambda one: one.first)
        try:
            partial.rename(folder)
        except OSError:  # another process was first
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


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
    part: Callable[[Texts], Optional[List[int]]],
) -> None:
    if not (folder / "dict.txt").exists():
        save_dictionary(symbols, folder)
    prefix = str(folder / split)
    builder = indexed_dataset.make_builder(prefix + ".bin", impl="mmap", vocab_size=len(symbols))
    for row in rows:
        builder.add_item(torch.IntTensor([*(part(row) or []), EOS]))
    builder.finalize(prefix + ".idx")
