"""What a fairseq folder gives on texts: token ids, last hidden states, logits; float32, no dropout, one text at a time.

fairseq reads `model.pt` by its own `load_state_dict`; what the file holds is read by our unpickler.
"""

from __future__ import annotations

import seedwise_fairseq.compat  # noqa: F401 - before anything of fairseq's

# isort: split

import logging
from pathlib import Path
from typing import Any

import numpy
import torch
from fairseq.tasks.masked_lm import MaskedLMTask
from torch import nn

from seedwise_contract import DataError
from seedwise_contract.tools import StatesRequest, drawn_head
from seedwise_fairseq.architecture import Folder, read_folder
from seedwise_fairseq.binarise import dictionary_of
from seedwise_fairseq.command import HEAD, configuration
from seedwise_fairseq.conversion import Model, read_fairseq, words_of
from seedwise_fairseq.convert import LM_HEAD
from seedwise_fairseq.model import FAST_PATH
from seedwise_fairseq.text import BOS, EOS, coder_of

_CLASSES = 2


def write_states(request: StatesRequest, source: Path, out: Path) -> None:
    """`states.npz` into `out`, as `StatesRequest` says.  `DataError` where the folder is not one of fairseq's."""
    logging.getLogger().setLevel(logging.WARNING)
    torch.set_num_threads(1)
    folder = read_folder(source)
    if folder.kind != "fairseq":
        raise DataError(f"{source}: is a transformers folder; backend hf tells its states")
    read = read_fairseq(folder)
    model = _model(read, folder)
    coder = coder_of(folder)
    found: dict[str, list[Any]] = {"ids": [], "lengths": [], "hidden": [], "logits": [], "masked": []}
    with torch.inference_mode():
        for number, text in enumerate(request.texts):
            ids = [BOS, *coder.indices(text)[: request.max_length - 2], EOS]
            tokens = torch.tensor([ids])
            hidden, _ = model(tokens, features_only=True)
            logits, _ = model(tokens, features_only=True, classification_head_name=HEAD)
            found["ids"].append(numpy.array(ids))
            found["lengths"].append([len(ids)])
            found["hidden"].append(hidden[0].numpy())
            found["logits"].append(logits.numpy())
            if read.masked_head and number < request.masked_texts:
                found["masked"].append(model(tokens)[0][0].numpy())
    numpy.savez(str(out / "states.npz"), **{name: numpy.concatenate(parts) for name, parts in found.items() if parts})


def _model(read: Model, folder: Folder) -> Any:
    """fairseq's model with the folder's weights; of heads that it lacks, the classification head is drawn."""
    task = MaskedLMTask(configuration(words_of(read.architecture)).task, dictionary_of(read.symbols))
    model: Any = task.build_model(configuration(words_of(read.architecture)).model)
    state = {name: torch.from_numpy(numpy.array(value)) for name, value in read.weights.items()}
    own = f"classification_heads.{HEAD}"
    if f"{own}.out_proj.weight" not in state:
        hidden = read.architecture.hidden
        for name, values in drawn_head(hidden, _CLASSES).items():
            rows = torch.tensor(values).view(-1, hidden)
            state[f"{own}.{name}.weight"], state[f"{own}.{name}.bias"] = rows, torch.zeros(len(rows))
    model.register_classification_head(HEAD, num_classes=len(state[f"{own}.out_proj.weight"]))
    result = nn.Module.load_state_dict(model, state, strict=False)
    missing = [name for name in result.missing_keys if not name.startswith(LM_HEAD) and not _without_weights(name)]
    if missing or result.unexpected_keys:
        raise DataError(f"{folder.path}: fairseq misses {missing[:5]} and does not know {result.unexpected_keys[:5]}")
    for module in model.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = read.architecture.norm_eps
    return model.eval()


def _without_weights(name: str) -> bool:
    """Names that no checkpoint need have: of a version mark, and of what layers keep twice, for fast inference."""
    return name.rpartition(".")[2] in (*FAST_PATH, "version")
