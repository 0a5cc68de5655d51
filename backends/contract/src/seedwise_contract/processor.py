"""The processor of a run: what it is, and holding numerical libraries to kernels that do not depend on who made it.

Left alone, libraries choose kernels by instruction set *and* by maker: oneMKL, which multiplies matrices for torch, takes
others on AMD than on Intel, whatever instructions both have, and its AVX2 branch is not open to other makers' processors.
"""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

from seedwise_contract.exits import BackendError
from seedwise_contract.spec import Instructions

# Each is read once, when its library is loaded.
HELD: dict[Instructions, dict[str, str]] = {
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",  # torch's own kernels
        "ONEDNN_MAX_CPU_ISA": "AVX2",  # oneDNN in torch: activations
        "MKL_CBWR": "COMPATIBLE",  # oneMKL in torch: the one branch that is the same on every maker's processors
        "OPENBLAS_CORETYPE": "Haswell",  # OpenBLAS in numpy and scipy
        "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",  # numpy's own kernels
    }
}
_READ_BY = ("numpy", "scipy", "torch")
_KIND = ("vendor_id", "cpu family", "model")


def hold(instructions: Instructions | None) -> None:
    """Hold this process's libraries to `instructions`; None leaves them alone.

    `BackendError` where the processor lacks them, or where a library has chosen its kernels before.
    """
    if instructions is None:
        return
    if not has_avx2():
        raise BackendError(
            f"device.instructions is '{instructions}', which needs an x86-64 processor with AVX2; found "
            f"{cpu_name() or 'another one'}: leave it out here"
        )
    wanted = HELD[instructions]
    late = [name for name in _READ_BY if name in sys.modules]
    if late and any(os.environ.get(name) != value for name, value in wanted.items()):
        raise BackendError(
            f"device.instructions is '{instructions}', but {', '.join(late)} chose its kernels before: start a process for this run"
        )
    os.environ.update(wanted)


def holding() -> dict[str, str]:
    """The variables of `HELD` that are set in this process, whoever set them, for environment.json."""
    return {name: os.environ[name] for held in HELD.values() for name in held if name in os.environ}


def has_avx2() -> bool:
    """Whether this is an x86-64 processor with AVX2, as Linux tells."""
    return platform.machine() in ("x86_64", "AMD64") and "avx2" in _told().get("flags", "").split()


def cpu_name() -> str | None:
    """The processor's name, and its maker, family and model, which decide what libraries do and which names may leave out."""
    told = _told()
    name = told.get("model name")
    if name is None:
        return platform.processor() or None
    kind = [f"{field} {told[field]}".replace("vendor_id ", "").replace("cpu ", "") for field in _KIND if field in told]
    return f"{name} ({', '.join(kind)})" if kind else name


def _told() -> dict[str, str]:
    """Field → value of the first processor of /proc/cpuinfo; nothing where there is no such file."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
    except OSError:
        return {}
    lines = (line.partition(":") for line in first.splitlines())
    return {field.strip(): value.strip() for field, _, value in lines}
