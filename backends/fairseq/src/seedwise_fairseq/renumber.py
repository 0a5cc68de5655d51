"""A `tokenizer.json` whose tokens get other ids: those of a fairseq dictionary."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from seedwise_contract import DataError
from seedwise_fairseq.pieces import post_processor
from seedwise_fairseq.text import BOS, EOS


def renumbered(path: Path, index: Mapping[int, int], symbols: Sequence[str]) -> Tokenizer:
    """The tokenizer in `path` with id `index[i]` for its id i.  Tokens keep their text, special ones too.

    `symbols` name the rows that no token has.  Raises `DataError` where the tokenizer's kind does not allow it.
    """
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    before: dict[str, int] = Tokenizer.from_file(str(path)).get_vocab(with_added_tokens=True)
    after = {token: index[number] for token, number in before.items()}
    named = {number: token for token, number in after.items()}
    model = told["model"]
    if isinstance(model.get("vocab"), dict):
        model["vocab"] = dict(sorted(after.items(), key=lambda item: item[1]))
    elif isinstance(model.get("vocab"), list):
        scores = dict(model["vocab"])
        never = min(scores.values()) - 1e6  # never chosen: no token, or one that is only looked for whole
        tokens = [named.get(row, symbols[row]) for row in range(len(symbols))]
        unknown = model.get("unk_id")
        if unknown is not None:
            model["unk_id"] = after[model["vocab"][unknown][0]]
        model["vocab"] = [[token, scores.get(token, never)] for token in tokens]
    else:
        raise DataError(f"{path}: a tokenizer of type {model.get('type')}, whose tokens cannot be renumbered")
    for token in told.get("added_tokens") or []:
        token["id"] = after[token["content"]]
    told["added_tokens"] = sorted(told.get("added_tokens") or [], key=lambda token: token["id"])
    told["padding"] = told["truncation"] = told["post_processor"] = None
    tokenizer = Tokenizer.from_str(json.dumps(told, ensure_ascii=False))
    tokenizer.post_processor = post_processor(named[BOS], named[EOS])
    found = tokenizer.get_vocab(with_added_tokens=True)
    wrong = sorted(token for token, number in after.items() if found.get(token) != number)
    if wrong:
        raise DataError(f"{path}: its tokens cannot be renumbered: {', '.join(wrong[:5])} did not get their numbers")
    return tokenizer
