"""What shall be in MLflow: each study's outcome as a tree of comparison, arms and seeds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seedwise.regular import regular_files
from seedwise.report.arm_rows import ArmCost
from seedwise.report.render import FILES
from seedwise.store.store import Store, StoredRun
from seedwise.study.metric import METRICS, Metric
from seedwise.tracker.aliases import Against, against
from seedwise.tracker.content import Artifact, RunContent, digest_of, seed_digest
from seedwise.tracker.summary_run import arm_content, comparison_content
from seedwise.verdicts.comparison import StudyOutcome
from seedwise_contract.files import read_record, sha256_file


@dataclass(frozen=True, slots=True)
class ArmTree:
    """One arm, its seeds, and the arms that it is compared with."""

    name: str
    content: RunContent
    against: tuple[Against, ...]
    seeds: tuple[StoredRun, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """One comparison.  `key` is the plan's identity: declaration and every planned run, so that other seeds, another
    image or other data stand beside it and never among its runs."""

    study: str
    key: str
    metric: Metric
    content: RunContent
    arms: tuple[ArmTree, ...]

    def digest(self) -> str:
        seeds = [[seed_digest(run, arm.name) for run in arm.seeds] for arm in self.arms]
        return digest_of([self.content.digest(), [_arm_digest(arm) for arm in self.arms], seeds])

    @property
    def seeds(self) -> int:
        return sum(len(arm.seeds) for arm in self.arms)


def _arm_digest(arm: ArmTree) -> str:
    return digest_of([arm.content.digest(), [[each.baseline, each.metric, dict(each.figures)] for each in arm.against]])


def comparison_key(outcome: StudyOutcome) -> str:
    planned = [[run.arm, run.seed, run.run_id] for run in outcome.plan.runs]
    return digest_of([outcome.study.declaration(), planned])[:20]


def make_tree(outcome: StudyOutcome, store: Store, report: Path | None) -> Tree | None:
    """The tree of everything that is finished; None where nothing is.

    Finished runs of an arm that others are missing from are there too, without a mean.
    """
    missing = {run.run_id for run in outcome.missing}
    costs = _costs(report)
    arms = []
    for name in outcome.study.arms:
        if name in outcome.arms:
            runs = outcome.arms[name].runs
        else:
            planned = [run.run_id for run in outcome.plan.of_arm(name)]
            runs = tuple(store.read(run_id) for run_id in planned if run_id is not None and run_id not in missing)
        if runs:
            arms.append(ArmTree(name, arm_content(outcome, name, runs, costs.get(name)), against(outcome, name), runs))
    if not arms:
        return None
    every = [run for arm in arms for run in arm.seeds]
    content = comparison_content(outcome, every, _report_files(report))
    return Tree(outcome.study.name, comparison_key(outcome), METRICS[outcome.study.task.metric], content, tuple(arms))


def make_trees(outcomes: Sequence[StudyOutcome], store: Store, reports: Mapping[str, Path]) -> list[Tree]:
    trees = (make_tree(outcome, store, reports.get(outcome.study.name)) for outcome in outcomes)
    return [tree for tree in trees if tree is not None]


def _costs(report: Path | None) -> dict[str, ArmCost]:
    """Arm → cost as the report reckoned it, so that no run's events are read twice; empty where there is no report."""
    if report is None:
        return {}
    path = (report if report.is_dir() else report.parent) / FILES["json"]
    if not path.is_file():
        return {}
    try:
        studies = json.loads(read_record(path))[
            "studies"
        ]  # costs alone: the curves of many runs need not be checked here
        arms = [arm for study in studies for arm in study["arms"] if arm["cost"] is not None]
        return {arm["name"]: ArmCost.model_validate(arm["cost"]) for arm in arms}
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return {}  # a report that is damaged says nothing; what it told is reckoned again with the next one


def _report_files(report: Path | None) -> tuple[Artifact, ...]:
    if report is None or not report.exists():
        return ()
    if report.is_file():  # the page, and its figure beside it
        found = [name for name in (report.name, FILES["figure"]) if (report.parent / name).is_file()]
        return tuple(Artifact(report.parent, name, "report", sha256_file(report.parent / name)) for name in found)
    return tuple(
        Artifact(report, name, "/".join(["report", *name.split("/")[:-1]]), sha256_file(report / name))
        for name in regular_files(report)
    )
