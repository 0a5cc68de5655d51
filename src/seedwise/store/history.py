"""Earlier runs in the store that were scored on a study's own test file: pilots for a plan, the reference of a gate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seedwise.assets.draw import without_draw
from seedwise.errors import SeedwiseError
from seedwise.planning.plan import Plan
from seedwise.store.example_scores import NO_GROUPS, positive_of, read_measured
from seedwise.store.store import Store, StoredRun
from seedwise.study.metric import METRICS
from seedwise_contract import RunSpec, canonical_json

if TYPE_CHECKING:
    from seedwise.stats import Clusters

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
    """What makes two runs seeds of one arm: everything in the spec but seeds, rows drawn by them, device and how often it is evaluated."""
    said = spec.model_dump(mode="json", exclude={"seeds", "device", "evaluation"})
    if "train" in spec.task.splits:
        said["task"]["splits"]["train"] = without_draw(spec.task.splits["train"])
    return canonical_json(said)


def latest_of_each_seed(runs: Iterable[StoredRun]) -> list[StoredRun]:
    """One run a seed, the last started, in the order of their seeds."""
    latest: dict[int, StoredRun] = {}
    for run in sorted(runs, key=lambda run: run.provenance.started):
        latest[run.spec.seeds.seed] = run
    return [latest[seed] for seed in sorted(latest)]


def example_scores(
    runs: Sequence[StoredRun], store: Store, groups: Mapping[str, str] = NO_GROUPS
) -> tuple[NDArray[np.float64], Clusters | None]:
    """[runs, examples] as verdicts take them (`read_measured`), examples by their ids, and their clusters by `groups`; raises
    where files were changed or hold something else.
    """
    found = [
        read_measured(
            METRICS[run.spec.task.metric],
            store.verified(run, f"predictions/{REPORTED_SPLIT}.jsonl"),
            groups,
            by_id=True,
            positive=positive_of(run.spec),
        )
        for run in runs
    ]
    return np.array([each.scores for each in found], dtype=np.float64), found[0].clusters if found else None
