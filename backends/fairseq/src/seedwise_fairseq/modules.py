"""The parameters of fairseq's RobertaModel in task sentence_prediction, built by fairseq from the sizes alone."""

from __future__ import annotations

import seedwise_fairseq.compat  # noqa: F401 - before anything of fairseq's

# isort: split

import logging
from pathlib import Path
from typing import Any

import fairseq
from fairseq.data import Dictionary
from fairseq.tasks.sentence_prediction import SentencePredictionTask

from seedwise_contract import DataError
from seedwise_contract.files import write_json
from seedwise_contract.tools import Modules, ParametersRequest
from seedwise_fairseq.command import HEAD, configuration
from seedwise_fairseq.model import FAST_PATH
from seedwise_fairseq.text import MASK, SPECIALS

_NAMES = {
    "encoder-layers": "layers",
    "encoder-embed-dim": "hidden",
    "encoder-ffn-embed-dim": "feed_forward",
    "encoder-attention-heads": "heads",
    "max-positions": "positions",
}


def write_modules(request: ParametersRequest, out: Path) -> None:
    """`modules.json` into `out`: a shared parameter once, the duplicates for fast inference not at all."""
    model = _build(request)
    shapes: dict[str, list[int]] = {}
    left_out = 0
    for name, parameter in model.named_parameters():
        if name.rpartition(".")[2] in FAST_PATH:
            left_out += parameter.numel()
        else:
            shapes[name] = list(parameter.shape)
    framework = f"fairseq {fairseq.__version__}"
    write_json(
        out / "modules.json",
        Modules(framework=framework, model=type(model).__name__, parameters=shapes, left_out=left_out),
    )


def _build(request: ParametersRequest) -> Any:
    logging.getLogger().setLevel(logging.WARNING)
    others = request.vocabulary - len(SPECIALS) - 1
    if others < 0:
        raise DataError(f"vocabulary: found {request.vocabulary}; fairseq has {len(SPECIALS) + 1} symbols of its own")
    dictionary = Dictionary()
    for number in range(others):
        dictionary.add_symbol(f"madeupword{number:06d}")
    dictionary.add_symbol(MASK)
    words: list[str] = [".", "--task", "sentence_prediction", "--criterion", "sentence_prediction", "--arch", "roberta"]
    words += ["--num-classes", str(request.classes), "--classification-head-name", HEAD]
    for option, name in _NAMES.items():
        words += [f"--{option}", str(getattr(request, name))]
    cfg = configuration(words)
    return SentencePredictionTask(cfg.task, dictionary, Dictionary()).build_model(cfg.model)
