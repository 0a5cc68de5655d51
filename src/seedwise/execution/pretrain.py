"""Carrying out a pretraining: one run of the store, like any other, whose checkpoint becomes a model on this machine."""

from __future__ import annotations

from concurrent.futures import wait

from pydantic import ValidationError

from seedwise.assets.prepare import prepare_data
from seedwise.assets.pretraining import Made, Pretraining, keep, sizes_folder
from seedwise.errors import AssetError, EngineError, InputError
from seedwise.execution.engines.base import Engine, Outcome, Setting
from seedwise.execution.engines.leases import LeasePool, usable_cores, usable_gpus
from seedwise.execution.engines.local import LocalEngine
from seedwise.execution.progress import Progress, last_event
from seedwise.execution.provenance import look_around
from seedwise.execution.workbench import Options, roots_of
from seedwise.notify import Notify
from seedwise.planning.plan import PlannedRun, derive_seeds, recipe_for
from seedwise.project import Project
from seedwise.runtimes.choose import choose
from seedwise.store.store import Store
from seedwise_contract import FailureReason, RunFiles, RunSpec, RunStatus, faults_of, run_id
from seedwise_contract.backend import unsupported
from seedwise_contract.spec import (
    CausalLmTask,
    Device,
    Evaluation,
    MaskedLmTask,
    Method,
    PromptColumns,
    Split,
    TextColumns,
)

_TELL_SECONDS = 30.0


def pretrain(pretraining: Pretraining, project: Project, options: Options, say: Notify) -> Made:
    """Run it, or take the run that the store holds, and keep its checkpoint as a model; resumes what was stopped."""
    kind = _device(pretraining, options)
    runtime, why = choose(project, options.runtime, options.flavour or kind)
    say(f"runtime: {runtime.name} ({why})")
    digest = runtime.prepare([pretraining.backend], say)[pretraining.backend]
    spec = spec_of(pretraining, project, kind, say)
    faults = unsupported(spec, runtime.describe(pretraining.backend))
    if faults:
        raise InputError(f"pretraining {pretraining.name}:\n" + "\n".join(f"  {fault}" for fault in faults))
    planned = PlannedRun("pretraining", pretraining.seed, spec, digest, run_id(spec, digest))
    store = Store(project.runs)
    gpus = usable_gpus() if kind == "cuda" else ()
    around = look_around(project.root)
    setting = Setting(project, runtime, store, roots_of(project), around)
    engine = LocalEngine(setting, LeasePool(usable_cores(), gpus), 1)
    try:
        outcome = _executed(engine, pretraining, planned, say)
    finally:
        engine.close()
    if outcome.result is None:
        error = EngineError(f"pretraining {pretraining.name} left no model: {outcome.message}")
        if outcome.reason is FailureReason.BAD_DATA:
            error.exit_code = AssetError.exit_code
        raise error
    if outcome.result.status is not RunStatus.COMPLETED:
        raise EngineError(
            f"pretraining {pretraining.name} diverged: {outcome.result.message}; lower recipe.optimizer.lr, and run again"
        )
    perplexity = outcome.result.metrics["test"]["perplexity"]
    checkpoint = RunFiles(store.folder(outcome.run_id)).checkpoint
    return keep(pretraining, project, checkpoint, outcome.run_id, digest, perplexity)


def spec_of(pretraining: Pretraining, project: Project, device: str, say: Notify) -> RunSpec:
    """The run that makes the model; its data are made ready first.  `InputError` where they are no running text."""
    data = prepare_data(pretraining.task.data, pretraining.task.rows, project, say)
    if not isinstance(data.columns, TextColumns):
        raise InputError(
            f"pretraining {pretraining.name}: task.data: data set {data.name} is no running text; name one whose manifest "
            "has 'text'"
        )
    wanted, train = pretraining.vocabulary.rows, data.splits["train"].rows
    if wanted is not None and wanted > train:
        raise InputError(
            f"pretraining {pretraining.name}: vocabulary.rows: found {wanted}; at most the {train} rows of the train split"
        )
    try:
        return RunSpec(
            contract=1,
            backend=pretraining.backend,
            task=_task(pretraining, data.name, data.splits, data.columns),
            model=sizes_folder(pretraining, project),
            initialisation="random",
            method=Method(name="full", parameters={}),
            recipe=recipe_for(pretraining.recipe, data.splits["train"].rows),
            seeds=derive_seeds(pretraining.seed),
            selection=pretraining.selection,
            evaluation=Evaluation(**pretraining.evaluation.model_dump()),
            device=Device(
                kind=device,  # type: ignore[arg-type]
                threads=pretraining.device.threads,
                instructions=pretraining.device.instructions,
            ),
        )
    except ValidationError as error:
        faults = "\n".join(f"  {fault}" for fault in faults_of(error))
        raise InputError(f"pretraining {pretraining.name} gives no valid run:\n{faults}") from None


def _task(
    pretraining: Pretraining, name: str, splits: dict[str, Split], columns: TextColumns
) -> MaskedLmTask | CausalLmTask:
    masking = pretraining.task.masking
    if masking is not None:
        return MaskedLmTask(
            kind="masked_lm", name=name, splits=splits, columns=columns, masking=masking, metric="perplexity"
        )
    return CausalLmTask(
        kind="causal_lm",
        name=name,
        splits=splits,
        columns=PromptColumns(id=columns.id, prompt=None, answer=columns.text),
        template="{answer}",
        loss_on="answer",
        metric="perplexity",
    )


def _executed(engine: Engine, pretraining: Pretraining, run: PlannedRun, say: Notify) -> Outcome:
    futures = engine.submit([(pretraining, run)])
    (future,) = futures.values()
    progress = Progress(engine, [run], futures)
    while not wait([future], timeout=_TELL_SECONDS).done:
        now = engine.running().get(run.run_id or "")
        event = last_event(now) if now is not None else {}
        loss, left = event.get("loss"), progress.left()
        say(
            f"update {event.get('update', 0)} of {run.spec.total_updates}"
            + (f", loss {loss:.3f}" if loss is not None else "")
            + (f", {left}" if left else "")
        )
    return future.result()


def _device(pretraining: Pretraining, options: Options) -> str:
    wanted = options.device if pretraining.device.kind == "auto" else pretraining.device.kind
    gpus = usable_gpus() if wanted != "cpu" else ()
    if wanted == "cuda" and not gpus:
        raise EngineError(f"pretraining {pretraining.name} wants a GPU, but none is usable here; choose --device cpu")
    return "cuda" if gpus else "cpu"
