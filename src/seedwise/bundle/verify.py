"""Checking a bundle: its bytes, then what its runs are, then every figure recomputed from the predictions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from seedwise.assets.prepare import PreparedData
from seedwise.bounded import parse_json, reason
from seedwise.bundle.archive import read_archive
from seedwise.bundle.comparison import Recomputed, read_verdicts, recompute
from seedwise.bundle.evidence import Evidence
from seedwise.bundle.figures import ABSOLUTE, count, differences, excused, figures
from seedwise.bundle.layout import (
    CERTIFICATES,
    COMPARISONS,
    FORMAT,
    LEDGER,
    MANIFEST,
    PREDICTIONS,
    README,
    RUN_FILES,
    RUN_RECORDS,
    Manifest,
    PlanFile,
    comparison_file,
    is_own,
    run_file,
    study_file,
    versions,
)
from seedwise.errors import SeedwiseError
from seedwise.planning.plan import Plan, PlannedRun, recipe_for, seeds_for, task_of
from seedwise.project import MARKER
from seedwise.store import ledger
from seedwise.store.store import Store, StoredRun
from seedwise.study.load import load_studies
from seedwise.study.model import Arm, Study
from seedwise.study.search import at_point, points_of
from seedwise.temporary import temporary_folder
from seedwise.verdicts.comparison import REPORTED_SPLIT, StudyOutcome, compare
from seedwise.verdicts.signature import Signature, parse_signature
from seedwise_contract import Environment, ParameterTable, RunSpec

MAX_ROWS = 5_000_000  # of a reported split; a bundle may name any number
M = TypeVar("M", bound=BaseModel)


class DamagedBundle(SeedwiseError):
    """A file of a bundle is changed, missing or not one of its own."""

    exit_code = 6


class RefutedBundle(SeedwiseError):
    """The files are whole, but what the bundle says does not follow from its predictions."""

    exit_code = 8


@dataclass(frozen=True, slots=True)
class Verified:
    """A bundle that holds.  `name` is the sha256 of its manifest; `figures` counts the numbers that were recomputed.

    `outcomes` are of studies, `comparisons` of scores of one's own.
    """

    name: str
    outcomes: tuple[StudyOutcome, ...]
    runs: int
    figures: int
    notes: tuple[str, ...]
    signatures: tuple[tuple[str, Signature], ...]
    comparisons: tuple[Recomputed, ...] = ()


def verify(path: Path, wanted: Signature | None = None) -> Verified:
    """Check `path`, and that one of its verdicts has the signature `wanted`.

    Raises NotABundle for what is none or is not safe to open, DamagedBundle naming each file and what is wrong with it,
    RefutedBundle naming each figure that the predictions do not give.
    """
    with opened(path, wanted) as (found, _):
        return found


@contextmanager
def opened(path: Path, wanted: Signature | None = None) -> Iterator[tuple[Verified, Evidence]]:
    """The same check, and the bundle's runs as a store for as long as the block lasts: a report can be made of them."""
    with temporary_folder() as home:
        yield _checked(path, wanted, home)


def _checked(path: Path, wanted: Signature | None, home: Path) -> tuple[Verified, Evidence]:
    contents = read_archive(path, is_own)
    told = {name for name, _ in contents.faults}
    changed = [one for one in _changed(contents.files) if one[0] not in told] if contents.files else []
    _raise(DamagedBundle, path, [*contents.faults, *changed])
    manifest = _read(Manifest, contents.files, MANIFEST, path)
    store = _unpack(contents.files, home)
    outcomes, claims = [], []
    faults = list(_strays(contents.files, manifest, path))
    for name in manifest.studies:
        outcome, wrong = _study(name, contents.files, home, store, path)
        faults += wrong
        if outcome is not None:
            said = _verdicts(contents.files, name, path)
            outcomes.append(outcome)
            claims.append((name, said, figures(outcome)))
    comparisons = []
    for name in manifest.comparisons:
        comparison, wrong = _comparison(name, contents.files)
        faults += wrong
        comparisons += [] if comparison is None else [comparison]
    held = [(study_file(name, "verdicts.json"), said, of_study) for name, said, of_study in claims]
    held += [(place, said, made.figures()) for place, said, made in comparisons]
    notes = []
    for place, said, found in held:
        differing = list(differences(said, found))
        kept = [one for one in differing if not excused(said, found, one[0], manifest.versions, versions())]
        if len(kept) < len(differing):
            theirs = ", ".join(f"{name} {version}" for name, version in manifest.versions.items())
            notes.append(
                f"{place}: {len(differing) - len(kept)} words or resampled figures are those of {theirs}, which are not the versions "
                "that checked it"
            )
        differing = kept
        faults += [(place, f"{where} {what}") for where, what in differing]
    _raise(RefutedBundle, path, faults)
    signatures = tuple(
        (f"{name}: {key}", parse_signature(claim["signature"]))
        for name, said, _ in claims
        for key, claim in {**said["claims"], **said["explored"]}.items()
    )
    if wanted is not None:
        _refuse_other_signatures(path, wanted, signatures)
    verified = Verified(
        name=hashlib.sha256(contents.files[MANIFEST]).hexdigest(),
        outcomes=tuple(outcomes),
        runs=sum(name.endswith("/result.json") for name in contents.files),
        figures=sum(count(found) for _, _, found in held),
        notes=tuple(notes),
        signatures=signatures,
        comparisons=tuple(made for _, _, made in comparisons),
    )
    return verified, store


def _raise(kind: type[SeedwiseError], path: Path, faults: list[tuple[str, str]]) -> None:
    if faults:
        raise kind("\n".join(f"{path}: {name}: {what}" if name else f"{path}: {what}" for name, what in faults))


def _changed(files: Any) -> Iterator[tuple[str, str]]:
    """Files that are not what the manifest says, missing or beside it."""
    if MANIFEST not in files:
        yield MANIFEST, "missing; it says what every other file is"
        return
    try:
        manifest = Manifest.model_validate_json(files[MANIFEST])
    except (ValidationError, RecursionError):
        found = _format(files[MANIFEST])
        yield MANIFEST, f"format {found}, but this version reads {FORMAT}" if found else "not a bundle's manifest"
        return
    if len(set(manifest.studies)) < len(manifest.studies):
        yield MANIFEST, "names a study twice"
    if len(set(manifest.comparisons)) < len(manifest.comparisons):
        yield MANIFEST, "names a comparison twice"
    if not manifest.studies and not manifest.comparisons:
        yield MANIFEST, "names neither a study nor a comparison"
    needed = {study_file(study, name) for study in manifest.studies for name in _STUDY_FILES}
    needed |= {comparison_file(comparison, name) for comparison in manifest.comparisons for name in COMPARISONS}
    needed |= {LEDGER} if manifest.studies else set()
    for name in sorted(manifest.files.keys() | files.keys() | needed):
        if name == MANIFEST:
            continue
        listed = manifest.files.get(name)
        if name not in files:
            yield name, "missing"
        elif listed is None or not _known(name, manifest):
            yield name, "not one of the bundle's own files"
        elif (digest := hashlib.sha256(files[name]).hexdigest()) != listed.sha256:
            yield name, f"changed: its sha256 is {digest[:16]}…, the manifest says {listed.sha256[:16]}…"


_RECORDS: dict[str, type[BaseModel]] = {"environment.json": Environment, "parameters.json": ParameterTable}
_STUDY_FILES = ("study.yaml", "study.json", "data.json", "plan.json", "verdicts.json")


def _known(name: str, manifest: Manifest) -> bool:
    head, _, rest = name.partition("/")
    if head == "studies":
        study, _, file = rest.partition("/")
        return study in manifest.studies and file in _STUDY_FILES
    if head == "comparisons":
        comparison, _, file = rest.partition("/")
        return comparison in manifest.comparisons and file in COMPARISONS
    if head == "runs":
        return rest.partition("/")[2] in (*RUN_RECORDS, *RUN_FILES)
    return name in (LEDGER, README) or head == CERTIFICATES


def _format(data: bytes) -> object:
    try:
        value = json.loads(data)
        return value.get("format") if isinstance(value, dict) and value.get("format") != FORMAT else None
    except (ValueError, RecursionError):
        return None


def _unpack(files: Any, home: Path) -> Evidence:
    """The runs and certificates as they lie in a project's home; names are the layout's own by now."""
    for name, data in files.items():
        if name.startswith(("runs/", f"{CERTIFICATES}/", "studies/")):
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_bytes(data)
    (home / MARKER).touch()  # the study's file is named from here, whatever lies around the temporary folder
    store = Evidence(home / "runs")
    store.root.mkdir(exist_ok=True)
    (store.root / ledger.LINES).write_bytes(files.get(LEDGER, b""))
    return store


def _read(model: type[M], files: Any, name: str, path: Path) -> M:
    try:
        return model.model_validate_json(files[name])
    except (ValidationError, RecursionError) as error:
        raise RefutedBundle(f"{path}: {name}: not what this version of Seedwise reads: {str(error)[:300]}") from None


def _verdicts(files: Any, name: str, path: Path) -> dict[str, Any]:
    place = study_file(name, "verdicts.json")
    try:
        said = parse_json(files[place])
        for group in ("claims", "explored"):
            for claim in said[group].values():
                parse_signature(claim["signature"])
    except (ValueError, TypeError, KeyError, AttributeError, SeedwiseError) as error:
        raise RefutedBundle(f"{path}: {place}: not a study's verdicts: {reason(error)}") from None
    return dict(said)


def _comparison(name: str, files: Any) -> tuple[tuple[str, dict[str, Any], Recomputed] | None, list[tuple[str, str]]]:
    """What the scores of a comparison give, beside what it claims; and what is wrong with its files."""
    record, scores, verdicts = (comparison_file(name, each) for each in COMPARISONS)
    if files[scores].count(b"\n") > MAX_ROWS:
        return None, [(scores, f"more than {MAX_ROWS:,} rows are not checked")]
    try:
        made = recompute(files[record], files[scores])
    except (SeedwiseError, ValueError, ArithmeticError, RecursionError) as error:
        return None, [(f"comparisons/{name}", f"gives no verdict: {reason(error)}")]
    try:
        return (verdicts, read_verdicts(files[verdicts]), made), []
    except ValueError as error:
        return None, [(verdicts, f"not a comparison's verdicts: {reason(error)}")]


def _study(
    name: str, files: Any, home: Path, store: Store, path: Path
) -> tuple[StudyOutcome | None, list[tuple[str, str]]]:
    """What the study's predictions give, and what is wrong with the study and its runs."""
    study = _read(Study, files, study_file(name, "study.json"), path)
    data = _read(PreparedData, files, study_file(name, "data.json"), path)
    planned = _read(PlanFile, files, study_file(name, "plan.json"), path)
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
        outcome = compare(Plan(study, data, tuple(runs), home / study_file(name, "study.yaml")), store)
    except (SeedwiseError, ValueError, RecursionError) as error:
        return None, [(f"studies/{name}", _without(home, error))]
    return outcome, list(_wrong_results(outcome))


def _unlike_result(run: StoredRun, files: Any, data: PreparedData) -> Iterator[tuple[str, str]]:
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


def _strays(files: Any, manifest: Manifest, path: Path) -> Iterator[tuple[str, str]]:
    """Runs that no study in here has."""
    plans = [_read(PlanFile, files, study_file(name, "plan.json"), path) for name in manifest.studies]
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
    if (
        arm.draws_rows and spec.task.splits["train"].rows == splits["train"].rows
    ):  # which rows, nothing in here can tell
        splits = {**splits, "train": spec.task.splits["train"]}
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


def _refuse_other_signatures(path: Path, wanted: Signature, held: tuple[tuple[str, Signature], ...]) -> None:
    if any(signature.answers(wanted) for _, signature in held):
        return
    if not held:
        raise RefutedBundle(f"{path}: no verdict in it, so none with this signature")
    name, nearest = min(held, key=lambda item: len(item[1].differences(wanted)))
    lines = "\n".join(f"  {line}" for line in nearest.differences(wanted))
    raise RefutedBundle(f"{path}: no verdict with this signature; the nearest, of {name}, differs in\n{lines}")
