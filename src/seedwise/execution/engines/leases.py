"""Who may use which CPU cores and GPUs: a pool that hands out leases and takes them back."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from seedwise.errors import EngineError
from seedwise.runtimes.base import Lease


def usable_cores() -> tuple[int, ...]:
    """CPU cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def usable_gpus() -> tuple[str, ...]:
    """GPUs that this process may use: the inherited `CUDA_VISIBLE_DEVICES` where set, else all that the driver lists.

    An inherited list is passed on entry by entry.  Where unlike GPUs are mixed, give UUIDs in it: an index may mean another GPU
    to CUDA than to a container engine unless `CUDA_DEVICE_ORDER=PCI_BUS_ID` is set.
    """
    inherited = os.environ.get("CUDA_VISIBLE_DEVICES")
    if inherited is not None:
        entries = []
        for entry in (part.strip() for part in inherited.split(",")):
            if entry in ("", "-1"):
                break  # CUDA ignores everything after an invalid entry
            entries.append(entry)
        return tuple(entries)
    if shutil.which("nvidia-smi") is None:
        return ()
    try:
        listed = asked("index")
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(line.strip() for line in listed if line.strip().isdigit())


def gpu_bytes(gpus: tuple[str, ...]) -> int | None:
    """Memory of the smallest of `gpus`, by index or UUID; None where the driver does not tell."""
    try:
        listed = [tuple(map(str.strip, line.split(","))) for line in asked("index,uuid,memory.total")]
        sizes = [int(size) << 20 for index, uuid, size in listed if index in gpus or uuid.startswith(gpus)]
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return min(sizes, default=None)


def asked(fields: str) -> list[str]:
    """The driver's line of `fields` for each GPU, without units; `OSError` or `SubprocessError` where it does not answer."""
    answer = subprocess.run(
        ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    return answer.stdout.splitlines()


class LeasePool:
    """Cores, each held by at most one lease, and GPUs, each held by at most `runs_per_gpu`.

    Who asks first is served first, among those that need a GPU and among those that need none.
    """

    def __init__(self, cores: tuple[int, ...], gpus: tuple[str, ...], runs_per_gpu: int = 1) -> None:
        self._all_cores, self._all_gpus = len(cores), len(gpus)
        self._cores = list(cores)
        self._places = dict.fromkeys(gpus, runs_per_gpu)
        self._waiting: dict[bool, list[object]] = {False: [], True: []}
        self._changed = threading.Condition()

    def refuse_impossible(self, cores: int, gpus: int) -> None:
        """`EngineError` where a need exceeds the whole pool: it would be waited for without end."""
        if cores > self._all_cores or gpus > self._all_gpus:
            raise EngineError(
                f"a run needs {cores} CPU core(s) and {gpus} GPU(s), but this machine lends {self._all_cores} and "
                f"{self._all_gpus}; lower device.threads in the study, or choose --device cpu"
            )

    @contextmanager
    def lease(self, cores: int, gpus: int, cancelled: threading.Event) -> Iterator[Lease | None]:
        """A lease as soon as one is free, or None once `cancelled` is set."""
        self.refuse_impossible(cores, gpus)
        ticket, queue = object(), self._waiting[gpus > 0]
        with self._changed:
            queue.append(ticket)
            try:
                while not cancelled.is_set() and (queue[0] is not ticket or not self._has(cores, gpus)):
                    self._changed.wait(timeout=0.5)
                granted = None if cancelled.is_set() else self._take(cores, gpus)
            finally:
                queue.remove(ticket)
                self._changed.notify_all()
        try:
            yield granted
        finally:
            if granted is not None:
                with self._changed:
                    self._cores = sorted([*self._cores, *granted.cores])
                    for gpu in granted.gpus:
                        self._places[gpu] += 1
                    self._changed.notify_all()

    def _has(self, cores: int, gpus: int) -> bool:
        return len(self._cores) >= cores and len(self._open_gpus()) >= gpus

    def _take(self, cores: int, gpus: int) -> Lease:
        lease = Lease(tuple(self._cores.pop(0) for _ in range(cores)), self._open_gpus()[:gpus])
        for gpu in lease.gpus:
            self._places[gpu] -= 1
        return lease

    def _open_gpus(self) -> tuple[str, ...]:
        """GPUs with a free place, those with most of them first: runs spread before they share."""
        return tuple(sorted((gpu for gpu, free in self._places.items() if free), key=lambda gpu: -self._places[gpu]))
