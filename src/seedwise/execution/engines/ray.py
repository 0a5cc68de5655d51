"""Ray: an existing cluster by its address, or one of this machine for the session.

A run is a task without retries of Ray's own: a host that is lost is noticed by its word and by the list of hosts, and the run is
given out again at once, which a cluster as delivered does only after minutes.  Results and weights never go through Ray's object
store: a task's answer is a line of text.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from seedwise.errors import EngineError, InputError
from seedwise.execution.engines.base import Node
from seedwise.execution.engines.cluster import Impossible, Opening, Phase, State
from seedwise.execution.engines.packing import places_on
from seedwise.execution.engines.task import Needs, Task, needs_of
from seedwise.extras import missing

LOCAL = "local"  # a cluster of this machine, for the session
_HOSTS_SECONDS = 2.0
_SILENT_SECONDS = 30.0  # without an answer of the head: the cluster is gone then, and after 60 Ray itself ends a driver
_ANSWER_SECONDS = 10.0
_GRACE_SECONDS = 25.0
# A head speaks gRPC, and so HTTP/2: both sides begin with a frame of settings (RFC 9113, section 3.4), ours of none.
_HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
_HTTP2_SETTINGS = b"\x04"
_KEPT = ("SEEDWISE_", "PYTHONPATH", "PATH")


class RaySettings(BaseModel):
    """`[engines.ray]` of the project's settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    resources: dict[str, float] = Field(default={}, description="custom resources that every run asks for")
    memory: bool = Field(default=True, description="whether the memory of a run is asked for")
    queued: int | None = Field(
        default=None,
        ge=1,
        description="tasks of one kind handed over at once; else some more than there are places, so that what is lost need not "
        "wait behind everything else",
    )


def open_ray(opening: Opening) -> RayCluster:
    settings = opening.checked(RaySettings)
    address = opening.address or os.environ.get("RAY_ADDRESS") or LOCAL
    _check(address, f"--engine ray://{address}" if opening.address else f"RAY_ADDRESS={address}")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise missing(error) or error from None
    kept = {name: value for name, value in os.environ.items() if name.startswith(_KEPT)}
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level="ERROR",
            configure_logging=False,
            runtime_env={"env_vars": kept},
            **({"include_dashboard": False} if address == LOCAL else {}),
        )
    except (ray.exceptions.RayError, ConnectionError, RuntimeError, ValueError, OSError) as error:
        told = next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]
        if address == LOCAL:
            raise EngineError(f"--engine ray: no cluster of this machine can be started ({told})") from None
        raise EngineError(
            f"--engine ray://{address}: no cluster can be joined there ({told}); this machine has to be one of its hosts ('ray start "
            f"--address={address}' makes it one), and to have its token where it asks for one (RAY_AUTH_MODE=token, ~/.ray/auth_token)"
        ) from None
    return RayCluster(ray, settings)


def _check(address: str, source: str) -> None:
    """`InputError` for what is no address of a head, `EngineError` where nobody is: Ray itself asks there for minutes."""
    if address in (LOCAL, "auto"):
        return
    host, _, port = address.rpartition(":")
    if "/" in address or not host.strip("[]") or not (port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16):
        raise InputError(
            f"{source}: found {address!r}; the head's own HOST:PORT is needed (ray://10.0.0.1:6379, as 'ray status' on it says; not "
            "the port of Ray's client), or 'auto' for the cluster that this machine is a host of"
        )
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_SECONDS) as connection:
            if "RAY_USE_TLS" not in os.environ:
                connection.sendall(_HTTP2_PREFACE)
                if connection.recv(9)[3:4] != _HTTP2_SETTINGS:
                    raise OSError("something else than a head of Ray listens there")
    except (OSError, UnicodeError) as error:
        raise EngineError(
            f"{source}: no cluster can be joined there ({getattr(error, 'strerror', None) or error}); "
            "'ray status' on its head has its address"
        ) from None


def perform(task: str, job: str) -> str:
    """What a worker process does: one task, with the runtimes that it has from earlier ones."""
    from seedwise.execution.engines.node import Worker
    from seedwise.execution.engines.task import Task
    from seedwise.execution.provenance import host_name

    global _worker
    if _worker is None:
        _worker = Worker()
    # Ray cancels by an interrupt, which is lost where whatever started Ray ignored it, as shells have it for what runs in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    outcome = _worker.do(Task.model_validate_json(task), threading.Event(), job)
    return f"{host_name()}|{'done' if outcome.result is not None else outcome.message}"


def probe(question: str) -> None:
    from seedwise.execution.engines.probe import answer

    answer(question)


_worker: Any = None  # of this process of Ray's


class _Hosts:
    """The hosts of the cluster, asked for again and again in a thread: where the head is gone, Ray's call waits for a minute."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._ended = threading.Event()
        self.known: list[dict[str, Any]] = ray.nodes()
        self._heard = time.monotonic()
        threading.Thread(target=self._ask, name="hosts", daemon=True).start()

    @property
    def alive(self) -> list[dict[str, Any]]:
        return [node for node in self.known if node["Alive"]]

    @property
    def silent(self) -> bool:
        """Whether the head has not answered for so long that nothing can come of it any more."""
        return time.monotonic() - self._heard > _SILENT_SECONDS

    def end(self) -> None:
        self._ended.set()

    def _ask(self) -> None:
        while not self._ended.wait(_HOSTS_SECONDS):
            with suppress(Exception):  # no answer is told by its time
                self.known = self._ray.nodes()
                self._heard = time.monotonic()


class RayCluster:
    """A handle is a number of this session."""

    name = "ray"
    shares_gpus = True
    keeps_jobs = False

    def __init__(self, ray: Any, settings: RaySettings) -> None:
        self._ray = ray
        self._settings = settings
        self._perform = ray.remote(perform)
        self._refs: dict[str, Any] = {}
        self._needs: dict[str, Needs] = {}
        self._ends: dict[str, State] = {}
        self._probes: list[Any] = []
        self._count = 0
        self._hosts = _Hosts(ray)

    def capacity(self) -> Sequence[Node]:
        found = [
            Node(
                host=str(node["NodeManagerHostname"]),
                cores=int(node["Resources"].get("CPU", 0)),
                memory_bytes=int(node["Resources"].get("memory", 0)),
                gpus=int(node["Resources"].get("GPU", 0)),
            )
            for node in self._hosts.alive
            if node["Resources"].get("CPU", 0) >= 1  # a head or a laptop may only take part
        ]
        if not found:
            raise EngineError("--engine ray: no host of the cluster has a core to give; 'ray status' shows them")
        return found

    def submit(self, tasks: Sequence[Task], avoid: Collection[str] = ()) -> Sequence[str]:
        handles = []
        hosts = {str(node["NodeManagerHostname"]): str(node["NodeID"]) for node in self._hosts.alive}
        away = [hosts[host] for host in avoid if host in hosts]
        self._refuse_impossible(tasks[0])
        needs = needs_of(tasks[0])
        given = sum(self._needs[handle] == needs for handle in self._refs)
        for task in tasks[: max(0, (self._settings.queued or self._room(tasks[0])) - given)]:
            self._count += 1
            handle = str(self._count)
            self._needs[handle] = needs
            wanted = self._wanted(task)
            options: dict[str, Any] = {
                "num_cpus": wanted.pop("CPU"),
                "num_gpus": wanted.pop("GPU"),
                "memory": wanted.pop("memory", None),
                "resources": wanted,
                "max_retries": 0,
                "name": f"{task.provenance.study}/{task.provenance.arm}",
            }
            if away and len(away) < len(hosts):
                options["label_selector"] = {"ray.io/node-id": f"!in({','.join(away)})"}
            self._refs[handle] = self._perform.options(**options).remote(task.model_dump_json(), handle)
            handles.append(handle)
        return handles

    def _room(self, task: Task) -> int:
        """Tasks like this one that keep all places busy until what has ended is next looked at."""
        places = sum(places_on(node, task.cores, task.gpus, task.runs_per_gpu) for node in self.capacity())
        return places + places // 4 + 2

    def _wanted(self, task: Task) -> dict[str, float]:
        """What a task asks Ray for, by Ray's names."""
        memory = {"memory": float(task.memory_bytes)} if self._settings.memory else {}
        return {"CPU": task.cores, "GPU": task.gpus / task.runs_per_gpu, **memory, **self._settings.resources}

    def _refuse_impossible(self, task: Task) -> None:
        """Ray itself would wait without end for a host that has more than those that are there."""
        wanted = {name: amount for name, amount in self._wanted(task).items() if amount}
        has = [node["Resources"] for node in self._hosts.alive]
        if not any(all(node.get(name, 0) >= amount for name, amount in wanted.items()) for node in has):
            asked = ", ".join(f"{name} {amount:g}" for name, amount in wanted.items())
            most = ", ".join(f"{name} {max((node.get(name, 0) for node in has), default=0):g}" for name in wanted)
            raise Impossible(
                f"a run asks Ray for {asked}, which no host of the cluster has together (the most of each: {most}; memory in "
                "bytes); lower device.threads or memory_gib in the study, choose --device cpu, or change engines.ray"
            )

    def found(self, run_ids: Collection[str]) -> Mapping[str, str]:
        return {}  # Ray ends a session's tasks with it

    def states(self, handles: Collection[str]) -> Mapping[str, State]:
        if self._hosts.silent:
            raise EngineError(
                "the head of the cluster does not answer any more: it is gone, or this machine is cut off from it; either way Ray ends the "
                "session's runs. Run this again when it answers: finished runs are kept, others go on from what they have saved"
            )
        self._reap()
        return {handle: self._ends.get(handle, State(Phase.RUNNING)) for handle in handles}

    def _reap(self) -> None:
        """The ends of all tasks, those that have been given out anew too."""
        refs = {ref: handle for handle, ref in self._refs.items()}
        ready, _ = self._ray.wait(list(refs), num_returns=len(refs), timeout=0) if refs else ([], [])
        for ref in ready:
            handle = refs[ref]
            self._ends[handle] = self._end(ref)
            del self._refs[handle], self._needs[handle]

    def gone(self) -> Collection[str]:
        every = {str(node["NodeManagerHostname"]) for node in self._hosts.known}
        return every - {str(node["NodeManagerHostname"]) for node in self._hosts.alive}

    def cancel(self, handles: Collection[str]) -> None:
        for handle in handles:
            if handle in self._refs:
                self._ray.cancel(self._refs[handle])

    def probe(self, nodes: Collection[Node], question: str) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        ask = self._ray.remote(probe)
        hosts = {node.host for node in nodes}
        for node in self._hosts.alive:
            if node["NodeManagerHostname"] in hosts:
                where = NodeAffinitySchedulingStrategy(node_id=node["NodeID"], soft=False)
                gpus = float(node["Resources"].get("GPU", 0))
                self._probes.append(ask.options(num_cpus=1, num_gpus=gpus, scheduling_strategy=where).remote(question))

    def close(self) -> None:
        end = time.monotonic() + _GRACE_SECONDS
        if not self._hosts.silent:
            self.cancel(list(self._refs))  # once: a second interrupt would end the saving of states
        while self._refs and not self._hosts.silent and time.monotonic() < end:
            self._reap()
            time.sleep(0.2)
        self._hosts.end()
        self._ray.shutdown()

    def _end(self, ref: Any) -> State:
        errors = self._ray.exceptions
        try:
            host, _, said = str(self._ray.get(ref, timeout=_ANSWER_SECONDS)).partition("|")
            return State(Phase.ENDED, said, host)
        except errors.TaskCancelledError:
            return State(Phase.ENDED, "cancelled")
        except (
            errors.WorkerCrashedError,
            errors.NodeDiedError,
            errors.OutOfMemoryError,
            errors.ObjectLostError,
        ) as error:
            return State(Phase.LOST, _first_line(error))
        except errors.RayError as error:
            return State(Phase.ENDED, _first_line(error))


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')[:300]}"
