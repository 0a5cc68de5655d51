"""One run: from a checked spec to its files.  Importing this imports torch and fairseq.

Three streams of randomness, none of which draws from another:
- initialisation: torch's global generator is seeded with it right before weights are drawn (`model.build`);
- order: `seedwise_contract.order.epoch_batches` is a pure function of the seed, the epoch and the rows' lengths, the same in every backend;
- dropout: fairseq's own seed.  Its Trainer seeds torch before every update with this seed plus the updates done.
"""

from __future__ import annotations

import seedwise_fairseq.compat  # noqa: F401 - before anything of fairseq's

# isort: split

import logging
import shlex
import shutil
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf

from seedwise_contract import DataError, RunResult, RunSpec
from seedwise_contract.context import RunContext
from seedwise_contract.data import model_folder, read_measured, read_split, read_texts
from seedwise_contract.files import write_json
from seedwise_contract.gradient import GradientRun
from seedwise_contract.results import Selected
from seedwise_contract.states import Progress
from seedwise_contract.torch_device import device_of, environment_of, memory_errors, peak_device_bytes, set_determinism
from seedwise_fairseq.architecture import read_folder
from seedwise_fairseq.binarise import binarised, save_dictionary
from seedwise_fairseq.command import command_line, configuration
from seedwise_fairseq.model import build, decay_by_name, parameter_table, read_source
from seedwise_fairseq.state import States
from seedwise_fairseq.tasks import task_of
from seedwise_fairseq.text import SPECIALS, Row, coder_of
from seedwise_fairseq.training import SeedwiseTrainer
from seedwise_fairseq.vocabulary import with_vocabulary


def run(spec: RunSpec, context: RunContext, begun: float) -> RunResult:
    """Train, select, score, write; `begun` is when the process's work began, by the monotonic clock."""
    with tempfile.TemporaryDirectory(prefix="seedwise-run-") as scratch, memory_errors():
        return FairseqRun(spec, context, begun, Path(scratch)).result()


class FairseqRun(GradientRun):
    def __init__(self, spec: RunSpec, context: RunContext, begun: float, scratch: Path) -> None:
        super().__init__(spec, context, States(context.files, spec), begun)
        logging.getLogger().setLevel(logging.WARNING)  # fairseq's modules set it to INFO when they are imported
        switches = set_determinism(spec.device.threads)
        self.device = device_of(spec)
        write_json(self.files.environment, environment_of(spec, self.device, switches))
        self.examples: dict[str, Sequence[Row]] = {
            split: _rows(spec, split, context.roots.data) for split in ("train", "selection", "test")
        }
        assert spec.model is not None
        assert spec.recipe is not None
        folder = read_folder(model_folder(spec.model, context.roots.models))
        folder = with_vocabulary(folder, self.examples["train"], scratch / "vocabulary")
        self.coder = coder_of(folder)
        source = read_source(spec, folder, self.coder)
        self.architecture = source.architecture
        data = binarised(spec, self.coder, self.examples)
        words = command_line(spec, source.architecture, data, scratch)
        print(shlex.join(["fairseq-train", *words]), flush=True)
        self.cfg = configuration(words)
        self.task: Any = task_of(spec, self.cfg.task)
        _agree(self.task.source_dictionary.symbols, self.coder.symbols)
        built = build(spec, source, self.task, self.cfg)
        self.model: Any = built.model
        self.head = built.head
        optimizer = spec.recipe.optimizer
        self.decay = decay_by_name(self.model, optimizer.weight_decay, optimizer.decay_on)
        write_json(self.files.parameters, parameter_table(built, self.decay))
        for split in ("selection", "test"):
            self.task.load_dataset(split)

    def trainer(self, progress: Progress) -> SeedwiseTrainer:
        return SeedwiseTrainer(
            self.cfg, self.task, self.model, self.task.build_criterion(self.cfg.criterion), self.decay,
            self.spec, self.context, self.examples, self.states, progress,
        )  # fmt: skip

    def peak_device_bytes(self) -> int | None:
        return peak_device_bytes(self.device)

    def lines(self, split: str, logits: Any) -> Sequence[Any]:
        return self.task.lines(logits, self.examples[split])  # type: ignore[no-any-return]

    def save(self, folder: Path, selected: Selected) -> None:
        """As fairseq reads it back, with what codes texts for it."""
        folder.mkdir(parents=True)
        plain: Any = OmegaConf.to_container(self.cfg, resolve=True, enum_to_str=True)
        plain["task"]["data"] = "."  # temporary paths would make equal checkpoints differ
        plain["checkpoint"]["save_dir"] = "checkpoints"
        plain["model"] = Namespace(**{**vars(self.cfg.model), "data": ".", "save_dir": "checkpoints"})
        history = {
            "criterion_name": self.task.criterion,
            "optimizer_name": "FairseqAdam",
            "lr_scheduler_state": {"best": None},
            "num_updates": selected.update,
        }
        saved = {"args": None, "cfg": plain, "model": _on_host(self.model.state_dict()), "optimizer_history": [history]}
        place = {"train_iterator": {"version": 2, "epoch": int(selected.epoch) + 1, "iterations_in_epoch": 0}}
        torch.save({**saved, "extra_state": place, "task_state": {}}, str(folder / "model.pt"))
        save_dictionary(self.coder.symbols, folder)
        if self.spec.task.kind != "masked_lm":
            (folder / "input0").mkdir()
            shutil.copyfile(folder / "dict.txt", folder / "input0" / "dict.txt")
        if self.spec.task.kind == "classification":
            save_dictionary([*SPECIALS, *map(str, range(len(self.spec.task.labels)))], folder / "label")
        for path in self.coder.files:
            shutil.copyfile(path, folder / path.name)
        # fairseq has no option for it, and reads its own default of 1e-5 back.
        write_json(folder / "seedwise.json", {"layer_norm_eps": self.architecture.norm_eps})


def _on_host(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.cpu() for name, tensor in weights.items()}


def _rows(spec: RunSpec, split: str, root: Path) -> Sequence[Row]:
    if spec.task.kind == "masked_lm":
        return read_texts(spec.task, split, root)
    if spec.task.kind == "regression":
        return read_measured(spec.task, split, root)
    assert spec.task.kind == "classification"
    return read_split(spec.task, split, root)


def _agree(read: list[str], written: list[str]) -> None:
    """The dictionary that fairseq read is the one that the weights' rows are in."""
    if list(read) != list(written):
        place = next(
            (n for n, (a, b) in enumerate(zip(read, written, strict=False)) if a != b), min(len(read), len(written))
        )
        raise DataError(
            f"the dictionary is not read back as it was written, from index {place} on: check dict.txt there"
        )
