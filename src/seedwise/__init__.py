"""Seedwise: which way of fine-tuning is really better, and how sure are we?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedwise.version import __version__

__all__ = ["__version__", "compare"]

if TYPE_CHECKING:
    from seedwise.scores.api import compare


def __getattr__(name: str) -> Any:
    """`seedwise.compare`, imported when it is asked for: it brings scipy and matplotlib, slow to import."""
    if name == "compare":
        from seedwise.scores.api import compare as found

        return found
    raise AttributeError(f"module 'seedwise' has no attribute {name!r}")
