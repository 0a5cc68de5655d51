"""fairseq's Trainer and epoch loop, held to the spec: its groups, its events, its stops."""

from __future__ import annotations

import seedwise_fairseq.compat  # noqa: F401 - before anything of fairseq's

# isort: split

import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import torch
from fairseq import metrics as meters
from fairseq.trainer import Trainer
from fairseq_cli.train import train as train_epoch
from torch import nn

from seedwise_contract import RunSpec
from seedwise_contract.context import RunContext
from seedwise_contract.course import Course, Diverged, Scored, Stopped
from seedwise_contract.states import Progress
from seedwise_fairseq.state import TRAINER, States
from seedwise_fairseq.tasks import Task
from seedwise_fairseq.text import Row


class SeedwiseTrainer(Trainer):  # type: ignore[misc]
    """fairseq's Trainer: gradients, clipping, updates and learning rates are its own.  What is added only watches, but for
    `decay_on`: the parameters that do not decay are moved into a group of their own.
    """

    def __init__(
        self, cfg: Any, task: Task, model: nn.Module, criterion: Any, decay: dict[str, float],
        spec: RunSpec, context: RunContext, examples: Mapping[str, Sequence[Row]], states: States, progress: Progress,
    ) -> None:  # fmt: skip
        meters.reset()
        super().__init__(cfg, task, model, criterion)
        self.spec = spec
        self.context = context
        self.course = Course(spec, context, progress)
        self._decay = decay
        self._examples = examples
        self._states = states
        self._epoch_itr: Any = None
        self._loss = self._norm = math.nan

    def fit(self, resumed: Path | None) -> None:
        """As fairseq_cli.train.main goes over the epochs, each of them trained by its own function."""
        assert self.spec.recipe is not None
        if resumed is None:
            self._epoch_itr = self.get_train_iterator(epoch=1)
            self.lr_step(self._epoch_itr.epoch)
        else:
            extra = self.load_checkpoint(str(resumed / TRAINER))
            self._epoch_itr = self.get_train_iterator(epoch=extra["train_iterator"]["epoch"])
            self._epoch_itr.load_state_dict(extra["train_iterator"])
        if self.course.unselected(self.updates):
            self.select()
        while self._epoch_itr.next_epoch_idx <= self.spec.recipe.epochs:
            self.course.mark()
            train_epoch(self.cfg, self, self.task, self._epoch_itr)
            self.select()
            self.lr_step(self._epoch_itr.epoch)
            if self._epoch_itr.next_epoch_idx <= self.spec.recipe.epochs:
                self._epoch_itr = self.get_train_iterator(self._epoch_itr.next_epoch_idx)

    @property
    def updates(self) -> int:
        return int(self.get_num_updates())

    def train_step(self, samples: list[Any], raise_oom: bool = False) -> Any:
        """fairseq's step; then the step event, and the reasons to stop."""
        lr = self.get_lr()
        try:
            output = super().train_step(samples, raise_oom=True)
        except FloatingPointError:
            raise Diverged(f"the gradients of update {self.updates + 1} are not finite") from None
        self.course.step(self.updates, self.updates / self.spec.updates_per_epoch, self._loss, lr, self._norm)
        if self.context.stop_requested:
            self.interrupt()
        return output

    def save_checkpoint(self, filename: str, extra_state: dict[str, Any]) -> None:
        """Not when it crashes: a diverged run is reported, and what it leaves is of no use."""
        if not str(filename).endswith("crash.pt"):
            super().save_checkpoint(filename, extra_state)

    def interrupt(self) -> NoReturn:
        """Save everything that the rest of the run depends on, and stop."""
        partial = self._states.partial
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        self.consolidate_optimizer()
        self.save_checkpoint(str(partial / TRAINER), {"train_iterator": self._position()})
        self._states.leave(self.course.progress, partial, self.updates)

    def _position(self) -> dict[str, Any]:
        """Where the data stand.  fairseq's own answer needs an epoch that has begun, which a resumed run may not have."""
        itr = self._epoch_itr
        if itr._cur_epoch_itr is not None:
            return dict(itr.state_dict())
        return {"version": 2, "epoch": itr.epoch, "iterations_in_epoch": itr.iterations_in_epoch, "shuffle": False}

    def select(self) -> None:
        try:
            self.course.select(self.updates, self.scored, self._weights)
        except Stopped:
            self.interrupt()

    def scored(self, split: str) -> Scored:
        task: Any = self.task
        size = self.spec.evaluation.batch_size
        return task.scored(  # type: ignore[no-any-return]
            task.score(self.model, split, size, lambda: self.context.stop_requested), self._examples[split]
        )

    def restore(self, weights: dict[str, torch.Tensor]) -> None:
        restore(self.model, weights)

    def _weights(self) -> dict[str, torch.Tensor]:
        return {name: p.detach().clone() for name, p in self.model.named_parameters() if p.requires_grad}

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
        """fairseq rounds what it logs; the mean loss over the update's examples, or its masked tokens, in nats, is taken before that."""
        total = sum(float(one["loss"]) for one in logging_outputs)
        self._loss = total / float(sum(one["sample_size"] for one in logging_outputs))
        self._norm = float(grad_norm) if grad_norm is not None else math.nan
        return super()._reduce_and_log_stats(logging_outputs, sample_size, grad_norm)


@torch.no_grad()
def restore(model: nn.Module, weights: dict[str, torch.Tensor]) -> None:
    parameters = dict(model.named_parameters())
    for name, value in weights.items():
        parameters[name].copy_(value)
