"""How much memory this process has taken."""

from __future__ import annotations

import os
import sys


def peak_host_bytes() -> int | None:
    """Largest resident size of this process so far, where the platform tells."""
    if os.name != "posix":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
