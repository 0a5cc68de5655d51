"""What a transformers folder gives on texts: token ids, last hidden states, logits; float32, no dropout, one text at a time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy
import torch
from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging

from seedwise_contract import DataError
from seedwise_contract.tools import StatesRequest, drawn_head

_CLASSES = 2


def write_states(request: StatesRequest, folder: Path, out: Path) -> None:
    """`states.npz` into `out`, as `StatesRequest` says.  `DataError` where the folder cannot be read."""
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model, masked = _models(folder, config)
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"{folder}: the model cannot be read: {error}") from error
    found: dict[str, list[Any]] = {"ids": [], "lengths": [], "hidden": [], "logits": [], "masked": []}
    with torch.inference_mode():
        for number, text in enumerate(request.texts):
            coded = tokenizer(text, truncation=True, max_length=request.max_length, return_tensors="pt")
            told = model(**coded, output_hidden_states=True)
            found["ids"].append(coded["input_ids"][0].numpy())
            found["lengths"].append([len(found["ids"][-1])])
            found["hidden"].append(told.hidden_states[-1][0].numpy())
            found["logits"].append(told.logits.numpy())
            if masked is not None and number < request.masked_texts:
                found["masked"].append(masked(**coded).logits[0].numpy())
    numpy.savez(out / "states.npz", **{name: numpy.concatenate(parts) for name, parts in found.items() if parts})


def _models(folder: Path, config: dict[str, Any]) -> tuple[Any, Any]:
    """The model with a classification head, and the one with a head for masked tokens where the folder says it has one."""
    own = any("SequenceClassification" in name for name in config.get("architectures") or [])
    classes = {} if own else {"num_labels": _CLASSES}
    how: dict[str, Any] = {"dtype": torch.float32, "local_files_only": True, "use_safetensors": True}
    model, info = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True, **classes, **how)
    bert = model.config.model_type == "bert"
    layers = {
        "dense": model.bert.pooler.dense if bert else model.classifier.dense,
        "out_proj": model.classifier if bert else model.classifier.out_proj,
    }
    drawn = drawn_head(model.config.hidden_size, _CLASSES)
    absent = {name.rpartition(".")[0] for name in info["missing_keys"]}
    names = {id(module): name for name, module in model.named_modules()}
    with torch.no_grad():
        for name, layer in layers.items():
            if names[id(layer)] in absent:
                layer.weight.copy_(torch.tensor(drawn[name]).view_as(layer.weight))
                layer.bias.zero_()
    with_mask = any("MaskedLM" in name for name in config.get("architectures") or [])
    masked = AutoModelForMaskedLM.from_pretrained(folder, **how).eval() if with_mask else None
    return model.eval(), masked
