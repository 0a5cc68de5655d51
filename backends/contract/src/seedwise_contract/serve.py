"""The verb `serve`: a backend that stays up, has its imports done, and runs each request in a forked process of its own.

It reads one JSON object a line from standard input and answers one a line on standard output:

    → {"id": "a", "spec": "/out/a/spec.json", "out": "/out/a"}    verb 'run'; "verb", "data", "models" and "log" may be given
    ← {"id": "a", "code": 0, "seconds": 12.3}                      code as the verb's process would have ended with
    → {"stop": "a"}                                                 SIGTERM to that request alone, started or still waiting

The first line that it writes is `{"ready": true}`.  Requests are done one after the other, in order.  A child starts
with the imports and with nothing else: no device touched, no thread started.  What a request does to its process (a
crash, a leak, the memory limit) ends with that process.  SIGTERM is passed on to the request that runs, and ends the
server when that has ended; at the end of its input it does what it was asked for, and ends.
"""

from __future__ import annotations

import collections
import ctypes
import gc
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from seedwise_contract.environment import installed_packages
from seedwise_contract.exits import ExitCode

LOG = "backend.log"
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_BLOCK = 1 << 16

Main = Callable[[Sequence[str]], int]


class Request(NamedTuple):
    """One line of input that asks for a verb."""

    identity: str
    verb: str
    spec: str
    out: str
    log: str
    roots: list[str]

    @classmethod
    def of(cls, value: dict[str, Any]) -> Request:
        """`ValueError` where a field is missing or is no text."""
        known = {"id", "verb", "spec", "out", "data", "models", "log"}
        for field in {"id", "spec", "out"} | set(value):
            if field not in known:
                raise ValueError(f"{field}: no field of a request; there are {', '.join(sorted(known))}")
            if not isinstance(value.get(field), str):
                raise ValueError(f"{field}: found {json.dumps(value.get(field))}; a text is needed")
        roots = [word for root in ("data", "models") if root in value for word in (f"--{root}", value[root])]
        log = value.get("log", f"{value['out']}/{LOG}")
        return cls(value["id"], value.get("verb", "run"), value["spec"], value["out"], log, roots)


def can_serve() -> bool:
    """Forked processes whose leftovers can be found and ended, which Linux offers."""
    return sys.platform == "linux"


def serve(main: Main, threads: int, device: str) -> int:
    """Answer requests by `main`, which is given a command line and returns an exit code, until the input ends."""
    reason = "" if can_serve() else f"a warm backend needs Linux, and this is {sys.platform}"
    if not reason:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # what a request leaves behind becomes ours
        reason = _unsafe_to_fork()
    if reason:
        print(f"serve: {reason}", file=sys.stderr)
        return ExitCode.INTERNAL
    installed_packages()  # remembered: the same for all requests
    gc.freeze()  # a collection in a child would otherwise touch, and so copy, every page that it shares with us
    return _Server(main, threads, device).serve()


def _unsafe_to_fork() -> str:
    """Why a fork would not be a fresh start: threads that a child would lack.  Empty where it is one.

    Looked at after a fork, because libraries that prepare for forks (OpenBLAS) end their threads right before.
    """
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    count = sum(1 for _ in Path("/proc/self/task").iterdir())
    if count > 1:
        return f"{count - 1} thread(s) were started by imports, and a forked process would lack them"
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return "the imports touched a CUDA device, which a forked process cannot use then"
    return ""


class _Server:
    def __init__(self, main: Main, threads: int, device: str) -> None:
        self._main = main
        self._threads = threads
        self._device = device
        self._answers = os.dup(1)  # a line printed by a library would not be an answer: it goes to standard error
        os.dup2(2, 1)
        self._waiting: collections.deque[Request] = collections.deque()
        self._running: _Child | None = None
        self._open = True
        self._ending = False
        self._input = b""
        self._wake, woken = os.pipe()
        for end in (self._wake, woken):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the harness's to handle

    def serve(self) -> int:
        self._say({"ready": True})
        while self._running or (not self._ending and (self._open or self._waiting)):
            if self._running is None and self._waiting and not self._ending:
                self._start(self._waiting.popleft())
            sources = [self._wake] + ([0] if self._open and not self._ending else [])
            ready = select.select(sources, [], [], None if self._running or self._open else 0)[0]
            if self._wake in ready:
                os.read(self._wake, _BLOCK)
            if 0 in ready:
                self._read()
            self._reap()
        for request in self._waiting:
            self._say({"id": request.identity, "code": int(ExitCode.TERMINATED), "seconds": 0.0})
        return ExitCode.TERMINATED if self._ending else ExitCode.COMPLETED

    def _read(self) -> None:
        block = os.read(0, _BLOCK)
        self._open = bool(block)
        *lines, self._input = (self._input + block).split(b"\n")
        for line in filter(None, map(bytes.strip, lines)):
            self._take(line)

    def _take(self, line: bytes) -> None:
        identity: Any = None
        try:
            value = json.loads(line)
            if not isinstance(value, dict):
                raise ValueError("not a JSON object")
            if set(value) == {"stop"}:
                self._stop(value["stop"])
                return
            identity = value.get("id")
            self._waiting.append(Request.of(value))
        except (ValueError, RecursionError) as error:
            self._say({"id": identity, "code": int(ExitCode.BAD_SPEC), "seconds": 0.0, "refused": f"request: {error}"})

    def _stop(self, identity: Any) -> None:
        if self._running and self._running.request.identity == identity:
            self._running.signal(signal.SIGTERM)
        for request in [request for request in self._waiting if request.identity == identity]:
            self._waiting.remove(request)
            self._say({"id": identity, "code": int(ExitCode.TERMINATED), "seconds": 0.0})

    def _end(self, *_: object) -> None:
        self._ending = True
        if self._running:
            self._running.signal(signal.SIGTERM)

    def _start(self, request: Request) -> None:
        refused = self._refused(request)
        if refused:
            self._say({"id": request.identity, "code": int(ExitCode.BAD_SPEC), "seconds": 0.0, "refused": refused})
            return
        # A SIGTERM between the fork and the note of its child would reach nobody.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            self._running = _Child(request, self._main, [self._answers, self._wake])
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    def _refused(self, request: Request) -> str:
        """Why this server is not the one for the spec; a spec that cannot be read is the verb's to judge."""
        try:
            device = json.loads(Path(request.spec).read_bytes())["device"]
            kind, threads = device["kind"], device["threads"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return ""
        if threads != self._threads:
            return f"device.threads: found {threads}, but this server was started with --threads {self._threads}"
        if kind != self._device:
            return f"device.kind: found {kind!r}, but this server was started with --device {self._device}"
        if device.get("instructions") is not None:
            return "device.instructions: libraries read it when they are imported, and here they are; start a process for this run"
        return ""

    def _reap(self) -> None:
        if self._running is None:
            return
        code = self._running.ended()
        if code is not None:
            answer = {"id": self._running.request.identity, "code": code}
            seconds = time.monotonic() - self._running.started
            self._running = None
            _end_leftovers()
            self._say({**answer, "seconds": round(seconds, 3)})

    def _say(self, value: dict[str, Any]) -> None:
        line = (json.dumps(value) + "\n").encode()
        try:
            while line:
                line = line[os.write(self._answers, line) :]
        except BrokenPipeError:
            self._ending = True  # nobody listens any more; what runs goes on to its end, for its files are read later


class _Child:
    """A request in its own process, session and temporary folder."""

    def __init__(self, request: Request, main: Main, foreign: Sequence[int]) -> None:
        self.request = request
        self.started = time.monotonic()
        self._folder = tempfile.mkdtemp(prefix="seedwise-request-")
        sys.stdout.flush()
        sys.stderr.flush()
        server = os.getpid()
        self._process = os.fork()
        if self._process == 0:
            _become(request, main, server, self._folder, foreign)

    def signal(self, number: int) -> None:
        os.kill(self._process, number)  # not reaped yet, so the number is still its own

    def ended(self) -> int | None:
        """Its exit code, 128 and the signal where one killed it, or None while it runs."""
        process, status = os.waitpid(self._process, os.WNOHANG)
        if process == 0:
            return None
        shutil.rmtree(self._folder, ignore_errors=True)
        return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _become(request: Request, main: Main, server: int, folder: str, foreign: Sequence[int]) -> NoReturn:
    """The forked process: as a cold one would find itself, but for what is imported."""
    code = int(ExitCode.INTERNAL)
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setsid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != server:  # it died before we asked to be told
            os._exit(code)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        for descriptor in foreign:
            os.close(descriptor)
        Path(request.log).parent.mkdir(parents=True, exist_ok=True)
        _redirect(request.log)
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        words = [request.verb, request.spec, "--out", request.out, *request.roots]
        code = int(main(words))
    except SystemExit as ended:  # argparse's way out
        code = ended.code if isinstance(ended.code, int) else int(ExitCode.INTERNAL)
    except BaseException:  # noqa: BLE001 - the process boundary
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)  # the handlers that run at exit are the server's


def _redirect(log: str) -> None:
    for target, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND),
    ):
        source = os.open(path, flags, 0o644)
        os.dup2(source, target)
        os.close(source)
    os.dup2(1, 2)


def _end_leftovers() -> None:
    """End the processes that a request started and left, before the next begins: they would write into its time."""
    own = os.getpid()
    left = True
    while left:
        left = False
        for process in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
            if _parent(process) == own:
                left = True
                try:
                    os.kill(process, signal.SIGKILL)
                    os.waitpid(process, 0)
                except (ProcessLookupError, ChildProcessError):
                    pass


def _parent(process: int) -> int | None:
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        return int(stat.rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return None
