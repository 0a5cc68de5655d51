"""Which column is what: as asked, as the format says, or by the names that people give them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seedwise.errors import InputError
from seedwise.scores.asked import Asked, parts_of_name
from seedwise.scores.direction import direction_of
from seedwise.scores.frame import Frame, column_of
from seedwise.scores.metrics import MADE_OF_LABELS, OF_NUMBERS, PERPLEXITY
from seedwise.scores.rows import some

NAMES: Mapping[str, tuple[str, ...]] = {
    "arm": (
        "arm", "method", "system", "approach", "variant", "technique", "algorithm", "peft_type", "params_method", "params_arm",
        "model", "model_name", "config", "condition", "setup", "group", "run", "run_name", "name",
    ),
    "seed": (
        "seed", "random_seed", "random_state", "seeds", "params_seed", "config_seed", "args_seed", "rng_seed", "rng", "trial",
        "train_trial_index", "repeat", "replicate", "rep", "run_id", "run", "fold", "split_id",
    ),
    "example": (
        "example", "example_id", "doc_id", "sample_id", "instance_id", "item", "item_id", "question_id", "qid", "utterance",
        "utt_id", "sentence_id", "uid", "guid", "id", "index", "idx", "row_id",
    ),
    "task": (
        "task", "task_name", "dataset", "dataset_name", "benchmark", "subset",
    ),
    "cluster": (
        "cluster", "cluster_id", "group", "group_id", "passage", "passage_id", "document", "document_id", "film", "movie",
        "movie_name", "user", "user_id", "speaker", "speaker_id", "video", "video_id", "story", "story_id", "article",
        "article_id",
    ),
    "prediction": (
        "prediction", "pred", "predicted", "predictions", "y_pred", "predicted_label", "hypothesis_label",
    ),
    "label": (
        "label", "gold", "labels", "true_label", "gold_label", "target", "reference", "y_true",
    ),
    "score": (
        "score", "value", "accuracy", "acc", "eval_accuracy", "metric_value",
    ),
    "choice": (
        "epoch", "step", "global_step", "iteration", "checkpoint",
    ),
    "below": (
        "words", "tokens", "n_words", "num_words", "ref_words", "chars", "characters", "n_tokens", "total", "count",
    ),
    "above": (
        "errors", "word_errors", "char_errors", "edits", "mistakes", "hits", "correct",
    ),
}  # fmt: skip
# What a file says of an example itself; it is the same in every arm and seed.
CONTENT = (
    "doc_hash", "target_hash", "doc", "target", "label", "gold", "text", "sentence", "sentence1", "sentence2", "premise",
    "hypothesis", "question", "input", "context", "query", "reference", "words",
)  # fmt: skip
_RUNS = ("run", "run_name", "name")
_NOT_SCORES = frozenset((
    "epoch", "step", "global_step", "iteration", "runtime", "time", "created", "timestamp", "wall_time", "duration", "index",
    "id", "n", "size", "lr", "learning_rate", "rank", "r", "alpha", "batch_size", "bs", "epochs", "steps", "max_steps", "weight_decay",
    "dropout", "warmup", "warmup_ratio", "warmup_steps", "params", "n_params", "num_params", "trainable_params", "layers",
    "hidden_size", "max_length", "temperature", "total_flos", "samples_per_second", "steps_per_second", "number",
))  # fmt: skip


def plain(name: str) -> str:
    """A name as it is looked up: lower case, words joined by one underscore."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"([a-z])([A-Z])", r"\1_\2", name).casefold()).strip("_")


@dataclass(frozen=True, slots=True)
class Score:
    """Where a score comes from: a column, labels, losses and tokens, or a ratio of two columns. `metric` is its name."""

    metric: str
    column: str | None = None
    above: str | None = None
    below: str | None = None
    of_labels: bool = False


@dataclass(frozen=True, slots=True)
class Roles:
    arm: tuple[str, ...]
    seed: str | None
    example: str | None
    task: str | None
    cluster: str | None
    prediction: str | None
    label: str | None
    choice: str | None
    repeat: str | None
    run: str | None


def find(frame: Frame, role: str, taken: Sequence[str | None] = ()) -> str | None:
    """The column that has one of the names of `role`, in their order; a name ending in one (`config.seed`) comes last."""
    by_name: dict[str, str] = {}
    for name in frame.columns:
        if name not in taken:
            by_name.setdefault(plain(name), name)
    for wanted in NAMES[role]:
        if wanted in by_name:
            return by_name[wanted]
    nested = ends_of(frame)
    for wanted in NAMES[role]:
        if len(found := [name for name in nested.get(wanted, ()) if name not in taken]) == 1:
            return found[0]
    if role == "seed":
        ending = [name for known, name in by_name.items() if known.endswith("_seed")]
        return ending[0] if len(ending) == 1 else None
    return None


def ends_of(frame: Frame) -> dict[str, list[str]]:
    """Columns of nested values (`config.seed`) by the last of their names."""
    found: dict[str, list[str]] = {}
    for name in frame.columns if frame.kind == "table" else ():
        if "." in name:
            found.setdefault(plain(name.rpartition(".")[2]), []).append(name)
    return found


def asked_column(frame: Frame, name: str, option: str) -> str:
    """The column asked for, in any case; dotted names reach into nested values."""
    if column_of(frame, name) is not None:
        return name
    same = [each for each in frame.columns if plain(each) == plain(name)]
    if len(same) == 1:
        return same[0]
    raise InputError(f"{frame.source}: no column {name!r} ({option}); found {some(map(repr, frame.columns), 20)}")


def roles_of(frame: Frame, asked: Asked) -> Roles:
    """Columns of arm, seed, example and so on. Raises InputError for one that is asked for and is not there."""
    known = frame.roles

    def of(role: str, wanted: str | None, taken: Sequence[str | None]) -> str | None:
        if wanted is not None:
            return asked_column(frame, wanted, f"--{role}")
        if role in known:
            return known[role]
        return find(frame, role, taken)

    given = [name for name in (*asked.arm, asked.seed, asked.example, asked.task, asked.score, asked.metric) if name]
    given += [name for name in (asked.cluster, asked.prediction, asked.label) if name]
    taken: list[str | None] = [name for name in frame.columns if name in given]
    example = of("example", asked.example, taken)
    if (
        example is not None
        and asked.example is None
        and "example" not in known
        and plain(example) in ("id", "index", "idx", "row_id")
    ):
        example = example if _repeats(frame, example) else None
    taken.append(example)
    arm: tuple[str, ...]
    if asked.arm:
        arm = tuple(asked_column(frame, name, "--arm") for name in asked.arm)
    elif "arm" in known:
        arm = (known["arm"],)
    else:
        found = None if frame.arm is not None or "run" in known else find(frame, "arm", taken)
        arm = () if found is None else (found,)
    taken.extend(arm)
    seed = of("seed", asked.seed, taken)
    run = known.get("run")
    if run is None and seed is None and not asked.arm and arm and plain(arm[0]) in _RUNS and _tell_seeds(frame, arm[0]):
        run, arm = arm[0], ()
    taken.append(seed)
    task = of("task", asked.task, taken)
    taken.append(task)
    prediction = of("prediction", asked.prediction, taken)
    label = of("label", asked.label, [*taken, prediction])
    choice = known.get("choice") or (None if "repeat" in known else find(frame, "choice", [*taken, prediction, label]))
    cluster = None
    if asked.cluster not in (None, "none"):
        cluster = asked_column(frame, str(asked.cluster), "--cluster")
    elif asked.cluster is None:
        cluster = find(frame, "cluster", [*taken, prediction, label])
        if cluster is None and "metadata" in frame.columns:
            cluster = next(
                (f"metadata.{n}" for n in NAMES["cluster"] if column_of(frame, f"metadata.{n}") is not None), None
            )
    return Roles(arm, seed, example, task, cluster, prediction, label, choice, known.get("repeat"), run)


def _tell_seeds(frame: Frame, name: str) -> bool:
    """Whether the names of runs tell arm and seed (`lora/seed0`), all of them."""
    return all(all(parts_of_name(text)) for text in frame.columns[name].texts().names)


def _repeats(frame: Frame, name: str) -> bool:
    """Whether a column called id or index says which example a row is: it repeats over arms and seeds, or there are neither."""
    codes = frame.columns[name].texts().codes
    alone = find(frame, "arm") is None and find(frame, "seed") is None
    return alone or np.unique(codes).size < codes.size


def score_of(frame: Frame, asked: Asked, roles: Roles) -> Score:
    """Where the score comes from. Raises InputError, with what was found, where nothing or too much would do."""
    metric = asked.metric
    alias = frame.roles.get(f"pair:{metric}") if metric else None
    if metric is None and asked.score is None and "metric" in frame.roles:
        alias = frame.roles["metric"]
    labelled = roles.prediction is not None and roles.label is not None
    if asked.score is not None:
        column = asked_column(frame, asked.score, "--score")
        return Score(metric or column, column=column)
    if alias is not None:
        return Score(alias, of_labels=True)
    if metric in MADE_OF_LABELS and labelled:
        return Score(str(metric), of_labels=True)
    if metric is not None:
        return _named(frame, metric, roles, labelled)
    if labelled:
        return Score("accuracy", of_labels=True)
    if "score" in frame.roles:
        return Score(frame.roles["score"], column=frame.roles["score"])
    if "choose" in frame.roles:
        raise InputError(
            f"{frame.source}: say which metric to compare with --metric; found {frame.roles['choose'] or 'none'}"
        )
    ratio = _ratio(frame)
    usual = find(frame, "score")
    if usual is not None and plain(usual) in ("score", "value"):
        return Score(usual, column=usual)
    if ratio is not None:
        return ratio
    candidates = _candidates(frame, roles)
    if len(candidates) == 1:
        return Score(candidates[0], column=candidates[0])
    if usual is not None and not candidates:
        return Score(usual, column=usual)
    if not candidates and roles.prediction is not None:
        raise InputError(
            f"{frame.source}: holds predictions ({roles.prediction}) without labels: --gold FILE gives a file that has them, or "
            f"--label COLUMN names their column; found {some(map(repr, frame.columns), 20)}"
        )
    if not candidates:
        raise InputError(
            f"{frame.source}: no score; give a column score, or prediction and label, or name it with --score; found "
            f"{some(frame.columns, 20)}" + (f" ({frame.kind}: {frame.lacks})" if frame.lacks else "")
        )
    raise InputError(f"{frame.source}: say which metric to compare with --metric; found {some(candidates, 20)}")


def _named(frame: Frame, metric: str, roles: Roles, labelled: bool) -> Score:
    if "/" in metric and metric not in frame.columns:
        above, _, below = metric.partition("/")
        if column_of(frame, above) is not None and column_of(frame, below) is not None:
            return Score(metric, above=above, below=below)
    if metric == PERPLEXITY and {"loss", "tokens"} <= set(frame.columns):
        return Score(PERPLEXITY, above="loss", below="tokens")
    exact = [name for name in frame.columns if name == metric] or [
        name for name in frame.columns if plain(name) == plain(metric)
    ]
    exact = exact or ends_of(frame).get(plain(metric), [])
    if len(exact) == 1:
        return Score(metric, column=exact[0])
    if column_of(frame, metric) is not None:
        return Score(metric, column=metric)
    if plain(metric) in ("wer", "cer", "error_rate", "word_error_rate"):
        ratio = _ratio(frame)
        if ratio is not None:
            return Score(metric, above=ratio.above, below=ratio.below)
    if metric == PERPLEXITY and "loss" in frame.columns:
        raise InputError(
            f"{frame.source}: perplexity is made of loss and tokens; no column "
            f"{', '.join(repr(n) for n in ('loss', 'tokens') if n not in frame.columns)}"
        )
    if metric in MADE_OF_LABELS:
        if "score" in frame.columns and metric not in OF_NUMBERS:
            return Score(metric, column="score")
        raise InputError(
            f"{frame.source}: no key {metric!r}, and no prediction and label that it is made of; found {some(sorted(frame.columns), 20)}"
        )
    if labelled and "score" not in frame.columns:
        raise InputError(
            f"{frame.source}: of prediction and label {', '.join(MADE_OF_LABELS)} are made; for {metric} give its value per seed as score"
        )
    known = frame.roles.get("score") or find(frame, "score")
    if known is not None and plain(known) in ("score", "value"):
        return Score(metric, column=known)
    raise InputError(
        f"{frame.source}: no key {metric!r}; found {some(sorted(frame.columns), 20)} (--score names the column)"
    )


def _ratio(frame: Frame) -> Score | None:
    above, below = find(frame, "above"), find(frame, "below")
    if above is None or below is None:
        return None
    name = {"words": "word error rate", "chars": "character error rate", "characters": "character error rate"}
    wrong = direction_of(above) == "lower"
    return Score(name.get(plain(below), f"{above}/{below}") if wrong else f"{above}/{below}", above=above, below=below)


def _candidates(frame: Frame, roles: Roles) -> list[str]:
    """Columns of numbers that are nothing else."""
    used = {
        *roles.arm,
        roles.seed,
        roles.example,
        roles.task,
        roles.cluster,
        roles.prediction,
        roles.label,
        roles.choice,
        roles.run,
    }
    found = []
    for name, column in frame.columns.items():
        if name in used or plain(name) in _NOT_SCORES or plain(name).endswith(("_runtime", "_per_second", "_stderr")):
            continue
        if any(plain(name) in names for role, names in NAMES.items() if role not in ("score", "above", "below")):
            continue
        values, wrong = column.numbers()
        if values.size and not wrong.any() and np.isfinite(values).any():
            found.append(name)
    return found
