"""Earlier runs in the store that were scored on a study's own test file: pilots for a plan, the reference of a gate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from seedwise.errors import SeedwiseError
from seedwise.planning.plan import Plan
from seedwise.store.example_scores import read_measured
from seedwise.store.store import Store, StoredRun
from seedwise.study.metric import METRICS
from seedwise_contract import RunSpec, canonical_json

REPORTED_SPLIT = "test"


def runs_of(store: Store) -> list[StoredRun]:
    """Every finished run that can be read; one that is damaged is no evidence."""
    found = []
    for identity in store.finished():
        try:
            found.append(store.read(identity))
        except (SeedwiseError, OSError, ValueError):
            continue
    return found


def on_same_test(runs: Iterable[StoredRun], plan: Plan) -> list[StoredRun]:
    """Those of `runs` that were scored on the plan's own test split, by digest, with its metric."""
    wanted = plan.data.splits[REPORTED_SPLIT].sha256
    return [
        run
        for run in runs
        if REPORTED_SPLIT in run.spec.task.splits
        and run.spec.task.splits[REPORTED_SPLIT].sha256 == wanted
        and run.spec.task.metric == plan.study.task.metric
        and REPORTED_SPLIT in run.result.metrics
    ]


def arm_kind(spec: RunSpec) -> str:
    """What makes two runs seeds of one arm: everything in the spec but seeds, device and how often it is evaluated."""
    return canonical_json(spec.model_dump(mode="json", exclude={"seeds", "device", "evaluation"}))


def latest_of_each_seed(runs: Iterable[StoredRun]) -> list[StoredRun]:
    """One run a seed, the last started, in the order of their seeds."""
    latest: dict[int, StoredRun] = {}
    for run in sorted(runs, key=lambda run: run.provenance.started):
        latest[run.spec.seeds.seed] = run
    return [latest[seed] for seed in sorted(latest)]


def example_scores(runs: Sequence[StoredRun], store: Store) -> NDArray[np.float64]:
    """[runs, examples] as verdicts take them (`measured`), examples by their ids; raises where files were changed or hold
    something else.
    """
    rows = []
    for run in runs:
        path = store.verified(run, f"predictions/{REPORTED_SPLIT}.jsonl")
        ids, scores = read_measured(METRICS[run.spec.task.metric], path)
        by_id = dict(zip(ids, scores, strict=True))
        rows.append([by_id[key] for key in sorted(by_id)])
    return np.array(rows, dtype=np.float64)
