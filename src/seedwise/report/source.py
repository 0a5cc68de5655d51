"""The study's file and the command that repeats it, for the page."""

from __future__ import annotations

from collections.abc import Iterable

from seedwise.bounded import read_text
from seedwise.errors import SeedwiseError
from seedwise.planning.plan import Plan, at_best
from seedwise.project import BUILD_DEFINITION, find_root
from seedwise.report.origins import Source
from seedwise.store.store import StoredRun
from seedwise.study.load import load_studies
from seedwise.study.model import Study
from seedwise.study.search import points_of


def source_text(plan: Plan) -> str | None:
    """What the file says now."""
    try:
        return None if plan.source is None else read_text(plan.source)
    except SeedwiseError:
        return None


def read_source(plan: Plan, runs: Iterable[StoredRun]) -> Source | None:
    """None where the study was not read from a file, or the file is gone or says something else by now.

    The command names the runtime where all the runs had the same, and the device, since runs of another are others.
    """
    text = source_text(plan)
    if plan.source is None or text is None:
        return None
    path = plan.source.resolve()
    try:
        if all(_at_best(file.study, plan) != plan.study for file in load_studies(path)):
            return None
    except (SeedwiseError, RecursionError):
        return None
    root = find_root(path)
    file = path.name if root is None else path.relative_to(root).as_posix()
    finished = list(runs)
    options = []
    if len(runtimes := {run.provenance.runtime for run in finished}) == 1:
        options.append(f"--runtime {runtimes.pop()}")
    if plan.study.device.kind == "auto" and finished:
        # What needs no GPU runs on the processor all the same.
        gpu = any(run.spec.device.kind == "cuda" for run in plan.runs)
        options.append(f"--device {'cuda' if gpu else 'cpu'}")
    checkout = root is not None and (root / BUILD_DEFINITION).is_file()
    return Source(
        file=file, text=text, command=" ".join(["nox -s bench --" if checkout else "seedwise bench", file, *options])
    )


def _at_best(study: Study, plan: Plan) -> Study:
    """The study as it is run: with each arm at the best point of its search, where that has the same points."""
    search = study.search
    if search is None or {arm: points_of(search, arm) for arm in search.arms} != {
        each.arm: each.points for each in plan.tuning
    }:
        return study
    return at_best(study, plan.tuning)
