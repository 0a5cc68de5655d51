"""What the cage of the environment runtime holds on this machine, and in which words that is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

CAGE_VARIABLE = "SEEDWISE_CAGE"
_OFF = ("0", "off", "none")
_CAGE = Path(__file__).with_name("cage.py")
_SECONDS = 30
_PARTS = {
    "network": "no network",
    "writing": "writes in its own folders only",
    "memory": "each process within memory_gib",
}


def offered_here(gpu: bool = False) -> dict[str, str] | None:
    """Part of the cage → by what it is held here, for a run on a GPU where `gpu`; None where the cage is switched off."""
    if os.environ.get(CAGE_VARIABLE, "").lower() in _OFF:
        return None
    return _offered(gpu)


def told(flavour: str) -> str:
    """The words for the first line of a session: what holds a backend that runs as a process, and what does not."""
    found = offered_here(gpu=flavour == "cuda")
    if found is None:
        return f"no cage, as {CAGE_VARIABLE} says: network, files and memory are not limited"
    held = [words for part, words in _PARTS.items() if part in found]
    if not held:
        return "no cage: network, files and memory are not limited"
    lacking = ", ".join(part for part in _PARTS if part not in found)
    return f"a light cage: {', '.join(held)}{lacking and f'; not held here: {lacking}'}; it reads what you can read"


@cache
def _offered(gpu: bool) -> dict[str, str]:
    """Asked once, of a process of its own: trying a part is being held by it."""
    if sys.platform != "linux":
        return {}
    try:
        answer = subprocess.run(
            [sys.executable, "-I", "-S", str(_CAGE), *(["gpu"] if gpu else [])],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
        found: dict[str, str] = json.loads(answer.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        found = {}
    return found if gpu else {**found, "memory": "rlimit"}  # CUDA's driver maps far more memory than it uses
