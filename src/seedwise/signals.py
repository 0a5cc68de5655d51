"""Signals that ask for an end: noted when they come, obeyed where nothing is half done.

An error raised by a signal's handler may come anywhere, in a finaliser too, where it is lost; so the handler only notes it.
"""

from __future__ import annotations

import signal
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """Listens from its making until `end`; true once there was one.  A second Ctrl-C, of a person who will not wait, is raised."""

    def __init__(self) -> None:
        self._told: list[str] = []
        self._before = {number: signal.signal(number, self._note) for number in _SIGNALS}

    def __bool__(self) -> bool:
        return bool(self._told)

    def __enter__(self) -> Signals:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def words(self) -> str:
        """What ended the work, and that nothing is lost."""
        name = self._told[0] if self._told else ""
        return f"stopped by {'Ctrl-C' if name == 'SIGINT' else name}: what is done is kept, and the next call goes on from there"

    def end(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _note(self, number: int, frame: Any) -> None:
        name = signal.Signals(number).name
        again = name == "SIGINT" and "SIGINT" in self._told
        self._told.append(name)
        if again:
            raise KeyboardInterrupt
