"""For backends on torch: the device of a run, the switches by which it repeats itself, and what is told of both.

torch is imported when a function is called, never with this module: the contract needs none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from seedwise_contract.environment import Environment, read_environment
from seedwise_contract.exits import BackendError, OutOfMemory
from seedwise_contract.spec import RunSpec

if TYPE_CHECKING:
    import torch

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")
_QUIET = {"DO_NOT_TRACK": "1", "TOKENIZERS_PARALLELISM": "false", "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
_LESS_MEMORY = "lower recipe.batch_size (and raise recipe.accumulation), or recipe.max_length"


def set_environment(threads: int) -> None:
    """Set what libraries read when they are imported: the thread count is fixed, and nothing is reported."""
    os.environ.update(_QUIET)
    os.environ.update({variable: str(threads) for variable in _THREADS})


def stay_off_the_device() -> None:
    """Asking the driver library for devices, as imports do, begins no CUDA context from here on: no fork could use one."""
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"


def set_determinism(threads: int) -> dict[str, str]:
    """Make torch repeat its results; the switches as they stand, and the kind of kernels, for environment.json."""
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
        "torch.cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "torch.cudnn.benchmark": str(torch.backends.cudnn.benchmark),
        "torch.allow_tf32": str(torch.backends.cuda.matmul.allow_tf32),
        "attention": "math" if torch.cuda.is_available() else "sdpa",
        "CUBLAS_WORKSPACE_CONFIG": os.environ.get("CUBLAS_WORKSPACE_CONFIG", ""),
    }


def device_of(spec: RunSpec) -> torch.device:
    """The run's device, its count of peak memory begun anew; `BackendError` where there is none, or it lacks the precision."""
    import torch

    if spec.device.kind == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise BackendError(
            f"device.kind is 'cuda', but this process sees no CUDA device that torch {torch.__version__} (CUDA "
            f"{torch.version.cuda}) can use{_driver_words()}; lease it one, update the driver, or plan for 'cpu'"
        )
    if spec.recipe is not None and spec.recipe.precision == "bf16" and not torch.cuda.is_bf16_supported():
        raise BackendError(f"{torch.cuda.get_device_name()} has no bfloat16; use precision 'fp32'")
    torch.cuda.reset_peak_memory_stats()
    return torch.device("cuda", torch.cuda.current_device())


def environment_of(spec: RunSpec, device: torch.device, switches: dict[str, str]) -> Environment:
    """What environment.json tells of a run on `device` with `switches`, as `set_determinism` gave them."""
    import torch

    cuda = device.type == "cuda"
    return read_environment(
        threads=spec.device.threads,
        device=torch.cuda.get_device_name(device) if cuda else "cpu",
        driver=driver() if cuda else None,
        determinism=switches | ({"torch.cuda": str(torch.version.cuda)} if cuda else {}),
    )


def peak_device_bytes(device: torch.device) -> int | None:
    """Largest memory that torch has had on the device since `device_of`; None on a CPU."""
    import torch

    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turns what torch raises where memory runs out, on the device or on the host, into `OutOfMemory`."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(f"the device ran out of memory: {_LESS_MEMORY} ({error})") from error
    except RuntimeError as error:  # torch gives its allocator on the host no type of its own
        if "can't allocate memory" not in str(error):
            raise
        raise OutOfMemory(f"the host ran out of memory: {_LESS_MEMORY} ({error})") from error


def driver() -> str | None:
    """The version line of NVIDIA's kernel driver; None where there is none."""
    path = Path("/proc/driver/nvidia/version")
    return path.read_text(encoding="utf-8").splitlines()[0] if path.is_file() else None


def _driver_words() -> str:
    found = driver()
    return f"; the driver here: {found}" if found else "; no NVIDIA driver is loaded"
