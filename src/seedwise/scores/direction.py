"""Which way a metric is better, and whether it is a share, by its name."""

from __future__ import annotations

import re
from typing import Literal

Direction = Literal["higher", "lower"]

_LOWER = frozenset((
    "loss", "losses", "nll", "ppl", "perplexity", "error", "errors", "err", "wer", "cer", "ter", "mer", "per", "eer", "der",
    "mse", "rmse", "mae", "mape", "smape", "msle", "rmsle", "bpb", "bpc", "bpd", "fid", "kid", "brier", "ece", "mce", "time",
    "seconds", "secs", "ms", "latency", "runtime", "duration", "distance", "cost", "regret", "rank", "hallucination",
    "hallucinations", "toxicity", "crossentropy", "entropy", "divergence", "kl", "deviance", "logloss", "misses", "failures",
    "faults", "edits", "memory", "emissions", "flops", "lpips", "fad", "surprisal",
))  # fmt: skip
_HIGHER = frozenset((
    "accuracy", "acc", "f1", "fscore", "score", "scores", "matthews", "mcc", "precision", "recall", "auc", "auroc", "auprc",
    "roc", "map", "ap", "ndcg", "mrr", "bleu", "sacrebleu", "rouge", "rouge1", "rouge2", "rougel", "rougelsum", "meteor", "chrf",
    "comet", "bertscore", "bleurt", "em", "match", "matches", "exact", "pass", "passed", "pearson", "spearman", "spearmanr",
    "pearsonr", "kendall", "correlation", "corr", "r2", "iou", "miou", "jaccard", "dice", "psnr", "ssim", "win", "wins",
    "success", "reward", "return", "throughput", "correct", "kappa", "sensitivity", "specificity", "hits", "hit", "top1", "top5",
    "likelihood", "loglikelihood", "logprob", "logprobs", "elbo", "quality", "harmlessness", "helpfulness", "coverage",
))  # fmt: skip
_SHARES = frozenset((
    "accuracy", "acc", "f1", "fscore", "score", "scores", "matthews", "mcc", "precision", "recall", "auc", "auroc", "auprc",
    "roc", "map", "ap", "ndcg", "mrr", "bleu", "sacrebleu", "rouge", "rouge1", "rouge2", "rougel", "rougelsum", "meteor", "chrf",
    "em", "match", "exact", "pass", "passed", "pearson", "spearman", "spearmanr", "pearsonr", "kendall", "correlation", "corr",
    "iou", "miou", "jaccard", "dice", "win", "success", "correct", "kappa", "sensitivity", "specificity", "hits", "hit", "top1",
    "top5", "error", "err", "wer", "cer", "ter", "mer", "per", "eer", "der", "rate", "ratio", "share", "percent", "hallucination",
    "toxicity", "coverage",
))  # fmt: skip
# An error of these is a size and no share of anything.
_SIZES = frozenset((
    "loss", "mse", "rmse", "mae", "mape", "absolute", "squared", "mean", "reconstruction", "log", "entropy", "reward", "return",
))  # fmt: skip
_NEGATED = frozenset((
    "neg", "negative", "negated", "minus",
))  # fmt: skip


def words_of(name: str) -> list[str]:
    """The words of a metric's name: "eval/CrossEntropyLoss" gives eval, cross, entropy, loss."""
    spaced = re.sub(r"([a-z])([A-Z][a-z])", r"\1 \2", name)
    return [word for word in re.split(r"[^a-z0-9]+", spaced.casefold()) if word]


def direction_of(name: str) -> Direction | None:
    """Which way `name` is better, or None for a name that says nothing of it."""
    words = words_of(name)
    if "per" in words and "second" in words:
        return "higher"  # samples, tokens per second
    if words[-1:] == ["per"] or "per" not in words[:-1]:
        pass
    else:
        words = [word for word in words if word != "per"]
    lower = [word for word in words if word in _LOWER or word.endswith(("loss", "error"))]
    if lower:
        return "higher" if any(word in _NEGATED for word in words) else "lower"
    higher = [word for word in words if word in _HIGHER or word.endswith(("accuracy", "score"))]
    if higher:
        return "lower" if any(word in _NEGATED for word in words) else "higher"
    return None


def is_share(name: str) -> bool | None:
    """Whether differences of `name` are points of a share; None for an unknown name, to be told by its values."""
    words = words_of(name)
    direction = direction_of(name)
    if any(word in _SIZES and not (word == "mean" and direction == "higher") for word in words):
        return any(word in ("accuracy", "acc", "f1") for word in words)
    if any(word in _SHARES or word.endswith("accuracy") for word in words):
        return True
    return None if direction is None else False
