"""transformers' Trainer, held to the spec: its streams, its loss, its events, its stops."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import nn
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from seedwise_contract import RunSpec
from seedwise_contract.context import RunContext
from seedwise_contract.course import Course, Scored, Stopped
from seedwise_contract.states import Progress
from seedwise_hf import optim
from seedwise_hf.data import EpochBatches
from seedwise_hf.scoring import Scorer
from seedwise_hf.seeding import seed_torch
from seedwise_hf.state import States


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
        self, spec: RunSpec, context: RunContext, model: nn.Module, scorer: Scorer, collate: Any,
        splits: Mapping[str, list[Any]], states: States, progress: Progress,
    ) -> None:  # fmt: skip
        assert spec.recipe is not None
        self.spec = spec
        self.context = context
        self.course = Course(spec, context, progress)
        self._states = states
        self._scorer = scorer
        self._splits = splits
        lengths = [len(item.ids) for item in splits["train"]]
        self.batches = EpochBatches(spec.seeds.order, lengths, spec.recipe.batch_size, spec.recipe.batching)
        super().__init__(
            model=model,
            args=arguments(spec, states.partial),
            data_collator=collate,
            train_dataset=splits["train"],  # type: ignore[arg-type]
            compute_loss_func=scorer.task.loss,
            optimizers=optim.make(model, spec.recipe, spec.total_updates),
            callbacks=[_Hooks(self)],
        )
        self.remove_callback(PrinterCallback)

    def fit(self, resumed: Path | None) -> None:
        self.train(resume_from_checkpoint=str(resumed) if resumed else None)

    @property
    def updates(self) -> int:
        return int(self.state.global_step)

    def get_train_dataloader(self) -> DataLoader:  # type: ignore[type-arg]
        """Rows in the order of `seeds.order`; the loader's own generator spares the dropout stream."""
        return DataLoader(
            self.train_dataset,  # type: ignore[arg-type]
            batch_sampler=self.batches,
            collate_fn=self.data_collator,
            generator=torch.Generator(),
        )

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        return 0  # counted by Trainer at every batch, and not asked for

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Called by Trainer after every update: the step event, then the reasons to stop."""
        if "learning_rate" not in logs:
            return
        self.course.step(self.updates, self.state.epoch, logs["loss"], logs["learning_rate"], logs["grad_norm"])
        if self.context.stop_requested:
            self.interrupt()

    def interrupt(self) -> NoReturn:
        """Save everything that the rest of the run depends on, and stop."""
        shutil.rmtree(self.args.output_dir, ignore_errors=True)
        self._save_checkpoint(self.model, trial=None)
        folder = Path(self.args.output_dir) / f"checkpoint-{self.updates}"
        self._states.leave(self.course.progress, folder, self.updates)

    def begin(self) -> None:
        seed_torch(self.spec.seeds.dropout)
        self.course.mark()
        if (
            self.updates == 0 and self.spec.task.kind == "causal_lm"
        ):  # whose every part is there before the first update
            self._unless_stopped(lambda: self.course.begin(self.scored))
        if self.course.unselected(self.updates):
            self.select()

    def begin_epoch(self) -> None:
        self.batches.epoch = self.updates // self.spec.updates_per_epoch

    def select(self) -> None:
        self._unless_stopped(
            lambda: self.course.select(self.updates, self.scored, lambda: trainable_weights(self.model))
        )

    def _unless_stopped(self, scoring: Callable[[], None]) -> None:
        try:
            scoring()
        except Stopped:
            self.interrupt()

    def scored(self, split: str) -> Scored:
        return self._scorer.task.scored(self._scorer(self.model, self._splits[split]), self._splits[split])

    def restore(self, weights: dict[str, torch.Tensor]) -> None:
        restore(self.model, weights)


class _Hooks(TrainerCallback):
    def __init__(self, trainer: SeedwiseTrainer) -> None:
        self._trainer = trainer

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self._trainer.begin()

    def on_epoch_begin(self, *_: Any, **__: Any) -> None:
        self._trainer.begin_epoch()

    def on_epoch_end(self, *_: Any, **__: Any) -> None:
        self._trainer.select()


def trainable_weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """Copies on the CPU."""
    return {
        name: p.detach().to("cpu", copy=True).contiguous() for name, p in model.named_parameters() if p.requires_grad
    }


@torch.no_grad()
def restore(model: nn.Module, weights: dict[str, torch.Tensor]) -> None:
    parameters = dict(model.named_parameters())
    for name, value in weights.items():
        parameters[name].copy_(value)
