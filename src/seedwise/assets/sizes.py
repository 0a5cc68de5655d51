"""Sizes of BERT and RoBERTa encoders, from what a model folder or a manifest says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from seedwise.bounded import RECORD_BYTES, parse_json, read_text, reason
from seedwise.errors import InputError
from seedwise_contract import faults_of
from seedwise_contract.base import ContractModel
from seedwise_contract.faults import shown

Kind = Literal["bert", "roberta"]
Count = Annotated[int, Field(ge=1)]
# transformers' types whose modules are RoBERTa's: two rows of their position table hold no position.
_KINDS: dict[str, Kind] = {"bert": "bert", "roberta": "roberta", "camembert": "roberta", "xlm-roberta": "roberta"}
_SPECIALS = 5  # <s> <pad> </s> <unk> and <mask>, which a dict.txt does not list
_CONFIG = {
    "layers": "num_hidden_layers",
    "hidden": "hidden_size",
    "feed_forward": "intermediate_size",
    "heads": "num_attention_heads",
    "positions": "max_position_embeddings",
    "vocabulary": "vocab_size",
}
_FAIRSEQ = {
    "layers": "encoder_layers",
    "hidden": "encoder_embed_dim",
    "feed_forward": "encoder_ffn_embed_dim",
    "heads": "encoder_attention_heads",
    "positions": "max_positions",
}


class Sizes(ContractModel):
    """An encoder and its head, by numbers.

    `positions` counts the places that a token can have; tables of RoBERTa's kind have two rows more.  `types` are the
    token types of the transformers model; fairseq has none.  `classes` is the width of the classification head.
    """

    kind: Kind
    layers: Count
    hidden: Count
    feed_forward: Count
    heads: Count
    positions: Count
    vocabulary: Annotated[int, Field(gt=_SPECIALS)]
    types: Count = 1
    classes: Annotated[int, Field(ge=2)] = 2

    @model_validator(mode="after")
    def _divides(self) -> Sizes:
        if self.hidden % self.heads:
            raise ValueError(f"hidden ({self.hidden}) must be a multiple of heads ({self.heads})")
        return self


def sizes_of_folder(folder: Path) -> Sizes:
    """What `config.json` or `architecture.json` in `folder` says; `InputError` names the file and the field."""
    if (folder / "config.json").is_file():
        return _of_config(folder / "config.json")
    if (folder / "architecture.json").is_file():
        path = folder / "architecture.json"
        found = _named(path, _FAIRSEQ)
        return _sizes(path, {"kind": "roberta", "vocabulary": _symbols(folder / "dict.txt") + _SPECIALS, **found})
    raise InputError(
        f"{folder}: neither config.json nor architecture.json is there to tell the sizes; give them by options (--layers …)"
    )


def _of_config(path: Path) -> Sizes:
    kind = _KINDS.get(str(_read(path).get("model_type")))
    if kind is None:
        raise InputError(
            f"{path}: model_type: found {shown(_read(path).get('model_type'))}; "
            f"these are counted: {', '.join(_KINDS)}, and others by no rule of this table"
        )
    found = _named(path, _CONFIG)
    if kind == "roberta":
        found["positions"] -= 2
    return _sizes(path, {"kind": kind, "types": _read(path).get("type_vocab_size", 2), **found})


def _sizes(path: Path, values: dict[str, Any]) -> Sizes:
    try:
        return Sizes.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{path}: is no encoder's: {'; '.join(map(str, faults_of(error)))}") from None


def _named(path: Path, names: dict[str, str]) -> dict[str, int]:
    value = _read(path)
    bad = [name for name in names.values() if type(value.get(name)) is not int or value[name] < 1]
    if bad:
        raise InputError(f"{path}: {', '.join(bad)}: each must be given, as a whole number of 1 or more")
    return {own: value[name] for own, name in names.items()}


def _read(path: Path) -> dict[str, Any]:
    try:
        value = parse_json(read_text(path))
    except ValueError as error:
        raise InputError(f"{path}: cannot be read: {reason(error)}") from None
    if not isinstance(value, dict):
        raise InputError(f"{path}: found {shown(value)}; a JSON object is needed")
    return value


def _symbols(path: Path) -> int:
    try:
        return sum(bool(line.strip()) for line in read_text(path, RECORD_BYTES).split("\n"))
    except InputError as error:
        raise InputError(f"{error}; so the vocabulary is not known") from None
