"""How many runs at once, and why: as many as cores, memory and GPUs allow.

A run has its threads' cores to itself: on a CPU several runs of one thread each finish sooner than one run of several.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seedwise.errors import EngineError
from seedwise.execution.engines.base import Node
from seedwise.planning.plan import Plan
from seedwise.store.store import Store
from seedwise_contract import RunSpec

_GIB = 1 << 30
IMPORTED_BYTES = 1 * _GIB  # an interpreter with its framework, and a batch's activations
_COPIES = 6  # weights, their gradients, two moments of Adam, the best checkpoint so far, and the file as it is read
_SHARE = 0.9  # of the memory, and of a GPU's, that runs may take together


@dataclass(frozen=True, slots=True)
class Machine:
    """What runs may take together; `gpu_bytes` is the memory of the smallest GPU, None where that is not known."""

    cores: int
    memory_bytes: int
    gpus: int = 0
    gpu_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be run: the most that any of the runs needs.

    `run_bytes` is the memory of one, `device_bytes` what one took of a GPU, None where none has been measured; `on_gpu` and
    `on_cpu` say whether there are runs of either kind.
    """

    threads: int
    run_bytes: int
    on_gpu: bool = False
    on_cpu: bool = True
    device_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Packing:
    """`why` is a sentence for the terminal."""

    jobs: int
    why: str


def pack(machine: Machine, load: Load, runs_per_gpu: int = 1, asked: int | None = None) -> Packing:
    """As many runs at once as leases and memory allow, or `asked` where there are cores for them.

    Raises `EngineError` where more runs a GPU are asked for than its memory holds, by what a run of them took.
    """
    by_core = max(1, machine.cores // load.threads)
    each = f"{counted(load.threads, 'thread')} a run"
    limits = [(by_core, f"{counted(machine.cores, 'core')}, {each}")]
    by_memory = max(1, int(_SHARE * machine.memory_bytes / load.run_bytes))
    limits.append((by_memory, f"{gib(machine.memory_bytes)} of memory, and a run may take {gib(load.run_bytes)}"))
    if load.on_gpu:
        _refuse_full_gpus(machine, load, runs_per_gpu)
        places = machine.gpus * runs_per_gpu + load.on_cpu
        said = f"{counted(machine.gpus, 'GPU')} with {counted(runs_per_gpu, 'run')} each"
        limits.append((places, said + (", and one run without a GPU beside them" if load.on_cpu else "")))
    jobs, why = min(limits, key=lambda limit: limit[0])
    if asked is None:
        return Packing(jobs, f"{counted(jobs, 'run')} at once: {why}")
    if asked > by_core:
        return Packing(by_core, f"{counted(by_core, 'run')} at once, not the {asked} asked for: {limits[0][1]}")
    return Packing(asked, f"{counted(asked, 'run')} at once, as asked for")


def pack_nodes(
    engine: str, nodes: Sequence[Node], load: Load, runs_per_gpu: int = 1, asked: int | None = None
) -> Packing:
    """As many runs at once as the hosts of a cluster have places for: what of them is free, only its scheduler knows."""
    gpus = int(load.on_gpu and not load.on_cpu)
    places = sum(places_on(node, load.threads, gpus, runs_per_gpu) for node in nodes)
    if load.on_gpu and load.on_cpu:
        places = max(places, sum(places_on(node, load.threads, 1, runs_per_gpu) for node in nodes))
    has = f"{counted(len(nodes), 'host')} of {engine}, {counted(sum(node.cores for node in nodes), 'core')}"
    has += f", {counted(sum(node.gpus for node in nodes), 'GPU')}"
    if asked is not None and asked < places:
        return Packing(asked, f"at most {counted(asked, 'run')} at once, as asked for: {has}")
    return Packing(
        max(1, places), f"up to {counted(max(1, places), 'run')} at once, as its scheduler gives them: {has}"
    )


def places_on(node: Node, cores: int, gpus: int, runs_per_gpu: int = 1) -> int:
    """Runs of so many cores and GPUs that a host has room for."""
    by_core = node.cores // max(1, cores)
    return min(by_core, node.gpus * runs_per_gpu // gpus) if gpus else by_core


def _refuse_full_gpus(machine: Machine, load: Load, runs_per_gpu: int) -> None:
    if runs_per_gpu == 1 or load.device_bytes is None or machine.gpu_bytes is None:
        return
    room = int(_SHARE * machine.gpu_bytes / load.device_bytes)
    if runs_per_gpu > room:
        raise EngineError(
            f"--runs-per-gpu {runs_per_gpu}: a run took {gib(load.device_bytes)} of a GPU, which has "
            f"{gib(machine.gpu_bytes)}: at most {counted(max(1, room), 'run')} a GPU"
        )


def load_of(plans: Iterable[Plan], store: Store, models: Path) -> Load:
    """The most of all arms; memory of each by a finished run of it, or by its model where none is there."""
    threads, kinds, needs, device = 1, set[str](), dict[tuple[str, str], int](), list[int]()
    measured = set[tuple[str, str]]()
    for plan in plans:
        threads = max(threads, plan.study.device.threads)
        for run in plan.runs:
            arm = plan.study.name, run.arm
            kinds.add(run.spec.device.kind)
            if arm not in needs:
                needs[arm] = expected_bytes(run.spec, models, int(plan.study.memory_gib * _GIB))
            done = store.result(run.run_id) if run.run_id and arm not in measured else None
            if done is not None:
                measured.add(arm)
                needs[arm] = done.cost.peak_host_bytes or needs[arm]
                device += [done.cost.peak_device_bytes] if done.cost.peak_device_bytes else []
    return Load(
        threads=threads,
        run_bytes=max(needs.values(), default=IMPORTED_BYTES),
        on_gpu="cuda" in kinds,
        on_cpu="cpu" in kinds,
        device_bytes=max(device, default=None),
    )


def expected_bytes(spec: RunSpec, models: Path, limit: int) -> int:
    """Memory that a run is reckoned to take where none like it has been measured: by the size of its model, up to `limit`."""
    weights = 0
    if spec.model is not None:
        folder = models / spec.model.path
        weights = sum(
            path.stat().st_size for path in folder.glob("*") if path.suffix in (".safetensors", ".pt", ".bin")
        )
    return min(limit, IMPORTED_BYTES + _COPIES * weights)


def memory_bytes() -> int:
    """Memory of this machine, or of the control group that the harness is held in."""
    try:
        found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        found = 8 * _GIB
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            found = min(found, int(Path(path).read_text()))
        except (OSError, ValueError):  # absent, or "max"
            continue
    return found


def gib(size: float) -> str:
    return f"{size / _GIB:.1f} GiB"


def counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
