"""`seedwise run`: one run of a study, or one spec file, into a folder of its own; for debugging."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from seedwise.assets.prepare import data_root, models_root
from seedwise.cli.common import DeviceOption, RuntimeOption, find_studies, options_of, refuse_memory, say
from seedwise.errors import EngineError, InputError
from seedwise.execution.engines.leases import LeasePool, usable_cores, usable_gpus
from seedwise.execution.workbench import open_workbench
from seedwise.project import find_project
from seedwise.runtimes.base import Launch, Lease
from seedwise.runtimes.choose import choose
from seedwise_contract import RunFiles, RunResult, RunSpec, load_spec, run_id
from seedwise_contract.events import read_events
from seedwise_contract.files import read_record, write_json


def run(
    source: Annotated[Path, typer.Argument(help="A spec (spec.json), or a study file together with --arm.")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write into; must be empty or absent.")],
    arm: Annotated[str | None, typer.Option("--arm", help="With a study file: the arm to run.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="With a study file: the seed.")] = 0,
    runtime: RuntimeOption = None,
    device: DeviceOption = None,
    memory_gib: Annotated[float, typer.Option(help="Limit on memory.")] = 4.0,
) -> None:
    """Execute one run outside the store, and show its events and result."""
    refuse_memory(memory_gib)
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out}: is no folder; give a new one, or one that is empty")
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out}: is not empty; give a new folder, so that no result is written over")
    spec = load_spec(source) if source.suffix == ".json" else _spec_of(source, arm, seed, runtime, device)
    project = find_project(source if source.suffix != ".json" else Path.cwd())
    chosen, why = choose(project, options_of(runtime, device).runtime, "cuda" if spec.device.kind == "cuda" else "cpu")
    say(f"runtime: {chosen.name} ({why})")
    digest = chosen.prepare([spec.backend], say)[spec.backend]
    identity = run_id(spec, digest)
    gpus = usable_gpus()[:1] if spec.device.kind == "cuda" else ()
    LeasePool(usable_cores(), gpus).refuse_impossible(spec.device.threads, int(spec.device.kind == "cuda"))
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "spec.json", spec)
    process = chosen.start(
        Launch(
            backend=spec.backend,
            digest=digest,
            run_id=identity,
            out=out.resolve(),
            data=data_root(project),
            models=models_root(project),
            lease=Lease(usable_cores()[: spec.device.threads], gpus),
            memory_bytes=int(memory_gib * (1 << 30)),
        )
    )
    try:
        while (ended := process.poll()) is None:
            time.sleep(0.2)
    except KeyboardInterrupt:
        process.stop(20)
        ended = process.wait()
    typer.echo(ended.log, err=True)
    try:
        for event in read_events(RunFiles(out).events):
            if event.event in ("evaluation", "warning", "end"):
                typer.echo(event.model_dump_json(exclude={"time"}))
    except (OSError, ValueError) as error:
        raise EngineError(f"the backend left events that cannot be read: {error}") from None
    if ended.code != 0:
        raise EngineError(f"the backend ended with exit code {ended.code}; see above")
    try:
        result = RunResult.model_validate_json(read_record(RunFiles(out).result))
    except (OSError, ValueError) as error:
        raise EngineError(f"the backend left no result that can be read: {error}") from None
    typer.echo(result.model_dump_json(indent=2, exclude={"files"}))


def _spec_of(source: Path, arm: str | None, seed: int, runtime: RuntimeOption, device: DeviceOption) -> RunSpec:
    if arm is None:
        raise InputError(f"{source}: is a study; say which of its arms to run with --arm")
    project, files = find_studies([source])
    task, _, own = arm.rpartition("/")  # TASK/ARM where the file has several tasks
    chosen = [file.study for file in files if file.study.part is None or file.study.part.task == task]
    for study in chosen if task or files[0].suite is None else ():
        if own in study.arms and seed in study.seeds_of(own):
            bench = open_workbench(project, options_of(runtime, device), [study])
            return next(run.spec for run in bench.plan(study, say).runs if (run.arm, run.seed) == (own, seed))
    known = ", ".join(
        f"{'' if file.study.part is None else f'{file.study.part.task}/'}{name}"
        for file in files
        for name in file.study.arms
    )
    raise InputError(f"{source}: no run of arm {arm} with seed {seed}; arms: {known}; seeds: {files[-1].study.seeds}")
