"""fairseq's task, Trainer and epoch loop, held to the spec: its streams, its groups, its events, its stops."""

from __future__ import annotations

import math
import shutil
import time
from typing import Any, Dict, List, Optional, Sequence

import torch
from fairseq import metrics as meters
from fairseq.data import iterators
from fairseq.tasks.sentence_prediction import SentencePredictionTask
from fairseq.trainer import Trainer
from fairseq_cli.train import train as train_epoch
from torch import nn

from seedwise_contract import Interrupted, RunSpec
from seedwise_contract.backend import RunContext
from seedwise_contract.data import Example
from seedwise_contract.results import Selected
from seedwise_fairseq import state
from seedwise_fairseq.scoring import Stopped, metrics, score
from seedwise_fairseq.seeding import epoch_order


class Diverged(Exception):
    """The loss, the gradients or the scores are not finite."""


class SeedwiseTask(SentencePredictionTask):  # type: ignore[misc]
    """fairseq's task, with batches in the order of `seeds.order`."""

    order_seed: int

    def get_batch_iterator(
        self, dataset: Any, max_sentences: Optional[int] = None, epoch: int = 1, **_: Any
    ) -> iterators.EpochBatchIterator:
        """Batches of one epoch (from 1).  fairseq's own would shuffle whole batches, with a seed of its own."""
        assert max_sentences is not None
        order = epoch_order(self.order_seed, epoch - 1, len(dataset))
        batches = [order[start : start + max_sentences] for start in range(0, len(order), max_sentences)]
        return iterators.EpochBatchIterator(
            dataset=dataset,
            collate_fn=dataset.collater,
            batch_sampler=batches,
            epoch=epoch,
            disable_shuffling=True,
        )


class SeedwiseTrainer(Trainer):  # type: ignore[misc]
    """fairseq's Trainer: gradients, clipping, updates and learning rates are its own.  What is added only watches, but for
    `decay_on`: the parameters that do not decay are moved into a group of their own.
    """

    def __init__(
        self, cfg: Any, task: SeedwiseTask, model: nn.Module, criterion: Any, decay: Dict[str, float],
        spec: RunSpec, context: RunContext, selection: Sequence[Example], progress: state.Progress,
    ) -> None:  # fmt: skip
        assert spec.selection is not None
        meters.reset()
        super().__init__(cfg, task, model, criterion)
        self.spec = spec
        self.context = context
        self.progress = progress
        self._decay = decay
        self._rule = spec.selection
        self._selection = selection
        self._epoch_itr: Any = None
        self._loss = self._norm = math.nan
        self._mark = time.perf_counter()

    def fit(self) -> None:
        """As fairseq_cli.train.main goes over the epochs, each of them trained by its own function."""
        assert self.spec.recipe is not None
        resumed = state.find(self.context.files, self.spec)
        if resumed is None:
            self._epoch_itr = self.get_train_iterator(epoch=1)
            self.lr_step(self._epoch_itr.epoch)
        else:
            extra = self.load_checkpoint(str(resumed / state.TRAINER))
            self._epoch_itr = self.get_train_iterator(epoch=extra["train_iterator"]["epoch"])
            self._epoch_itr.load_state_dict(extra["train_iterator"])
        if self.progress.evaluated_epochs < self.get_num_updates() // self.spec.updates_per_epoch:
            self.select()  # the run was stopped between the last update of an epoch and its evaluation
        while self._epoch_itr.next_epoch_idx <= self.spec.recipe.epochs:
            self._mark = time.perf_counter()
            train_epoch(self.cfg, self, self.task, self._epoch_itr)
            self.select()
            self.lr_step(self._epoch_itr.epoch)
            if self._epoch_itr.next_epoch_idx <= self.spec.recipe.epochs:
                self._epoch_itr = self.get_train_iterator(self._epoch_itr.next_epoch_idx, load_dataset=False)

    def train_step(self, samples: List[Any], raise_oom: bool = False) -> Any:
        """fairseq's step; then the step event, and the reasons to stop."""
        lr = self.get_lr()
        try:
            output = super().train_step(samples, raise_oom=True)
        except FloatingPointError:
            raise Diverged(f"the gradients of update {self.get_num_updates() + 1} are not finite") from None
        now = time.perf_counter()
        self.progress.training_seconds += now - self._mark
        self._mark = now
        update = self.get_num_updates()
        self.context.events.step(
            update=update,
            epoch=update / self.spec.updates_per_epoch,
            loss=self._loss if math.isfinite(self._loss) else None,
            lr=lr,
            grad_norm=self._norm if math.isfinite(self._norm) else None,
            seconds=self.progress.training_seconds,
        )
        if not math.isfinite(self._loss):
            raise Diverged(f"the loss of update {update} is not finite")
        if self.context.stop_requested:
            self.interrupt()
        return output

    def save_checkpoint(self, filename: str, extra_state: Dict[str, Any]) -> None:
        """Not when it crashes: a diverged run is reported, and what it leaves is of no use."""
        if not str(filename).endswith("crash.pt"):
            super().save_checkpoint(filename, extra_state)

    def interrupt(self) -> None:
        """Save everything that the rest of the run depends on, and stop."""
        files = self.context.files
        partial = state.partial_folder(files)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        self.progress.events_bytes = files.events.stat().st_size
        self.consolidate_optimizer()
        self.save_checkpoint(str(partial / state.TRAINER), {"train_iterator": self._position()})
        update = self.get_num_updates()
        state.save(files, self.spec, self.progress, update)
        raise Interrupted(f"stopped after update {update} of {self.spec.total_updates}; run again to go on from there")

    def _position(self) -> Dict[str, Any]:
        """Where the data stand.  fairseq's own answer needs an epoch that has begun, which a resumed run may not have."""
        itr = self._epoch_itr
        if itr._cur_epoch_itr is not None:
            return dict(itr.state_dict())
        return {"version": 2, "epoch": itr.epoch, "iterations_in_epoch": itr.iterations_in_epoch, "shuffle": False}

    def select(self) -> None:
        """Score the selection split, and keep the weights if the rule prefers them."""
        begun = time.perf_counter()
        try:
            logits = self.scores("selection")
        except Stopped:
            self.interrupt()
        update = self.get_num_updates()
        if not bool(torch.isfinite(logits).all()):
            raise Diverged(f"the scores after update {update} are not finite")
        scored = metrics(logits, self._selection)
        epoch = update / self.spec.updates_per_epoch
        self.context.events.evaluation(split="selection", epoch=epoch, update=update, metrics=scored)
        best, value = self.progress.best, scored[self._rule.metric]
        if self._rule.improves(value, best.selected.value if best else None):
            self.progress.best = state.Best(
                selected=Selected(epoch=epoch, update=update, metric=self._rule.metric, value=value),
                metrics=scored,
                weights={n: p.detach().clone() for n, p in self.model.named_parameters() if p.requires_grad},
                logits=logits,
            )
        self.progress.evaluated_epochs += 1
        self.progress.evaluation_seconds += time.perf_counter() - begun

    def scores(self, split: str) -> torch.Tensor:
        """Logits of `split` in the order of its file."""
        dataset, size = self.task.dataset(split), self.spec.evaluation.batch_size
        return score(self.model, dataset, size, lambda: self.context.stop_requested)

    def _build_optimizer(self) -> None:
        super()._build_optimizer()
        optimizer = self._optimizer.optimizer
        named = {
            id(parameter): self._decay[name] for name, parameter in self.model.named_parameters() if name in self._decay
        }
        (whole,) = optimizer.param_groups
        parameters = whole["params"]
        spared = [parameter for parameter in parameters if named[id(parameter)] != whole["weight_decay"]]
        if spared:
            whole["params"] = [parameter for parameter in parameters if named[id(parameter)] == whole["weight_decay"]]
            optimizer.param_groups.append({**whole, "params": spared, "weight_decay": 0.0})

    def _reduce_and_log_stats(self, logging_outputs: Any, sample_size: Any, grad_norm: Any = None) -> Any:
        """fairseq rounds what it logs; the mean loss over the update's examples, in nats, is taken before that."""
        total = sum(float(one["loss"]) for one in logging_outputs)
        self._loss = total / sum(one["sample_size"] for one in logging_outputs)
        self._norm = float(grad_norm) if grad_norm is not None else math.nan
        return super()._reduce_and_log_stats(logging_outputs, sample_size, grad_norm)


@torch.no_grad()
def restore(model: nn.Module, weights: Dict[str, torch.Tensor]) -> None:
    parameters = dict(model.named_parameters())
    for name, value in weights.items():
        parameters[name].copy_(value)
