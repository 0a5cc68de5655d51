"""How a backend process is started, seen from the engine: `Runtime` starts a `Launch` and hands back a `Process`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from seedwise.notify import Notify
from seedwise_contract import Description

# Beside the folders of launches: folders that a warm backend may write, into which a launch's own is moved for its time.
LENT = ".warm-"


@dataclass(frozen=True, slots=True)
class Lease:
    """What one run may use: CPU cores by number and GPUs as the container engine or CUDA names them."""

    cores: tuple[int, ...]
    gpus: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Launch:
    """One run to start.  `out` exists, holds `spec.json`, and is the only folder the process may write.

    `verb` is what the backend is asked to do with the spec: `run`, or another verb that takes a spec and a folder.
    `cold`: not in a backend that stays up, whose libraries have read their settings already.
    """

    backend: str
    digest: str
    run_id: str
    out: Path
    data: Path
    models: Path
    lease: Lease
    memory_bytes: int
    verb: str = "run"
    cold: bool = False


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended.  `code` is its exit code (137 where it was killed); `log` its standard error and output.

    `perhaps_oom`: it was killed, nobody asked for that, and the engine does not tell whether its memory had run out.
    """

    code: int
    oom_killed: bool
    log: str
    perhaps_oom: bool = False


class Process(Protocol):
    def poll(self) -> Exit | None:
        """How it ended, or None while it runs."""
        ...

    def wait(self) -> Exit: ...

    def stop(self, grace_seconds: float) -> None:
        """Ask it to save its state and end (SIGTERM); kill it after `grace_seconds`.  Harmless once it has ended."""
        ...


class Server(Protocol):
    """A backend that stays up (the contract's verb `serve`); it does one run at a time."""

    process: Process

    def send(self, line: bytes) -> None:
        """Write to its input; `OSError` where it is gone."""
        ...

    def lines(self) -> Iterator[bytes]:
        """Its answers as they come, each once; ends when it has ended."""
        ...

    def hang_up(self) -> None:
        """End its input: it does what it was asked for, and ends.  Harmless once it has ended."""
        ...

    def admit(self, launch: Launch) -> dict[str, str]:
        """Make the run's folder one that the server can write, and no other; its paths, as a request names them.

        It may be moved for that, into a folder called `LENT…` beside it.
        """
        ...

    def dismiss(self, launch: Launch) -> None:
        """Take the run's folder back."""
        ...

    def close(self) -> None:
        """Let go of what it held, once it has ended."""
        ...


class Runtime(Protocol):
    """`name` is 'docker' or 'venv'; `flavour` 'cpu' or 'cuda'; `notes` what its user has to be told at the end."""

    name: str
    flavour: str
    notes: list[str]

    def digest(self, backend: str) -> str | None:
        """The content digest of the backend as built here from the present sources, or None where it is not built.

        Fast (no build, no network): asked at every start of the harness.
        """
        ...

    def prepare(self, backends: Sequence[str], say: Notify) -> dict[str, str]:
        """Build what is missing of `backends`; backend → digest.  `ImageError` says what is wrong and what to do."""
        ...

    def describe(self, backend: str) -> Description:
        """What the prepared backend says of itself; cached by digest, so that a second question costs nothing."""
        ...

    def start(self, launch: Launch) -> Process:
        """Start a run of a backend that `prepare` has made ready, as it was then."""
        ...

    def close(self) -> None:
        """Let go of what this runtime holds; what still runs then counts as left over."""
        ...


class ServingRuntime(Runtime, Protocol):
    def serve(self, launch: Launch) -> Server:
        """Start a server for `launch`, and for the launches of its backend, lease, memory and store that follow."""
        ...
