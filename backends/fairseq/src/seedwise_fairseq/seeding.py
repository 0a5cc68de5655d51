"""Seed streams and determinism.

Three streams, none of which draws from another:
- initialisation: torch's global generator is seeded with it right before weights are drawn (`model.build`);
- order: `seedwise_contract.order.epoch_batches` is a pure function of the seed, the epoch and the rows' lengths, the same in every backend;
- dropout: fairseq's own seed.  Its Trainer seeds torch before every update with this seed plus the updates done.
"""

from __future__ import annotations

import os
from typing import Dict

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")


def set_environment(threads: int) -> None:
    """Set what libraries read when they are imported: the thread count is fixed, and nothing is reported."""
    os.environ.update({variable: str(threads) for variable in _THREADS})
    os.environ.update({"TOKENIZERS_PARALLELISM": "false", "DO_NOT_TRACK": "1"})


def set_determinism(threads: int) -> Dict[str, str]:
    """Make torch repeat its results; the switches as they stand, for environment.json."""
    import torch

    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    return {
        "torch.deterministic_algorithms": str(torch.are_deterministic_algorithms_enabled()),
        "torch.num_threads": str(torch.get_num_threads()),
    }
