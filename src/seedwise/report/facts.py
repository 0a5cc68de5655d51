"""Provenance: digests, versions, hardware and git state, from the files that the runs left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from seedwise.planning.plan import Plan
from seedwise.report.origins import BackendFacts, Provenance, RunFacts
from seedwise.store.store import Store, StoredRun
from seedwise_contract import Environment, ParameterTable
from seedwise_contract.files import read_record

# What can change a number; the rest is in each run's environment.json.
PACKAGES_OF_NOTE = (
    "torch",
    "transformers",
    "peft",
    "fairseq",
    "accelerate",
    "bitsandbytes",
    "tokenizers",
    "sentencepiece",
    "safetensors",
    "scikit-learn",
    "scipy",
    "numpy",
    "seedwise-contract",
)


def read_parameters(run: StoredRun, store: Store) -> ParameterTable | None:
    """The parameter table of a run, or None where its method has none."""
    if "parameters.json" not in run.result.files:
        return None
    return ParameterTable.model_validate_json(read_record(store.verified(run, "parameters.json")))


def read_provenance(plan: Plan, runs: Mapping[str, StoredRun], store: Store) -> Provenance:
    """The provenance of every finished run of the plan."""
    found = [(planned.arm, planned.seed, run) for planned in plan.runs if (run := runs.get(planned.run_id or ""))]
    backends = dict.fromkeys(run.provenance.backend for _, _, run in found)
    models = {run.spec.model.name: run.spec.model.sha256 for run in plan.runs if run.spec.model is not None}
    return Provenance(
        declaration=plan.study.declaration(),
        models=dict(sorted(models.items())),
        backends=tuple(
            _backend(name, [run for _, _, run in found if run.provenance.backend == name], store) for name in backends
        ),
        runs=tuple(_run(arm, seed, run, plan) for arm, seed, run in found),
    )


def _backend(name: str, runs: list[StoredRun], store: Store) -> BackendFacts:
    environments = [
        Environment.model_validate_json(read_record(store.verified(run, "environment.json")))
        for run in runs
        if "environment.json" in run.result.files
    ]
    return BackendFacts(
        backend=name,
        runs=len(runs),
        digests=_distinct(run.provenance.digest for run in runs),
        runtimes=_distinct(run.provenance.runtime for run in runs),
        pythons=_distinct(environment.python for environment in environments),
        packages={
            package: versions
            for package in PACKAGES_OF_NOTE
            if (versions := _distinct(environment.packages.get(package) for environment in environments))
        },
        devices=_distinct(environment.device for environment in environments),
        drivers=_distinct(environment.driver for environment in environments),
        cpus=_distinct(environment.cpu for environment in environments),
        platforms=_distinct(environment.platform for environment in environments),
        threads=tuple(sorted({environment.cpu_threads for environment in environments})),
        determinism=_distinct(
            f"{switch}={value}" for environment in environments for switch, value in environment.determinism.items()
        ),
    )


def _distinct(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted({value for value in values if value}))


def _run(arm: str, seed: int, run: StoredRun, plan: Plan) -> RunFacts:
    known = run.provenance
    dirty = " with uncommitted changes" if known.git_dirty else ""
    return RunFacts(
        arm=arm,
        seed=seed,
        run_id=run.run_id,
        status=run.result.status.value,
        score=run.result.metrics.get("test", {}).get(plan.study.task.metric),
        updates=run.result.updates,
        seconds=run.result.timings.total,
        host=known.host,
        git=f"{known.git_commit}{dirty}" if known.git_commit else None,
        started=known.started,
        declaration=known.declaration,
    )
