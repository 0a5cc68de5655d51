"""From outcomes and their store to a bundle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from seedwise import __version__
from seedwise.bundle.archive import archive_bytes
from seedwise.bundle.figures import figures
from seedwise.bundle.layout import (
    CERTIFICATES,
    FORMAT,
    LEDGER,
    MANIFEST,
    README,
    RUN_FILES,
    RUN_RECORDS,
    Listed,
    Manifest,
    PlanFile,
    PlannedEntry,
    run_file,
    study_file,
)
from seedwise.comparison import StudyOutcome
from seedwise.errors import InputError
from seedwise.store import Store

_README = """# Evidence of Seedwise verdicts

Studies: {studies}.

    seedwise verify BUNDLE

recomputes every score, estimate, interval and p value from the predictions in here, without a network, a GPU or the
project it came from, and compares them with the verdicts.

| where | what |
| --- | --- |
| `studies/NAME/study.yaml`, `study.json` | the study as its author wrote it, and as it was read: arms merged over the defaults |
| `studies/NAME/verdicts.json` | what is claimed: scores, verdicts, sentences, signatures |
| `studies/NAME/data.json`, `plan.json` | the data's digests, citation and licence; the runs of the study |
| `runs/ID/` | a run: spec, provenance, result, environment, parameters, predictions of the reported split |
| `declarations.jsonl` | when each declaration was first put to work |
| `certificates/` | proofs that backends agree, where the project has some |
| `manifest.json` | the sha256 of every other file |

The texts of the data are not in here: a prediction holds an example's id, its gold class and a score for each class.
Left out as well: checkpoints, logs and training events. Hosts' names and commits of the runs are in their provenance.

## Data
{data}
"""


def pack(
    outcomes: Sequence[StudyOutcome], sources: dict[str, Path], store: Store, certificates: Path | None = None
) -> bytes:
    """The bundle of `outcomes`: equal stores give equal bytes.

    `sources` is study name → its file.  Files of runs are checked by digest on the way in: `DamagedRun` names one that
    was changed.  `InputError` where nothing is finished.
    """
    files: dict[str, bytes] = {}
    declarations: set[str] = set()
    for outcome in outcomes:
        name = outcome.study.name
        if len(outcome.missing) == len(outcome.plan.runs):
            raise InputError(f"study {name}: none of its runs is finished here, so there is nothing to bundle")
        files[study_file(name, "study.yaml")] = sources[name].read_bytes()
        files[study_file(name, "study.json")] = _json(outcome.study.model_dump(mode="json"))
        files[study_file(name, "data.json")] = _json(outcome.plan.data.model_dump(mode="json"))
        files[study_file(name, "verdicts.json")] = _json(figures(outcome))
        files[study_file(name, "plan.json")] = _json(_plan(outcome).model_dump(mode="json"))
        declarations.add(outcome.study.declaration())
        for planned in outcome.plan.runs:
            if planned.run_id is not None and store.is_done(planned.run_id):
                declarations.add(_add_run(files, store, planned.run_id))
    files[LEDGER] = _ledger(store, declarations)
    if certificates is not None and certificates.is_dir():
        for path in sorted(certificates.rglob("*.json")):
            if path.is_file() and not path.is_symlink():
                files[f"{CERTIFICATES}/{path.relative_to(certificates).as_posix()}"] = path.read_bytes()
    files[README] = _readme(outcomes)
    manifest = Manifest(
        format=FORMAT,
        seedwise=__version__,
        studies=tuple(sorted(outcome.study.name for outcome in outcomes)),
        files={
            name: Listed(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
            for name, data in sorted(files.items())
        },
    )
    return archive_bytes({**files, MANIFEST: _json(manifest.model_dump(mode="json"))})


def _plan(outcome: StudyOutcome) -> PlanFile:
    missing = {(run.arm, run.seed) for run in outcome.missing}
    return PlanFile(
        declaration=outcome.study.declaration(),
        runs=tuple(
            PlannedEntry(
                arm=run.arm,
                seed=run.seed,
                digest=run.digest,
                run_id=run.run_id,
                spec=run.spec if (run.arm, run.seed) in missing else None,
            )
            for run in outcome.plan.runs
        ),
    )


def _add_run(files: dict[str, bytes], store: Store, run_id: str) -> str:
    """Adds the run's files; the declaration that it was started under."""
    run = store.read(run_id)
    for name in RUN_RECORDS:
        files[run_file(run_id, name)] = (run.folder / name).read_bytes()
    for name in RUN_FILES:
        if name in run.result.files:
            files[run_file(run_id, name)] = store.verified(run, name).read_bytes()
    return run.provenance.declaration


def _ledger(store: Store, wanted: set[str]) -> bytes:
    known = store.declarations()
    lines = [json.dumps({"declaration": key, "time": known[key]}) for key in sorted(wanted & known.keys())]
    return "".join(f"{line}\n" for line in lines).encode()


def _readme(outcomes: Sequence[StudyOutcome]) -> bytes:
    data = {outcome.plan.data.name: outcome.plan.data for outcome in outcomes}
    lines = [
        f"- {name}: {found.title.strip()} {found.citation.strip()} Licence of the data: {found.licence.strip()}."
        for name, found in sorted(data.items())
    ]
    studies = ", ".join(sorted(outcome.study.name for outcome in outcomes))
    return _README.format(studies=studies, data="\n".join(lines)).encode()


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
