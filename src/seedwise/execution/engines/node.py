"""What a host of a cluster does: an attempt at each task that it is given, in a folder of its own, published whole.

The host has the runtime with the very digest that was planned, or refuses the task: nothing is built here.  As a program it reads
tasks from standard input, a JSON list of them a line, and does those of the line that it is told; SIGTERM and SIGUSR1 end it with
the state of the run saved.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import TypeAdapter

from seedwise.errors import EngineError, SeedwiseError
from seedwise.execution.engines.attempt import Place, not_begun, perform
from seedwise.execution.engines.base import Outcome
from seedwise.execution.engines.leases import usable_cores, usable_gpus
from seedwise.execution.engines.task import Task
from seedwise.execution.provenance import host_name
from seedwise.runtimes.base import Lease, Runtime
from seedwise.runtimes.choose import choose
from seedwise.runtimes.host import local_folder
from seedwise.runtimes.warm import WarmRuntime
from seedwise.store.store import Store
from seedwise.version import __version__
from seedwise_contract import FailureReason

_SHARED_AFTER_SECONDS = (
    15.0  # after which cores that somebody holds are shared: the scheduler gave out more than there are
)
_POLL_SECONDS = 0.1
TASKS = TypeAdapter(list[Task])


class Unfit(EngineError):
    """This host cannot do the task; another may."""


class Worker:
    """Keeps runtimes, and with them warm backends, from one task to the next."""

    def __init__(self) -> None:
        self._runtimes: dict[tuple[str, ...], Runtime] = {}
        self._last = Lease((), ())

    def do(self, task: Task, stop: threading.Event, job: str | None) -> Outcome:
        """An attempt at the task's run; a refusal is left in the store too, so that it is seen where the task came from."""
        store, place = Store(task.project.runs), Place(host_name(), self._last, job)
        try:
            runtime = self._runtime(task)
            with _leased(task, self._last, stop) as lease:
                self._last = lease
                if stop.is_set():
                    return Outcome(task.run_id, None, FailureReason.TERMINATED, "not started: stopped", 0.0, False)
                return perform(task, store, runtime, Place(place.host, lease, job), stop)
        except (SeedwiseError, OSError) as error:
            unfit = isinstance(error, Unfit | OSError)
            message = f"{place.host}: {error}"
            return not_begun(task, store, place, stop, FailureReason.INTERNAL, message, unfit=unfit)

    def close(self) -> None:
        for runtime in self._runtimes.values():
            runtime.close()

    def _runtime(self, task: Task) -> Runtime:
        """One that has the task's backend as it was planned, and ready."""
        if task.harness != __version__:
            raise Unfit(f"Seedwise {__version__} is installed here, and the run was planned by {task.harness}")
        name, backend, digest = task.provenance.runtime, task.spec.backend, task.provenance.digest
        key = (task.root, task.home, task.cache, name, task.flavour, backend, digest, str(task.warm))
        if key not in self._runtimes:
            if not Path(task.root).is_dir():
                raise Unfit(f"{task.root}: the project's folder is not there; hosts have to share it")
            try:
                inner, _ = choose(task.project, name, task.flavour, [backend])
                found = inner.digest(backend)
            except SeedwiseError as error:
                raise Unfit(str(error)) from None
            if found != digest:
                raise Unfit(
                    f"backend '{backend}' ({task.flavour}) is {found or 'not built'} here in the runtime {name}, and the run was "
                    f"planned with {digest}: hosts need the same {_same(name)}"
                )
            runtime: Runtime = WarmRuntime(inner) if task.warm else inner
            runtime.prepare([backend], lambda line: None)
            runtime.describe(backend)
            self._runtimes[key] = runtime
        return self._runtimes[key]


def _same(runtime: str) -> str:
    return "image" if runtime != "venv" else "SEEDWISE_CACHE, on the same path, and the same Python"


@contextmanager
def _leased(task: Task, last: Lease, stop: threading.Event) -> Iterator[Lease]:
    """Cores and GPUs of this host that no other run of ours holds, by locks on its own disk; those of the `last` run first, whose
    warm backend can go on.  How many runs there may be at once is the scheduler's business: this only says which are whose.
    """
    if task.cores > len(usable_cores()):
        raise Unfit(f"a run needs {task.cores} cores, and this job has {len(usable_cores())}")
    cores = _first(map(str, last.cores), map(str, usable_cores()))
    gpus = _first(last.gpus, usable_gpus()) if task.gpus else []
    if task.gpus > len(gpus):
        raise Unfit(f"a run needs {task.gpus} GPU, and this job has {len(gpus)}")
    held: list[int] = []
    try:
        got = _locked([f"core-{core}" for core in cores], task.cores, held, stop)
        mine = got or [f"core-{core}" for core in cores[: task.cores]]
        places = [f"gpu-{gpu.replace('/', '_')}.{n}" for n in range(task.runs_per_gpu) for gpu in gpus]
        ours = _locked(places, task.gpus, held, stop, for_ever=True)
        names = dict(zip(places, list(gpus) * task.runs_per_gpu, strict=True))
        yield Lease(tuple(sorted(int(core.partition("-")[2]) for core in mine)), tuple(names[place] for place in ours))
    finally:
        for handle in held:
            os.close(handle)


def _first(some: Sequence[str] | Iterator[str], all_: Sequence[str] | Iterator[str]) -> list[str]:
    usable = list(all_)
    return [*dict.fromkeys([*(each for each in some if each in usable), *usable])]


def _locked(
    names: Sequence[str], count: int, held: list[int], stop: threading.Event, for_ever: bool = False
) -> list[str]:
    """`count` of `names`, with their locks in `held`; none where they do not become free."""
    folder = local_folder() / "leases"
    folder.mkdir(exist_ok=True)
    since = time.monotonic()
    while count and not stop.is_set():
        taken: dict[str, int] = {}
        for name in names:
            handle = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                taken[name] = handle
            except OSError:
                os.close(handle)
            if len(taken) == count:
                held += taken.values()
                return list(taken)
        for handle in taken.values():
            os.close(handle)
        if not for_ever and time.monotonic() - since > _SHARED_AFTER_SECONDS:
            return []
        time.sleep(_POLL_SECONDS)
    return []


def main(words: Sequence[str]) -> int:
    """`LINE JOB [AGAIN…]`: the tasks of a line of standard input, as the job of that name.  After SIGUSR1, by which a time limit is
    announced, `AGAIN` is the command that has the job started anew; not where this one has brought nothing further.
    """
    line, job, anew = int(words[0]), words[1] if len(words) > 1 else None, words[2:]
    tasks = TASKS.validate_json(sys.stdin.read().splitlines()[line])
    stop, again = threading.Event(), threading.Event()

    def end(number: int, frame: object) -> None:
        if number == signal.SIGUSR1:
            again.set()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, end)
    worker, further = Worker(), False
    states = {task.run_id: _saved(task) for task in tasks}
    try:
        for task in tasks:
            if stop.is_set():
                break
            outcome = worker.do(task, stop, job)
            further = further or (outcome.result is not None and not outcome.cached)
            further = further or _saved(task) not in (None, states[task.run_id])
            said = "done" if outcome.result is not None else f"{outcome.reason}: {outcome.message}"
            print(f"{task.run_id} {said}", flush=True)
    finally:
        worker.close()
    if again.is_set() and anew:
        if further:
            return subprocess.run(anew, check=False).returncode
        print("the time limit leaves no time for a state to be saved: raise it, or make the run shorter", flush=True)
    return 0


def _saved(task: Task) -> int | None:
    """When the run's last state was saved, by the clock of the file system, in ns; None while there is none."""
    attempt = Store(task.project.runs).attempted(task.run_id)
    try:
        return None if attempt is None else max(path.lstat().st_mtime_ns for path in (attempt / "state").rglob("*"))
    except (OSError, ValueError):
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
