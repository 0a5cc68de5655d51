"""From texts to symbols of a fairseq dictionary, cut to the recipe's length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from seedwise_contract import DataError, RunSpec
from seedwise_contract.data import Example, Measured, Text
from seedwise_fairseq.architecture import Folder

BOS, PAD, EOS, UNK = range(4)  # fairseq's own, at the head of every dictionary
SPECIALS, MASK = ("<s>", "<pad>", "</s>", "<unk>"), "<mask>"
# Special tokens of transformers' types, in the order of fairseq's.
_BERT = ("[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]")
_ROBERTA = (*SPECIALS, MASK)
Row = Example | Measured | Text


class Texts(NamedTuple):
    """Indices of one example's texts in the dictionary; special tokens are fairseq's to add."""

    first: list[int]
    second: list[int] | None


class Coder(Protocol):
    symbols: list[str]
    """Symbols of the dictionary from index 0 on, special ones included."""
    files: Sequence[Path]
    """What a checkpoint needs beside the weights to code texts again."""

    def code(self, examples: Sequence[Row], spec: RunSpec) -> list[Texts]: ...

    def indices(self, text: str) -> list[int]:
        """Of the whole text, without special tokens."""
        ...


def paired(spec: RunSpec) -> bool:
    return spec.task.kind != "masked_lm" and spec.task.columns.text_pair is not None


def _second(row: Row) -> str:
    return "" if isinstance(row, Text) else row.text_pair or ""


def coder_of(folder: Folder) -> Coder:
    if folder.kind == "fairseq" and not (folder.path / "sentencepiece.bpe.model").is_file():
        return TokenizerCoder(folder, symbols_of(folder.path / "dict.txt"))
    return PieceCoder(folder) if folder.kind == "fairseq" else TokenizerCoder(folder)


class TokenizerCoder:
    """A tokenizer of transformers'.  Its vocabulary is renumbered: special tokens first, <mask> last.

    `declared` are the symbols of a fairseq folder's dictionary, which must be those that the tokenizer gives.
    """

    def __init__(self, folder: Folder, declared: list[str] | None = None) -> None:
        from tokenizers import Tokenizer

        self.files = [folder.path / "tokenizer.json"]
        try:
            self._tokenizer = Tokenizer.from_file(str(self.files[0]))
        except Exception as error:  # noqa: BLE001 - the library raises nothing narrower
            raise DataError(f"{self.files[0]}: the tokenizer cannot be read: {error}") from None
        self._tokenizer.no_padding()
        vocabulary = self.vocabulary = dict(self._tokenizer.get_vocab(with_added_tokens=True))
        named = _BERT if folder.kind == "bert" or _ROBERTA[0] not in vocabulary else _ROBERTA
        missing = [name for name in named[:4] if name not in vocabulary]
        if missing:
            raise DataError(f"{self.files[0]}: no special token {', '.join(missing)}, which a {folder.kind} model has")
        if declared is None:
            self.size = int(folder.config["vocab_size"])
        else:
            self.size = len(declared) - (named[4] not in vocabulary)
        self.source_ids = _renumbered(vocabulary, named, self.size)
        by_id = {number: token for token, number in vocabulary.items()}
        self.symbols = [*SPECIALS, *_symbols(by_id, self.source_ids[4:-1]), MASK]
        if declared is not None and self.symbols != declared:
            raise DataError(
                f"{folder.path}: dict.txt lists {len(declared)} symbols (4 special ones and <mask> with them) that are not "
                f"the {len(vocabulary)} tokens of tokenizer.json in order: they do not belong together"
            )
        self.index = {number: index for index, number in enumerate(self.source_ids) if number is not None}

    def code(self, examples: Sequence[Row], spec: RunSpec) -> list[Texts]:
        assert spec.recipe is not None
        pairs = paired(spec)
        if pairs and spec.recipe.truncation == "only_first":
            room = spec.recipe.max_length - self._tokenizer.num_special_tokens_to_add(is_pair=True)
            self._tokenizer.no_truncation()
            coded = self._tokenizer.encode_batch([_second(e) for e in examples], add_special_tokens=False)
            _refuse_long_seconds(examples, [len(one.ids) for one in coded], room, spec.recipe.max_length)
        self._tokenizer.enable_truncation(
            spec.recipe.max_length, strategy=spec.recipe.truncation if pairs else "longest_first"
        )
        texts: list[Any] = [(e.text, _second(e)) if pairs else e.text for e in examples]
        return [
            self._texts(example, encoding, pairs)
            for example, encoding in zip(examples, self._tokenizer.encode_batch(texts), strict=True)
        ]

    def indices(self, text: str) -> list[int]:
        self._tokenizer.no_truncation()
        return [self.index[number] for number in self._tokenizer.encode(text, add_special_tokens=False).ids]

    def _texts(self, example: Row, encoding: Any, pairs: bool) -> Texts:
        parts: list[list[int]] = [[], []]
        for number, sequence in zip(encoding.ids, encoding.sequence_ids, strict=True):
            if number >= self.size:
                raise DataError(
                    f"example {example.id}: token {number} lies outside the model's vocabulary of {self.size}; "
                    "the tokenizer and the model in the model folder do not belong together"
                )
            if sequence is not None:
                parts[sequence].append(self.index[number])
        return Texts(parts[0], parts[1] if pairs else None)


class PieceCoder:
    """A fairseq folder's SentencePiece model and dictionary.  A piece that the dictionary lacks is <unk>."""

    def __init__(self, folder: Folder) -> None:
        import sentencepiece

        self.files = [folder.path / "sentencepiece.bpe.model"]
        try:
            self._pieces = sentencepiece.SentencePieceProcessor(model_file=str(self.files[0]))
        except (OSError, RuntimeError) as error:
            raise DataError(f"{self.files[0]}: the SentencePiece model cannot be read: {error}") from None
        self.symbols = symbols_of(folder.path / "dict.txt")
        self._index = {symbol: index for index, symbol in enumerate(self.symbols)}

    def code(self, examples: Sequence[Row], spec: RunSpec) -> list[Texts]:
        assert spec.recipe is not None
        length, pairs = spec.recipe.max_length, paired(spec)
        firsts = [self.indices(example.text) for example in examples]
        if not pairs:
            return [Texts(first[: length - 2], None) for first in firsts]
        seconds = [self.indices(_second(example)) for example in examples]
        room = length - 4  # <s> first </s> </s> second </s>
        if spec.recipe.truncation == "only_first":
            _refuse_long_seconds(examples, [len(second) for second in seconds], room, length)
            return [Texts(a[: room - len(b)], b) for a, b in zip(firsts, seconds, strict=True)]
        return [_longest_first(a, b, room) for a, b in zip(firsts, seconds, strict=True)]

    def indices(self, text: str) -> list[int]:
        return [self._index.get(piece, UNK) for piece in self._pieces.encode(text, out_type=str)]


def _renumbered(vocabulary: dict[str, int], named: Sequence[str], size: int) -> list[int | None]:
    """The tokenizer's number of each index of the dictionary; None where the tokenizer has no such token."""
    special = [vocabulary.get(name) for name in named]
    others = [number for number in range(size) if number not in special]
    return [*special[:4], *others, special[4]]


def _symbols(by_id: dict[int, str], numbers: Sequence[int | None]) -> list[str]:
    """Symbols for tokens, made up where a token cannot stand in a dictionary file or none has the number."""
    taken = {*SPECIALS, MASK}
    symbols = []
    for number in numbers:
        symbol = by_id.get(number if number is not None else -1, "")
        if not symbol or symbol in taken or symbol.split() != [symbol] or symbol == "#fairseq:overwrite":
            symbol = f"madeupword{number:06d}"
        taken.add(symbol)
        symbols.append(symbol)
    return symbols


def symbols_of(path: Path) -> list[str]:
    """The symbols of a `dict.txt`, with those that fairseq adds to it."""
    return [*SPECIALS, *_dictionary(path), MASK]


def _dictionary(path: Path) -> list[str]:
    symbols = []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: {error}") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        symbol, _, count = line.rstrip().rpartition(" ")
        if not symbol or not count.isdigit():
            raise DataError(f"{path}:{number}: found {line!r}; each line is a symbol, a blank and its count")
        symbols.append(symbol)
    twice = (
        sorted({symbol for symbol in symbols if symbol in SPECIALS or symbols.count(symbol) > 1})[:5]
        if len(set(symbols) | set(SPECIALS)) < len(symbols) + len(SPECIALS)
        else []
    )
    if twice:
        raise DataError(f"{path}: {', '.join(twice)}: each symbol may stand there once, and special ones not at all")
    return [symbol for symbol in symbols if symbol != MASK]


def _longest_first(first: list[int], second: list[int], room: int) -> Texts:
    """As transformers cuts: one token after the other from the longer text, from the second where both are as long."""
    first, second = list(first), list(second)
    while len(first) + len(second) > max(room, 0):
        (first if len(first) > len(second) else second).pop()
    return Texts(first, second)


def _refuse_long_seconds(examples: Sequence[Row], lengths: Sequence[int], room: int, max_length: int) -> None:
    for example, length in zip(examples, lengths, strict=True):
        if length >= room:
            raise DataError(
                f"example {example.id}: its second text has {length} tokens, which leaves nothing of the first within "
                f"recipe.max_length {max_length}; use truncation 'longest_first', not 'only_first', or a larger length"
            )
