"""A processor that oneMKL takes for another maker's: what it asks a function of its own, a shim that is loaded first answers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from seedwise_contract.processor import cpu_name

_ASKED = ("mkl_serv_intel_cpu", "mkl_serv_intel_cpu_true")


def shim(folder: Path) -> str | None:
    """The library in `folder`, for LD_PRELOAD; None where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    answer = 0 if "GenuineIntel" in (cpu_name() or "") else 1
    source, library = folder / "other_maker.c", folder / "other_maker.so"
    source.write_text("".join(f"int {name}(void) {{ return {answer}; }}\n" for name in _ASKED))
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source)], check=True, capture_output=True)
    return str(library)
