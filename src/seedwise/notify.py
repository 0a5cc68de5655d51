"""How long work tells what it is doing: a callback that is given one line at a time."""

from __future__ import annotations

from collections.abc import Callable

Notify = Callable[[str], None]
