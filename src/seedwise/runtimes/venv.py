"""Runs as processes of this machine, each in its backend's environment.

Weaker than a container: what the user can read, a backend can.  A process is given its leased cores and GPUs, an
environment without the user's tokens and proxies, a temporary home, what this kernel has of a cage, and an end when the
harness ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import seedwise_contract
from seedwise.errors import EngineError, ImageError
from seedwise.images.definition import CommandBackend, DockerfileBackend, load_definition
from seedwise.images.environments import build_environment, place_of
from seedwise.images.sources import Sources, command_digest, sources_of
from seedwise.notify import Notify
from seedwise.project import Project
from seedwise.runtimes.base import Exit, Launch, Lease, Process
from seedwise.runtimes.common import described, log_tail, run_environment
from seedwise.runtimes.held import offered_here
from seedwise.runtimes.launch import launched
from seedwise.temporary import HeldFolder, sweep, temporary_folder
from seedwise_contract import Description

LOG = "backend.log"
_DESCRIBE_SECONDS = 300
_ANSWER_BYTES = 1 << 20  # of one line; a backend that never ends its line fills no memory
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "CUDA_DEVICE_ORDER", "SYSTEMROOT")

# A process ends with the *thread* that started it (PR_SET_PDEATHSIG), so one that lives as long as the harness starts all.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="start")


@dataclass(frozen=True, slots=True)
class _Program:
    """How a backend is called, and where its modules are."""

    words: list[str]
    python_path: Path


class VenvRuntime:
    """Backends as environments; `digest` is over the lock file, our sources and the interpreter."""

    name = "venv"

    def __init__(self, project: Project, flavour: str) -> None:
        self.flavour = flavour
        self.notes: list[str] = []
        self._project = project
        self._definition = load_definition(project)
        self._prepared: dict[str, _Program] = {}  # by digest: sources may change while runs are executed

    def digest(self, backend: str) -> str | None:
        found = self._definition.backend(backend)
        if isinstance(found, CommandBackend):
            return f"venv:sha256:{command_digest(self._project, backend, found)}"
        place = place_of(self._project, self._sources(backend))
        return place.digest if place.ready else None

    def prepare(self, backends: Sequence[str], say: Notify) -> dict[str, str]:
        sweep()  # what killed sessions left
        prepared = {}
        for backend in dict.fromkeys(backends):
            digest = self.digest(backend)
            if digest is None:
                digest = build_environment(self._project, self._sources(backend), say).digest
            prepared[backend] = digest
            self._prepared[digest] = self._program(backend)
        return prepared

    def describe(self, backend: str) -> Description:
        digest = self._built(backend)
        return described(self._project, backend, digest, lambda: self._ask(backend, digest))

    def start(self, launch: Launch) -> Process:
        program = self._program_of(launch)
        out = launch.out.resolve()
        words = [*program.words, launch.verb, str(out / "spec.json")]
        words += [] if launch.verb == "check" else ["--out", str(out)]  # a check writes nothing
        words += ["--data", str(launch.data.resolve()), "--models", str(launch.models.resolve())]
        return _start(words, program, launch, out, out / LOG)[0]

    def serve(self, launch: Launch) -> VenvServer:
        program = self._program_of(launch)
        device = "cuda" if launch.lease.gpus else "cpu"
        words = [*program.words, "serve", "--threads", str(max(1, len(launch.lease.cores))), "--device", device]
        return VenvServer(*_start(words, program, launch, launch.out.parent, None))

    def close(self) -> None:
        pass

    def _program_of(self, launch: Launch) -> _Program:
        program = self._prepared.get(launch.digest)
        if program is None:
            raise ImageError(
                f"backend '{launch.backend}' as {launch.digest} was not prepared: prepare it before a start"
            )
        return program

    def _built(self, backend: str) -> str:
        digest = self.digest(backend)
        if digest is None:
            raise ImageError(f"backend '{backend}' ({self.flavour}) is not built: 'seedwise images build' builds it")
        return digest

    def _program(self, backend: str) -> _Program:
        found = self._definition.backend(backend)
        if isinstance(found, CommandBackend):
            root = found.root(self._project)
            words = [str(root / word) if (root / word).is_file() else word for word in found.command]
            if found.command[0] == "python":
                words[0] = sys.executable
            elif not Path(words[0]).is_absolute():
                words[0] = _program_named(words[0], backend)
            return _Program(words, Path(seedwise_contract.__file__).parents[1])
        sources = self._sources(backend)
        place = place_of(self._project, sources)
        return _Program([str(place.python), "-m", sources.module], place.packages)

    def _sources(self, backend: str) -> Sources:
        if isinstance(self._definition.backend(backend), DockerfileBackend):
            raise ImageError(f"backend '{backend}' has a Dockerfile and no lock: it needs a container engine")
        return sources_of(self._project, self._definition, backend, self.flavour)

    def _ask(self, backend: str, digest: str) -> str:
        program = self._program(backend)
        with temporary_folder() as home:
            try:
                answer = subprocess.run(
                    [*launched(cage=_cage(Lease((), ()), [str(home)], None)), *program.words, "describe"],
                    env=_environment(program, Lease((), ()), digest, home),
                    cwd=home,
                    capture_output=True,
                    text=True,
                    timeout=_DESCRIBE_SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise ImageError(
                    f"backend '{backend}': 'describe' did not end within {_DESCRIBE_SECONDS} seconds"
                ) from None
        if answer.returncode != 0:
            raise ImageError(
                f"backend '{backend}': 'describe' ended with exit code {answer.returncode}:\n{answer.stderr[-2000:]}"
            )
        return answer.stdout


def _program_named(word: str, backend: str) -> str:
    found = shutil.which(word)
    if found is None:
        raise ImageError(f"backend '{backend}': its program '{word}' is not on the PATH: install it, or name another")
    return found


class VenvProcess:
    """A started process and its group; its log grows beside its other files."""

    def __init__(self, process: subprocess.Popen[bytes], home: HeldFolder, log: Path) -> None:
        self._process = process
        self._home = home
        self._log = log
        self._lock = threading.Lock()
        self._exit: Exit | None = None

    def poll(self) -> Exit | None:
        return self._ended() if self._process.poll() is not None else None

    def wait(self) -> Exit:
        self._process.wait()
        return self._ended()

    def stop(self, grace_seconds: float) -> None:
        if grace_seconds > 0:
            self._signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=grace_seconds)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def _signal(self, number: int) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                # SIGTERM to the backend alone, which ends its helpers itself; SIGKILL to all of its group.
                if number == signal.SIGTERM:
                    os.kill(self._process.pid, number)
                    return
                below = _descendants(self._process.pid)  # a server's runs have groups of their own
                os.killpg(self._process.pid, number)
                for process in below:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(process, number)

    def _ended(self) -> Exit:
        with self._lock:
            if self._exit is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)  # helpers that it left behind
                code = self._process.returncode
                self._exit = Exit(code if code >= 0 else 128 - code, False, log_tail(self._log))
                self._home.remove()
            return self._exit


class VenvServer:
    """A started server and its pipes.  It writes into a run's folder where that is; the cage lets it into those beside it too."""

    def __init__(self, process: VenvProcess, popen: subprocess.Popen[bytes]) -> None:
        self.process: Process = process
        assert popen.stdin is not None
        assert popen.stdout is not None
        self._input = popen.stdin
        self._output = popen.stdout

    def send(self, line: bytes) -> None:
        try:
            self._input.write(line)
            self._input.flush()
        except ValueError as error:  # hung up
            raise OSError(str(error)) from None

    def lines(self) -> Iterator[bytes]:
        return iter(lambda: self._output.readline(_ANSWER_BYTES), b"")

    def hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self._input.close()

    def admit(self, launch: Launch) -> dict[str, str]:
        out = launch.out.resolve()
        roots = {"data": str(launch.data.resolve()), "models": str(launch.models.resolve())}
        return {"spec": str(out / "spec.json"), "out": str(out), **roots}

    def dismiss(self, launch: Launch) -> None:
        pass

    def close(self) -> None:
        self.hang_up()
        self._output.close()


def _start(
    words: list[str], program: _Program, launch: Launch, writable: Path, log: Path | None
) -> tuple[VenvProcess, subprocess.Popen[bytes]]:
    home = HeldFolder()
    cage = _cage(launch.lease, [str(writable.resolve()), str(home.path)], launch.memory_bytes)
    environment = _environment(program, launch.lease, launch.digest, home.path)
    return spawn(words, environment, home, launch.lease, cage, log)


def spawn(
    words: Sequence[str],
    environment: dict[str, str],
    home: HeldFolder,
    lease: Lease,
    cage: str | None,
    log: Path | None,
) -> tuple[VenvProcess, subprocess.Popen[bytes]]:
    """Start a process of ours in `home`, which goes with it.  Everything that it prints goes to `log`; without one, it is spoken
    with through pipes.
    """
    file = log or home.path / LOG
    try:
        with open(file, "ab") as output:
            process = _starter.submit(
                subprocess.Popen,
                [*launched(lease.cores, cage), *words],
                env=environment,
                cwd=home.path,
                stdin=subprocess.DEVNULL if log else subprocess.PIPE,
                stdout=output if log else subprocess.PIPE,
                stderr=output,
                start_new_session=True,
            ).result()
    except OSError as error:
        home.remove()
        raise EngineError(f"the backend could not be started: {error}") from None
    return VenvProcess(process, home, file), process


def _cage(lease: Lease, writable: Sequence[str], memory: int | None) -> str | None:
    """What this kernel has of a cage, as the launcher takes it."""
    gpu = bool(lease.gpus)
    if (held := offered_here(gpu)) is None:
        return None
    asked = {
        "network": held.get("network"),
        "writable": list(writable) if "writing" in held else None,
        "memory": memory if "memory" in held else None,
        "gpu": gpu,
    }
    return json.dumps(asked)


def _descendants(process: int) -> list[int]:
    """All processes below `process`, where the system lists them."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            stat = entry.read_text(encoding="utf-8", errors="replace")
            parents[int(entry.parent.name)] = int(stat.rpartition(")")[2].split()[1])
    found = [process]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found[1:]


def _environment(program: _Program, lease: Lease, digest: str, home: Path) -> dict[str, str]:
    """The whole environment of a backend process: a few harmless variables of ours, no token and no proxy."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {
        "LANG": "C.UTF-8",
        **kept,
        "HOME": str(home),
        "TMPDIR": str(home),
        "PYTHONPATH": str(program.python_path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "CUDA_VISIBLE_DEVICES": ",".join(lease.gpus),
        **run_environment(lease, digest),
    }
