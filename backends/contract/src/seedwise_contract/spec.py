"""`RunSpec`: everything that decides the outcome of one run, and nothing else.

No field that matters has a default here: whoever writes a spec says it all, and a backend that cannot honour a field
refuses the spec rather than ignore it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    Field,
    JsonValue,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from seedwise_contract.base import ContractModel
from seedwise_contract.exits import SpecError
from seedwise_contract.faults import Fault, faults_of
from seedwise_contract.files import read_record
from seedwise_contract.paths import below
from seedwise_contract.recipe import Recipe

CONTRACT_VERSION = 1

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="lower-case hexadecimal sha256")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
RelativePath = Annotated[str, Field(min_length=1, description="path below the mounted root; no leading slash, no '..'")]
SeedValue = Annotated[int, Field(ge=0, lt=2**32)]


def _inside(path: str) -> str:
    try:
        return below(path)
    except ValueError as error:
        raise ValueError(f"must stay below the mounted root: no leading '/', no '..', no backslash ({error})") from None


class Split(ContractModel):
    """One file of examples, JSON lines, below the data root."""

    file: RelativePath
    sha256: Sha256
    rows: Annotated[int, Field(ge=1)]

    _file = field_validator("file")(_inside)


class Columns(ContractModel):
    """Which keys of a JSON line mean what.  `text_pair` is null for single sentences."""

    id: str
    text: str
    text_pair: str | None
    label: str


class TextColumns(ContractModel):
    """Which keys of a JSON line mean what, where a row is one text."""

    id: str
    text: str


class PromptColumns(ContractModel):
    """Which keys of a JSON line mean what, where a row is a prompt and the answer to it.

    `prompt` is null for running text: a row is one text, all of it an answer to nothing.
    """

    id: str
    prompt: str | None
    answer: str


class _Task(ContractModel):
    name: Name
    splits: Annotated[
        dict[str, Split],
        Field(description="'train', 'selection' (chooses the checkpoint) and 'test' (the reported split)"),
    ]

    @field_validator("splits")
    @classmethod
    def _three(cls, splits: dict[str, Split]) -> dict[str, Split]:
        if set(splits) != {"train", "selection", "test"}:
            raise ValueError("exactly the splits 'train', 'selection' and 'test' are needed")
        return splits


OF_ONE_CLASS = ("f1", "auroc", "average-precision")
OF_NUMBERS = ("pearson", "spearman", "mse")
LOWER_IS_BETTER = ("loss", "mse")
SelectionMetric = Literal[
    "accuracy", "loss", "balanced-accuracy", "f1", "macro-f1", "matthews", "auroc", "average-precision",
    "pearson", "spearman", "mse",
]  # fmt: skip


class Task(_Task):
    """A classification task: its files, its declared label set in class order, its metric."""

    kind: Literal["classification"]
    columns: Columns
    labels: Annotated[list[str], Field(min_length=2, description="class index = position in this list")]
    metric: Literal["accuracy", "balanced-accuracy", "f1", "macro-f1", "matthews", "auroc", "average-precision"]
    positive: str | None = Field(
        default=None,
        exclude_if=lambda value: value is None,  # what is not said leaves the ids of older runs as they were
        description="the label that f1, auroc and average-precision are of; null: the second of two",
    )

    @property
    def outputs(self) -> int:
        """Numbers that a model gives for an example: one a class."""
        return len(self.labels)

    @field_validator("labels")
    @classmethod
    def _distinct(cls, labels: list[str]) -> list[str]:
        if len(set(labels)) != len(labels):
            raise ValueError("labels must be distinct")
        return labels

    @model_validator(mode="after")
    def _of_one_class(self) -> Task:
        if self.positive is not None and self.positive not in self.labels:
            raise ValueError(f"positive must be one of the labels: {', '.join(self.labels[:8])}")
        if self.metric in OF_ONE_CLASS and self.positive is None and len(self.labels) != 2:
            raise ValueError(f"metric {self.metric} is of one class: of {len(self.labels)} labels name it as positive")
        return self


class RegressionTask(_Task):
    """A task whose labels are numbers; training minimises the mean squared error, of labels as they are."""

    kind: Literal["regression"]
    columns: Columns
    metric: Literal["pearson", "spearman", "mse"] = Field(description="mse: mean squared error, lower being better")

    @property
    def outputs(self) -> int:
        """Numbers that a model gives for an example."""
        return 1


class Masking(ContractModel):
    """Which tokens of a text are to be predicted, and what stands in their place (Devlin et al. 2019, section 3.1)."""

    probability: Annotated[float, Field(gt=0, lt=1, description="share of tokens that are predicted")]
    keep: Annotated[float, Field(ge=0, le=1, description="of those, the share left as it is")]
    random: Annotated[float, Field(ge=0, le=1, description="of those, the share replaced by a random token")]

    @model_validator(mode="after")
    def _shares(self) -> Masking:
        if self.keep + self.random > 1:
            raise ValueError("keep and random are shares of the predicted tokens: together at most 1")
        return self


class MaskedLmTask(_Task):
    """Predicting masked tokens; each row of a split is one text, cut to the recipe's length."""

    kind: Literal["masked_lm"]
    columns: TextColumns
    masking: Masking
    metric: Literal["perplexity"]


class CausalLmTask(_Task):
    """Continuing a prompt; each row of a split is a prompt and its answer, put together by a template; or running text."""

    kind: Literal["causal_lm"]
    columns: PromptColumns
    template: Annotated[str, Field(description="ends with '{answer}', and has '{prompt}' once where there are prompts")]
    loss_on: Literal["answer", "prompt_and_answer"] = Field(description="which tokens training learns to predict")
    metric: Literal["perplexity"] = Field(description="of the answers' tokens, whatever training learns")

    @field_validator("template")
    @classmethod
    def _places(cls, template: str, info: ValidationInfo) -> str:
        columns = info.data.get("columns")
        if columns is not None and columns.prompt is None:
            if template != "{answer}":
                raise ValueError("must be '{answer}' where columns.prompt is null: a row of running text is itself")
        elif template.count("{prompt}") != 1 or template.count("{answer}") != 1 or not template.endswith("{answer}"):
            raise ValueError("must have '{prompt}' once, and end with '{answer}'")
        return template


_TASK_KINDS = ("classification", "regression", "masked_lm", "causal_lm")
AnyTask = Annotated[Task | RegressionTask | MaskedLmTask | CausalLmTask, Field(discriminator="kind")]


class Model(ContractModel):
    """A model folder below the models root; `sha256` is the digest of its file tree (`files.tree_digest`)."""

    name: Name
    path: RelativePath
    sha256: Sha256

    _path = field_validator("path")(_inside)


class Method(ContractModel):
    """What is trained.  Parameters are the method's own; a backend refuses any that it does not know."""

    name: Name
    parameters: dict[str, JsonValue]


class Seeds(ContractModel):
    """Separate streams, derived by the harness from the human `seed`; two streams never share a value by accident."""

    seed: Annotated[int, Field(ge=0, description="the seed as the study names it; for display")]
    initialisation: SeedValue
    order: SeedValue
    dropout: SeedValue


class Selection(ContractModel):
    """Which checkpoint is reported.  `best` breaks ties by the earliest evaluation."""

    rule: Literal["best", "last"]
    split: Literal["selection"] = Field(description="never the reported split")
    metric: SelectionMetric

    def improves(self, value: float, best: float | None) -> bool:
        """Whether a checkpoint with `value` replaces the one with `best` (None: there is none yet)."""
        if best is None or self.rule == "last":
            return True
        return value < best if self.metric in LOWER_IS_BETTER else value > best


class Evaluation(ContractModel):
    """When the selection split is scored; the reported split is scored once, at the selected checkpoint.

    With `curve` the reported split is scored at every evaluation too, for display: those events are marked so, and
    selection never sees them.
    """

    every: Literal["epoch"]
    curve: bool
    batch_size: Annotated[int, Field(ge=1)]


Instructions = Literal["avx2"]


class Device(ContractModel):
    kind: Literal["cpu", "cuda"]
    threads: Annotated[
        int, Field(ge=1, le=256, description="CPU threads of numerical libraries: they decide last bits")
    ]
    instructions: Instructions | None = Field(
        default=None,
        exclude_if=lambda value: value is None,  # what is not asked for leaves the ids of older runs as they were
        description="kernels that numerical libraries are held to, on x86-64 (`processor.HELD`); null: the best for the processor",
    )


class RunSpec(ContractModel):
    """One arm × one seed.  Its canonical JSON, with the image digest, is the run's identity (`identity.run_id`)."""

    contract: Literal[1]
    backend: Name
    task: AnyTask
    model: Model | None = Field(description="null only for methods without a pretrained architecture")
    initialisation: Literal["pretrained", "random", "none"] = Field(
        description="random keeps the architecture and draws every weight; none where there is no model"
    )
    method: Method
    recipe: Recipe | None = Field(description="null only for methods that are not trained by gradient")
    seeds: Seeds
    selection: Selection | None = Field(description="null exactly where recipe is null")
    evaluation: Evaluation
    device: Device

    @model_validator(mode="after")
    def _coherent(self) -> RunSpec:
        problems = []
        if (self.recipe is None) != (self.selection is None):
            problems.append("recipe and selection go together: give both, or null for both")
        if (self.model is None) != (self.initialisation == "none"):
            problems.append("initialisation is 'none' exactly where model is null")
        if self.recipe is not None and self.recipe.schedule.name != "polynomial" and self.recipe.schedule.power != 1.0:
            problems.append("recipe.schedule.power other than 1.0 belongs to the polynomial schedule")
        problems += self._selected()
        unnamed = self.task.kind == "classification" and self.task.positive is None and len(self.task.labels) != 2
        if unnamed and self.selection is not None and self.selection.metric in OF_ONE_CLASS:
            problems.append(f"selection.metric {self.selection.metric} is of one class: name it as task.positive")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _selected(self) -> list[str]:
        """What is wrong with the metric of selection, of which kind the task's labels have to be."""
        metric = "loss" if self.selection is None else self.selection.metric
        if metric == "loss":
            return []
        if self.task.kind == "classification":
            told = f"selection.metric {metric} is of numbers, and the task has classes"
            return [told] if metric in OF_NUMBERS else []
        if self.task.kind == "regression":
            told = (
                f"selection.metric {metric} is of classes: where labels are numbers it is loss, {', '.join(OF_NUMBERS)}"
            )
            return [] if metric in OF_NUMBERS else [told]
        return ["selection.metric is 'loss' where the task is a language model's"]

    @property
    def updates_per_epoch(self) -> int:
        """Optimizer updates an epoch; the last, shorter, accumulation group counts as one update."""
        if self.recipe is None:
            return 0
        per_update = self.recipe.batch_size * self.recipe.accumulation
        return -(-self.task.splits["train"].rows // per_update)

    @property
    def total_updates(self) -> int:
        return self.updates_per_epoch * (self.recipe.epochs if self.recipe else 0)

    def examples_after(self, updates: int) -> int:
        """Training examples that `updates` updates have seen; the last update of an epoch may see fewer."""
        if self.recipe is None:
            return 0
        rows, per_update = self.task.splits["train"].rows, self.recipe.batch_size * self.recipe.accumulation
        epochs, rest = divmod(updates, self.updates_per_epoch)
        return epochs * rows + min(rows, rest * per_update)


def parse_spec(text: str | bytes, source: str) -> RunSpec:
    """The spec in `text` (JSON).  `SpecError` lists every fault, each with field, value found and what is allowed."""
    try:
        return RunSpec.model_validate_json(text)
    except ValidationError as error:
        raise SpecError(source, faults_of(error, _TASK_KINDS)) from None


def load_spec(path: Path) -> RunSpec:
    """The spec in the file `path`; `SpecError` where it cannot be read or is faulty."""
    try:
        text = read_record(path)
    except (OSError, ValueError) as error:
        raise SpecError(str(path), [Fault(field="(file)", found=str(error), allowed="a readable JSON file")]) from None
    return parse_spec(text, str(path))
