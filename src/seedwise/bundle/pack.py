"""From outcomes and their store to a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from seedwise.bounded import read_bytes
from seedwise.bundle.figures import figures, suite_figures
from seedwise.bundle.layout import (
    CERTIFICATES,
    LEDGER,
    README,
    RUN_FILES,
    RUN_RECORDS,
    PlanFile,
    PlannedEntry,
    json_bytes,
    run_file,
    sealed,
    study_file,
    suite_file,
)
from seedwise.errors import InputError
from seedwise.planning.plan import Plan
from seedwise.regular import read_regular
from seedwise.store.store import Store
from seedwise.study.search import search_name
from seedwise.study.suite import Suite
from seedwise.verdicts.certificates.need import Shelf, needs_of
from seedwise.verdicts.comparison import StudyOutcome, compare
from seedwise.verdicts.over_tasks import compare_tasks

_README = """# Evidence of Seedwise verdicts

Studies: {studies}.

    seedwise verify BUNDLE

recomputes every score, estimate, interval and p value from the predictions in here, without a network, a GPU or the
project it came from, and compares them with the verdicts.

| where | what |
| --- | --- |
| `studies/NAME/study.yaml`, `study.json` | the study as its author wrote it, and as it was read: arms merged over the defaults |
| `studies/NAME/verdicts.json` | what is claimed: scores, verdicts, sentences, signatures |
| `suites/NAME/verdicts.json` | of a study of several tasks: the verdicts over the tasks, and those on each with all claims as one family |
| `studies/NAME/data.json`, `plan.json` | the data's digests, citation and licence; the runs of the study |
| `runs/ID/` | a run: spec, provenance, result, environment, parameters, predictions of the reported split |
| `declarations.jsonl` | when each declaration was first put to work |
| `certificates/` | proofs that backends agree, where claims across backends rest on some |
| `manifest.json` | the sha256 of every other file |

The texts of the data are not in here: a prediction holds an example's id and its gold class with a score for each class, or its
loss and number of tokens. Left out as well: checkpoints, logs, training events and what language models answered. Hosts' names and
commits of the runs are in their provenance.

## Data
{data}
"""


def pack(plans: Sequence[tuple[Plan, Path]], store: Store, suites: Sequence[Suite] = ()) -> bytes:
    """The bundle of studies, each a plan with the file that declares it: equal stores give equal bytes.

    Of `suites` those are in it whose every task is one of the studies, with the verdicts over the tasks.
    Files of runs are checked by digest on the way in: `DamagedRun` names one that was changed.  `InputError` where nothing
    is finished.
    """
    files: dict[str, bytes] = {}
    declarations: set[str] = set()
    outcomes: dict[str, StudyOutcome] = {}
    names = {plan.study.name for plan, _ in plans}
    for plan, source in plans:
        name = plan.study.name
        if search_name(name) not in names:
            plan = replace(plan, tuning=())  # what a search found is said beside its runs alone
        done = [run.run_id for run in plan.runs if run.run_id is not None and store.is_done(run.run_id)]
        if not done:
            raise InputError(f"study {name}: none of its runs is finished here, so there is nothing to bundle")
        files[study_file(name, "study.yaml")] = read_bytes(source)
        files[study_file(name, "study.json")] = json_bytes(plan.study.model_dump(mode="json"))
        files[study_file(name, "data.json")] = json_bytes(plan.data.model_dump(mode="json"))
        outcomes[name] = compare(plan, store)
        files[study_file(name, "verdicts.json")] = json_bytes(figures(outcomes[name]))
        files[study_file(name, "plan.json")] = json_bytes(_plan(plan, set(done)).model_dump(mode="json"))
        declarations.add(plan.study.declaration())
        for path in _certificates(plan, store):
            files[f"{CERTIFICATES}/{path.name}"] = read_regular(path.parent, path.name)
        for run_id in done:
            declarations.add(_add_run(files, store, run_id))
    whole = [suite for suite in suites if all(name in outcomes for name in suite.members)]
    for suite in whole:
        over = compare_tasks(suite, [outcomes[name] for name in suite.members], store)
        files[suite_file(suite.name)] = json_bytes(suite_figures(over))
    files[LEDGER] = store.ledger_lines(
        declarations | {name.split("/")[1] for name in files if name.startswith("runs/")}
    )
    files[README] = _readme([plan for plan, _ in plans])
    return sealed(files, [plan.study.name for plan, _ in plans], suites=[suite.name for suite in whole])


def _plan(plan: Plan, done: set[str]) -> PlanFile:
    return PlanFile(
        declaration=plan.study.declaration(),
        runs=tuple(
            PlannedEntry(
                arm=run.arm,
                seed=run.seed,
                digest=run.digest,
                run_id=run.run_id,
                spec=None if run.run_id in done else run.spec,
            )
            for run in plan.runs
        ),
    )


def _add_run(files: dict[str, bytes], store: Store, run_id: str) -> str:
    """Adds the run's files; the declaration that it was started under."""
    run = store.read(run_id)
    for name in RUN_RECORDS:
        files[run_file(run_id, name)] = read_regular(run.folder, name)
    for name in RUN_FILES:
        if name in run.result.files:
            files[run_file(run_id, name)] = read_regular(store.verified(run, name).parent, name.rpartition("/")[2])
    return run.provenance.declaration


def _certificates(plan: Plan, store: Store) -> list[Path]:
    """Those that the study's claims across backends rest on, or are refused for."""
    shelf = Shelf.beside(store.root)
    return [path for need in needs_of(plan) if (path := shelf.path(need)).is_file()]


def _readme(plans: Sequence[Plan]) -> bytes:
    data = {plan.data.name: plan.data for plan in plans}
    lines = [
        f"- {name}: {found.title.strip()} {found.citation.strip()} Licence of the data: {found.licence.strip()}."
        for name, found in sorted(data.items())
    ]
    studies = ", ".join(sorted(plan.study.name for plan in plans))
    return _README.format(studies=studies, data="\n".join(lines)).encode()
