"""Weights of BERT and of RoBERTa and its relatives, under fairseq's names.

BERT's encoder is fairseq's RoBERTa encoder once the first token-type row is added to every position, two empty position
rows stand before them, and the rows of the vocabulary are renumbered.  Only numpy is needed.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional, Sequence

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


def to_fairseq(
    weights: Dict[str, Any], kind: str, architecture: Architecture, source_ids: Sequence[Optional[int]]
) -> Dict[str, Any]:
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
    empty = numpy.zeros((_EMPTY_POSITIONS, positions.shape[1]), dtype=numpy.float32)
    converted = {
        f"{ENCODER}.embed_tokens.weight": table,
        f"{ENCODER}.embed_positions.weight": numpy.concatenate([empty, positions[offset:] + types[0]]),
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


def shape_faults(weights: Dict[str, Any], expected: Dict[str, Sequence[int]]) -> List[str]:
    """Names whose shape is not the expected one, each with both."""
    return [
        f"{name} is {'×'.join(map(str, weights[name].shape))}, not {'×'.join(map(str, expected[name]))}"
        for name in sorted(weights)
        if name in expected and tuple(weights[name].shape) != tuple(expected[name])
    ]
