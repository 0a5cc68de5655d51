"""One run: from a checked spec to its files.  Importing this imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer
from transformers.utils import logging

from seedwise_contract import DataError, RunResult, RunSpec
from seedwise_contract.context import RunContext
from seedwise_contract.data import model_folder
from seedwise_contract.files import write_json
from seedwise_contract.gradient import GradientRun
from seedwise_contract.results import Selected
from seedwise_contract.states import Progress
from seedwise_contract.torch_device import device_of, environment_of, memory_errors, peak_device_bytes, set_determinism
from seedwise_hf import optim
from seedwise_hf.check import DROPOUT_FIELDS
from seedwise_hf.data import refuse_unknown
from seedwise_hf.methods import Method
from seedwise_hf.model import build, parameter_table
from seedwise_hf.scoring import Scorer
from seedwise_hf.state import States
from seedwise_hf.tasks import task_of
from seedwise_hf.training import SeedwiseTrainer
from seedwise_hf.vocabulary import learn, wish_of


def run(spec: RunSpec, context: RunContext, method: Method, begun: float, kind: type[HfRun] | None = None) -> RunResult:
    """Train, select, score, write, as `kind` does; `begun` is when the process's work began, by the monotonic clock."""
    with memory_errors():
        return (kind or HfRun)(spec, context, method, begun).result()


class HfRun(GradientRun):
    """A backend that shares this one's loop gives its own states and trainer, and says how a checkpoint is written."""

    states_type: type[States] = States
    trainer_type: type[SeedwiseTrainer] = SeedwiseTrainer

    def __init__(self, spec: RunSpec, context: RunContext, method: Method, begun: float) -> None:
        super().__init__(spec, context, self.states_type(context.files, spec), begun)
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        switches = set_determinism(spec.device.threads)
        self.device = device_of(spec)
        write_json(self.files.environment, environment_of(spec, self.device, switches))
        self.task = task_of(spec)
        self.examples: dict[str, list[Any]] = {
            split: self.task.read(split, context.roots.data) for split in ("train", "selection", "test")
        }
        assert spec.model is not None
        folder = model_folder(spec.model, context.roots.models)
        built = method.prepare(build(spec, folder), spec.method.parameters)
        self.head = built.head
        self.model = built.model.to(self.device)
        self.tokenizer = self._tokenizer(folder)
        if DROPOUT_FIELDS[built.model.config.model_type].bare:  # a head reads the last token that is no padding
            built.model.config.pad_token_id = self.tokenizer.pad_token_id
        self.encoded: dict[str, list[Any]] = {
            split: self.task.encode(self.tokenizer, examples, built.model.config.vocab_size)
            for split, examples in self.examples.items()
        }
        refuse_unknown(self.tokenizer, folder, [item.ids for item in self.encoded["train"]])
        assert spec.recipe is not None
        decay = optim.decay_by_name(self.model, spec.recipe.optimizer)
        write_json(self.files.parameters, parameter_table(built, decay))
        self.collate = self.task.collator(self.tokenizer.pad_token_id, scoring=False)

    def _tokenizer(self, folder: Path) -> Any:
        wish = wish_of(folder)
        if wish is None:
            return _tokenizer(folder)
        return learn(
            [f"{row.prompt}\n{row.answer}" if row.prompt else row.answer for row in self.examples["train"]], wish
        )

    def trainer(self, progress: Progress) -> SeedwiseTrainer:
        spec, context = self.spec, self.context
        assert spec.recipe is not None
        scorer = Scorer(
            self.task,
            self.device,
            spec.recipe.precision,
            spec.evaluation.batch_size,
            self.task.collator(self.tokenizer.pad_token_id, scoring=True),
            lambda: context.stop_requested,
        )
        return self.trainer_type(spec, context, self.model, scorer, self.collate, self.encoded, self.states, progress)

    def peak_device_bytes(self) -> int | None:
        return peak_device_bytes(self.device)

    def lines(self, split: str, logits: Any) -> Sequence[Any]:
        return self.task.lines(logits, self.examples[split])

    def save(self, folder: Path, selected: Selected) -> None:
        """With the tokenizer, as transformers reads them back."""
        self.write_model(folder)
        self.tokenizer.save_pretrained(folder)
        self.task.leave(self.model, self.tokenizer, self.examples["test"], self.files)

    def write_model(self, folder: Path) -> None:
        self.model.save_pretrained(folder)


def _tokenizer(folder: Path) -> Any:
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise DataError(f"{folder}: the tokenizer cannot be read: {error}") from error
    names = sorted({"tokenizer.json", *tokenizer.vocab_files_names.values()})
    if not any((folder / name).is_file() for name in names):
        raise DataError(
            f"{folder}: no vocabulary: none of {', '.join(names)} is there, so every word would be the unknown one; "
            "list the file in the model's manifest"
        )
    if tokenizer.pad_token_id is None and tokenizer.eos_token_id is not None:
        tokenizer.pad_token = tokenizer.eos_token  # as GPT-2's: what is padded is masked, whichever token stands there
    if tokenizer.pad_token_id is None:
        raise DataError(f"{folder}: the tokenizer has no padding token, which batches need, and no end-of-text token")
    return tokenizer
