"""`seedwise plan`: the runs of studies, what is done, what remains, how long it will take; `seedwise schema`."""

from __future__ import annotations

import json
from statistics import fmean

import typer

from seedwise.cli.common import DeviceOption, RuntimeOption, StudiesArgument, find_studies, options_of, say
from seedwise.plan import Plan, PlannedRun
from seedwise.store import Store
from seedwise.study import study_schema
from seedwise.workbench import Workbench, open_workbench


def plan(
    studies: StudiesArgument = None,
    runtime: RuntimeOption = None,
    device: DeviceOption = None,
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show the runs of each study, what is done, what remains, and an estimate of the time."""
    project, files = find_studies(studies)
    bench = open_workbench(project, options_of(runtime, device), [file.study for file in files])
    say(f"runtime: {bench.runtime.name} ({bench.why})")
    plans = [bench.plan(file.study, say) for file in files]
    if as_json:
        typer.echo(json.dumps([_as_json(p, bench.store) for p in plans], indent=2))
        return
    for planned in plans:
        _print(planned, bench)


def _state(run: PlannedRun, store: Store) -> str:
    if run.run_id is None:
        return "to do (backend not built)"
    result = store.result(run.run_id)
    if result is not None:
        return "done" if result.status.value == "completed" else result.status.value
    failure = store.failure(run.run_id)
    return f"to do again ({failure.reason.value})" if failure else "to do"


def _print(plan: Plan, bench: Workbench) -> None:
    typer.echo(f"\n{plan.study.name}: {plan.study.title}")
    typer.echo(
        f"  data {plan.data.name}: "
        + ", ".join(f"{split.rows} {name}" for name, split in plan.data.splits.items())
        + f"; {len(plan.study.seeds)} seeds; {bench.device_of(plan.study)}"
    )
    for run in plan.runs:
        typer.echo(f"  {run.label:<28} {run.run_id or '-':<22} {_state(run, bench.store)}")
    todo = [run for run in plan.runs if not bench.store.is_done(run.run_id)]
    typer.echo(f"  {len(plan.runs) - len(todo)} of {len(plan.runs)} runs are done; {_estimate(plan, todo, bench)}")


def _estimate(plan: Plan, todo: list[PlannedRun], bench: Workbench) -> str:
    """Wall time of the remaining runs from the durations of finished runs of the same method and size."""
    if not todo:
        return "nothing remains"
    known: dict[str, list[float]] = {}
    for identity in bench.store.finished():
        run = bench.store.read(identity)
        known.setdefault(_kind(run.spec.model_dump(mode="json")), []).append(run.result.timings.total)
    seconds, unknown = 0.0, 0
    for planned in todo:
        durations = known.get(_kind(planned.spec.model_dump(mode="json")))
        if durations:
            seconds += fmean(durations)
        else:
            unknown += 1
    jobs = bench.options.jobs or bench.automatic_jobs([plan.study])
    if unknown == len(todo):
        return f"{unknown} remain; no run like them has been measured yet, so their time is not known"
    more = f", and {unknown} runs of unknown time" if unknown else ""
    return f"{len(todo)} remain, about {seconds / min(jobs, len(todo)) / 60:.1f} min with {jobs} at once{more}"


def _kind(spec: dict[str, object]) -> str:
    """What decides a run's duration: everything in the spec but its seeds and the way it is initialised."""
    return json.dumps({k: v for k, v in spec.items() if k not in ("seeds", "initialisation")}, sort_keys=True)


def _as_json(plan: Plan, store: Store) -> dict[str, object]:
    return {
        "study": plan.study.name,
        "declaration": plan.study.declaration(),
        "runs": [
            {"arm": run.arm, "seed": run.seed, "run_id": run.run_id, "image": run.digest, "state": _state(run, store)}
            for run in plan.runs
        ],
    }


def schema() -> None:
    """Print the JSON Schema of a study file, for editors."""
    typer.echo(json.dumps(study_schema(), indent=2, sort_keys=True))
