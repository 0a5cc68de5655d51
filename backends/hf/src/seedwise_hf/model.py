"""Building the model from its stream, and the table of its parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification

from seedwise_contract import DataError, ParameterTable, RunSpec
from seedwise_contract import parameters as tables
from seedwise_hf.check import DROPOUT_FIELDS
from seedwise_hf.methods import Built
from seedwise_hf.seeding import seed_torch


def build(spec: RunSpec, folder: Path) -> Built:
    """The model in float32, drawn from `seeds.initialisation` where it is not read from `folder`.

    The head is whatever lies outside the model's encoder, with encoder parts that the checkpoint does not hold (a
    pooler, as a rule).  It is always drawn anew, in the order of the modules, even where `folder` holds one.  A causal
    language model has no such head.
    """
    config = configure(spec, folder)
    language = spec.task.kind == "causal_lm"  # whose head is a part of the model, read with it
    kind = AutoModelForCausalLM if language else AutoModelForSequenceClassification
    if spec.initialisation == "random":
        seed_torch(spec.seeds.initialisation)
        model = kind.from_config(config, dtype=torch.float32)
        return Built(model, frozenset() if language else _outside_encoder(model))
    if not any(folder.glob("*.safetensors")):
        raise DataError(f"{folder}: no *.safetensors file; pretrained weights are read in that format only")
    seed_torch(spec.seeds.initialisation)
    try:
        model, info = kind.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"{folder}: the weights cannot be read: {error}") from error
    align(model)
    outside = frozenset() if language else _outside_encoder(model)
    absent = _absent_from_checkpoint(model, folder, info, outside)
    _draw_anew(model, outside | absent, spec.seeds.initialisation)
    return Built(model, outside | absent)


def align(model: nn.Module) -> None:
    """Move every weight into memory that torch allocates, which is aligned.

    Weights read from a file lie where the file has them, and on some processors (seen: AMD with AVX-512) the last bit of a
    product depends on how its operands are aligned: equal weights would give other bits when they are drawn, or read from a
    file of another layout.
    """
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data = tensor.data.clone()


def configure(spec: RunSpec, folder: Path) -> Any:
    """The model's configuration with the task's classes and the recipe's dropout."""
    assert spec.recipe is not None
    classes: dict[str, Any] = {}
    if spec.task.kind == "classification":
        labels = spec.task.labels
        classes = {"num_labels": len(labels), "id2label": dict(enumerate(labels))}
        classes["label2id"] = {name: index for index, name in enumerate(labels)}
    elif spec.task.kind == "regression":
        classes = {"num_labels": spec.task.outputs}
    config = AutoConfig.from_pretrained(folder, local_files_only=True, **classes)
    if classes:
        numbers = spec.task.kind == "regression"
        config.problem_type = "regression" if numbers else "single_label_classification"
    fields = DROPOUT_FIELDS[config.model_type]
    for name in fields.hidden:
        setattr(config, name, spec.recipe.dropout.hidden)
    setattr(config, fields.attention, spec.recipe.dropout.attention)
    if fields.classifier is not None:
        setattr(config, fields.classifier, spec.recipe.dropout.classifier)
    return config


def _outside_encoder(model: nn.Module) -> frozenset[str]:
    encoder = str(model.base_model_prefix) + "."
    return frozenset(name for name, _ in model.named_parameters() if not name.startswith(encoder))


def _absent_from_checkpoint(
    model: nn.Module, folder: Path, info: dict[str, Any], outside: frozenset[str]
) -> frozenset[str]:
    mismatched = sorted(str(item[0]) for item in info.get("mismatched_keys", ()) if item[0] not in outside)
    if mismatched:
        raise DataError(f"{folder}: config.json gives other shapes than the weights of {', '.join(mismatched[:5])}")
    absent = frozenset(info["missing_keys"]) - outside
    encoder = [name for name in sorted(absent) if "pooler" not in name]
    if encoder:
        raise DataError(
            f"{folder}: the checkpoint lacks {len(encoder)} encoder weights ({', '.join(encoder[:3])} …); "
            "initialisation 'pretrained' needs all of them"
        )
    return absent & {name for name, _ in model.named_parameters()}


def _draw_anew(model: Any, names: frozenset[str], seed: int) -> None:
    """Initialise the parameters `names` as the model's own code does, from the stream `seed` and nothing else."""
    seed_torch(seed)
    with torch.no_grad():
        for prefix, module in model.named_modules():
            own = {f"{prefix}.{name}".lstrip("."): p for name, p in module.named_parameters(recurse=False)}
            fresh = [p for name, p in own.items() if name in names]
            for parameter in fresh:
                parameter._is_hf_initialized = False
            if fresh:
                model._init_weights(module)


def parameter_table(built: Built, decay: dict[str, float]) -> ParameterTable:
    """Every parameter; `decay` gives the weight decay of those that train."""
    return tables.parameter_table(
        (
            (name, tuple(p.shape), _float32_bytes(p) if p.requires_grad else None)
            for name, p in built.model.named_parameters()
            if name not in built.replaced
        ),
        built.head,
        decay,
    )


def _float32_bytes(parameter: torch.Tensor) -> memoryview:
    weights = parameter.detach().to("cpu", torch.float32).contiguous().numpy().astype("<f4", copy=False)
    return memoryview(weights).cast("B")
