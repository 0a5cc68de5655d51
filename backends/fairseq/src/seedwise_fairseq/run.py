"""One run: from a checked spec to its files.  Importing this imports torch and fairseq."""

from __future__ import annotations

import logging
import shlex
import shutil
import tempfile
import time
from argparse import Namespace
from pathlib import Path
from typing import Any, Dict, List, Optional

import torch
from omegaconf import OmegaConf

from seedwise_contract import BackendError, DataError, OutOfMemory, RunFiles, RunResult, RunSpec, RunStatus
from seedwise_contract.backend import RunContext, peak_host_bytes
from seedwise_contract.data import Example, model_folder, read_split
from seedwise_contract.environment import read_environment
from seedwise_contract.files import write_json, write_lines
from seedwise_contract.results import Cost, Timings
from seedwise_fairseq import state
from seedwise_fairseq.architecture import read_folder
from seedwise_fairseq.binarise import binarised, save_dictionary
from seedwise_fairseq.command import command_line, configuration
from seedwise_fairseq.model import build, decay_by_name, parameter_table, read_source
from seedwise_fairseq.scoring import Stopped, metrics, predictions
from seedwise_fairseq.seeding import set_determinism
from seedwise_fairseq.text import SPECIALS, coder_of
from seedwise_fairseq.training import Diverged, SeedwiseTask, SeedwiseTrainer, restore

_LESS_MEMORY = "lower recipe.batch_size (and raise recipe.accumulation), or recipe.max_length"


def run(spec: RunSpec, context: RunContext, begun: float) -> RunResult:
    """Train, select, score, write; `begun` is when the process's work began, by the monotonic clock."""
    with tempfile.TemporaryDirectory(prefix="seedwise-run-") as scratch:
        try:
            return _Run(spec, context, begun, Path(scratch)).result()
        except RuntimeError as error:  # torch gives its allocator no type of its own
            if "can't allocate memory" not in str(error) and "out of memory" not in str(error):
                raise
            raise OutOfMemory(f"the host ran out of memory: {_LESS_MEMORY} ({error})") from error


class _Run:
    def __init__(self, spec: RunSpec, context: RunContext, begun: float, scratch: Path) -> None:
        self.spec = spec
        self.context = context
        self.files: RunFiles = context.files
        self._begun = begun
        setup = time.monotonic()
        logging.getLogger().setLevel(logging.WARNING)  # fairseq's modules set it to INFO when they are imported
        switches = set_determinism(spec.device.threads)
        environment = read_environment(threads=spec.device.threads, device="cpu", driver=None, determinism=switches)
        write_json(self.files.environment, environment)
        self.examples: Dict[str, List[Example]] = {
            split: read_split(spec.task, split, context.roots.data) for split in ("train", "selection", "test")
        }
        assert spec.model is not None
        assert spec.recipe is not None
        folder = read_folder(model_folder(spec.model, context.roots.models))
        self.coder = coder_of(folder)
        source = read_source(spec, folder, self.coder)
        self.architecture = source.architecture
        data = binarised(spec, self.coder, self.examples)
        words = command_line(spec, source.architecture, data, scratch)
        print(shlex.join(["fairseq-train", *words]), flush=True)
        self.cfg = configuration(words)
        self.task: Any = SeedwiseTask.setup_task(self.cfg.task)
        self.task.order_seed = spec.seeds.order
        _agree(self.task.source_dictionary.symbols, self.coder.symbols)
        built = build(spec, source, self.task, self.cfg)
        self.model: Any = built.model
        optimizer = spec.recipe.optimizer
        self.decay = decay_by_name(self.model, optimizer.weight_decay, optimizer.decay_on)
        write_json(self.files.parameters, parameter_table(built, self.decay))
        for split in ("selection", "test"):
            self.task.load_dataset(split)
        self._setup = time.monotonic() - setup

    def result(self) -> RunResult:
        spec, files = self.spec, self.files
        assert spec.recipe is not None
        resumed = state.find(files, spec)
        progress = state.load(resumed) if resumed else state.Progress()
        self.context.events.keep(progress.events_bytes)
        self.context.events.start(
            total_updates=spec.total_updates,
            epochs=spec.recipe.epochs,
            resumed_at=state.update_of(resumed) if resumed else None,
        )
        trainer = SeedwiseTrainer(
            self.cfg, self.task, self.model, self.task.build_criterion(self.cfg.criterion), self.decay,
            spec, self.context, self.examples["selection"], progress,
        )  # fmt: skip
        diverged: Optional[str] = None
        try:
            trainer.fit()
        except Diverged as error:
            diverged = str(error)
            self.context.events.warning(diverged)
        updates = trainer.get_num_updates()
        if diverged is None and updates != spec.total_updates:
            raise BackendError(f"{updates} updates were done, but the spec asks for {spec.total_updates}")
        if diverged is not None and spec.selection is not None and spec.selection.rule == "last":
            progress.best = None  # the last checkpoint is the one that diverged: there is nothing to score
        try:
            scored = self._score(trainer, progress)
        except Diverged as error:
            diverged, scored, progress.best = str(error), {}, None
        checkpoint_bytes = self._save_checkpoint(progress)
        seconds = progress.training_seconds
        return RunResult(
            contract=1,
            status=RunStatus.COMPLETED if diverged is None else RunStatus.DIVERGED,
            reason=None,
            message=diverged,
            metrics=scored,
            selected=progress.best.selected if progress.best else None,
            updates=updates,
            timings=Timings(
                setup=self._setup,
                training=seconds,
                evaluation=progress.evaluation_seconds,
                total=time.monotonic() - self._begun,
            ),
            cost=Cost(
                train_examples_per_second=_examples_done(spec, updates) / seconds if seconds else None,
                peak_host_bytes=peak_host_bytes(),
                peak_device_bytes=None,
                energy_joules=None,
                checkpoint_bytes=checkpoint_bytes,
            ),
            files={},
        )

    def _score(self, trainer: SeedwiseTrainer, progress: state.Progress) -> Dict[str, Dict[str, float]]:
        """Score the reported split, once, at the selected checkpoint; both splits' predictions."""
        best = progress.best
        if best is None:
            return {}
        last = {n: p.detach().clone() for n, p in self.model.named_parameters() if p.requires_grad}
        restore(self.model, best.weights)
        begun = time.perf_counter()
        try:
            logits = trainer.scores("test")
        except Stopped:
            restore(self.model, last)  # the state is the trainer's, not the selected checkpoint's
            trainer.interrupt()
        if not bool(torch.isfinite(logits).all()):
            raise Diverged("the scores of the reported split are not finite")
        reported = metrics(logits, self.examples["test"])
        progress.evaluation_seconds += time.perf_counter() - begun
        self.context.events.evaluation(
            split="test", epoch=best.selected.epoch, update=best.selected.update, metrics=reported
        )
        write_lines(self.files.predictions("selection"), predictions(best.logits, self.examples["selection"]))
        write_lines(self.files.predictions("test"), predictions(logits, self.examples["test"]))
        return {"selection": best.metrics, "test": reported}

    def _save_checkpoint(self, progress: state.Progress) -> Optional[int]:
        """The selected weights, head included, as fairseq reads them back, and what codes texts for them."""
        final = self.files.checkpoint
        partial = final.with_name(f".{final.name}.partial")
        shutil.rmtree(final, ignore_errors=True)
        shutil.rmtree(partial, ignore_errors=True)
        if progress.best is None:
            return None
        partial.mkdir(parents=True)
        plain: Any = OmegaConf.to_container(self.cfg, resolve=True, enum_to_str=True)
        plain["task"]["data"] = "."  # temporary paths would make equal checkpoints differ
        plain["checkpoint"]["save_dir"] = "checkpoints"
        plain["model"] = Namespace(**{**vars(self.cfg.model), "data": ".", "save_dir": "checkpoints"})
        selected = progress.best.selected
        history = {
            "criterion_name": "SentencePredictionCriterion",
            "optimizer_name": "FairseqAdam",
            "lr_scheduler_state": {"best": None},
            "num_updates": selected.update,
        }
        saved = {"args": None, "cfg": plain, "model": self.model.state_dict(), "optimizer_history": [history]}
        place = {"train_iterator": {"version": 2, "epoch": int(selected.epoch) + 1, "iterations_in_epoch": 0}}
        torch.save({**saved, "extra_state": place, "task_state": {}}, str(partial / "model.pt"))
        save_dictionary(self.coder.symbols, partial)
        save_dictionary(self.coder.symbols, partial / "input0")
        save_dictionary([*SPECIALS, *map(str, range(len(self.spec.task.labels)))], partial / "label")
        for path in self.coder.files:
            shutil.copyfile(path, partial / path.name)
        # fairseq has no option for it, and reads its own default of 1e-5 back.
        write_json(partial / "seedwise.json", {"layer_norm_eps": self.architecture.norm_eps})
        partial.replace(final)
        self.context.events.checkpoint(update=progress.best.selected.update, path=final.name)
        return sum(path.stat().st_size for path in final.rglob("*") if path.is_file())


def _agree(read: List[str], written: List[str]) -> None:
    """The dictionary that fairseq read is the one that the weights' rows are in."""
    if list(read) != list(written):
        place = next((n for n, (a, b) in enumerate(zip(read, written)) if a != b), min(len(read), len(written)))  # noqa: B905
        raise DataError(
            f"the dictionary is not read back as it was written, from index {place} on: check dict.txt there"
        )


def _examples_done(spec: RunSpec, updates: int) -> int:
    assert spec.recipe is not None
    rows, per_update = spec.task.splits["train"].rows, spec.recipe.batch_size * spec.recipe.accumulation
    epochs, rest = divmod(updates, spec.updates_per_epoch)
    return epochs * rows + min(rows, rest * per_update)
