"""The parameters of a transformers model by its sizes alone, on torch's meta device: shapes, and no memory."""

from __future__ import annotations

from pathlib import Path

import torch
import transformers
from transformers import AutoModelForSequenceClassification, BertConfig, RobertaConfig

from seedwise_contract.files import write_json
from seedwise_contract.tools import Modules, ParametersRequest

_EMPTY_ROWS = 2  # of RoBERTa's position table


def write_modules(request: ParametersRequest, out: Path) -> None:
    """`modules.json` into `out`, of the class that fine-tuning uses."""
    bert = request.kind == "bert"
    config = (BertConfig if bert else RobertaConfig)(
        num_hidden_layers=request.layers,
        hidden_size=request.hidden,
        intermediate_size=request.feed_forward,
        num_attention_heads=request.heads,
        max_position_embeddings=request.positions + (0 if bert else _EMPTY_ROWS),
        vocab_size=request.vocabulary,
        type_vocab_size=request.types,
        num_labels=request.classes,
    )
    with torch.device("meta"):
        model = AutoModelForSequenceClassification.from_config(config)
    shapes = {name: list(parameter.shape) for name, parameter in model.named_parameters()}
    framework = f"transformers {transformers.__version__}"
    write_json(
        out / "modules.json",
        Modules(framework=framework, model=type(model).__name__, parameters=shapes, left_out=0),
    )
