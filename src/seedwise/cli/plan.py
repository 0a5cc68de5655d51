"""`seedwise plan`: the runs of studies, what their claims can decide, what it takes and how long; `seedwise schema`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from seedwise.cli.common import (
    DeviceOption,
    EngineOption,
    RuntimeOption,
    StudiesArgument,
    find_studies,
    options_of,
    say,
    show,
    suites_of,
)
from seedwise.errors import AssetError, ImageError, InputError, SeedwiseError
from seedwise.execution.workbench import Workbench, open_workbench
from seedwise.forecast.cost import CostModel
from seedwise.planning.interim import looks_of
from seedwise.planning.plan import Plan, PlannedRun
from seedwise.store.history import History, runs_of
from seedwise.store.store import Store
from seedwise.store.tuning import Untuned
from seedwise.study.load import StudyFile, study_schema
from seedwise.study.model import Variances


class PlanFormat(StrEnum):
    text = "text"
    json = "json"


def plan(
    studies: StudiesArgument = None,
    runtime: RuntimeOption = None,
    device: DeviceOption = None,
    engine: EngineOption = None,
    sd_seeds: Annotated[
        float | None,
        typer.Option("--sd-seeds", help="Reckon with this standard deviation between seeds (0.01 is one point)."),
    ] = None,
    sd_examples: Annotated[
        float | None,
        typer.Option("--sd-examples", help="And with this one, between examples, of the arms' difference."),
    ] = None,
    form: Annotated[PlanFormat, typer.Option("--format", help="How to print the plan.")] = PlanFormat.text,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    difference: Annotated[
        list[float] | None,
        typer.Option(
            "--difference",
            help="With --sd-seeds and no study: how many seeds find this difference, anywhere.  May be given again.",
        ),
    ] = None,
    examples: Annotated[
        int | None, typer.Option("--examples", min=2, help="And with --sd-examples: on how many examples.")
    ] = None,
    alpha: Annotated[float, typer.Option("--alpha", help="For --difference: the level.")] = 0.05,
    power: Annotated[float, typer.Option("--power", help="For --difference: the chance to find it.")] = 0.8,
    require_exact: Annotated[
        bool,
        typer.Option("--require-exact", help="An exact test has to confirm a difference, as with `exact: required`."),
    ] = False,
    gate: Annotated[bool, typer.Option("--gate", help="Exit with 1 where a claim is unattainable by design.")] = False,
) -> None:
    """Show the runs of each study, what is done, what each claim can decide with them, and an estimate of the time.

    Nothing is run. Variances are those given here, or else of pilot runs in the store, stated in the study, or assumed; the
    plan says which.
    """
    for name, value in (("--sd-seeds", sd_seeds), ("--sd-examples", sd_examples)):
        if value is not None and not 0.0 < value < float("inf"):
            raise InputError(f"{name} {value:g}: must be positive, in the metric's own unit (0.01 is one point)")
    if difference:
        if sd_seeds is None:
            raise InputError("--difference needs --sd-seeds, the standard deviation between seeds, in the same unit")
        if studies:
            raise InputError(
                "--difference plans from numbers alone; give it without studies, whose claims have differences of their own"
            )
        from seedwise.cli.numbers import plan_numbers

        structured = as_json or form is PlanFormat.json
        typer.echo(plan_numbers(sd_seeds, sd_examples, difference, examples, alpha, power, structured))
        return
    stated = Variances(sd_seeds=sd_seeds, sd_examples=sd_examples)
    project, files = find_studies(studies)
    bench = open_workbench(project, options_of(runtime, device, engine=engine), [file.study for file in files])
    say(f"runtime: {bench.runtime.name} ({bench.why})")
    plans = _plans(bench, files)
    runs = runs_of(bench.store)
    costs, history = CostModel(runs), History(runs)
    if as_json or form is PlanFormat.json:
        typer.echo(
            json.dumps(
                [_as_json(p, bench, history, costs, stated, require_exact) for p in plans], indent=2, ensure_ascii=False
            )
        )
    else:
        for planned in plans:
            _print(planned, bench, history, costs, stated, require_exact)
        for suite in suites_of(files):
            from seedwise.forecast.suites import suite_plan

            typer.echo("\n" + "\n".join(suite_plan(suite, [file.study for file in files if file.suite == suite])))
    if gate:
        _refuse(plans, require_exact, [file for file in files if file.suite is not None])


def _plans(bench: Workbench, files: Sequence[StudyFile]) -> list[Plan]:
    """The plans that can be made; what keeps a study from it is said, and raised where no study is left."""
    plans: list[Plan] = []
    faults: list[SeedwiseError] = []
    for file in files:
        try:
            plans.append(bench.plan(file.study, say))
        except (AssetError, ImageError, Untuned) as error:
            faults.append(error)
            say(f"{file.study.name}: not planned: {error}")
    if faults and not plans:
        raise faults[0]
    return plans


def _refuse(plans: Sequence[Plan], require_exact: bool, tasks: Sequence[StudyFile]) -> None:
    from seedwise.forecast.attainable import unattainable_claims
    from seedwise.forecast.suites import unattainable_over_tasks

    refused = [line for planned in plans for line in unattainable_claims(planned.study, require_exact=require_exact)]
    for suite in suites_of(tasks):
        member = next(file.study for file in tasks if file.suite == suite)
        refused += unattainable_over_tasks(suite, member, require_exact=require_exact)
    for line in refused:
        say(line)
    if refused:
        raise typer.Exit(1)


def _states(plan: Plan, store: Store) -> list[str]:
    """How each run of the plan stands."""
    results = {run.run_id: store.result(run.run_id) for run in plan.runs if run.run_id is not None}
    failures = store.failures(identity for identity, result in results.items() if result is None)

    def state(run: PlannedRun) -> str:
        if run.run_id is None:
            return "to do (backend not built)"
        result = results[run.run_id]
        if result is not None:
            return "done" if result.status.value == "completed" else result.status.value
        failure = failures.get(run.run_id)
        return f"to do again ({failure.reason.value})" if failure else "to do"

    return [state(run) for run in plan.runs]


def _print(plan: Plan, bench: Workbench, history: History, costs: CostModel, stated: Variances, exact: bool) -> None:
    from seedwise.forecast.attainable import reach_with  # brings scipy, slow to import
    from seedwise.forecast.claims import forecast
    from seedwise.forecast.text import as_lines

    typer.echo(f"\n{plan.study.name}: {plan.study.title}")
    typer.echo(
        f"  data {plan.data.name}: "
        + ", ".join(f"{split.rows} {name}" for name, split in plan.data.splits.items())
        + ("" if plan.data.cluster_sizes is None else f" in {len(plan.data.cluster_sizes)} clusters")
        + f"; {len(plan.study.seeds)} seeds; {bench.device_of(plan.study)}"
    )
    for run, state in zip(plan.runs, _states(plan, bench.store), strict=True):
        typer.echo(f"  {run.label:<28} {run.run_id or '-':<22} {state}")
    cost = _cost(plan, bench, costs)
    typer.echo(f"  {cost['done']} of {len(plan.runs)} runs are done; {_time(cost)}")
    for look in looks_of(plan.study):
        reach = [
            reach_with(plan.study, claim, look.seeds, look.level, require_exact=exact) for claim in plan.study.claims
        ]
        early = "" if any(each.attainable for each in reach) else "; too few seeds to decide anything yet"
        typer.echo(
            f"  look {look.number} of {look.of}: {look.seeds} seeds an arm, each claim at {look.level:.3g} "
            f"({look.spending}){early}"
        )
    for found in forecast(plan, bench.store, history, costs, stated, require_exact=exact):
        show("\n".join(f"  {line}" for line in as_lines(found)))


def _cost(plan: Plan, bench: Workbench, costs: CostModel) -> dict[str, Any]:
    """Seconds of the remaining runs one after another (`seconds`) and with as many at once as leases allow (`wall`)."""
    todo = [run for run in plan.runs if not bench.store.is_done(run.run_id)]
    estimates = [costs.estimate(run.spec) for run in todo]
    known = [estimate for estimate in estimates if estimate is not None]
    jobs = bench.packing([plan]).jobs
    seconds = sum(estimate.seconds for estimate in known)
    return {
        "done": len(plan.runs) - len(todo),
        "remaining": len(todo),
        "unknown": len(todo) - len(known),
        "jobs": jobs,
        "seconds": seconds if known else None,
        "wall": seconds / min(jobs, len(todo)) if known else None,
        "basis": sorted({estimate.basis for estimate in known}),
    }


def _time(cost: dict[str, Any]) -> str:
    from seedwise.forecast.text import hours

    if not cost["remaining"]:
        return "nothing remains"
    if cost["seconds"] is None:
        return f"{cost['remaining']} remain; no run like them has been measured yet, so their time is not known"
    more = f", and {cost['unknown']} runs of unknown time" if cost["unknown"] else ""
    return (
        f"{cost['remaining']} remain, about {hours(cost['wall'])} with {cost['jobs']} at once "
        f"({hours(cost['seconds'])} of runs, by {' and '.join(cost['basis'])}){more}"
    )


def _as_json(
    plan: Plan, bench: Workbench, history: History, costs: CostModel, stated: Variances, exact: bool
) -> dict[str, object]:
    from seedwise.forecast.claims import forecast
    from seedwise.forecast.text import as_dict

    cost = _cost(plan, bench, costs)
    return {
        "study": plan.study.name,
        "declaration": plan.study.declaration(),
        "runs": [
            {
                "arm": run.arm,
                "seed": run.seed,
                "run_id": run.run_id,
                "image": run.digest,
                "state": state,
            }
            for run, state in zip(plan.runs, _states(plan, bench.store), strict=True)
        ],
        "looks": [{"seeds": look.seeds, "level": look.level} for look in looks_of(plan.study)],
        "claims": [
            as_dict(found) for found in forecast(plan, bench.store, history, costs, stated, require_exact=exact)
        ],
        "cost": {
            **{key: cost[key] for key in ("remaining", "unknown", "jobs", "basis")},
            "hours": None if cost["seconds"] is None else cost["seconds"] / 3600,
            "wall_hours": None if cost["wall"] is None else cost["wall"] / 3600,
        },
    }


def schema() -> None:
    """Print the JSON Schema of a study file, for editors."""
    typer.echo(json.dumps(study_schema(), indent=2, sort_keys=True))
