"""What a run leaves as its checkpoint: the adapter in peft's own format, the same bytes for the same run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from peft import PeftModel
from peft.utils.save_and_load import get_base_model_state_dict
from safetensors.torch import save_file
from torch import nn

from seedwise_contract.files import write_json
from seedwise_peft.method import ADAPTER

BASE = "base"


def save(model: nn.Module, folder: Path, base: str, random: bool) -> None:
    """Write `model` as `PeftModel.from_pretrained` (or transformers, where all trains) reads it back.

    `base` is the model's name, recorded in place of a path of this machine.  Where the frozen weights were drawn at
    `random` no model folder holds them: they are written too, into `base/`.
    """
    if not isinstance(model, PeftModel):
        model.save_pretrained(folder)  # type: ignore[operator]
        return
    model.peft_config[ADAPTER].base_model_name_or_path = base
    # Embeddings that train are saved as adapter or as module; frozen ones are the base's.
    model.save_pretrained(str(folder), save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # a card to be filled in by hand
    path = folder / "adapter_config.json"
    write_json(path, _sorted(json.loads(path.read_text(encoding="utf-8"))))
    if random:
        weights = {}
        kept: set[int] = set()
        for name, tensor in get_base_model_state_dict(model).items():
            if tensor.data_ptr() not in kept:  # tied weights are written once
                kept.add(tensor.data_ptr())
                weights[name] = tensor.detach().cpu().contiguous()
        (folder / BASE).mkdir()
        save_file(weights, folder / BASE / "model.safetensors", metadata={"format": "pt"})
        model.get_base_model().config.save_pretrained(folder / BASE)


def _sorted(value: Any) -> Any:
    """Lists of names in order: peft keeps sets, whose order changes from process to process."""
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return sorted(value)
    return value
