"""Weights of BERT and of RoBERTa and its relatives under fairseq's names, and fairseq's under those of transformers' RoBERTa.

BERT's encoder is fairseq's RoBERTa encoder once the first token-type row is added to every position, two empty position
rows stand before them, and the rows of the vocabulary are renumbered.  Only numpy is needed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy

from seedwise_contract import DataError
from seedwise_fairseq.architecture import POSITION_OFFSET, Architecture

ENCODER = "encoder.sentence_encoder"
_EMPTY_POSITIONS = 2  # fairseq counts positions from its padding index, 1, and one more
_LAYER = {
    "attention.self.query": "self_attn.q_proj",
    "attention.self.key": "self_attn.k_proj",
    "attention.self.value": "self_attn.v_proj",
    "attention.output.dense": "self_attn.out_proj",
    "attention.output.LayerNorm": "self_attn_layer_norm",
    "intermediate.dense": "fc1",
    "output.dense": "fc2",
    "output.LayerNorm": "final_layer_norm",
}
_EMBEDDINGS = "embeddings"
LM_HEAD = "encoder.lm_head"
# transformers' head for masked tokens: dense layer, LayerNorm, bias, and the matrix that is the word table.
_MASKED = {
    "roberta": ("lm_head.dense", "lm_head.layer_norm", "lm_head.bias", "lm_head.decoder"),
    "bert": (
        "cls.predictions.transform.dense",
        "cls.predictions.transform.LayerNorm",
        "cls.predictions.bias",
        "cls.predictions.decoder",
    ),
}
_ROBERTA_HEAD = {"classifier.dense": "dense", "classifier.out_proj": "out_proj"}
_BERT_HEAD = {"bert.pooler.dense": "dense", "classifier": "out_proj"}


def to_fairseq(
    weights: dict[str, Any], kind: str, architecture: Architecture, source_ids: Sequence[int | None]
) -> dict[str, Any]:
    """Encoder weights of a transformers model of type `kind`; BERT's pooler, where it is there, as `pooler.*`.

    `source_ids[i]` is the row of the old vocabulary that becomes row i; None leaves a row of zeros.
    Raises `DataError` where weights are missing or have other shapes than `architecture` says.
    """
    weights = {re.sub(r"^(bert|roberta)\.", "", name): value for name, value in weights.items()}
    layers = range(architecture.layers)
    needed = [f"{_EMBEDDINGS}.{part}_embeddings.weight" for part in ("word", "position", "token_type")]
    needed += [f"{_EMBEDDINGS}.LayerNorm.{part}" for part in ("weight", "bias")]
    needed += [f"encoder.layer.{n}.{old}.{part}" for n in layers for old in _LAYER for part in ("weight", "bias")]
    missing = [name for name in needed if name not in weights]
    if missing:
        raise DataError(
            f"the checkpoint lacks {len(missing)} encoder weights ({', '.join(missing[:3])} …); "
            "initialisation 'pretrained' needs all of them"
        )
    words, positions, types = (weights[name] for name in needed[:3])
    wanted = max((number for number in source_ids if number is not None), default=0)
    if wanted >= len(words):
        raise DataError(
            f"config.json declares a vocabulary of more than {wanted} rows, but the weights hold {len(words)}"
        )
    table = numpy.zeros((len(source_ids), words.shape[1]), dtype=numpy.float32)
    for row, number in enumerate(source_ids):
        if number is not None:
            table[row] = words[number]
    offset = POSITION_OFFSET[kind]
    empty = positions[:offset] if offset else numpy.zeros((_EMPTY_POSITIONS, positions.shape[1]), dtype=numpy.float32)
    # Rows of zeros are not added: -0.0 would become 0.0, and weights that went both ways would be other bits.
    places = positions[offset:] + types[0] if types[0].any() else positions[offset:]
    converted = {
        f"{ENCODER}.embed_tokens.weight": table,
        f"{ENCODER}.embed_positions.weight": numpy.concatenate([empty, places]),
    }
    for part in ("weight", "bias"):
        converted[f"{ENCODER}.layernorm_embedding.{part}"] = weights[f"{_EMBEDDINGS}.LayerNorm.{part}"]
        for n in layers:
            for old, new in _LAYER.items():
                converted[f"{ENCODER}.layers.{n}.{new}.{part}"] = weights[f"encoder.layer.{n}.{old}.{part}"]
        if kind == "bert" and f"pooler.dense.{part}" in weights:
            converted[f"pooler.{part}"] = weights[f"pooler.dense.{part}"]
    extra = [name for name in weights if re.match(rf"encoder\.layer\.{architecture.layers}\.", name)]
    if extra:
        raise DataError(f"config.json declares {architecture.layers} layers, but the checkpoint holds more")
    return {name: numpy.ascontiguousarray(value, dtype=numpy.float32) for name, value in converted.items()}


def heads_to_fairseq(
    weights: dict[str, Any], kind: str, table: Any, source_ids: Sequence[int | None], head: str
) -> dict[str, Any]:
    """The head for masked tokens and the classification head (as `head`) of a transformers model, where it has them whole.

    `table` is the word table under fairseq's numbers, which the head for masked tokens shares.  `DataError` where the
    checkpoint has another matrix there: fairseq's RoBERTa and this suite know the shared one only.
    """
    converted: dict[str, Any] = {}
    dense, norm, bias, decoder = _MASKED["bert" if kind == "bert" else "roberta"]
    found = [f"{dense}.weight", f"{dense}.bias", f"{norm}.weight", f"{norm}.bias"]
    biases = weights.get(bias, weights.get(f"{decoder}.bias"))
    if all(name in weights for name in found) and biases is not None:
        if f"{decoder}.weight" in weights and not _same_rows(weights[f"{decoder}.weight"], table, source_ids):
            raise DataError(
                f"{decoder}.weight is not the table of word embeddings: only heads that share it are converted"
            )
        new = ("dense.weight", "dense.bias", "layer_norm.weight", "layer_norm.bias")
        converted = {f"{LM_HEAD}.{name}": weights[old] for name, old in zip(new, found, strict=True)}
        rows = [0.0 if number is None else biases[number] for number in source_ids]
        converted[f"{LM_HEAD}.bias"] = numpy.array(rows, dtype=numpy.float32)
        converted[f"{LM_HEAD}.weight"] = table
    names = _BERT_HEAD if kind == "bert" else _ROBERTA_HEAD
    if all(f"{old}.{part}" in weights for old in names for part in ("weight", "bias")):
        for old, layer in names.items():
            for part in ("weight", "bias"):
                converted[f"classification_heads.{head}.{layer}.{part}"] = weights[f"{old}.{part}"]
    return {name: numpy.ascontiguousarray(value, dtype=numpy.float32) for name, value in converted.items()}


def to_transformers(weights: dict[str, Any], layers: int, head: str) -> dict[str, Any]:
    """fairseq's weights under the names of transformers' RoBERTa, with its heads where they are there; no bit differs.

    The token-type row, which fairseq does not have, is zeros.  `weights` holds the whole encoder (`expected`).
    """
    words = weights[f"{ENCODER}.embed_tokens.weight"]
    converted = {
        "roberta.embeddings.word_embeddings.weight": words,
        "roberta.embeddings.position_embeddings.weight": weights[f"{ENCODER}.embed_positions.weight"],
        "roberta.embeddings.token_type_embeddings.weight": numpy.zeros((1, words.shape[1]), dtype=numpy.float32),
    }
    for part in ("weight", "bias"):
        converted[f"roberta.embeddings.LayerNorm.{part}"] = weights[f"{ENCODER}.layernorm_embedding.{part}"]
        for n in range(layers):
            for new, old in _LAYER.items():
                converted[f"roberta.encoder.layer.{n}.{new}.{part}"] = weights[f"{ENCODER}.layers.{n}.{old}.{part}"]
        if f"{LM_HEAD}.dense.{part}" in weights:
            converted[f"lm_head.dense.{part}"] = weights[f"{LM_HEAD}.dense.{part}"]
            converted[f"lm_head.layer_norm.{part}"] = weights[f"{LM_HEAD}.layer_norm.{part}"]
        for layer in ("dense", "out_proj"):
            own = f"classification_heads.{head}.{layer}.{part}"
            if own in weights:
                converted[f"classifier.{layer}.{part}"] = weights[own]
    if f"{LM_HEAD}.bias" in weights:
        converted["lm_head.bias"] = weights[f"{LM_HEAD}.bias"]
    return converted


def expected(architecture: Architecture, vocabulary: int) -> dict[str, tuple[int, ...]]:
    """Name → shape of every weight of fairseq's encoder."""
    hidden, wide = architecture.hidden, architecture.feed_forward
    shapes: dict[str, tuple[int, ...]] = {
        f"{ENCODER}.embed_tokens.weight": (vocabulary, hidden),
        f"{ENCODER}.embed_positions.weight": (architecture.positions + _EMPTY_POSITIONS, hidden),
        f"{ENCODER}.layernorm_embedding.weight": (hidden,),
        f"{ENCODER}.layernorm_embedding.bias": (hidden,),
    }
    for n in range(architecture.layers):
        for name in _LAYER.values():
            rows, columns = (wide if name == "fc1" else hidden), (wide if name == "fc2" else hidden)
            norm = name.endswith("layer_norm")
            shapes[f"{ENCODER}.layers.{n}.{name}.weight"] = (hidden,) if norm else (rows, columns)
            shapes[f"{ENCODER}.layers.{n}.{name}.bias"] = (rows,)
    return shapes


def _same_rows(matrix: Any, table: Any, source_ids: Sequence[int | None]) -> bool:
    known = [(row, number) for row, number in enumerate(source_ids) if number is not None]
    return bool(numpy.array_equal(matrix[[number for _, number in known]], table[[row for row, _ in known]]))


def shape_faults(weights: dict[str, Any], expected: dict[str, Sequence[int]]) -> list[str]:
    """Names whose shape is not the expected one, each with both."""
    return [
        f"{name} is {'×'.join(map(str, weights[name].shape))}, not {'×'.join(map(str, expected[name]))}"
        for name in sorted(weights)
        if name in expected and tuple(weights[name].shape) != tuple(expected[name])
    ]
