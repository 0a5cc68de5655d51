"""Seed streams and determinism.

Three streams, none of which draws from another:
- initialisation: torch's global generator is seeded with it right before the model is built (`model.build`);
- order: `seedwise_contract.order.epoch_batches` is a pure function of the seed, the epoch and the rows' lengths; it touches no
  generator that anybody shares;
- dropout: torch's global generator is seeded with it right before the first update; nothing else draws from it then.
"""

from __future__ import annotations

import os

from seedwise_contract import torch_device

_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


def set_environment(threads: int) -> None:
    """Set what libraries read when they are imported: nothing is fetched or reported, and the rest as the contract's."""
    os.environ.update(_OFFLINE)
    torch_device.set_environment(threads)


def seed_torch(seed: int) -> None:
    """Begin a stream on torch's global generators (CPU and every device)."""
    import torch

    torch.manual_seed(seed)
