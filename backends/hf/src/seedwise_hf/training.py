"""transformers' Trainer, held to the spec: its streams, its loss, its events, its stops."""

from __future__ import annotations

import math
import shutil
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

import torch
from torch import nn
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from seedwise_contract import Interrupted, RunSpec
from seedwise_contract.backend import RunContext
from seedwise_contract.results import Selected
from seedwise_hf import optim, state
from seedwise_hf.data import Collator, Encoded, EpochBatches
from seedwise_hf.scoring import Scorer, Stopped, metrics
from seedwise_hf.seeding import seed_torch


class Diverged(Exception):
    """The loss or the scores are not finite."""


def arguments(spec: RunSpec, output: Path) -> TrainingArguments:
    """Trainer's settings.  What is not the spec's is switched off: no reports, no saves, no evaluation of its own."""
    assert spec.recipe is not None
    args = TrainingArguments(
        output_dir=str(output),
        num_train_epochs=spec.recipe.epochs,
        per_device_train_batch_size=spec.recipe.batch_size,
        gradient_accumulation_steps=spec.recipe.accumulation,
        max_grad_norm=spec.recipe.clip_norm or 0.0,  # 0: Trainer does not clip
        bf16=spec.recipe.precision == "bf16",
        use_cpu=spec.device.kind == "cpu",
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        eval_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        log_level="error",
        dataloader_num_workers=0,
    )
    args._n_gpu = min(1, args.n_gpu)  # several visible GPUs would otherwise split each batch
    return args


class SeedwiseTrainer(Trainer):
    """One training loop for every method: what trains is settled by the model that it is given."""

    def __init__(
        self, spec: RunSpec, context: RunContext, model: nn.Module, scorer: Scorer, collate: Collator,
        train: List[Encoded], selection: List[Encoded], progress: state.Progress,
    ) -> None:  # fmt: skip
        assert spec.recipe is not None
        assert spec.selection is not None
        self.spec = spec
        self.context = context
        self.progress = progress
        self._rule = spec.selection
        self._scorer = scorer
        self._selection = selection
        self._mark = time.perf_counter()
        self._batches = EpochBatches(spec.seeds.order, len(train), spec.recipe.batch_size)
        super().__init__(
            model=model,
            args=arguments(spec, state.partial_folder(context.files)),
            data_collator=collate,
            train_dataset=train,  # type: ignore[arg-type]
            compute_loss_func=mean_over_update,
            optimizers=optim.make(model, spec.recipe, spec.total_updates),
            callbacks=[_Hooks(self)],
        )
        self.remove_callback(PrinterCallback)

    def get_train_dataloader(self) -> DataLoader:  # type: ignore[type-arg]
        """Rows in the order of `seeds.order`; the loader's own generator spares the dropout stream."""
        return DataLoader(
            self.train_dataset,  # type: ignore[arg-type]
            batch_sampler=self._batches,
            collate_fn=self.data_collator,
            generator=torch.Generator(),
        )

    def floating_point_ops(self, inputs: Dict[str, Any]) -> int:
        return 0  # counted by Trainer at every batch, and not asked for

    def log(self, logs: Dict[str, float], start_time: Optional[float] = None) -> None:
        """Called by Trainer after every update: the step event, then the reasons to stop."""
        if "learning_rate" not in logs:
            return
        now = time.perf_counter()
        self.progress.training_seconds += now - self._mark
        self._mark = now
        loss, norm = logs["loss"], logs["grad_norm"]
        self.context.events.step(
            update=self.state.global_step,
            epoch=self.state.epoch,
            loss=loss if math.isfinite(loss) else None,
            lr=logs["learning_rate"],
            grad_norm=norm if math.isfinite(norm) else None,
            seconds=self.progress.training_seconds,
        )
        if not math.isfinite(loss):
            raise Diverged(f"the loss of update {self.state.global_step} is not finite")
        if self.context.stop_requested:
            self.interrupt()

    def interrupt(self) -> None:
        """Save everything that the rest of the run depends on, and stop."""
        files = self.context.files
        shutil.rmtree(self.args.output_dir, ignore_errors=True)
        self.progress.events_bytes = files.events.stat().st_size
        self._save_checkpoint(self.model, trial=None)
        update = self.state.global_step
        state.save(files, self.spec, self.progress, Path(self.args.output_dir) / f"checkpoint-{update}", update)
        raise Interrupted(f"stopped after update {update} of {self.spec.total_updates}; run again to go on from there")

    def begin(self) -> None:
        seed_torch(self.spec.seeds.dropout)
        self._mark = time.perf_counter()
        if self.progress.evaluated_epochs < self.state.global_step // self.spec.updates_per_epoch:
            self.select()  # the run was stopped between the last update of an epoch and its evaluation

    def begin_epoch(self) -> None:
        self._batches.epoch = self.state.global_step // self.spec.updates_per_epoch

    def select(self) -> None:
        """Score the selection split, and keep the weights if the rule prefers them."""
        begun = time.perf_counter()
        try:
            logits = self._scorer(self.model, self._selection)
        except Stopped:
            self.interrupt()
        if not bool(torch.isfinite(logits).all()):
            raise Diverged(f"the scores after update {self.state.global_step} are not finite")
        scored = metrics(logits, self._selection)
        update = self.state.global_step
        epoch = update / self.spec.updates_per_epoch
        self.context.events.evaluation(split="selection", epoch=epoch, update=update, metrics=scored)
        best, value = self.progress.best, scored[self._rule.metric]
        if self._rule.improves(value, best.selected.value if best else None):
            self.progress.best = state.Best(
                selected=Selected(epoch=epoch, update=update, metric=self._rule.metric, value=value),
                metrics=scored,
                weights=trainable_weights(self.model),
                logits=logits,
            )
        self.progress.evaluated_epochs += 1
        now = time.perf_counter()
        self.progress.evaluation_seconds += now - begun
        self._mark = now


class _Hooks(TrainerCallback):
    def __init__(self, trainer: SeedwiseTrainer) -> None:
        self._trainer = trainer

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self._trainer.begin()

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        self._trainer.begin_epoch()

    def on_epoch_end(self, *_: Any, **__: Any) -> None:
        self._trainer.select()


def mean_over_update(outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:
    """Cross-entropy in float32; the sum of an update's batches is the mean over its examples, however few."""
    return nn.functional.cross_entropy(outputs["logits"].float(), labels, reduction="sum") / num_items_in_batch


def trainable_weights(model: nn.Module) -> Dict[str, torch.Tensor]:
    """Copies on the CPU."""
    return {
        name: p.detach().to("cpu", copy=True).contiguous() for name, p in model.named_parameters() if p.requires_grad
    }


@torch.no_grad()
def restore(model: nn.Module, weights: Dict[str, torch.Tensor]) -> None:
    parameters = dict(model.named_parameters())
    for name, value in weights.items():
        parameters[name].copy_(value)
