"""What a spec asks for and fairseq cannot do, or not as the contract means it."""

from __future__ import annotations

from collections.abc import Iterator

from seedwise_contract import DataError, Fault, RunSpec
from seedwise_contract.checks import no_parameters, training_faults
from seedwise_contract.context import Roots
from seedwise_contract.faults import shown
from seedwise_fairseq.architecture import ACTIVATIONS, POSITION_OFFSET, Folder, read_folder


def faults(spec: RunSpec, roots: Roots) -> list[Fault]:
    """Every fault; `DataError` where there is none but the model folder cannot be read."""
    found = no_parameters("full", spec.method.parameters) + list(training_faults(spec))
    if spec.recipe is not None:
        found += [*_optimizer_faults(spec), *_cosine_faults(spec)]
    if spec.model is None:
        return found
    try:
        folder = read_folder(roots.models / spec.model.path)
    except DataError:
        if found:
            return found
        raise
    return found + list(_model_faults(spec, folder))


def _optimizer_faults(spec: RunSpec) -> Iterator[Fault]:
    assert spec.recipe is not None
    optimizer = spec.recipe.optimizer
    if optimizer.name == "adam" and optimizer.weight_decay > 0:
        yield Fault(
            field="recipe.optimizer.name",
            found='"adam"',
            allowed='fairseq\'s Adam decouples its weight decay: name it "adamw", or set weight_decay to 0',
        )


def _cosine_faults(spec: RunSpec) -> Iterator[Fault]:
    assert spec.recipe is not None
    schedule, lr = spec.recipe.schedule, spec.recipe.optimizer.lr
    if schedule.name == "cosine" and schedule.end_lr == lr:
        yield Fault(field="recipe.schedule.end_lr", found=str(lr), allowed=f"below lr ({lr})")
    if schedule.name == "cosine" and schedule.warmup_updates == spec.total_updates:
        yield Fault(
            field="recipe.schedule.warmup_updates",
            found=str(schedule.warmup_updates),
            allowed="fairseq's cosine needs an update after the warm-up",
        )


def _model_faults(spec: RunSpec, folder: Folder) -> Iterator[Fault]:
    if folder.kind != "fairseq" and folder.kind not in POSITION_OFFSET:
        yield Fault(
            field="model.path",
            found=f"a model of type {shown(folder.kind)}",
            allowed="a fairseq folder, or a type whose encoder is fairseq's RoBERTa encoder: "
            + ", ".join(POSITION_OFFSET),
        )
        return
    if spec.task.kind == "masked_lm":
        yield from _masked_faults(spec, folder)
    elif folder.vocabulary is not None:
        yield Fault(
            field="model.path",
            found="sizes without a vocabulary",
            allowed="only pretraining (task masked_lm) learns one: pretrain the model first, and name what that leaves",
        )
    if folder.kind == "bert" and spec.task.kind != "masked_lm" and spec.task.columns.text_pair is not None:
        yield Fault(
            field="task.columns.text_pair",
            found=shown(spec.task.columns.text_pair),
            allowed="null: BERT marks the second text by a token type, which fairseq's RoBERTa encoder does not have",
        )
    if spec.initialisation == "pretrained" and folder.kind == "fairseq" and not (folder.path / "model.pt").is_file():
        yield Fault(
            field="initialisation",
            found='"pretrained"',
            allowed=f"random: {spec.model.path if spec.model else folder.path} holds sizes, but no model.pt",
        )
    architecture = folder.architecture
    if architecture is None:
        return
    if architecture.activation not in ACTIVATIONS.values():
        yield Fault(
            field="model.path",
            found=f"an encoder with activation {shown(architecture.activation)}",
            allowed="one of: " + ", ".join(ACTIVATIONS),
        )
    if spec.recipe is not None and spec.recipe.max_length > architecture.positions:
        yield Fault(
            field="recipe.max_length",
            found=str(spec.recipe.max_length),
            allowed=f"at most the model's {architecture.positions} positions",
        )


def _masked_faults(spec: RunSpec, folder: Folder) -> Iterator[Fault]:
    if folder.kind != "fairseq":
        yield Fault(
            field="model.path",
            found=f"a transformers folder of type {shown(folder.kind)}",
            allowed="a fairseq folder or one of sizes: only those keep fairseq's head for masked tokens",
        )
    if spec.recipe is not None and spec.recipe.dropout.classifier != 0:
        yield Fault(
            field="recipe.dropout.classifier",
            found=str(spec.recipe.dropout.classifier),
            allowed="0: the task masked_lm has no classifier",
        )
