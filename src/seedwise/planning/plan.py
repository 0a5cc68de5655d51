"""From a study to its runs: one frozen `RunSpec` for each arm and seed, with the identity that its folder is named by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import JsonValue, ValidationError

from seedwise.assets.draw import drawn_train
from seedwise.assets.prepare import PreparedData, prepare_data, prepare_model
from seedwise.errors import InputError
from seedwise.notify import Notify
from seedwise.project import Project
from seedwise.study.metric import METRICS
from seedwise.study.model import Arm, Study, StudyRecipe
from seedwise.study.search import tuned_study
from seedwise_contract import Description, Fault, RunSpec, faults_of, run_id
from seedwise_contract.backend import unsupported
from seedwise_contract.recipe import Recipe, Schedule
from seedwise_contract.spec import (
    CausalLmTask,
    Columns,
    Device,
    Evaluation,
    Model,
    PromptColumns,
    RegressionTask,
    Seeds,
    Task,
)


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One arm × one seed.  `run_id` is None as long as the backend's image is not built."""

    arm: str
    seed: int
    spec: RunSpec
    digest: str | None
    run_id: str | None

    @property
    def label(self) -> str:
        return f"{self.arm}[seed={self.seed}]"


@dataclass(frozen=True, slots=True)
class Tuned:
    """What the search found for an arm: `scores` of each point by seed on the selection split, times `sign` so that a higher one is
    better, and which point was `chosen`."""

    arm: str
    points: tuple[Mapping[str, JsonValue], ...]
    scores: tuple[tuple[float, ...], ...]
    chosen: int
    sign: float

    @property
    def point(self) -> Mapping[str, JsonValue]:
        """The chosen one."""
        return self.points[self.chosen]

    @property
    def means(self) -> tuple[float, ...]:
        return tuple(sum(line) / len(line) for line in self.scores)


def at_best(study: Study, tuning: Sequence[Tuned]) -> Study:
    """The study with each searched arm at the point that was chosen for it."""
    return tuned_study(study, {each.arm: each.point for each in tuning})


@dataclass(frozen=True, slots=True)
class Plan:
    """`source`: the study's file, where it was read from one; a report shows it, and nothing else depends on it.  `tuning` is what the
    arms' recipes were chosen by, where the study declares a search."""

    study: Study
    data: PreparedData
    runs: tuple[PlannedRun, ...]
    source: Path | None = None
    tuning: tuple[Tuned, ...] = ()

    def of_arm(self, arm: str) -> tuple[PlannedRun, ...]:
        return tuple(run for run in self.runs if run.arm == arm)


def derive_seeds(seed: int) -> Seeds:
    """Distinct streams from the seed that a study names: children of `numpy.random.SeedSequence(seed)`.

    The same seed gives every arm and backend the same streams.
    """
    children = np.random.SeedSequence(seed).spawn(3)
    initialisation, order, dropout = (int(child.generate_state(1, np.uint32)[0]) for child in children)
    return Seeds(seed=seed, initialisation=initialisation, order=order, dropout=dropout)


def rows_seed(seed: int) -> int:
    """Of the stream that training rows are drawn from where an arm varies them: the fourth child, which leaves the others as they are."""
    return int(np.random.SeedSequence(seed).spawn(4)[3].generate_state(1, np.uint32)[0])


def seeds_for(study: Study, arm: Arm, seed: int) -> Seeds:
    """The streams of one run: those that its arm does not vary are those of the study's first seed."""
    own = derive_seeds(seed)
    if arm.vary is None:
        return own
    first = derive_seeds(study.seeds[0])
    held = {name: getattr(first, name) for name in ("initialisation", "order", "dropout") if name not in arm.vary}
    return own.model_copy(update=held)


def make_plan(study: Study, project: Project, digests: Mapping[str, str | None], device: str, say: Notify) -> Plan:
    """The plan of `study`; its assets are made ready first, since their digests are part of each run's identity.

    `digests` is backend → content digest (None: not built); `device` 'cpu' or 'cuda'.
    """
    data = prepare_data(study.task.data, study.task.rows, project, say)
    models = {
        name: prepare_model(name, project, say)
        for name in dict.fromkeys(arm.model for arm in study.arms.values())
        if name is not None
    }
    specs = {}  # of the first seed; the others differ in nothing but their seeds
    for name, arm in study.arms.items():
        model = models[arm.model] if arm.model else None
        try:
            specs[name] = _spec(study, arm, study.seeds[0], task_of(study, arm, data), model, device)
        except ValidationError as error:
            faults = "\n".join(f"  arms.{name}.{fault}" for fault in faults_of(error))
            raise InputError(f"study {study.name} gives no valid run:\n{faults}") from None
    runs = []
    for seed in study.seeds:  # seed by seed, so that every arm has something to show early
        for name, arm in study.arms.items():
            if arm.deterministic and seed != study.seeds[0]:
                continue
            own: dict[str, Any] = {"seeds": seeds_for(study, arm, seed)}
            if arm.draws_rows:
                train = drawn_train(data, rows_seed(seed), project, say)
                own["task"] = specs[name].task.model_copy(update={"splits": {**data.splits, "train": train}})
            spec, digest = specs[name].model_copy(update=own), digests.get(arm.backend)
            runs.append(PlannedRun(name, seed, spec, digest, run_id(spec, digest) if digest else None))
    return Plan(study, data, tuple(runs))


def task_of(study: Study, arm: Arm, data: PreparedData) -> Task | RegressionTask | CausalLmTask:
    """The contract's task of one arm; `InputError` where the data's rows are not of the metric's kind."""
    said, columns = study.task, data.columns
    kind, has = METRICS[said.metric].kind, _kind_of(data)
    if kind != has:
        fitting = ", ".join(name for name, metric in METRICS.items() if metric.kind == has)
        raise InputError(
            f"study {study.name}: task.data: data set {data.name} has {_ROWS[has]}, and metric {said.metric} is of {_ROWS[kind]}; "
            f"take another data set{fitting and f', or a metric that this one can have: {fitting}'}"
        )
    shared: dict[str, Any] = {
        "kind": kind,
        "name": data.name,
        "columns": columns,
        "splits": data.splits,
        "metric": said.metric,
    }
    try:
        if kind == "classification":
            return Task(**shared, labels=data.labels, positive=said.positive)
        if kind == "regression":
            return RegressionTask(**shared)
        return CausalLmTask(**shared, template=said.template or "", loss_on=arm.loss_on or said.loss_on or "answer")
    except ValidationError as error:
        faults = "\n".join(f"  task.{fault}" for fault in faults_of(error))
        raise InputError(f"study {study.name}:\n{faults}") from None


_ROWS = {
    "classification": "labels ('table' in its manifest, with 'labels')",
    "regression": "numbers ('table' in its manifest, with 'labels: null')",
    "causal_lm": "prompts and answers ('dialogue' in its manifest)",
    "masked_lm": "running text ('text' in its manifest)",
}


def _kind_of(data: PreparedData) -> str:
    if isinstance(data.columns, Columns):
        return "classification" if data.labels else "regression"
    return "causal_lm" if isinstance(data.columns, PromptColumns) else "masked_lm"


def _spec(
    study: Study, arm: Arm, seed: int, task: Task | RegressionTask | CausalLmTask, model: Model | None, device: str
) -> RunSpec:
    kind = "cuda" if device == "cuda" and arm.recipe is not None else "cpu"
    return RunSpec(
        contract=1,
        backend=arm.backend,
        task=task,
        model=model,
        initialisation=arm.initialisation,
        method=arm.method,
        recipe=recipe_for(arm.recipe, task.splits["train"].rows) if arm.recipe else None,
        seeds=derive_seeds(seed),
        selection=study.selection if arm.recipe else None,
        evaluation=Evaluation(**study.evaluation.model_dump()),
        device=Device(kind=kind, threads=study.device.threads, instructions=study.device.instructions),  # type: ignore[arg-type]
    )


def recipe_for(recipe: StudyRecipe, rows: int) -> Recipe:
    """The contract's recipe for `rows` training rows, which make the warm-up a count."""
    updates = -(-rows // (recipe.batch_size * recipe.accumulation)) * recipe.epochs
    declared = recipe.schedule
    warmup = declared.warmup_updates if declared.warmup_ratio is None else int(declared.warmup_ratio * updates)
    schedule = Schedule(name=declared.name, warmup_updates=warmup or 0, power=declared.power, end_lr=declared.end_lr)
    fields = {name: getattr(recipe, name) for name in Recipe.model_fields if name != "schedule"}
    return Recipe(schedule=schedule, **fields)


def refuse_unsupported(plan: Plan, descriptions: Mapping[str, Description]) -> None:
    """`InputError` where an arm asks of its backend what that does not offer; every fault of every arm at once."""
    faults: dict[str, Fault] = {}
    for run in plan.runs:
        description = descriptions[run.spec.backend]
        for fault in unsupported(run.spec, description):
            faults.setdefault(f"arms.{run.arm}.{fault.field}", fault)
        says, declared = (
            run.spec.method.name in description.deterministic_methods,
            plan.study.arms[run.arm].deterministic,
        )
        if says != declared and run.spec.method.name in description.methods:
            kind = "deterministic" if says else "not deterministic"
            fault = Fault(
                field="deterministic",
                found=str(declared).lower(),
                allowed=f"backend {description.backend} says that {run.spec.method.name} is {kind}: declare it so",
            )
            faults.setdefault(f"arms.{run.arm}.deterministic", fault)
    if faults:
        lines = [f"  {field}: found {fault.found}; {fault.allowed}" for field, fault in faults.items()]
        raise InputError(f"study {plan.study.name}:\n" + "\n".join(lines))
