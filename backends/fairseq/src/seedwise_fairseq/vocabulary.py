"""A SentencePiece model and a dictionary, learnt from the train split where a model folder asks for it.

`architecture.json` then holds `"vocabulary": {"size": N, "rows": M}`: N symbols in all, fairseq's four special ones and <mask>
counted in, learnt from the first M rows of the train split (null: from all of them).  One thread and sorted rows: the
same rows give the same files.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from seedwise_contract import DataError
from seedwise_contract.data import Text
from seedwise_contract.files import write_json
from seedwise_fairseq.architecture import DICTIONARY, PIECES, SIZES, Folder, read_folder

_MADE_BY_FAIRSEQ = 5  # <s> <pad> </s> <unk> and <mask>: the rest are pieces
_MADE_BY_PIECES = 3  # <unk> <s> </s> of SentencePiece's own numbering


def with_vocabulary(folder: Folder, texts: Sequence[Text], place: Path) -> Folder:
    """`folder` as it is, or, where its vocabulary is yet to be learnt, a copy of it in `place` that has learnt it."""
    wanted = folder.vocabulary
    if wanted is None:
        return folder
    rows = len(texts) if wanted.rows is None else wanted.rows
    if rows > len(texts):
        raise DataError(
            f"{folder.path / SIZES}: vocabulary.rows is {rows}, but the train split has {len(texts)} rows: "
            "lower it, or null for all"
        )
    place.mkdir(parents=True)
    _learn([text.text for text in texts[:rows]], wanted.size, place, str(folder.path / SIZES))
    sizes = json.loads((folder.path / SIZES).read_text(encoding="utf-8"))
    del sizes["vocabulary"]
    write_json(place / SIZES, sizes)
    return read_folder(place)


def _learn(texts: Sequence[str], size: int, place: Path, where: str) -> None:
    import sentencepiece

    model = place / PIECES
    prefix = place / "learnt"
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sorted(texts)),
            model_prefix=str(prefix),
            vocab_size=size - _MADE_BY_FAIRSEQ + _MADE_BY_PIECES,
            model_type="unigram",
            character_coverage=0.9995,
            num_threads=1,
            input_sentence_size=0,  # every row, none drawn
            max_sentence_length=1 << 20,  # bytes; longer ones would be left out
            minloglevel=2,
        )
    except (RuntimeError, OSError) as error:
        raise DataError(
            f"{where}: a vocabulary of {size} cannot be learnt from {len(texts)} rows: {error}; "
            "change vocabulary.size, or give more text"
        ) from None
    prefix.with_suffix(".vocab").unlink()
    prefix.with_suffix(".model").rename(model)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(model))
    symbols = [pieces.id_to_piece(number) for number in range(_MADE_BY_PIECES, pieces.get_piece_size())]
    # Counts only keep the order, from frequent to rare, should anything sort by them.
    lines = [f"{symbol} {len(symbols) - rank}\n" for rank, symbol in enumerate(symbols)]
    (place / DICTIONARY).write_text("".join(lines), encoding="utf-8")
