"""The verb `probe`: what fairseq's Trainer, its optimizer and its schedule make of a spec."""

from __future__ import annotations

import seedwise_fairseq.compat  # noqa: F401 - before anything of fairseq's

# isort: split

import io
import tempfile
from pathlib import Path

import numpy
import torch
from fairseq.data import iterators

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
from seedwise_fairseq.command import HEAD
from seedwise_fairseq.run import FairseqRun


def probe(
    spec: RunSpec, request: ProbeRequest, context: RunContext, description: Description, begun: float
) -> ProbeResult:
    with tempfile.TemporaryDirectory(prefix="seedwise-probe-") as scratch:
        run = FairseqRun(spec, context, begun, Path(scratch))
        rows = _states(run, request.rows)
        head = [
            (tuple(p.shape), p.detach().cpu().numpy().astype("<f4").tobytes())
            for name, p in run.model.named_parameters()
            if name in run.head
        ]
        trainer = run.trainer(Progress())
        groups = decay_groups(trainer.optimizer.optimizer.param_groups)
        ids = [example.id for example in run.examples["train"]]
        assert spec.recipe is not None
        epochs: list[str] = []
        rates: list[float] = []
        for epoch in range(1, spec.recipe.epochs + 1):
            itr = trainer.get_train_iterator(epoch, load_dataset=epoch == 1)
            if epoch == 1:
                trainer.lr_step(itr.epoch)
            epochs.append(order_digest([ids[row] for row in batch] for batch in itr.frozen_batches))
            # As the epoch loop takes them: batches in groups of --update-freq, no further than --max-update.
            for _ in range(
                len(iterators.GroupedIterator(itr.next_epoch_itr(), trainer.cfg.optimization.update_freq[0]))
            ):
                if len(rates) < trainer.cfg.optimization.max_update:
                    rates.append(float(trainer.get_lr()))
                    trainer.set_num_updates(len(rates))
            trainer.lr_step(itr.epoch)
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
        updates=len(rates),
        learning_rates=rates,
        clip_norm=float(trainer.cfg.optimization.clip_norm) or None,
        epochs=epochs,
        losses=first.losses,
        grad_norms=first.grad_norms,
    )


@torch.no_grad()
def _states(run: FairseqRun, rows: int) -> list[ProbedRow]:
    """Score the first `rows` rows in batches as evaluation does, in the order of the file; writes both arrays."""
    run.model.eval()
    dataset, examples = run.task.dataset("selection"), run.examples["selection"][:rows]
    hidden = [numpy.zeros((0, run.architecture.hidden), "<f4")]
    logits = [numpy.zeros((0, run.spec.task.outputs), "<f4")]
    probed: list[ProbedRow] = []
    size, pad = run.spec.evaluation.batch_size, run.task.source_dictionary.pad()
    for start in range(0, len(examples), size):
        part = examples[start : start + size]
        inputs = dataset.collater([dataset[start + place] for place in range(len(part))])["net_input"]
        states, _ = run.model(**inputs, features_only=True)
        scores, _ = run.model(**inputs, features_only=True, classification_head_name=HEAD)
        valid = inputs["src_tokens"].ne(pad)
        hidden.append(states.float()[valid].numpy())
        logits.append(scores.float().numpy())
        counts = valid.sum(dim=1).tolist()
        probed += [ProbedRow(id=part[place].id, tokens=int(counts[place])) for place in range(len(part))]
    for name, arrays in ((HIDDEN, hidden), (LOGITS, logits)):
        buffer = io.BytesIO()
        numpy.save(buffer, numpy.concatenate(arrays).astype("<f4"))
        write_whole(run.files.folder / name, buffer.getvalue())
    return probed
