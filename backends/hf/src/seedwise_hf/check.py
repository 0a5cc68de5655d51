"""What a spec asks for and this backend cannot honour.  Reads `config.json` by hand: torch stays unimported."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from seedwise_contract import DataError, Fault, RunSpec
from seedwise_contract.checks import training_faults
from seedwise_contract.context import Roots
from seedwise_contract.faults import shown
from seedwise_contract.recipe import Dropout
from seedwise_hf.methods import Method
from seedwise_hf.vocabulary import wish_faults, wish_of


class DropoutFields(NamedTuple):
    """Configuration fields that set each dropout.

    Without `hidden` the family has no such dropout.  `classifier` is None where the head has no field of its own: it shares
    the hidden dropout, or (`bare`) has none.
    """

    hidden: tuple[str, ...]
    attention: str
    classifier: str | None
    bare: bool = False


_BERT = DropoutFields(("hidden_dropout_prob",), "attention_probs_dropout_prob", "classifier_dropout")
DROPOUT_FIELDS: dict[str, DropoutFields] = {
    "albert": DropoutFields(("hidden_dropout_prob",), "attention_probs_dropout_prob", "classifier_dropout_prob"),
    "bert": _BERT,
    "bloom": DropoutFields(("hidden_dropout",), "attention_dropout", None, bare=True),
    "camembert": _BERT,
    "distilbert": DropoutFields(("dropout",), "attention_dropout", "seq_classif_dropout"),
    "electra": _BERT,
    "gpt2": DropoutFields(("resid_pdrop", "embd_pdrop"), "attn_pdrop", None, bare=True),
    "llama": DropoutFields((), "attention_dropout", None, bare=True),
    "mpnet": DropoutFields(("hidden_dropout_prob",), "attention_probs_dropout_prob", None),
    "roberta": _BERT,
    "xlm-roberta": _BERT,
}
# Families whose positions start after the padding index: that many position rows hold no token.
_POSITION_OFFSET = {"camembert": 2, "mpnet": 2, "roberta": 2, "xlm-roberta": 2}
_POSITION_FIELD = {"gpt2": ("n_positions", 1024), "llama": ("max_position_embeddings", 2048)}


def faults(spec: RunSpec, roots: Roots, methods: Mapping[str, Method]) -> list[Fault]:
    """Every fault; `DataError` where there is none but the model folder cannot be read."""
    found: list[Fault] = []
    if spec.method.name in methods:
        found += methods[spec.method.name].faults(spec.method.parameters)
    found += training_faults(spec)
    if spec.model is None:
        return found
    try:
        config = read_config(roots.models / spec.model.path)
    except DataError:
        if found:
            return found
        raise
    found += _model_faults(spec, config)
    wish = wish_of(roots.models / spec.model.path)
    return found if wish is None else found + list(wish_faults(spec, wish, config))


def read_config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error}; model.path must name a transformers model folder") from None
    if not isinstance(config, dict):
        raise DataError(f"{path}: found {shown(config)}; a JSON object is needed")
    return config


def _model_faults(spec: RunSpec, config: dict[str, Any]) -> Iterator[Fault]:
    kind = config.get("model_type")
    fields = DROPOUT_FIELDS.get(str(kind))
    if fields is None:
        yield Fault(
            field="model.path",
            found=f"a model of type {shown(kind)}",
            allowed="a type whose every dropout can be set: " + ", ".join(DROPOUT_FIELDS),
        )
        return
    if spec.recipe is None:
        return
    if spec.task.kind == "causal_lm":
        yield from _language_faults(spec, str(kind), fields)
    yield from _dropout_faults(str(kind), fields, spec.recipe.dropout)
    longest = _positions(str(kind), config)
    if longest is not None and spec.recipe.max_length > longest:
        yield Fault(
            field="recipe.max_length",
            found=str(spec.recipe.max_length),
            allowed=f"at most the model's {longest} positions",
        )


def _language_faults(spec: RunSpec, kind: str, fields: DropoutFields) -> Iterator[Fault]:
    assert spec.recipe is not None
    if not fields.bare:
        decoders = ", ".join(name for name, known in DROPOUT_FIELDS.items() if known.bare)
        yield Fault(field="model.path", found=f"a model of type {shown(kind)}", allowed=f"task causal_lm: {decoders}")
    if spec.recipe.truncation != "longest_first":
        yield Fault(
            field="recipe.truncation",
            found=shown(spec.recipe.truncation),
            allowed="longest_first: a causal language model's text is one, and is cut at its end",
        )


def _dropout_faults(kind: str, fields: DropoutFields, dropout: Dropout) -> Iterator[Fault]:
    if not fields.hidden and dropout.hidden != 0:
        yield Fault(field="recipe.dropout.hidden", found=str(dropout.hidden), allowed=f"{kind} has no such dropout: 0")
    if fields.bare and dropout.classifier != 0:
        yield Fault(
            field="recipe.dropout.classifier",
            found=str(dropout.classifier),
            allowed=f"the head of {kind} has no dropout: 0",
        )
    elif fields.classifier is None and not fields.bare and dropout.classifier != dropout.hidden:
        yield Fault(
            field="recipe.dropout.classifier",
            found=str(dropout.classifier),
            allowed=f"the head of {kind} shares recipe.dropout.hidden ({dropout.hidden})",
        )


def _positions(kind: str, config: dict[str, Any]) -> int | None:
    """The longest input in tokens; None where positions have no end (BLOOM's are distances)."""
    if kind == "bloom":
        return None
    field, usual = _POSITION_FIELD.get(kind, ("max_position_embeddings", 512))
    return int(config.get(field, usual)) - _POSITION_OFFSET.get(kind, 0)
