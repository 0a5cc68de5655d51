"""What a report is made from, and its digest: equal inputs give an equal report, so that it need not be drawn again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy
import scipy

from seedwise.report.source import source_text
from seedwise.store.store import Store, StoredRun
from seedwise.verdicts.comparison import StudyOutcome
from seedwise.version import __version__
from seedwise_contract.files import sha256_file

HERE = Path(__file__).parent


def finished_runs(outcome: StudyOutcome, store: Store) -> dict[str, StoredRun]:
    """Run id → run, of every finished run of the plan, those of incomplete arms included."""
    known = {run.run_id: run for arm in outcome.arms.values() for run in arm.runs}
    for planned in outcome.plan.runs:
        if planned.run_id is not None and planned.run_id not in known and store.is_done(planned.run_id):
            known[planned.run_id] = store.read(planned.run_id)
    return known


def library_versions() -> dict[str, str]:
    """Of what computed the statistics."""
    return {"numpy": numpy.__version__, "scipy": scipy.__version__}


@cache
def code_digests() -> tuple[tuple[str, str], ...]:
    """The code and templates of this package: name and sha256 of each file, read once for however many pages."""
    kinds = (".py", ".j2", ".css", ".js")
    return tuple(
        (path.relative_to(HERE).as_posix(), sha256_file(path))
        for path in sorted(HERE.rglob("*"))
        if path.suffix in kinds
    )


def report_inputs(outcomes: Sequence[StudyOutcome], store: Store) -> str:
    """sha256 over the studies, the plans, the verdicts, the finished runs (by the digests in their results) and the
    code and templates of this package."""
    digest = hashlib.sha256()

    def add(*parts: str | None) -> None:
        for part in parts:
            digest.update((part or "").encode())
            digest.update(b"\0")

    add(__version__, *(f"{name} {version}" for name, version in library_versions().items()))
    for name, code in code_digests():
        add(name, code)
    for outcome in outcomes:
        add(outcome.study.model_dump_json(), outcome.plan.data.model_dump_json())
        add(source_text(outcome.plan))
        add(repr(outcome.claims), repr(outcome.explored), repr(outcome.open_claims), repr(outcome.plan.tuning))
        add(repr(outcome.refused), *(certificate.model_dump_json() for certificate in outcome.certificates))
        runs = finished_runs(outcome, store)
        failures = store.failures(run.run_id for run in outcome.missing if run.run_id is not None)
        for planned in outcome.plan.runs:
            add(planned.label, planned.run_id, planned.spec.model_dump_json())
            if run := runs.get(planned.run_id or ""):
                add(run.result.model_dump_json(), run.provenance.model_dump_json())
            elif failure := failures.get(planned.run_id or ""):
                add(failure.model_dump_json())
    return digest.hexdigest()
