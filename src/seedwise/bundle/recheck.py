"""A study of a bundle: whether its runs are what the study asks for, and what their predictions give."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError

from seedwise.assets.prepare import PreparedData
from seedwise.bundle.faults import MAX_ROWS, read_model
from seedwise.bundle.figures import ABSOLUTE
from seedwise.bundle.layout import PREDICTIONS, RUN_FILES, Manifest, PlanFile, run_file, study_file, suite_file
from seedwise.errors import SeedwiseError
from seedwise.planning.plan import Plan, PlannedRun, Tuned, at_best, recipe_for, seeds_for, task_of
from seedwise.store.store import Store, StoredRun
from seedwise.store.tuning import tuning_of
from seedwise.study.load import load_studies
from seedwise.study.model import Arm, Study
from seedwise.study.search import at_point, points_of, search_name, search_study
from seedwise.verdicts.comparison import REPORTED_SPLIT, StudyOutcome, compare
from seedwise.verdicts.over_tasks import SuiteOutcome, compare_tasks
from seedwise_contract import Environment, ParameterTable, RunSpec

_RECORDS: dict[str, type[BaseModel]] = {"environment.json": Environment, "parameters.json": ParameterTable}


def recheck(
    name: str, files: Mapping[str, bytes], home: Path, store: Store, path: Path
) -> tuple[StudyOutcome | None, list[tuple[str, str]]]:
    """What the study's predictions give, and what is wrong with the study and its runs."""
    study = read_model(Study, files, study_file(name, "study.json"), path)
    data = read_model(PreparedData, files, study_file(name, "data.json"), path)
    planned = read_model(PlanFile, files, study_file(name, "plan.json"), path)
    faults = list(_misread(study, home / study_file(name, "study.yaml"), name))
    place = study_file(name, "plan.json")
    if data.splits[REPORTED_SPLIT].rows > MAX_ROWS:
        return None, [(study_file(name, "data.json"), f"more than {MAX_ROWS:,} rows are not checked")]
    expected = {(arm, seed) for arm in study.arms for seed in study.seeds_of(arm)}
    if sorted(expected) != sorted((entry.arm, entry.seed) for entry in planned.runs):
        return None, [*faults, (place, "its runs are not the arms and seeds of the study")]
    if planned.declaration != study.declaration():
        faults.append((place, "declaration: not that of study.json as this version of Seedwise reads it"))
    runs = []
    for entry in planned.runs:
        spec, wrong = entry.spec, None
        try:
            if entry.run_id is not None and store.is_done(entry.run_id):
                run = store.read(entry.run_id)
                spec = run.spec
                faults += _unlike_result(run, files, data)
                wrong = _not_the_studys(spec, study, data, entry.arm, entry.seed)
                said = run.result.metrics.get(REPORTED_SPLIT, {}).get(study.task.metric)
                if said is not None and PREDICTIONS not in run.result.files:
                    wrong = "its result has a score but no predictions"
            elif spec is None:
                wrong = "its run is neither in here nor listed as missing"
        except (SeedwiseError, ValueError, RecursionError, OSError) as error:
            wrong = _without(home, error)
        if wrong or spec is None:
            faults.append((run_file(entry.run_id or "?", "spec.json"), f"{entry.arm}, seed {entry.seed}: {wrong}"))
            continue
        runs.append(PlannedRun(entry.arm, entry.seed, spec, entry.digest, entry.run_id))
    if faults:
        return None, faults
    try:
        tuning = _tuning(study, data, files, store, path)
        if at_best(study, tuning) != study:
            return None, [(study_file(name, "study.json"), "an arm is not at the point that its search found best")]
        outcome = compare(Plan(study, data, tuple(runs), home / study_file(name, "study.yaml"), tuning), store)
    except (SeedwiseError, ValueError, RecursionError) as error:
        return None, [(f"studies/{name}", _without(home, error))]
    return outcome, list(_wrong_results(outcome))


def _tuning(
    study: Study, data: PreparedData, files: Mapping[str, bytes], store: Store, path: Path
) -> tuple[Tuned, ...]:
    """What the study's search found by the scores on the selection split that its runs' results say; nothing where the search is
    not in here.
    """
    place = study_file(search_name(study.name), "plan.json")
    if study.search is None or place not in files:
        return ()
    entries = read_model(PlanFile, files, place, path).runs
    runs = [
        PlannedRun(each.arm, each.seed, store.read(each.run_id).spec, each.digest, each.run_id)
        for each in entries
        if each.run_id is not None and store.is_done(each.run_id)
    ]
    if len(runs) < len(entries):
        return ()
    return tuning_of(study, Plan(search_study(study), data, tuple(runs)), store)


def recheck_suite(
    name: str, outcomes: Sequence[StudyOutcome], store: Store
) -> tuple[SuiteOutcome | None, list[tuple[str, str]]]:
    """What the tasks of the suite `name` give together, by the file that declares them; `outcomes` are those of the bundle's studies."""
    own = {outcome.study.name: outcome for outcome in outcomes if _is_task_of(outcome.study, name)}
    place = suite_file(name)
    if not own:
        return None, [(place, "of a suite of tasks that no study in here is one of")]
    source = next(iter(own.values())).plan.source
    assert source is not None
    suite = load_studies(source)[0].suite  # it says what study.json says: `recheck` has seen to that
    if suite is None or suite.name != name or not set(suite.members) <= set(own):
        return None, [(place, "not every task of it is in here")]
    members = [own[member] for member in suite.members]
    if any(
        study.part is None or study.part.declaration != suite.declaration for study in (each.study for each in members)
    ):
        return None, [(place, "its tasks are not those of one file")]
    return compare_tasks(suite, members, store), []


def _is_task_of(study: Study, suite: str) -> bool:
    return study.part is not None and study.part.suite == suite


def _unlike_result(run: StoredRun, files: Mapping[str, bytes], data: PreparedData) -> Iterator[tuple[str, str]]:
    """Files of a run that its result does not name, names by another sha256, or names and are not there; or that say nothing."""
    for name in RUN_FILES:
        place, said = run_file(run.run_id, name), run.result.files.get(name)
        held = files.get(place)
        if held is None:
            if said is not None:
                yield place, "missing, though the run's result names it"
            continue
        digest = hashlib.sha256(held).hexdigest()
        if digest != said:
            words = f"{said[:16]}…" if said else "nothing of it"
            yield place, f"changed since the run ended: its sha256 is {digest[:16]}…, the run's result says {words}"
        elif name in _RECORDS:
            try:
                _RECORDS[name].model_validate_json(held)
            except (ValidationError, RecursionError) as error:
                yield place, f"not what the contract says: {str(error).splitlines()[0][:200]}"
        elif held.count(b"\n") > data.splits[REPORTED_SPLIT].rows:
            raise ValueError(f"{place}: more lines than the {data.splits[REPORTED_SPLIT].rows} rows of the data")


def stray_runs(files: Mapping[str, bytes], manifest: Manifest, path: Path) -> Iterator[tuple[str, str]]:
    """Runs that no study in here has."""
    plans = [read_model(PlanFile, files, study_file(name, "plan.json"), path) for name in manifest.studies]
    planned = {entry.run_id for plan in plans for entry in plan.runs}
    for name in files:
        if name.startswith("runs/") and name.split("/")[1] not in planned:
            yield name, "of a run that no study in here has"


def _misread(study: Study, file: Path, name: str) -> Iterator[tuple[str, str]]:
    """study.yaml is for people, study.json is what counts; they must say the same.  Whatever cannot be read within the
    bounds of every study file does not say it."""
    try:
        same = any(_as_planned(each.study, study) == study for each in load_studies(file))
    except (SeedwiseError, RecursionError):
        same = False
    if not same:
        yield study_file(name, "study.yaml"), "does not say what study.json says"


def _as_planned(said: Study, planned: Study) -> Study:
    """What a file says, with the arms of a study that declares a search at the points that were planned."""
    searched = said.search is not None and said.search == planned.search and set(said.arms) == set(planned.arms)
    if not searched or said.search is None:
        return said
    found = {
        name: next(
            (at for p in points_of(said.search, name) if (at := at_point(said.arms[name], p)) == planned.arms[name]),
            arm,
        )
        for name, arm in said.arms.items()
        if name in said.search.arms
    }
    return said.model_copy(update={"arms": {**said.arms, **found}})


def _not_the_studys(spec: RunSpec, study: Study, data: PreparedData, name: str, seed: int) -> str | None:
    """Whether the run is of another arm, seed or data than it is counted under."""
    arm: Arm = study.arms[name]
    recipe = None if arm.recipe is None else recipe_for(arm.recipe, data.splits["train"].rows)
    splits = data.splits
    if arm.draws_rows and spec.task.splits["train"].rows == splits["train"].rows:
        splits = {**splits, "train": spec.task.splits["train"]}  # which rows were drawn, nothing in here can tell
    said: dict[str, tuple[object, object]] = {
        "backend": (spec.backend, arm.backend),
        "model": (spec.model.name if spec.model else None, arm.model),
        "initialisation": (spec.initialisation, arm.initialisation),
        "method": (spec.method, arm.method),
        "recipe": (spec.recipe, recipe),
        "seeds": (spec.seeds, seeds_for(study, arm, seed)),
        "splits": (spec.task.splits, splits),
        "metric": (spec.task.metric, study.task.metric),
        "task": (spec.task, task_of(study, arm, data).model_copy(update={"splits": splits})),
    }
    wrong = [field for field, (found, wanted) in said.items() if found != wanted]
    return f"its {', '.join(wrong)} is not what the study says of that run" if wrong else None


def _wrong_results(outcome: StudyOutcome) -> Iterator[tuple[str, str]]:
    """Scores in the runs' results that the predictions do not give."""
    metric = outcome.study.task.metric
    for arm in outcome.arms.values():
        for run, score in zip(arm.runs, arm.scores, strict=True):
            said = run.result.metrics.get(REPORTED_SPLIT, {}).get(metric)
            if said is not None and (score is None or abs(said - score) > ABSOLUTE + 1e-6):
                yield (
                    run_file(run.run_id, "result.json"),
                    f"{metric} {said:.6g}, but the predictions give {'none' if score is None else f'{score:.6g}'}",
                )


def _without(home: Path, error: Exception) -> str:
    """What went wrong, without the folder that nobody else has."""
    return str(error).replace(f"{home}/", "")[:500]
