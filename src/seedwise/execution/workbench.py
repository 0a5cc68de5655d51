"""What a command needs to plan or execute studies: the project, the chosen runtime, the store, the engine."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from seedwise.assets.prepare import data_root, models_root
from seedwise.errors import EngineError, InputError, NoDevice, SeedwiseError
from seedwise.execution.engines.base import Engine, Node, Roots, Setting
from seedwise.execution.engines.choose import LOCAL, engine_name, open_cluster
from seedwise.execution.engines.cluster import Cluster
from seedwise.execution.engines.driver import cards, require_driver
from seedwise.execution.engines.leases import LeasePool, gpu_bytes, usable_cores, usable_gpus
from seedwise.execution.engines.local import LocalEngine
from seedwise.execution.engines.packing import (
    Machine,
    Packing,
    counted,
    load_of,
    memory_bytes,
    pack,
    pack_nodes,
    places_on,
)
from seedwise.execution.engines.remote import RemoteEngine
from seedwise.execution.provenance import host_name, look_around
from seedwise.forecast.cost import CostModel
from seedwise.images.definition import PackageBackend, load_definition
from seedwise.notify import Notify
from seedwise.planning.plan import Plan, at_best, make_plan, refuse_unsupported
from seedwise.project import Project
from seedwise.runtimes.base import Runtime
from seedwise.runtimes.choose import choose
from seedwise.runtimes.warm import WarmRuntime
from seedwise.store.history import runs_of
from seedwise.store.store import Store
from seedwise.store.tuning import tuning_of
from seedwise.study.model import Study
from seedwise.study.search import search_study


@dataclass(frozen=True, slots=True)
class Options:
    """Choices of one call: `runtime` auto, docker, podman, apptainer or venv; `device` auto, cpu or cuda; `jobs` None for
    automatic; `engine` as `--engine` takes it.

    `runs_per_gpu` of them share a GPU.
    `warm` keeps backends that offer it up between runs; without, each run is a process or container of its own.
    `flavour` None takes CUDA builds of backends where a GPU is used, else CPU ones; 'cuda' takes CUDA builds on CPU too.
    """

    runtime: str = "auto"
    device: str = "auto"
    jobs: int | None = None
    runs_per_gpu: int = 1
    flavour: str | None = None
    warm: bool = True
    engine: str = LOCAL

    def __post_init__(self) -> None:
        if self.jobs is not None and self.jobs < 1:
            raise InputError(f"--jobs: found {self.jobs}; at least 1 run at once")
        if self.runs_per_gpu < 1:
            raise InputError(f"--runs-per-gpu: found {self.runs_per_gpu}; at least 1 run a GPU")


@dataclass(frozen=True, slots=True)
class Workbench:
    project: Project
    options: Options
    runtime: Runtime
    why: str
    nodes: tuple[Node, ...]  # that runs are executed on: this machine, or the cluster's
    store: Store
    pool: LeasePool  # of this machine, for the local engine and for what is done beside it
    cluster: Cluster | None = None

    @property
    def has_gpu(self) -> bool:
        return any(node.gpus for node in self.nodes)

    def device_of(self, study: Study) -> str:
        """'cpu' or 'cuda' for the study's runs."""
        wanted = wanted_device(study, self.options)
        if wanted == "auto":
            return "cuda" if self.has_gpu else "cpu"
        if wanted == "cuda" and not self.has_gpu:
            where = "here" if self.cluster is None else f"on any host of {self.cluster.name}"
            raise NoDevice(
                f"study {study.name} wants a GPU, but none is usable {where}; choose --device cpu, or run on a GPU machine"
            )
        return wanted

    def plan(self, study: Study, say: Notify) -> Plan:
        """The plan with the backends as they are built now; nothing is built."""
        digests = {name: self.runtime.digest(name) for name in backends_of([study])}
        return self._planned(study, digests, say)

    def _planned(self, study: Study, digests: Mapping[str, str | None], say: Notify) -> Plan:
        """Where the study declares a search, with its arms at what that found; `Untuned` while its runs are missing."""
        device = self.device_of(study)
        if study.search is None:
            return make_plan(study, self.project, digests, device, say)
        tried = make_plan(search_study(study), self.project, digests, device, say)
        tuning = tuning_of(study, tried, self.store)
        tuned = at_best(study, tuning)
        return replace(make_plan(tuned, self.project, digests, device, say), tuning=tuning)

    def prepare(self, studies: Sequence[Study], say: Notify) -> tuple[dict[str, Plan], dict[str, SeedwiseError]]:
        """Backends built, assets fetched, every spec checked against what its backend offers.

        Study name → plan, and study name → what cannot be had of it: a backend or an asset that is not to be had here
        keeps no other study from being run.
        """
        digests: dict[str, str] = {}
        unbuilt: dict[str, SeedwiseError] = {}
        for backend in backends_of(studies):
            try:
                digests |= self.runtime.prepare([backend], say)
            except SeedwiseError as error:
                unbuilt[backend] = error
        plans: dict[str, Plan] = {}
        refused: dict[str, SeedwiseError] = {}
        for study in studies:
            try:
                for backend in backends_of([study]):
                    if backend in unbuilt:
                        raise unbuilt[backend]
                plan = self._planned(study, digests, say)
                refuse_unsupported(plan, {name: self.runtime.describe(name) for name in backends_of([study])})
                self._refuse_too_large(plan)
                plans[study.name] = plan
            except SeedwiseError as error:
                refused[study.name] = error
        return plans, refused

    def _refuse_too_large(self, plan: Plan) -> None:
        """`EngineError` where a run needs more than any host has: it would be waited for without end."""
        for cores, gpus in {(run.spec.device.threads, int(run.spec.device.kind == "cuda")) for run in plan.runs}:
            if not any(places_on(node, cores, gpus, self.options.runs_per_gpu) for node in self.nodes):
                where = (
                    "this machine lends" if self.cluster is None else f"no host of {self.cluster.name} has more than"
                )
                advice = "choose --device cpu" if gpus else "lower device.threads in the study"
                raise EngineError(
                    f"study {plan.study.name}: a run needs {counted(cores, 'CPU core')} and {counted(gpus, 'GPU')}, and {where} "
                    f"{counted(max(node.cores for node in self.nodes), 'core')} and "
                    f"{counted(max(node.gpus for node in self.nodes), 'GPU')}; {advice}"
                )

    def engine(self, packing: Packing, say: Notify = lambda line: None) -> Engine:
        setting = Setting(
            self.project, self.runtime, self.store, roots_of(self.project), look_around(self.project.root)
        )
        if self.cluster is None:
            return LocalEngine(setting, self.pool, packing.jobs)
        costs = CostModel(runs_of(self.store))
        return RemoteEngine(
            setting,
            self.cluster,
            warm=self.options.warm,
            runs_per_gpu=self.options.runs_per_gpu,
            jobs=self.options.jobs,
            expected=lambda spec: found.seconds if (found := costs.estimate(spec)) is not None else None,
            say=say,
        )

    def packing(self, plans: Sequence[Plan]) -> Packing:
        """How many of the plans' runs are executed at once, and why."""
        load = load_of(plans, self.store, models_root(self.project))
        if self.options.runs_per_gpu > 1 and not load.on_gpu:
            raise InputError(f"--runs-per-gpu {self.options.runs_per_gpu}: no run of these studies uses a GPU here")
        if self.cluster is not None:
            if self.options.runs_per_gpu > 1 and not self.cluster.shares_gpus:
                raise InputError(f"--runs-per-gpu: {self.cluster.name} gives a GPU to one run; leave the option out")
            return pack_nodes(self.cluster.name, self.nodes, load, self.options.runs_per_gpu, self.options.jobs)
        (node,) = self.nodes
        machine = Machine(node.cores, node.memory_bytes, node.gpus, node.gpu_bytes)
        return pack(machine, load, self.options.runs_per_gpu, self.options.jobs)


def open_workbench(
    project: Project, options: Options, studies: Sequence[Study], cluster: Cluster | None = None
) -> Workbench:
    """Chooses the runtime: CUDA images where a study will use a GPU, else CPU ones.  `cluster` is one that is open already."""
    if cluster is None and options.engine != LOCAL:
        cluster = open_cluster(options.engine, project)
    gpus = usable_gpus() if options.device != "cpu" and cluster is None else ()
    memory = gpu_bytes(gpus) if options.runs_per_gpu > 1 else None
    here = Node(host_name(), len(usable_cores()), memory_bytes(), len(gpus), memory)
    nodes = (here,) if cluster is None else tuple(cluster.capacity())
    if options.device == "cpu":
        nodes = tuple(replace(node, gpus=0) for node in nodes)
    wants = any(wanted_device(study, options) != "cpu" for study in studies)
    flavour = options.flavour or ("cuda" if wants and any(node.gpus for node in nodes) else "cpu")
    if gpus and wants:
        _require_drivers(project, [study for study in studies if wanted_device(study, options) != "cpu"], gpus)
    chosen, why = choose(project, options.runtime, flavour, backends_of(studies))
    runtime = WarmRuntime(chosen) if options.warm else chosen
    pool = LeasePool(usable_cores(), gpus, options.runs_per_gpu)
    return Workbench(project, options, runtime, why, nodes, Store(project.runs), pool, cluster)


def _require_drivers(project: Project, studies: Iterable[Study], gpus: tuple[str, ...]) -> None:
    """`NoDevice` where a GPU that runs may use cannot run what the CUDA lock of one of their backends pins."""
    found = tuple(card for card in cards() if card.index in gpus) or cards()
    definition = load_definition(project)
    for name in backends_of(studies):
        backend = definition.backends.get(name)
        if isinstance(backend, PackageBackend) and "cuda" in backend.flavours:
            lock = backend.flavours["cuda"].lock
            require_driver(project.root / lock, lock, found)


def roots_of(project: Project) -> Roots:
    """Where data sets and models lie; made where they are missing."""
    roots = Roots(data_root(project), models_root(project))
    for root in (roots.data, roots.models):
        root.mkdir(parents=True, exist_ok=True)
    return roots


def wanted_device(study: Study, options: Options) -> str:
    """The study's own device; the options' where it leaves that open."""
    return study.device.kind if study.device.kind != "auto" else options.device


def backends_of(studies: Iterable[Study]) -> list[str]:
    return list(dict.fromkeys(arm.backend for study in studies for arm in study.arms.values()))


def default_options() -> Options:
    """Options as the environment sets them: `SEEDWISE_` and `RUNTIME`, `DEVICE`, `FLAVOUR`, `WARM`, `ENGINE`."""
    return Options(
        runtime=_setting("SEEDWISE_RUNTIME", ("auto", "docker", "podman", "apptainer", "venv")),
        device=_setting("SEEDWISE_DEVICE", ("auto", "cpu", "cuda")),
        flavour=_setting("SEEDWISE_FLAVOUR", ("", "cpu", "cuda")) or None,
        warm=_setting("SEEDWISE_WARM", ("1", "0")) == "1",
        engine=engine_name(None),
    )


def _setting(name: str, allowed: tuple[str, ...]) -> str:
    value = os.environ.get(name) or allowed[0]
    if value not in allowed:
        raise InputError(f"{name}: found {value!r}; allowed: {', '.join(filter(None, allowed))}")
    return value
