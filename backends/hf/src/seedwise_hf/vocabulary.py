"""A vocabulary of bytes' pairs, learnt from the train split where a model folder asks for it.

The folder then holds, beside `config.json`, a `vocabulary.json` in the place of a tokenizer: `{"size": N, "rows": M}`, N tokens in
all, learnt from the first M rows of the train split (null: from all of them).  Token 0 begins and ends a text, and pads;
the others are the 256 bytes, so that no text is unknown, and what byte-pair encoding makes of them (Sennrich et al. 2016, doi
10.18653/v1/P16-1162; of bytes: Radford et al. 2019).  Ties go by the tokens' numbers: the same rows give the same vocabulary.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from seedwise_contract import DataError, Fault, RunSpec
from seedwise_contract.faults import shown

WISH = "vocabulary.json"
END = "<|endoftext|>"
_BYTES = 256


class Wish(NamedTuple):
    """A vocabulary to be learnt: `size` counts every token, `rows` of the train split (None: all) are learnt from."""

    size: int
    rows: int | None


def wish_of(folder: Path) -> Wish | None:
    """What `folder` asks for; None where it has a tokenizer.  `DataError` for a wish that cannot be read."""
    path = folder / WISH
    if not path.is_file():
        return None
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error}") from None
    if not isinstance(said, dict) or set(said) != {"size", "rows"}:
        raise DataError(f"{path}: found {shown(said)}; an object with 'size' and 'rows' is needed")
    size, rows = said["size"], said["rows"]
    if not _count(size, _BYTES + 1) or not (rows is None or _count(rows, 1)):
        raise DataError(
            f"{path}: found {shown(said)}; size is {_BYTES + 1} or more (the bytes, and the end of a text), rows null or 1 or more"
        )
    if (folder / "tokenizer.json").is_file():
        raise DataError(f"{path}: a vocabulary is to be learnt, but tokenizer.json lies there: keep one of the two")
    return Wish(size, rows)


def wish_faults(spec: RunSpec, wish: Wish, config: Mapping[str, Any]) -> Iterator[Fault]:
    """Where a vocabulary is yet to be learnt: what of the spec and of `config.json` does not go with it."""
    if spec.task.kind != "causal_lm" or spec.initialisation != "random":
        yield Fault(
            field="model.path",
            found=f"a folder with {WISH}, which has no weights",
            allowed="task causal_lm with initialisation random: it learns a vocabulary, and draws every weight",
        )
    fields: dict[str, int] = {"vocab_size": wish.size, "bos_token_id": 0, "eos_token_id": 0}
    for name, needed in fields.items():
        if config.get(name) != needed:
            yield Fault(
                field="model.path",
                found=f"config.json with {name} {shown(config.get(name))}",
                allowed=f"{needed}, by {WISH} in the same folder",
            )
    rows = spec.task.splits["train"].rows
    if wish.rows is not None and wish.rows > rows:
        yield Fault(
            field="model.path",
            found=f"{WISH} with rows {wish.rows}",
            allowed=f"at most the {rows} rows of the train split, or null for all",
        )


def learn(texts: Sequence[str], wish: Wish) -> Any:
    """A tokenizer of transformers', learnt from `texts`.  `DataError` where they hold less than the wish asks for."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=wish.size,
        special_tokens=[END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    chosen = texts[: wish.rows]
    tokenizer.train_from_iterator(chosen, trainer)
    found = tokenizer.get_vocab_size()
    if found != wish.size:
        raise DataError(
            f"a vocabulary of {wish.size} cannot be learnt from {len(chosen)} rows: they give {found} tokens; change its size, or "
            "give more text"
        )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=END, eos_token=END, pad_token=END)


def _count(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
