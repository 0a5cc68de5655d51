"""What the tests of the peft backend train, and with what."""

from __future__ import annotations

PEFT = {"backend": "peft"}
WEIGHTS = "adapter_model.safetensors"
LORA = {"name": "lora", "parameters": {"r": 4, "alpha": 8, "dropout": 0.1, "target_modules": "default"}}
BITFIT = {"name": "bitfit", "parameters": {}}
NO_HEAD = {"name": "bitfit", "parameters": {"head": False}}
HEAD = {"name": "head", "parameters": {}}
DECODER = {"recipe.dropout": {"hidden": 0.0, "attention": 0.1, "classifier": 0.0}}
