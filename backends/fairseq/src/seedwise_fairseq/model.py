"""Building fairseq's RobertaModel from its stream, and the table of its parameters."""

from __future__ import annotations

import os
from typing import Any, Dict, FrozenSet, List, NamedTuple, Optional, Tuple

import numpy
import torch
from safetensors.numpy import load_file
from torch import nn

from seedwise_contract import DataError, Parameter, ParameterTable, RunSpec, weights_digest
from seedwise_fairseq import convert
from seedwise_fairseq.architecture import Architecture, Folder
from seedwise_fairseq.checkpoint import TRUST, Checkpoint
from seedwise_fairseq.command import HEAD
from seedwise_fairseq.text import Coder, TokenizerCoder

_FAST_PATH = [f"{layer}_{part}" for layer in ("in_proj", "out_proj", "fc1", "fc2") for part in ("weight", "bias")]
_HEAD = f"classification_heads.{HEAD}"


class Source(NamedTuple):
    """Where weights come from: sizes, and encoder weights under fairseq's names (None: they are drawn)."""

    architecture: Architecture
    weights: Optional[Dict[str, torch.Tensor]]


class Built(NamedTuple):
    model: nn.Module
    head: FrozenSet[str]


def read_source(spec: RunSpec, folder: Folder, coder: Coder) -> Source:
    """Sizes and pretrained weights of `folder`; `DataError` where they do not belong to one another."""
    pretrained = spec.initialisation == "pretrained"
    if folder.kind != "fairseq":
        assert folder.architecture is not None
        assert isinstance(coder, TokenizerCoder)
        if not pretrained:
            return Source(folder.architecture, None)
        return Source(folder.architecture, _converted(folder, folder.architecture, coder))
    if not (folder.path / "model.pt").is_file():
        assert folder.architecture is not None
        return Source(folder.architecture, None)
    checkpoint = Checkpoint(folder.path / "model.pt", trust=os.environ.get(TRUST) == "1")
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
    assert spec.recipe is not None
    if spec.recipe.max_length > architecture.positions:
        raise DataError(f"recipe.max_length {spec.recipe.max_length} exceeds the {architecture.positions} positions of model.pt")
    return Source(architecture, checkpoint.encoder_weights() if pretrained else None)


def build(spec: RunSpec, source: Source, task: Any, cfg: Any) -> Built:
    """fairseq's model in float32.  What is drawn comes from `seeds.initialisation`; the head is always drawn anew.

    The head is drawn as the hf backend draws it - normal with the model's own deviation, biases zero, after a seed of its
    own - so that one seed gives both the same head.
    """
    torch.manual_seed(spec.seeds.initialisation)
    model: Any = task.build_model(cfg.model)
    drawn = _load(model, source)
    for module in model.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = source.architecture.norm_eps
    _without_fast_path(model)
    model.encoder.lm_head.requires_grad_(False)
    model.encoder.sentence_encoder.embed_tokens.weight.requires_grad_(True)  # shared with the head for masked tokens
    head = model.classification_heads[HEAD]
    torch.manual_seed(spec.seeds.initialisation)
    with torch.no_grad():
        for name in drawn:
            layer = getattr(head, name)
            layer.weight.normal_(mean=0.0, std=source.architecture.initializer_range)
            layer.bias.zero_()
    return Built(model, frozenset(f"{_HEAD}.{name}.{part}" for name in drawn for part in ("weight", "bias")))


def parameter_table(built: Built, decay: Dict[str, float]) -> ParameterTable:
    """Every parameter; `decay` gives the weight decay of those that train."""
    rows: List[Parameter] = []
    trainable: List[Tuple[str, Tuple[int, ...], bytes]] = []
    for name, parameter in built.model.named_parameters():
        rows.append(
            Parameter(
                name=name,
                shape=list(parameter.shape),
                count=parameter.numel(),
                trainable=parameter.requires_grad,
                head=name in built.head,
                weight_decay=decay.get(name),
            )
        )
        if parameter.requires_grad:
            trainable.append((name, tuple(parameter.shape), parameter.detach().numpy().astype("<f4").tobytes()))
    return ParameterTable.of(rows, weights_digest(trainable))


def decay_by_name(model: nn.Module, weight_decay: float, decay_on: str) -> Dict[str, float]:
    """Weight decay of every parameter that trains; `matrices` spares biases and normalisation weights."""
    decay: Dict[str, float] = {}
    once = {name for name, _ in model.named_parameters()}  # a shared parameter by its first name
    for prefix, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.requires_grad and f"{prefix}.{name}".lstrip(".") in once:
                spared = decay_on == "matrices" and (isinstance(module, nn.LayerNorm) or name == "bias")
                decay.setdefault(f"{prefix}.{name}".lstrip("."), 0.0 if spared else weight_decay)
    return decay


def _converted(folder: Folder, architecture: Architecture, coder: TokenizerCoder) -> Dict[str, torch.Tensor]:
    files = sorted(folder.path.glob("*.safetensors"))
    if not files:
        raise DataError(f"{folder.path}: no *.safetensors file; pretrained weights are read in that format only")
    weights: Dict[str, Any] = {}
    for file in files:
        try:
            weights.update(load_file(file))
        except Exception as error:  # noqa: BLE001 - the library raises nothing narrower
            raise DataError(f"{file}: the weights cannot be read: {error}") from None
    try:
        converted = convert.to_fairseq(weights, folder.kind, architecture, coder.source_ids)
    except DataError as error:
        raise DataError(f"{folder.path}: {error}") from None
    return {name: torch.from_numpy(numpy.array(value)) for name, value in converted.items()}


def _load(model: Any, source: Source) -> List[str]:
    """Put pretrained weights into `model`; the layers of the head that are to be drawn, in the order of drawing."""
    if source.weights is None:
        return ["dense", "out_proj"]
    weights = dict(source.weights)
    pooler = {part: weights.pop(f"pooler.{part}") for part in ("weight", "bias") if f"pooler.{part}" in weights}
    own = {
        name: tensor
        for name, tensor in model.state_dict().items()
        if name.startswith(convert.ENCODER + ".") and name.rpartition(".")[2] not in (*_FAST_PATH, "version")
    }
    faults = convert.shape_faults(weights, {name: tuple(tensor.shape) for name, tensor in own.items()})
    missing = sorted(set(own) - set(weights))
    if faults or missing:
        absent = [f"{name} is missing" for name in missing]
        raise DataError("the checkpoint does not fit its sizes: " + "; ".join((faults + absent)[:5]))
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(weights[name])
        if len(pooler) < 2:
            return ["dense", "out_proj"]
        dense = model.classification_heads[HEAD].dense
        dense.weight.copy_(pooler["weight"])
        dense.bias.copy_(pooler["bias"])
    return ["out_proj"]


def _without_fast_path(model: Any) -> None:
    """Remove the duplicates that fairseq's layers keep for fast inference: they never train, and would be counted twice."""
    for layer in model.encoder.sentence_encoder.layers:
        layer.can_use_fastpath = False
        for name in _FAST_PATH:
            delattr(layer, name)
