"""The recipe as a fairseq-train command line, and fairseq's configuration as it reads one."""

from __future__ import annotations

import seedwise_fairseq.compat  # noqa: F401 - before anything of fairseq's

# isort: split

from pathlib import Path
from typing import Any

from fairseq import options
from fairseq.dataclass.utils import convert_namespace_to_omegaconf

from seedwise_contract import RunSpec
from seedwise_fairseq.architecture import Architecture

HEAD = "sentence_classification_head"
SMALLEST = [
    "data",
    "--task=sentence_prediction",
    "--criterion=sentence_prediction",
    "--arch=roberta",
    "--optimizer=adam",
]
"""Words that name what runs use, and leave all else to fairseq."""


def command_line(spec: RunSpec, architecture: Architecture, data: Path, save_dir: Path) -> list[str]:
    """Words after `fairseq-train`.  `order` and `decay_on` have no option of fairseq's: see `training`."""
    assert spec.recipe is not None
    recipe, optimizer = spec.recipe, spec.recipe.optimizer
    words: list[Any] = [
        data,
        *_task(spec),
        *("--max-positions", architecture.positions),
        *("--arch", "roberta", "--encoder-layers", architecture.layers, "--encoder-embed-dim", architecture.hidden),
        *("--encoder-ffn-embed-dim", architecture.feed_forward, "--encoder-attention-heads", architecture.heads),
        *("--activation-fn", architecture.activation, "--pooler-activation-fn", "tanh"),
        *("--dropout", recipe.dropout.hidden, "--attention-dropout", recipe.dropout.attention),
        *("--activation-dropout", 0.0, "--pooler-dropout", recipe.dropout.classifier),
        *("--optimizer", "adam", "--adam-betas", f"({optimizer.betas[0]!r}, {optimizer.betas[1]!r})"),
        *("--adam-eps", repr(optimizer.eps), "--weight-decay", repr(optimizer.weight_decay)),
        *("--clip-norm", repr(recipe.clip_norm or 0.0), "--lr", repr(optimizer.lr), *_schedule(spec)),
        *("--batch-size", recipe.batch_size, "--update-freq", recipe.accumulation, "--required-batch-size-multiple", 1),
        *("--max-epoch", recipe.epochs, "--max-update", spec.total_updates, "--seed", spec.seeds.dropout),
        *("--curriculum", recipe.epochs, "--num-workers", 0, "--data-buffer-size", 0),
        *(["--cpu"] if spec.device.kind == "cpu" else []),
        *("--distributed-world-size", 1, "--disable-validation", "--no-save", "--save-dir", save_dir),
        *("--no-progress-bar", "--log-format", "none", "--log-interval", 10**9),
    ]
    return [str(word) for word in words]


def _task(spec: RunSpec) -> list[Any]:
    assert spec.recipe is not None
    if spec.task.kind == "masked_lm":
        masking = spec.task.masking
        words: list[Any] = ["--task", "masked_lm", "--criterion", "masked_lm", "--sample-break-mode", "eos"]
        words += ["--tokens-per-sample", spec.recipe.max_length, "--mask-prob", repr(masking.probability)]
        words += ["--leave-unmasked-prob", repr(masking.keep), "--random-token-prob", repr(masking.random)]
        return words
    words = ["--task", "sentence_prediction", "--criterion", "sentence_prediction", "--no-shuffle"]
    words += ["--num-classes", spec.task.outputs, "--classification-head-name", HEAD]
    words += ["--regression-target"] if spec.task.kind == "regression" else []
    return [*words, "--init-token", 0, "--separator-token", 2]


def configuration(words: list[str]) -> Any:
    parser = options.get_training_parser()
    return convert_namespace_to_omegaconf(options.parse_args_and_arch(parser, words))


def _schedule(spec: RunSpec) -> list[Any]:
    """fairseq's polynomial decay is the contract's for `linear` and `polynomial`, and for `constant` where it ends at lr."""
    assert spec.recipe is not None
    schedule, lr = spec.recipe.schedule, spec.recipe.optimizer.lr
    if schedule.name == "cosine":
        words = ["--lr-scheduler", "cosine", "--warmup-init-lr", "0.0", "--min-lr", repr(schedule.end_lr)]
        return [*words, "--warmup-updates", schedule.warmup_updates]
    end = lr if schedule.name == "constant" else schedule.end_lr
    words = ["--lr-scheduler", "polynomial_decay", "--end-learning-rate", repr(end), "--power", repr(schedule.power)]
    return [*words, "--warmup-updates", schedule.warmup_updates, "--total-num-update", spec.total_updates]
