"""A SentencePiece model as a `tokenizer.json` that codes texts to the same indices of a fairseq dictionary.

The model file is a protocol buffer; the few fields that decide the coding are read here.  Field numbers are those of
sentencepiece_model.proto in SentencePiece's own sources.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from seedwise_contract import DataError
from seedwise_fairseq.text import BOS, EOS, MASK, SPECIALS, UNK

UNIGRAM, BPE = 1, 2
_NORMAL, _USER_DEFINED = 1, 4
_MARK = "▁"  # SentencePiece's blank


class Pieces(NamedTuple):
    """`pieces` are (text, score) in the order of the model, without its special ones."""

    model_type: int
    pieces: list[tuple[str, float]]
    charsmap: bytes
    remove_extra_blanks: bool


def read_pieces(path: Path) -> Pieces:
    """`DataError` where the model is none, or codes texts in a way that a tokenizer.json cannot repeat."""
    try:
        parts = list(_fields(path.read_bytes()))
        found = [dict(_fields(value)) for number, value in parts if number == 1]
        trainer, normalizer = (dict(_fields(dict(parts)[number])) for number in (2, 3))
        kinds = {int(piece.get(3, _NORMAL)) for piece in found}
        pieces = [
            (piece[1].decode(), struct.unpack("<f", piece.get(2, b"\0\0\0\0"))[0])
            for piece in found
            if piece.get(3, _NORMAL) in (_NORMAL, _USER_DEFINED)
        ]
    except (OSError, KeyError, ValueError, IndexError, TypeError, struct.error) as error:
        raise DataError(f"{path}: not read as a SentencePiece model: {type(error).__name__} {error}") from None
    model_type = int(trainer.get(3, UNIGRAM))
    faults = {
        f"model type {model_type}, which is neither unigram nor BPE": model_type not in (UNIGRAM, BPE),
        "byte fallback": bool(trainer.get(35, 0)),
        "user-defined symbols": _USER_DEFINED in kinds,
        "blanks at the end of words": bool(trainer.get(24, 0)),
        "no blank before the first word": not normalizer.get(3, 1),
        "blanks that are not escaped": not normalizer.get(5, 1),
    }
    if any(faults.values()):
        raise DataError(
            f"{path}: found {', '.join(n for n, bad in faults.items() if bad)}: no tokenizer.json is made of it"
        )
    return Pieces(model_type, pieces, bytes(normalizer.get(2, b"")), bool(normalizer.get(4, 1)))


def tokenizer_of(read: Pieces, symbols: Sequence[str]) -> Tokenizer:
    """A tokenizer whose ids are indices of `symbols` (special ones first, <mask> last).

    Pieces that `symbols` lacks get ids from `len(symbols)` on, in the order of the model: to fairseq they are <unk>.
    Special tokens are in the vocabulary, but not looked for in texts: to SentencePiece "<s>" in a text is three characters.
    """
    index = {symbol: number for number, symbol in enumerate(symbols)}
    for piece in absent(read, symbols):
        index[piece] = len(index)
    scores = dict(read.pieces)
    if read.model_type == UNIGRAM:
        # A symbol that is no piece of the model must never be chosen; neither may <s> in a text.
        never = min(scores.values()) - 1e6
        tokenizer = Tokenizer(models.Unigram([(one, scores.get(one, never)) for one in index], unk_id=UNK))
    else:
        merges = _merges(read.pieces)
        tokenizer = Tokenizer(models.BPE(index, merges, unk_token=SPECIALS[UNK], fuse_unk=True))
    steps: list[Any] = [normalizers.Precompiled(read.charsmap)] if read.charsmap else []
    if read.remove_extra_blanks:
        steps += [normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " ")]
    if steps:
        tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=_MARK, prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement=_MARK, prepend_scheme="always")
    tokenizer.post_processor = post_processor(SPECIALS[BOS], SPECIALS[EOS])
    return tokenizer


def post_processor(begin: str, end: str) -> Any:
    """RoBERTa's way: <s> text </s>, and <s> first </s> </s> second </s>; no token types."""
    return processors.TemplateProcessing(
        single=f"{begin} $A {end}",
        pair=f"{begin} $A {end} {end} $B {end}",
        special_tokens=[(begin, BOS), (end, EOS)],
    )


def absent(read: Pieces, symbols: Sequence[str]) -> list[str]:
    """Pieces that the dictionary lacks."""
    known = {*symbols, MASK}
    return [piece for piece, _ in read.pieces if piece not in known]


def _merges(pieces: Sequence[tuple[str, float]]) -> list[tuple[str, str]]:
    """Every way to make a piece of two, best piece first: SentencePiece merges by the score of what comes out."""
    place = {piece: number for number, (piece, _) in enumerate(pieces)}
    merges: list[tuple[float, int, int, str, str]] = []
    for piece, score in pieces:
        for cut in range(1, len(piece)):
            first, second = piece[:cut], piece[cut:]
            if first in place and second in place:
                merges.append((-score, place[first], place[second], first, second))
    merges.sort(key=lambda merge: merge[:3])
    return [(first, second) for *_, first, second in merges]


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """(field number, value) of a protocol buffer: whole numbers, or bytes of what is longer."""
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        if tag & 7 == 0:
            value, place = _varint(data, place)
            yield tag >> 3, value
            continue
        if tag & 7 == 2:
            length, place = _varint(data, place)
        elif tag & 7 in (1, 5):
            length = 8 if tag & 7 == 1 else 4
        else:
            raise ValueError(f"a field of wire type {tag & 7}")
        if place + length > len(data):
            raise ValueError("the file ends in the middle of a field")
        yield tag >> 3, data[place : place + length]
        place += length


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, place
