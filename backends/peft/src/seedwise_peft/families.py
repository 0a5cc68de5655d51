"""What each family of models is made of, from its `config.json` alone: no torch, no weights.

Methods are checked against this: before a run, for targets that are not there, and before training, for the names and
sizes of what trains.  A test holds it against the modules that transformers builds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple


class Part(NamedTuple):
    """A module that owns weights, in the encoder or decoder.  A linear part maps `inputs` to `outputs` features."""

    name: str
    kind: str  # linear, norm, embedding
    inputs: int
    outputs: int
    bias: bool

    @property
    def count(self) -> int:
        weight = self.outputs if self.kind == "norm" else self.inputs * self.outputs
        return weight + (self.outputs if self.bias else 0)


class Family(NamedTuple):
    """How a family names its parts, and which of them a method's defaults mean."""

    parts: Callable[[Mapping[str, Any]], Iterator[Part]]
    query_value: tuple[str, ...]  # LoRA's default targets
    query_intermediate: tuple[str, ...]  # BitFit's smaller set; empty where query, key and value are fused


def parts_of(config: Mapping[str, Any]) -> list[Part]:
    """Every part of the model's body; the task's head is not among them.  `KeyError` for a family that is not known."""
    return list(FAMILIES[str(config.get("model_type"))].parts(config))


def _linear(name: str, inputs: int, outputs: int, bias: bool = True) -> Part:
    return Part(name, "linear", inputs, outputs, bias)


def _norm(name: str, size: int, bias: bool = True) -> Part:
    return Part(name, "norm", size, size, bias)


def _embedding(name: str, rows: int, size: int) -> Part:
    return Part(name, "embedding", rows, size, False)


def _bert(root: str, pooler: bool) -> Callable[[Mapping[str, Any]], Iterator[Part]]:
    def parts(config: Mapping[str, Any]) -> Iterator[Part]:
        hidden, inner = config.get("hidden_size", 768), config.get("intermediate_size", 3072)
        narrow = config.get("embedding_size", 128) if root == "electra" else hidden
        place = f"{root}.embeddings"
        yield _embedding(f"{place}.word_embeddings", config["vocab_size"], narrow)
        yield _embedding(f"{place}.position_embeddings", config.get("max_position_embeddings", 512), narrow)
        yield _embedding(f"{place}.token_type_embeddings", config.get("type_vocab_size", 2), narrow)
        yield _norm(f"{place}.LayerNorm", narrow)
        if narrow != hidden:
            yield _linear(f"{root}.embeddings_project", narrow, hidden)
        for layer in range(config.get("num_hidden_layers", 12)):
            place = f"{root}.encoder.layer.{layer}"
            for name in ("query", "key", "value"):
                yield _linear(f"{place}.attention.self.{name}", hidden, hidden)
            yield _linear(f"{place}.attention.output.dense", hidden, hidden)
            yield _norm(f"{place}.attention.output.LayerNorm", hidden)
            yield _linear(f"{place}.intermediate.dense", hidden, inner)
            yield _linear(f"{place}.output.dense", inner, hidden)
            yield _norm(f"{place}.output.LayerNorm", hidden)
        if pooler:
            yield _linear(f"{root}.pooler.dense", hidden, hidden)

    return parts


def _distilbert(config: Mapping[str, Any]) -> Iterator[Part]:
    size, inner = config.get("dim", 768), config.get("hidden_dim", 3072)
    place = "distilbert.embeddings"
    yield _embedding(f"{place}.word_embeddings", config["vocab_size"], size)
    yield _embedding(f"{place}.position_embeddings", config.get("max_position_embeddings", 512), size)
    yield _norm(f"{place}.LayerNorm", size)
    for layer in range(config.get("n_layers", 6)):
        place = f"distilbert.transformer.layer.{layer}"
        for name in ("q_lin", "k_lin", "v_lin", "out_lin"):
            yield _linear(f"{place}.attention.{name}", size, size)
        yield _norm(f"{place}.sa_layer_norm", size)
        yield _linear(f"{place}.ffn.lin1", size, inner)
        yield _linear(f"{place}.ffn.lin2", inner, size)
        yield _norm(f"{place}.output_layer_norm", size)


def _albert(config: Mapping[str, Any]) -> Iterator[Part]:
    hidden, inner, narrow = (
        config.get("hidden_size", 4096), config.get("intermediate_size", 16384), config.get("embedding_size", 128)
    )  # fmt: skip
    place = "albert.embeddings"
    yield _embedding(f"{place}.word_embeddings", config["vocab_size"], narrow)
    yield _embedding(f"{place}.position_embeddings", config.get("max_position_embeddings", 512), narrow)
    yield _embedding(f"{place}.token_type_embeddings", config.get("type_vocab_size", 2), narrow)
    yield _norm(f"{place}.LayerNorm", narrow)
    yield _linear("albert.encoder.embedding_hidden_mapping_in", narrow, hidden)
    for group in range(config.get("num_hidden_groups", 1)):
        for layer in range(config.get("inner_group_num", 1)):
            place = f"albert.encoder.albert_layer_groups.{group}.albert_layers.{layer}"
            yield _norm(f"{place}.full_layer_layer_norm", hidden)
            for name in ("query", "key", "value", "dense"):
                yield _linear(f"{place}.attention.{name}", hidden, hidden)
            yield _norm(f"{place}.attention.LayerNorm", hidden)
            yield _linear(f"{place}.ffn", hidden, inner)
            yield _linear(f"{place}.ffn_output", inner, hidden)
    yield _linear("albert.pooler", hidden, hidden)


def _mpnet(config: Mapping[str, Any]) -> Iterator[Part]:
    hidden, inner = config.get("hidden_size", 768), config.get("intermediate_size", 3072)
    place = "mpnet.embeddings"
    yield _embedding(f"{place}.word_embeddings", config["vocab_size"], hidden)
    yield _embedding(f"{place}.position_embeddings", config.get("max_position_embeddings", 512), hidden)
    yield _norm(f"{place}.LayerNorm", hidden)
    for layer in range(config.get("num_hidden_layers", 12)):
        place = f"mpnet.encoder.layer.{layer}"
        for name in ("q", "k", "v", "o"):
            yield _linear(f"{place}.attention.attn.{name}", hidden, hidden)
        yield _norm(f"{place}.attention.LayerNorm", hidden)
        yield _linear(f"{place}.intermediate.dense", hidden, inner)
        yield _linear(f"{place}.output.dense", inner, hidden)
        yield _norm(f"{place}.output.LayerNorm", hidden)
    yield _embedding(  # a weight, for all its name: not a bias that BitFit trains
        "mpnet.encoder.relative_attention_bias",
        config.get("relative_attention_num_buckets", 32),
        config.get("num_attention_heads", 12),
    )


def _gpt2(config: Mapping[str, Any]) -> Iterator[Part]:
    size = config.get("n_embd", 768)
    inner = config.get("n_inner") or 4 * size
    yield _embedding("transformer.wte", config["vocab_size"], size)
    yield _embedding("transformer.wpe", config.get("n_positions", 1024), size)
    for layer in range(config.get("n_layer", 12)):
        place = f"transformer.h.{layer}"
        yield _norm(f"{place}.ln_1", size)
        yield _linear(f"{place}.attn.c_attn", size, 3 * size)
        yield _linear(f"{place}.attn.c_proj", size, size)
        yield _norm(f"{place}.ln_2", size)
        yield _linear(f"{place}.mlp.c_fc", size, inner)
        yield _linear(f"{place}.mlp.c_proj", inner, size)
    yield _norm("transformer.ln_f", size)


def _bloom(config: Mapping[str, Any]) -> Iterator[Part]:
    size = config.get("n_embed") or config.get("hidden_size", 64)
    yield _embedding("transformer.word_embeddings", config["vocab_size"], size)
    yield _norm("transformer.word_embeddings_layernorm", size)
    for layer in range(config.get("n_layer", config.get("num_hidden_layers", 2))):
        place = f"transformer.h.{layer}"
        yield _norm(f"{place}.input_layernorm", size)
        yield _linear(f"{place}.self_attention.query_key_value", size, 3 * size)
        yield _linear(f"{place}.self_attention.dense", size, size)
        yield _norm(f"{place}.post_attention_layernorm", size)
        yield _linear(f"{place}.mlp.dense_h_to_4h", size, 4 * size)
        yield _linear(f"{place}.mlp.dense_4h_to_h", 4 * size, size)
    yield _norm("transformer.ln_f", size)


def _llama(config: Mapping[str, Any]) -> Iterator[Part]:
    hidden, inner = config.get("hidden_size", 4096), config.get("intermediate_size", 11008)
    heads = config.get("num_attention_heads", 32)
    size = config.get("head_dim") or hidden // heads
    keys = size * (config.get("num_key_value_heads") or heads)
    attention, mlp = bool(config.get("attention_bias", False)), bool(config.get("mlp_bias", False))
    yield _embedding("model.embed_tokens", config["vocab_size"], hidden)
    for layer in range(config.get("num_hidden_layers", 32)):
        place = f"model.layers.{layer}"
        yield _linear(f"{place}.self_attn.q_proj", hidden, size * heads, attention)
        yield _linear(f"{place}.self_attn.k_proj", hidden, keys, attention)
        yield _linear(f"{place}.self_attn.v_proj", hidden, keys, attention)
        yield _linear(f"{place}.self_attn.o_proj", size * heads, hidden, attention)
        yield _linear(f"{place}.mlp.gate_proj", hidden, inner, mlp)
        yield _linear(f"{place}.mlp.up_proj", hidden, inner, mlp)
        yield _linear(f"{place}.mlp.down_proj", inner, hidden, mlp)
        yield _norm(f"{place}.input_layernorm", hidden, False)
        yield _norm(f"{place}.post_attention_layernorm", hidden, False)
    yield _norm("model.norm", hidden, False)


_QUERY_VALUE = ("query", "value")


def _like_bert(root: str, pooler: bool = False) -> Family:
    return Family(_bert(root, pooler), _QUERY_VALUE, ("query", "intermediate.dense"))


FAMILIES: dict[str, Family] = {
    "albert": Family(_albert, _QUERY_VALUE, ("query", "ffn")),
    "bert": _like_bert("bert", pooler=True),
    "bloom": Family(_bloom, ("query_key_value",), ()),
    "camembert": _like_bert("roberta"),
    "distilbert": Family(_distilbert, ("q_lin", "v_lin"), ("q_lin", "lin1")),
    "electra": _like_bert("electra"),
    "gpt2": Family(_gpt2, ("c_attn",), ()),
    "llama": Family(_llama, ("q_proj", "v_proj"), ("q_proj", "gate_proj", "up_proj")),
    "mpnet": Family(_mpnet, ("q", "v"), ("q", "intermediate.dense")),
    "roberta": _like_bert("roberta"),
    "xlm-roberta": _like_bert("roberta"),
}

TRANSPOSED = ("gpt2",)  # families whose linear layers hold their weights transposed
