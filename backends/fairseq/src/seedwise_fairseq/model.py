"""Building fairseq's RobertaModel from its stream, and the table of its parameters."""

from __future__ import annotations

import os
from types import MethodType
from typing import Any, NamedTuple

import numpy
import torch
from safetensors.numpy import load_file
from torch import nn

from seedwise_contract import DataError, ParameterTable, RunSpec
from seedwise_contract import parameters as tables
from seedwise_fairseq import convert
from seedwise_fairseq.architecture import Architecture, Folder, with_notes
from seedwise_fairseq.checkpoint import LANGUAGE_HEAD, TRUST, Checkpoint
from seedwise_fairseq.command import HEAD
from seedwise_fairseq.draw import drawn
from seedwise_fairseq.text import Coder, TokenizerCoder

FAST_PATH = [f"{layer}_{part}" for layer in ("in_proj", "out_proj", "fc1", "fc2") for part in ("weight", "bias")]
_HEAD = f"classification_heads.{HEAD}"
_BOTH = ("dense", "out_proj")


class Source(NamedTuple):
    """Where weights come from: sizes, and weights under fairseq's names.

    `weights` is None where fairseq draws them.  `head` names the layers of the classification head that belong to the
    task alone: BERT's pooler, which is fairseq's dense layer there, belongs to the model.
    """

    architecture: Architecture
    weights: dict[str, torch.Tensor] | None
    head: tuple[str, ...]


class Built(NamedTuple):
    model: nn.Module
    head: frozenset[str]


def read_source(spec: RunSpec, folder: Folder, coder: Coder) -> Source:
    """Sizes and weights for `folder`; `DataError` where its files do not belong to one another."""
    if folder.kind != "fairseq":
        assert isinstance(coder, TokenizerCoder)
        return _transformers(spec, folder, coder)
    if not (folder.path / "model.pt").is_file():
        assert folder.architecture is not None
        return Source(folder.architecture, None, _BOTH)
    checkpoint = read_checkpoint(folder)
    architecture = sizes_of(folder, checkpoint, coder)
    assert spec.recipe is not None
    if spec.recipe.max_length > architecture.positions:
        raise DataError(
            f"{folder.path}: model.pt has {architecture.positions} positions, fewer than recipe.max_length "
            f"{spec.recipe.max_length}"
        )
    if spec.initialisation == "random":
        return Source(architecture, None, _BOTH)
    if spec.task.kind == "masked_lm":
        return Source(architecture, {**checkpoint.encoder_weights(), **checkpoint.language_head()}, _BOTH)
    return Source(architecture, checkpoint.encoder_weights(), _BOTH)


def read_checkpoint(folder: Folder) -> Checkpoint:
    """The folder's `model.pt`, by pickle itself only where the environment opts in."""
    return Checkpoint(folder.path / "model.pt", trust=os.environ.get(TRUST) == "1")


def sizes_of(folder: Folder, checkpoint: Checkpoint, coder: Coder) -> Architecture:
    """The sizes of a fairseq folder; `DataError` where its files do not belong to one another."""
    architecture = checkpoint.architecture
    if folder.architecture is not None and folder.architecture != architecture:
        raise DataError(
            f"{folder.path}: architecture.json says {folder.architecture}, but model.pt holds {architecture}"
        )
    rows = checkpoint.weights[f"{convert.ENCODER}.embed_tokens.weight"].shape[0]
    if rows != len(coder.symbols):
        raise DataError(
            f"{folder.path}: dict.txt makes a vocabulary of {len(coder.symbols)} (its symbols, 4 special ones and <mask>), "
            f"but model.pt has {rows} rows: they do not belong together"
        )
    return with_notes(architecture, folder.path)


def build(spec: RunSpec, source: Source, task: Any, cfg: Any) -> Built:
    """fairseq's model in float32.  What is drawn comes from `seeds.initialisation`; the head is always drawn anew.

    The head is drawn as the hf backend draws it - normal with the model's own deviation, biases zero, right after the
    seed - so that one seed gives both the same head.
    """
    torch.manual_seed(spec.seeds.initialisation)
    model: Any = task.build_model(cfg.model)
    weights = dict(source.weights or {})
    language = spec.task.kind == "masked_lm"
    head = _language_head(model) if language else _classification_head(model, spec, source, weights)
    if source.weights is not None:
        _load(model, weights, (convert.ENCODER + ".", *((LANGUAGE_HEAD + ".",) if language else ())))
    for module in model.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = source.architecture.norm_eps
    _without_fast_path(model)
    model.encoder.lm_head.requires_grad_(language)
    model.encoder.sentence_encoder.embed_tokens.weight.requires_grad_(True)  # shared with the head for masked tokens
    return Built(model, head)


def _language_head(model: Any) -> frozenset[str]:
    """fairseq's own head for masked tokens; the table of tokens, which it shares with the encoder, is the encoder's."""
    return frozenset(name for name, _ in model.named_parameters() if name.startswith(LANGUAGE_HEAD + "."))


def _classification_head(model: Any, spec: RunSpec, source: Source, weights: dict[str, torch.Tensor]) -> frozenset[str]:
    head = model.classification_heads[HEAD]
    torch.manual_seed(spec.seeds.initialisation)
    with torch.no_grad():
        for name in _BOTH:
            layer = getattr(head, name)
            given = [weights.pop(f"{_HEAD}.{name}.{part}", None) for part in ("weight", "bias")]
            if given[0] is None:
                layer.weight.normal_(mean=0.0, std=source.architecture.initializer_range)
                layer.bias.zero_()
            else:
                layer.weight.copy_(given[0])
                layer.bias.copy_(given[1])
    return frozenset(f"{_HEAD}.{name}.{part}" for name in source.head for part in ("weight", "bias"))


def parameter_table(built: Built, decay: dict[str, float]) -> ParameterTable:
    """Every parameter; `decay` gives the weight decay of those that train."""
    return tables.parameter_table(
        (
            (name, tuple(p.shape), p.detach().numpy().astype("<f4").tobytes() if p.requires_grad else None)
            for name, p in built.model.named_parameters()
        ),
        built.head,
        decay,
    )


def decay_by_name(model: nn.Module, weight_decay: float, decay_on: str) -> dict[str, float]:
    """Weight decay of every parameter that trains; `matrices` spares biases and normalisation weights."""
    decay: dict[str, float] = {}
    once = {name for name, _ in model.named_parameters()}  # a shared parameter by its first name
    for prefix, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.requires_grad and f"{prefix}.{name}".lstrip(".") in once:
                spared = decay_on == "matrices" and (isinstance(module, nn.LayerNorm) or name == "bias")
                decay.setdefault(f"{prefix}.{name}".lstrip("."), 0.0 if spared else weight_decay)
    return decay


def _transformers(spec: RunSpec, folder: Folder, coder: TokenizerCoder) -> Source:
    architecture = folder.architecture
    assert architecture is not None
    head = _BOTH
    if spec.initialisation == "random":
        weights = drawn(folder, architecture, spec.task.outputs, spec.seeds.initialisation)
    else:
        weights = read_weights(folder)
    own = {f"{_HEAD}.{name[len('head.') :]}": weights.pop(name) for name in list(weights) if name.startswith("head.")}
    try:
        converted = convert.to_fairseq(weights, folder.kind, architecture, coder.source_ids)
    except DataError as error:
        raise DataError(f"{folder.path}: {error}") from None
    if "pooler.weight" in converted and "pooler.bias" in converted:
        own.update({f"{_HEAD}.dense.{part}": converted.pop(f"pooler.{part}") for part in ("weight", "bias")})
        head = ("out_proj",)
    tensors = {name: torch.from_numpy(numpy.array(value)) for name, value in {**converted, **own}.items()}
    return Source(architecture, tensors, head)


def read_weights(folder: Folder) -> dict[str, Any]:
    files = sorted(folder.path.glob("*.safetensors"))
    if not files:
        raise DataError(f"{folder.path}: no *.safetensors file; pretrained weights are read in that format only")
    weights: dict[str, Any] = {}
    for file in files:
        try:
            weights.update(load_file(file))
        except Exception as error:  # noqa: BLE001 - the library raises nothing narrower
            raise DataError(f"{file}: the weights cannot be read: {error}") from None
    return weights


def _load(model: Any, weights: dict[str, torch.Tensor], prefixes: tuple[str, ...]) -> None:
    """Put weights of the encoder, and of what else begins so, into `model`, all of them or none."""
    own = {
        name: tensor
        for name, tensor in model.state_dict().items()
        if name.startswith(prefixes) and name.rpartition(".")[2] not in (*FAST_PATH, "version")
    }
    faults = convert.shape_faults(weights, {name: tuple(tensor.shape) for name, tensor in own.items()})
    faults += [f"{name} is missing" for name in sorted(set(own) - set(weights))]
    if faults:
        raise DataError("the checkpoint does not fit its sizes: " + "; ".join(faults[:5]))
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(weights[name])


def _without_fast_path(model: Any) -> None:
    """Remove the duplicates that fairseq's layers keep for fast inference: they never train, and would be counted twice."""
    for layer in model.encoder.sentence_encoder.layers:
        layer.can_use_fastpath = False
        layer._load_from_state_dict = MethodType(
            nn.Module._load_from_state_dict, layer
        )  # its own would make them again
        for name in FAST_PATH:
            delattr(layer, name)
