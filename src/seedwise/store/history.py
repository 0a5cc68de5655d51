"""Earlier runs in the store that were scored on a study's own test file: pilots for a plan, the reference of a gate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

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
_Key = TypeVar("_Key")


def runs_of(store: Store) -> list[StoredRun]:
    """Every finished run that can be read; one that is damaged is no evidence."""
    found = []
    for identity in store.finished():
        try:
            found.append(store.read(identity))
        except (SeedwiseError, OSError, ValueError):
            continue
    return found


class History:
    """Finished runs by what they were scored on and by arm: looked through once, for however many studies.

    A study's are those on its own test split, by digest, with its metric.
    """

    def __init__(self, runs: Iterable[StoredRun] = ()) -> None:
        self._on_test: dict[tuple[str, str], list[StoredRun]] = {}
        for run in runs:
            task = run.spec.task
            if REPORTED_SPLIT in task.splits and REPORTED_SPLIT in run.result.metrics:
                self._on_test.setdefault((task.splits[REPORTED_SPLIT].sha256, task.metric), []).append(run)
        self._kinds: dict[tuple[str, str], dict[str, list[StoredRun]]] = {}
        self._names: dict[tuple[str, str], dict[tuple[str, str], list[StoredRun]]] = {}

    def kinds(self, plan: Plan) -> Mapping[str, Sequence[StoredRun]]:
        """The study's runs by `arm_kind`, the kind that was last begun first."""
        key = _test_of(plan)
        if key not in self._kinds:
            kinds = _grouped(self._on_test.get(key, ()), lambda run: arm_kind(run.spec))
            latest = {kind: max(run.provenance.started for run in found) for kind, found in kinds.items()}
            self._kinds[key] = {kind: kinds[kind] for kind in sorted(kinds, key=latest.__getitem__, reverse=True)}
        return self._kinds[key]

    def of_arm(self, plan: Plan, name: str, kind: str) -> list[StoredRun]:
        """The study's runs that were of its arm `name` or are of this kind, by their ids."""
        key = _test_of(plan)
        if key not in self._names:
            self._names[key] = _grouped(
                self._on_test.get(key, ()), lambda run: (run.provenance.study, run.provenance.arm)
            )
        named = self._names[key].get((plan.study.name, name), ())
        found = {run.run_id: run for run in (*named, *self.kinds(plan).get(kind, ()))}
        return [found[identity] for identity in sorted(found)]


def _test_of(plan: Plan) -> tuple[str, str]:
    return plan.data.splits[REPORTED_SPLIT].sha256, plan.study.task.metric


def _grouped(runs: Iterable[StoredRun], by: Callable[[StoredRun], _Key]) -> dict[_Key, list[StoredRun]]:
    found: dict[_Key, list[StoredRun]] = {}
    for run in runs:
        found.setdefault(by(run), []).append(run)
    return found


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
