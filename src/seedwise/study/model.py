"""A study: one YAML file that declares a task, arms, seeds, selection and the claims to decide, before anything runs."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal, Protocol

from pydantic import Field, JsonValue, model_validator

from seedwise.study.metric import METRICS, MetricName
from seedwise_contract import canonical_json
from seedwise_contract.base import ContractModel
from seedwise_contract.recipe import Batched, Dropout, Optimizer
from seedwise_contract.spec import Instructions, Method, Name, Selection

DEFAULT_SEEDS = 5
MOST_SEEDS = 10_000
MOST_TITLE = 500  # characters; it heads every page


class Rows(ContractModel):
    """How many examples of each split are used; the first ones in a fixed shuffled order, so that fewer is a subset."""

    train: Annotated[int, Field(ge=1)]
    selection: Annotated[int, Field(ge=1)]
    test: Annotated[int, Field(ge=2)]


LossOn = Literal["answer", "prompt_and_answer"]


class StudyTask(ContractModel):
    """Classification where the metric is one of labels, regression where it is one of numbers (pearson, spearman, mse), and a causal
    language model's answers to prompts where it is perplexity."""

    data: Name = Field(description="name of a data asset")
    rows: Rows | None = Field(default=None, description="null: every row")
    metric: MetricName = Field(
        default="accuracy",
        description="of the reported split; of labels, of numbers (pearson, spearman, mse), or of the answers' tokens (perplexity)",
    )
    positive: str | None = Field(
        default=None, description="the label that f1, auroc and average-precision are of; null: the second of two"
    )
    template: str | None = Field(
        default=None, description="of prompts and answers: has '{prompt}' once, and ends with '{answer}'"
    )
    loss_on: LossOn | None = Field(
        default=None, description="of prompts and answers: which tokens training learns to predict"
    )

    @model_validator(mode="after")
    def _language(self) -> StudyTask:
        missing = [name for name in ("template", "loss_on") if getattr(self, name) is None]
        if self.metric == "perplexity" and missing:
            raise ValueError(f"metric perplexity is of answers to prompts: give {' and '.join(missing)}")
        if self.metric != "perplexity" and len(missing) < 2:
            raise ValueError("template and loss_on belong to metric perplexity")
        if METRICS[self.metric].kind != "classification" and self.positive is not None:
            raise ValueError("positive belongs to metrics of labels: f1, auroc, average-precision")
        return self


class StudySchedule(ContractModel):
    name: Literal["linear", "polynomial", "cosine", "constant"]
    warmup_updates: Annotated[int, Field(ge=0)] | None = None
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        default=None, description="of all updates, rounded down to a count when the study is planned"
    )
    power: Annotated[float, Field(gt=0)] = 1.0
    end_lr: Annotated[float, Field(ge=0)] = 0.0

    @model_validator(mode="after")
    def _one_warmup(self) -> StudySchedule:
        if (self.warmup_updates is None) == (self.warmup_ratio is None):
            raise ValueError("give exactly one of warmup_updates and warmup_ratio")
        if self.name != "polynomial" and self.power != 1.0:
            raise ValueError("power other than 1.0 belongs to the polynomial schedule")
        return self


class StudyRecipe(Batched):
    """The contract's recipe, with the warm-up as a count or a ratio."""

    optimizer: Optimizer
    schedule: StudySchedule
    clip_norm: Annotated[float, Field(gt=0)] | None
    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)]
    accumulation: Annotated[int, Field(ge=1)]
    precision: Literal["fp32", "bf16"]
    max_length: Annotated[int, Field(ge=4)]
    truncation: Literal["longest_first", "only_first"]
    dropout: Dropout


Stream = Literal["initialisation", "order", "dropout", "rows"]


class Arm(ContractModel):
    """One way of doing it."""

    backend: Name
    model: Name | None = Field(description="name of a model asset; null where the method has none")
    initialisation: Literal["pretrained", "random", "none"]
    method: Method
    recipe: StudyRecipe | None
    loss_on: LossOn | None = Field(default=None, description="in place of the task's own, for this arm alone")
    baseline: bool = Field(default=False, description="a cheap reference: shown beside the arms, part of no claim")
    vary: Annotated[list[Stream], Field(min_length=1)] | None = Field(
        default=None,
        description="which streams of randomness a seed moves, the others staying at the study's first: initialisation, order, dropout, "
        "and rows (the training rows, drawn anew with replacement); null: all but the rows",
    )
    deterministic: bool = Field(default=False, description="no seed changes its outcome, so it is run once")

    @property
    def draws_rows(self) -> bool:
        """Whether each seed trains on rows of its own."""
        return self.vary is not None and "rows" in self.vary

    @model_validator(mode="after")
    def _model(self) -> Arm:
        if (self.model is None) != (self.initialisation == "none"):
            raise ValueError("initialisation is 'none' exactly where model is null")
        if self.vary is not None and (self.deterministic or len(set(self.vary)) < len(self.vary)):
            raise ValueError("vary names each stream once, and none of an arm that is deterministic")
        return self


class StudyEvaluation(ContractModel):
    """The contract's evaluation; no curve of the reported split unless it is asked for."""

    every: Literal["epoch"]
    batch_size: Annotated[int, Field(ge=1)]
    curve: bool = Field(
        default=False,
        description="score the reported split after every epoch too, for display: selection never sees it",
    )


class Claim(ContractModel):
    """A statement about two arms, declared before the runs."""

    name: Name
    a: str
    b: str
    type: Literal["superiority", "equivalence"] = "superiority"
    margin: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="in the metric's own units (0.01 = one point of accuracy; 0.5 = that much perplexity)"
    )
    design: Literal["independent", "paired"] = Field(
        default="independent",
        description="paired: seed i fixes the same initial weights and data order in both arms (checked on the runs)",
    )
    scope: Literal["each", "suite", "tasks-like-these"] = Field(
        default="each",
        description="of several tasks: on each of them; over these very tasks (their mean); or over tasks like these, of which "
        "they are a sample (five or more)",
    )
    differences: Literal["raw", "standardised"] | None = Field(
        default=None,
        description="over several tasks: of what the mean is taken; null: raw where all have one metric that is a share",
    )
    statement: str | None = Field(default=None, description="what a reader is told that the claim says")

    @model_validator(mode="after")
    def _margin(self) -> Claim:
        if self.type == "equivalence" and self.margin is None:
            raise ValueError("an equivalence claim needs a margin")
        return self

    @property
    def words(self) -> str:
        """The statement, or failing that what the type of the claim says of its arms."""
        better = self.type == "superiority"
        return self.statement or (
            f"{self.a} is better than {self.b}" if better else f"{self.a} and {self.b} are equivalent"
        )


class Looks(ContractModel):
    """Seeds in stages, each a look at the claims; the chance of a false claim over all looks stays alpha."""

    seeds: list[Annotated[int, Field(ge=2)]] = Field(
        min_length=2, description="how many of the seeds each look has; rising, the last one all of them"
    )
    spending: Literal["obrien-fleming", "pocock"] = Field(
        default="obrien-fleming", description="how alpha is spent over the looks (Lan and DeMets)"
    )


class Variances(ContractModel):
    """What a plan assumes where no pilot runs tell; decides nothing."""

    sd_seeds: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="standard deviation between seeds of an arm's score, in the metric's units"
    )
    sd_examples: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="standard deviation over examples of the difference of the arms' expected scores"
    )


class Reported(ContractModel):
    """A number that somebody else has published for an arm; shown beside ours, decides nothing."""

    source: Annotated[str, Field(min_length=1, description="who says so: a paper and its table, a report")]
    arm: Name
    values: Annotated[list[Annotated[float, Field(ge=0)]], Field(min_length=1)] = Field(
        description="shares and correlations times 100, other metrics as they are: one a run where runs are told apart, else their mean"
    )
    runs: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="how many runs a mean is of; null: as many as there are values"
    )
    note: str = ""

    @model_validator(mode="after")
    def _mean(self) -> Reported:
        if self.runs is not None and len(self.values) > 1:
            raise ValueError("runs is for one value that is a mean; with several values leave it out")
        return self


class StudyDevice(ContractModel):
    kind: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="auto: a GPU where one is leased, else CPU"
    )
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    instructions: Instructions | None = Field(
        default=None,
        description="hold numerical libraries to this instruction set (x86-64), so that different processors compute alike",
    )


class Ratio(ContractModel):
    """A statement about the best values of one field that a search finds for two arms: `a`'s is `ratio` times `b`'s, or within a
    factor of it.
    """

    name: Name
    a: Name
    b: Name
    field: str = Field(description="what both arms are searched over: recipe.optimizer.lr")
    ratio: Annotated[float, Field(gt=0)]
    within: Annotated[float, Field(gt=1)] | None = Field(
        default=None,
        description="factor: at most so many times more or less than the ratio; null: is it another ratio at all?",
    )
    statement: str | None = None

    @property
    def words(self) -> str:
        return (
            self.statement
            or f"the best {self.field.rpartition('.')[2]} of {self.a} is {self.ratio:g} times that of {self.b}"
        )


class Search(ContractModel):
    """Tuning by equal budgets: what is tried for each arm, on seeds of its own, decided on the selection split."""

    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=MOST_SEEDS)] = Field(
        description="none of the report's"
    )
    arms: Annotated[
        dict[Name, Annotated[dict[str, Annotated[list[JsonValue], Field(min_length=1)]], Field(min_length=1)]],
        Field(min_length=1, description="arm → field (recipe.optimizer.lr, method.parameters.r) → values to try"),
    ]
    draw: Annotated[int, Field(ge=2)] | None = Field(
        default=None, description="so many points of each arm's grid, drawn; null: all of them"
    )
    ratios: list[Ratio] = Field(
        default_factory=list,
        exclude_if=lambda value: not value,  # what is not said leaves older declarations as they were
        description="statements about the best values that are found",
    )


class Part(ContractModel):
    """Which task of which suite a study is; `family` are the claims of the whole file, `declaration` is that of all of it."""

    suite: Name
    task: Name
    family: Annotated[int, Field(ge=0)]
    declaration: str


class Study(ContractModel):
    """A whole study file, arms merged over the defaults."""

    version: Literal[1]
    name: Name
    title: Annotated[str, Field(max_length=MOST_TITLE)]
    description: str = ""
    task: StudyTask
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(max_length=MOST_SEEDS)]
    selection: Selection
    evaluation: StudyEvaluation
    device: StudyDevice = StudyDevice()
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    arms: Annotated[dict[Name, Arm], Field(min_length=1)]
    claims: list[Claim] = Field(default_factory=list)
    exact: Literal["companion", "required"] = Field(
        default="companion",
        description="required: an exact test over seeds has to confirm a difference, and so to be able to; companion: it is "
        "shown, and the verdict says whether it confirms",
    )
    search: Search | None = Field(default=None, description="null: recipes are as they stand")
    looks: Looks | None = Field(default=None, description="null: the claims are decided once, with every seed")
    variances: Variances | None = Field(default=None, description="assumptions of `seedwise plan`")
    reported: list[Reported] = Field(
        default_factory=list, description="numbers published elsewhere, to stand beside ours"
    )
    timeout_minutes: Annotated[float, Field(gt=0)] = Field(
        default=240, description="a run that takes longer is stopped"
    )
    memory_gib: Annotated[float, Field(gt=0)] = Field(default=4, description="limit on one run's memory")
    part: Part | None = Field(default=None, description="set where a file has several tasks; never written by hand")

    @property
    def family(self) -> int:
        """How many claims are decided together: the study's, or where it is one task of several, the whole file's."""
        return len(self.claims) if self.part is None else self.part.family

    def seeds_of(self, arm: str) -> list[int]:
        """The seeds that `arm` is run with."""
        return self.seeds[:1] if self.arms[arm].deterministic else self.seeds

    def declaration(self) -> str:
        """sha256 of everything that decides what is claimed and how it is decided; words for readers left out."""
        words = {
            "name", "title", "description", "timeout_minutes", "memory_gib", "device", "variances", "reported",
        }  # fmt: skip
        said = self.model_dump(mode="json", exclude=words)
        claimed = {arm for claim in self.claims for arm in (claim.a, claim.b)}
        said["arms"] = {name: arm for name, arm in said["arms"].items() if name in claimed}
        for claim in said["claims"]:
            claim.pop("statement")
            if claim["scope"] == "each":
                claim.pop("scope")
            if claim["differences"] is None:
                claim.pop("differences")
            if claim["design"] == "independent":  # what is not said leaves older declarations as they were
                claim.pop("design")
        for part in (said["task"], *said["arms"].values()):
            for name in ("template", "loss_on", "positive", "vary"):
                if part.get(name) is None:
                    part.pop(name, None)
        for name in ("part", "search"):
            if said[name] is None:
                said.pop(name)
        if self.looks is None:
            said.pop("looks")
        if self.exact == "companion":
            said.pop("exact")
        return hashlib.sha256(canonical_json(said).encode()).hexdigest()


class Declared(Protocol):
    """What runs belong to, as the engine sees it: a study, or a pretraining."""

    @property
    def name(self) -> str: ...

    @property
    def timeout_minutes(self) -> float: ...

    @property
    def memory_gib(self) -> float: ...

    def declaration(self) -> str: ...
