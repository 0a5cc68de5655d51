"""Random weights of a transformers folder, drawn as transformers draws them: one seed gives both backends the same model.

transformers builds a model's modules, which draws torch's defaults from the generator, and then draws each again: normal
with the configuration's deviation for linear and embedding layers, in the order of the modules, the head after the
encoder.  This goes the same way, so that the generator stands where it stands there.  tests/backends compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy
import torch
from torch import nn

from seedwise_fairseq.architecture import Architecture, Folder


def drawn(folder: Folder, architecture: Architecture, classes: int, seed: int) -> dict[str, Any]:
    """Every weight, as float32 arrays, under transformers' names; the head's begin with 'head.'."""
    config, hidden = folder.config, architecture.hidden
    torch.manual_seed(seed)
    pad: int | None = config.get("pad_token_id", 0 if folder.kind == "bert" else 1)
    positions = config["max_position_embeddings"]
    word = ("embeddings.word_embeddings", nn.Embedding(config["vocab_size"], hidden, padding_idx=pad))
    encoder = dict([word])
    tables = {"token_type": (config.get("type_vocab_size", 2), None), "position": (positions, pad)}
    if folder.kind == "bert":
        tables = {"position": (positions, None), "token_type": tables["token_type"]}
    for name, (rows, padding) in tables.items():
        encoder[f"embeddings.{name}_embeddings"] = nn.Embedding(rows, hidden, padding_idx=padding)
    for number in range(architecture.layers):
        for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            encoder[f"encoder.layer.{number}.{name}"] = nn.Linear(hidden, hidden)
        encoder[f"encoder.layer.{number}.intermediate.dense"] = nn.Linear(hidden, architecture.feed_forward)
        encoder[f"encoder.layer.{number}.output.dense"] = nn.Linear(architecture.feed_forward, hidden)
    if folder.kind == "bert":
        encoder["pooler.dense"] = nn.Linear(hidden, hidden)
    _redraw(encoder.values(), architecture.initializer_range)
    head: dict[str, Any] = {} if folder.kind == "bert" else {"head.dense": nn.Linear(hidden, hidden)}
    head["head.out_proj"] = nn.Linear(hidden, classes)
    _redraw(head.values(), architecture.initializer_range)
    weights = {
        f"{name}.{part}": value.detach().numpy()
        for name, module in {**encoder, **head}.items()
        for part, value in module.named_parameters()
    }
    norms = ["embeddings.LayerNorm"]
    for number in range(architecture.layers):
        norms += [f"encoder.layer.{number}.attention.output.LayerNorm", f"encoder.layer.{number}.output.LayerNorm"]
    for name in norms:
        weights[f"{name}.weight"] = numpy.ones(hidden, dtype=numpy.float32)
        weights[f"{name}.bias"] = numpy.zeros(hidden, dtype=numpy.float32)
    return weights


@torch.no_grad()
def _redraw(modules: Iterable[Any], deviation: float) -> None:
    for module in modules:
        module.weight.normal_(mean=0.0, std=deviation)
        if isinstance(module, nn.Linear):
            module.bias.zero_()
        elif module.padding_idx is not None:
            module.weight[module.padding_idx].zero_()
