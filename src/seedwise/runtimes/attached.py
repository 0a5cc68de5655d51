"""A warm backend in a container, spoken with through the container's own input and output."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from docker.utils.socket import frames_iter

from docker import DockerClient
from seedwise.runtimes.base import Launch, Process
from seedwise.runtimes.ownership import run_user

_STDOUT = 1


class Spoken(Protocol):
    """What a server is spoken with through: a container's own input and output, or a process's pipes."""

    def send(self, data: bytes) -> None: ...

    def lines(self) -> Iterator[bytes]: ...

    def hang_up(self) -> None: ...

    def close(self) -> None: ...


class Line:
    """A connection to a container's input and output; made before it is started, so that nothing is missed."""

    def __init__(self, client: DockerClient, container: str) -> None:
        self._connection: Any = client.api.attach_socket(container, params={"stdin": 1, "stdout": 1, "stream": 1})
        self._socket: Any = getattr(self._connection, "_sock", self._connection)
        self._socket.settimeout(None)
        self._blocks = frames_iter(self._connection, False)  # type: ignore[no-untyped-call]
        self._read = b""

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def lines(self) -> Iterator[bytes]:
        while True:
            head, newline, rest = self._read.partition(b"\n")
            if newline:
                self._read = rest
                yield head
                continue
            try:
                stream, block = next(self._blocks)
            except (StopIteration, OSError, ValueError):
                return
            if stream == _STDOUT:
                self._read += block

    def hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.close()


class DockerServer:
    """`place` is the one folder that the container can write; a run's folder is moved there for the time of the run.

    A container's mounts are fixed when it is created, and a warm one outlives its runs.  Nothing stands in for the folder
    meanwhile.  A harness that is killed in between leaves it there whole, where the store looks too.
    """

    def __init__(self, process: Process, line: Spoken, place: Path) -> None:
        self.process = process
        self._line = line
        self._place = place

    def send(self, line: bytes) -> None:
        self._line.send(line)

    def lines(self) -> Iterator[bytes]:
        return self._line.lines()

    def hang_up(self) -> None:
        self._line.hang_up()

    def admit(self, launch: Launch) -> dict[str, str]:
        run_user(launch.out)
        launch.out.rename(self._place / launch.out.name)
        out = f"/out/{launch.out.name}"
        return {"spec": f"{out}/spec.json", "out": out}

    def dismiss(self, launch: Launch) -> None:
        lent = self._place / launch.out.name
        if lent.is_dir() and not lent.is_symlink():  # what a run has put in its folder's place is left alone
            lent.rename(launch.out)
        if self.process.poll() is not None:
            self.close()

    def close(self) -> None:
        self._line.close()
        with contextlib.suppress(OSError):  # gone, or a run's folder still lies there
            self._place.rmdir()
