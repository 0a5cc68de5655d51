"""Seed streams and determinism.

Three streams, none of which draws from another:
- initialisation: torch's global generator is seeded with it right before the model is built (`model.build`);
- order: `seedwise_contract.order.epoch_batches` is a pure function of the seed, the epoch and the rows' lengths; it touches no
  generator that anybody shares;
- dropout: torch's global generator is seeded with it right before the first update; nothing else draws from it then.
"""

from __future__ import annotations

import os
from typing import Dict

_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
}


def set_environment(threads: int) -> None:
    """Set what libraries read when they are imported: nothing is fetched or reported, and the thread count is fixed."""
    os.environ.update(_ENVIRONMENT)
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[variable] = str(threads)


def set_determinism(threads: int) -> Dict[str, str]:
    """Make torch repeat its results; the switches as they stand, for environment.json."""
    import torch

    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # costs time, and only unmasks reads of junk memory
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    # The fused attention kernels have no deterministic backward pass with a padding mask; the plain one has.
    torch.backends.cuda.enable_flash_sdp(False)
    torch.backends.cuda.enable_mem_efficient_sdp(False)
    torch.backends.cuda.enable_cudnn_sdp(False)
    return {
        "torch.deterministic_algorithms": str(torch.are_deterministic_algorithms_enabled()),
        "torch.num_threads": str(torch.get_num_threads()),
        "torch.cudnn.benchmark": str(torch.backends.cudnn.benchmark),
        "torch.allow_tf32": str(torch.backends.cuda.matmul.allow_tf32),
        "attention": "math" if torch.cuda.is_available() else "sdpa",
        "CUBLAS_WORKSPACE_CONFIG": os.environ.get("CUBLAS_WORKSPACE_CONFIG", ""),
    }


def seed_torch(seed: int) -> None:
    """Begin a stream on torch's global generators (CPU and every device)."""
    import torch

    torch.manual_seed(seed)
