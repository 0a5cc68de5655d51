"""One run: from a checked spec to its files.  Importing this imports torch."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

import torch
from transformers import AutoTokenizer
from transformers.utils import logging

from seedwise_contract import BackendError, DataError, OutOfMemory, RunFiles, RunResult, RunSpec, RunStatus
from seedwise_contract.backend import RunContext, peak_host_bytes
from seedwise_contract.data import Example, model_folder, read_split
from seedwise_contract.environment import read_environment
from seedwise_contract.files import write_json, write_lines
from seedwise_contract.results import Cost, Timings
from seedwise_hf import optim, state
from seedwise_hf.data import Collator, Encoded, encode
from seedwise_hf.methods import Method
from seedwise_hf.model import build, parameter_table
from seedwise_hf.scoring import Scorer, Stopped, metrics, predictions
from seedwise_hf.seeding import set_determinism
from seedwise_hf.training import Diverged, SeedwiseTrainer, restore

_LESS_MEMORY = "lower recipe.batch_size (and raise recipe.accumulation), or recipe.max_length"


def run(spec: RunSpec, context: RunContext, method: Method, begun: float) -> RunResult:
    """Train, select, score, write; `begun` is when the process's work began, by the monotonic clock."""
    try:
        return _Run(spec, context, method, begun).result()
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(f"the device ran out of memory: {_LESS_MEMORY} ({error})") from error
    except RuntimeError as error:  # torch gives its allocator on the host no type of its own
        if "can't allocate memory" not in str(error):
            raise
        raise OutOfMemory(f"the host ran out of memory: {_LESS_MEMORY} ({error})") from error


class _Run:
    def __init__(self, spec: RunSpec, context: RunContext, method: Method, begun: float) -> None:
        self.spec = spec
        self.context = context
        self.files: RunFiles = context.files
        self._begun = begun
        setup = time.monotonic()
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        switches = set_determinism(spec.device.threads)
        device = _device(spec)
        write_json(self.files.environment, _environment(spec, device, switches))
        self.examples: Dict[str, List[Example]] = {
            split: read_split(spec.task, split, context.roots.data) for split in ("train", "selection", "test")
        }
        assert spec.model is not None
        folder = model_folder(spec.model, context.roots.models)
        built = method.prepare(build(spec, folder), spec.method.parameters)
        self.model = built.model.to(device)
        self.tokenizer = _tokenizer(folder)
        self.encoded: Dict[str, List[Encoded]] = {
            split: encode(self.tokenizer, examples, spec, built.model.config.vocab_size)
            for split, examples in self.examples.items()
        }
        assert spec.recipe is not None
        decay = optim.decay_by_name(self.model, spec.recipe.optimizer)
        write_json(self.files.parameters, parameter_table(built, decay))
        self.collate = Collator(self.tokenizer.pad_token_id)
        self.scorer = Scorer(
            device, spec.recipe.precision, spec.evaluation.batch_size, self.collate, lambda: context.stop_requested
        )
        self._setup = time.monotonic() - setup
        self._device = device

    def result(self) -> RunResult:
        spec, files = self.spec, self.files
        resumed = state.find(files, spec)
        progress = state.load(resumed) if resumed else state.Progress()
        self.context.events.keep(progress.events_bytes)
        assert spec.recipe is not None
        self.context.events.start(
            total_updates=spec.total_updates,
            epochs=spec.recipe.epochs,
            resumed_at=state.update_of(resumed) if resumed else None,
        )
        trainer = SeedwiseTrainer(
            spec, self.context, self.model, self.scorer, self.collate,
            self.encoded["train"], self.encoded["selection"], progress,
        )  # fmt: skip
        diverged: Optional[str] = None
        try:
            trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
        except Diverged as error:
            diverged = str(error)
            self.context.events.warning(diverged)
        updates = trainer.state.global_step
        if diverged is None and updates != spec.total_updates:
            raise BackendError(f"{updates} updates were done, but the spec asks for {spec.total_updates}")
        if diverged is not None and spec.selection is not None and spec.selection.rule == "last":
            progress.best = None  # the last checkpoint is the one that diverged: there is nothing to score
        try:
            scored = self._score(trainer, progress)
        except Diverged as error:
            diverged, scored, progress.best = str(error), {}, None
        checkpoint_bytes = self._save_checkpoint(progress)
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
                training=progress.training_seconds,
                evaluation=progress.evaluation_seconds,
                total=time.monotonic() - self._begun,
            ),
            cost=Cost(
                train_examples_per_second=_examples_done(spec, updates) / progress.training_seconds,
                peak_host_bytes=peak_host_bytes(),
                peak_device_bytes=torch.cuda.max_memory_allocated() if self._device.type == "cuda" else None,
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
        restore(self.model, best.weights)
        begun = time.perf_counter()
        try:
            logits = self.scorer(self.model, self.encoded["test"])
        except Stopped:
            trainer.interrupt()
        if not bool(torch.isfinite(logits).all()):
            raise Diverged("the scores of the reported split are not finite")
        reported = metrics(logits, self.encoded["test"])
        progress.evaluation_seconds += time.perf_counter() - begun
        self.context.events.evaluation(
            split="test", epoch=best.selected.epoch, update=best.selected.update, metrics=reported
        )
        write_lines(self.files.predictions("selection"), predictions(best.logits, self.examples["selection"]))
        write_lines(self.files.predictions("test"), predictions(logits, self.examples["test"]))
        return {"selection": best.metrics, "test": reported}

    def _save_checkpoint(self, progress: state.Progress) -> Optional[int]:
        """The selected weights, head included, and the tokenizer, as transformers reads them back."""
        final = self.files.checkpoint
        partial = final.with_name(f".{final.name}.partial")
        shutil.rmtree(final, ignore_errors=True)
        shutil.rmtree(partial, ignore_errors=True)
        if progress.best is None:
            return None
        self.model.save_pretrained(partial)
        self.tokenizer.save_pretrained(partial)
        partial.replace(final)
        self.context.events.checkpoint(update=progress.best.selected.update, path=final.name)
        return sum(path.stat().st_size for path in final.rglob("*") if path.is_file())


def _device(spec: RunSpec) -> torch.device:
    if spec.device.kind == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise BackendError(
            "device.kind is 'cuda', but this process sees no CUDA device; lease it one, or plan for 'cpu'"
        )
    if spec.recipe is not None and spec.recipe.precision == "bf16" and not torch.cuda.is_bf16_supported():
        raise BackendError(f"{torch.cuda.get_device_name()} has no bfloat16; use precision 'fp32'")
    torch.cuda.reset_peak_memory_stats()
    return torch.device("cuda", torch.cuda.current_device())


def _environment(spec: RunSpec, device: torch.device, switches: Dict[str, str]) -> Any:
    cuda = device.type == "cuda"
    return read_environment(
        threads=spec.device.threads,
        device=torch.cuda.get_device_name(device) if cuda else "cpu",
        driver=_driver() if cuda else None,
        determinism=switches | ({"torch.cuda": str(torch.version.cuda)} if cuda else {}),
    )


def _driver() -> Optional[str]:
    path = Path("/proc/driver/nvidia/version")
    return path.read_text(encoding="utf-8").splitlines()[0] if path.is_file() else None


def _tokenizer(folder: Path) -> Any:
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise DataError(f"{folder}: the tokenizer cannot be read: {error}") from error
    if tokenizer.pad_token_id is None:
        raise DataError(f"{folder}: the tokenizer has no padding token, which batches need")
    return tokenizer


def _examples_done(spec: RunSpec, updates: int) -> int:
    assert spec.recipe is not None
    rows, per_update = spec.task.splits["train"].rows, spec.recipe.batch_size * spec.recipe.accumulation
    epochs, rest = divmod(updates, spec.updates_per_epoch)
    return epochs * rows + min(rows, rest * per_update)
