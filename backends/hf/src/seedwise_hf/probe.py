"""The verb `probe`: what Trainer, its optimizer and its schedule make of a spec."""

from __future__ import annotations

import io
import warnings

import numpy
import torch

from seedwise_contract import Description, RunSpec, weights_digest
from seedwise_contract.context import RunContext
from seedwise_contract.files import write_whole
from seedwise_contract.parameters import ParameterTable
from seedwise_contract.probe import (
    HIDDEN,
    LOGITS,
    ProbedRow,
    ProbeRequest,
    ProbeResult,
    decay_groups,
    first_updates,
    order_digest,
    place_names,
)
from seedwise_contract.states import Progress
from seedwise_hf.methods import Method
from seedwise_hf.run import HfRun
from seedwise_hf.training import SeedwiseTrainer


def probe(
    spec: RunSpec, request: ProbeRequest, context: RunContext, method: Method, description: Description, begun: float
) -> ProbeResult:
    run = HfRun(spec, context, method, begun)
    rows = _states(run, request.rows)
    head = [
        (tuple(p.shape), p.detach().cpu().float().numpy().astype("<f4").tobytes())
        for name, p in run.model.named_parameters()
        if name in run.head
    ]
    trainer = run.trainer(Progress())
    assert spec.recipe is not None
    updates = _updates(trainer)
    assert trainer.optimizer is not None
    groups = decay_groups(trainer.optimizer.param_groups)
    epochs = []
    for epoch in range(spec.recipe.epochs):
        trainer.batches.epoch = epoch
        epochs.append(order_digest([run.examples["train"][row].id for row in batch] for batch in trainer.batches))
    rates = _rates(trainer, updates)
    first = first_updates(run.trainer(Progress()), spec, context, request.updates)
    table = ParameterTable.model_validate_json(context.files.parameters.read_bytes())
    return ProbeResult(
        contract=1,
        backend=description.backend,
        packages=description.packages,
        rows=rows,
        groups=groups,
        trainable=table.trainable,
        trainable_head=table.trainable_head,
        head_sha256=weights_digest(place_names(head)),
        updates=updates,
        learning_rates=rates,
        clip_norm=trainer.args.max_grad_norm or None,
        epochs=epochs,
        losses=first.losses,
        grad_norms=first.grad_norms,
    )


def _updates(trainer: SeedwiseTrainer) -> int:
    """As Trainer counts them when it begins to train."""
    loader = trainer.get_train_dataloader()
    args = trainer.args
    counted = trainer.set_initial_training_values(args, loader)
    return int(counted[-1])


def _rates(trainer: SeedwiseTrainer, updates: int) -> list[float]:
    """Steps the schedule through the whole run; without gradients the optimizer moves nothing."""
    assert trainer.optimizer is not None
    assert trainer.lr_scheduler is not None
    rates = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(updates):
            rates.append(float(trainer.optimizer.param_groups[0]["lr"]))
            trainer.optimizer.step()
            trainer.lr_scheduler.step()
    return rates


@torch.inference_mode()
def _states(run: HfRun, rows: int) -> list[ProbedRow]:
    """Score the first `rows` rows in batches as evaluation does, in the order of the file; writes both arrays."""
    run.model.eval()
    items, examples = run.encoded["selection"][:rows], run.examples["selection"][:rows]
    width = int(run.model.config.hidden_size)
    hidden, logits = [numpy.zeros((0, width), "<f4")], [numpy.zeros((0, run.spec.task.outputs), "<f4")]
    size = run.spec.evaluation.batch_size
    for start in range(0, len(items), size):
        batch = run.collate(items[start : start + size])
        del batch["labels"]
        batch = {name: tensor.to(run.device) for name, tensor in batch.items()}
        out = run.model(**batch, output_hidden_states=True)
        last = out.hidden_states[-1].float()
        hidden.append(last[batch["attention_mask"].bool()].cpu().numpy())
        logits.append(out.logits.float().cpu().numpy())
    for name, arrays in ((HIDDEN, hidden), (LOGITS, logits)):
        buffer = io.BytesIO()
        numpy.save(buffer, numpy.concatenate(arrays).astype("<f4"))
        write_whole(run.files.folder / name, buffer.getvalue())
    return [ProbedRow(id=example.id, tokens=len(item.ids)) for example, item in zip(examples, items, strict=True)]
