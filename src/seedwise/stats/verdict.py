"""The typed answer to a claim: prose is generated from it, never the other way round."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from .crossed import CrossedResult
from .degenerate import DegenerateReason
from .family import MIN_SEEDS, MIN_TASKS, is_attainable
from .mcnemar import McNemarResult
from .needed import Needed
from .prediction import Prediction
from .tdist import TostResult
from .welch import WelchResult

Claim = Literal["superiority", "equivalence"]


class Outcome(StrEnum):
    """What a comparison decides.

    `UNATTAINABLE` says that a rule decides nothing with this design: fewer than three seeds in an arm that has any, or
    an exact test that the study requires and that cannot reach alpha. It is not a negative result, and neither is
    `INCONCLUSIVE`. `DEGENERATE` says that the input leaves the procedure undefined.
    """

    A_BETTER = "A better"
    B_BETTER = "B better"
    EQUIVALENT = "equivalent"
    INCONCLUSIVE = "inconclusive"
    UNATTAINABLE = "unattainable"
    DEGENERATE = "degenerate"


class Question(StrEnum):
    """What is random, and so what the answer generalises to.

    `SEEDS_AND_EXAMPLES`: whoever reruns it, on such examples. `SEEDS`: whoever reruns it, on this very test
    file. `EXAMPLES`: both arms deterministic, on such examples. `CHECKPOINTS`: one run of each, taken as they are, on such
    examples; nothing is said about the methods. `CHECKPOINT`: one run, taken as it is, against whoever reruns the other arm, on
    such examples; `CHECKPOINT_ON_FILE` the same on this very test file. `TASKS`: whoever reruns it, on the mean of these very
    tasks and such examples of each; `TASKS_ON_FILES` the same on these very test files. `LIKE_TASKS`: on the mean of tasks of
    which these are a sample.
    """

    SEEDS_AND_EXAMPLES = "seeds and examples"
    SEEDS = "seeds"
    EXAMPLES = "examples"
    CHECKPOINTS = "two checkpoints, on such examples"
    CHECKPOINT = "one checkpoint against seeds, on such examples"
    CHECKPOINT_ON_FILE = "one checkpoint against seeds"
    TASKS = "these tasks: seeds and examples"
    TASKS_ON_FILES = "these tasks: seeds"
    LIKE_TASKS = "tasks like these"

    @property
    def of_checkpoints(self) -> bool:
        return self in (Question.CHECKPOINTS, Question.CHECKPOINT, Question.CHECKPOINT_ON_FILE)


class Basis(StrEnum):
    """What a decided outcome rests on, beside the interval.

    `EXACT`: an exact test over seeds, which assumes no shape, confirms the difference at the level used. `NEAR_NORMAL`:
    seeds that scatter near normally; the exact test does not confirm it, or there is none (for equivalence). `EXAMPLES`: no
    arm has seeds. `EXACT_TASKS`, `NEAR_NORMAL_TASKS`: the same of tasks that are a sample.
    """

    EXACT = "confirmed by the exact test over seeds"
    NEAR_NORMAL = "seeds that scatter near normally"
    EXAMPLES = "examples alone"
    EXACT_TASKS = "confirmed by the exact test over tasks"
    NEAR_NORMAL_TASKS = "tasks that scatter near normally"


@dataclass(frozen=True, slots=True)
class ErrorParts:
    """What makes up the variance of the estimate, in the squared unit of the scores: max(Σ seeds + examples - Σ residual,
    Σ seeds, examples).

    `seeds_*` is V1 of the crossed analysis, `examples` V2 and `residual_*` V3; over seeds alone the last two are None.
    """

    seeds_a: float
    seeds_b: float
    examples: float | None = None
    residual_a: float | None = None
    residual_b: float | None = None

    @classmethod
    def of(cls, result: CrossedResult | WelchResult) -> ErrorParts:
        if isinstance(result, WelchResult):
            return cls(result.variance_a / result.n_a, result.variance_b / result.n_b)
        a, b = result.arm_a, result.arm_b
        return cls(a.v1, b.v1, result.v2, a.v3, b.v3)


class ClaimStatus(StrEnum):
    """How a declared claim stands: that A is better (superiority), or that the two lie within the margin (equivalence)."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One decided claim about A against B; higher scores are better.

    `estimate`, `interval` (level 1 - `alpha`), `margin`, `tost`, `standard_error`, `df` and `parts` are of mean(A) -
    mean(B) in the unit of the scores; `level` is the level at which the claim was decided (alpha, or what the family's
    correction leaves of it), and that of `tost`. `p` is two-sided and unadjusted; `p_claim` is the p value that enters Holm's
    correction (of the difference for a superiority claim, of TOST for equivalence), and `p_adjusted` its adjusted value once
    the family is resolved. `p_exact` is the exact test over seeds, and `floor` the smallest value that it can
    take with these seeds; with `require_exact` it has to confirm a difference, and `basis` says on what a decided outcome
    rests. `n_seeds`, `deterministic` are (A, B); `paired` says that seed i of A and seed i of
    B are one draw. `n_examples` is None where only per-seed scores are known, `n_clusters` where each example counts as a
    draw of its own, `n_tasks` where one task is compared. `p_a_greater_b` has its interval of level 1 - `alpha` over seeds, on
    this test file. `welch` is the
    companion over seeds, for this test file (where paired, the t interval of the paired differences). `collapsed` counts
    the seeds that lie far behind the rest of their arm, and `collapse_bound` is the rate of collapse that these do not
    exclude, one-sided 95 %; None for an arm without seeds. `mcnemar` and `prediction` describe single checkpoints, and
    `seed_sds` says for how many seeds an arm how much these may differ (sd) for a difference of this size between the methods
    to be found with 80 % power. A figure that is undefined is None.
    """

    outcome: Outcome
    question: Question
    claim: Claim
    alpha: float
    family_size: int
    n_seeds: tuple[int, int]
    deterministic: tuple[bool, bool]
    level: float
    paired: bool = False
    require_exact: bool = False
    n_examples: int | None = None
    n_clusters: int | None = None
    n_tasks: int | None = None
    margin: float | None = None
    estimate: float | None = None
    interval: tuple[float, float] | None = None
    standard_error: float | None = None
    df: float | None = None
    parts: ErrorParts | None = None
    p: float | None = None
    p_adjusted: float | None = None
    p_exact: float | None = None
    floor: float | None = None
    basis: Basis | None = None
    p_a_greater_b: float | None = None
    p_a_greater_b_interval: tuple[float, float] | None = None
    tost: TostResult | None = None
    welch: WelchResult | None = None
    collapsed: tuple[int, int] = (0, 0)
    collapse_bound: tuple[float | None, float | None] = (None, None)
    mcnemar: McNemarResult | None = None
    prediction: Prediction | None = None
    seed_sds: tuple[tuple[int, float | None], ...] = ()
    reason: DegenerateReason | None = None
    needed: Needed | None = None
    notes: tuple[str, ...] = ()

    @property
    def p_claim(self) -> float | None:
        """The p value of the declared claim, or None where there is none.

        Where the exact test has to confirm a difference, the larger of both, and 1 where it could not be taken.
        """
        if self.claim == "equivalence":
            return None if self.tost is None else self.tost.p
        return self.p_difference

    @property
    def p_difference(self) -> float | None:
        """The p value of a difference: of the primary analysis, and of the exact test where that has to confirm it."""
        without = all(self.deterministic) and self.question is not Question.LIKE_TASKS
        if self.p is None or not self.require_exact or without:
            return self.p
        return max(self.p, 1.0 if self.p_exact is None else self.p_exact)

    @property
    def seeds_are_few(self) -> bool:
        """Whether an arm that has seeds has fewer than decide anything."""
        if self.question is Question.LIKE_TASKS and self.n_seeds == (1, 1):
            return False  # one run of each, taken as it is; the tasks are the sample
        return any(n < MIN_SEEDS for n, fixed in zip(self.n_seeds, self.deterministic, strict=True) if not fixed)

    @property
    def tasks_are_few(self) -> bool:
        """Whether tasks that are a sample are fewer than tell how tasks differ."""
        return self.question is Question.LIKE_TASKS and (self.n_tasks or 0) < MIN_TASKS

    @property
    def floor_is_high(self) -> bool:
        """Whether no exact test over these seeds could confirm a difference at the level used."""
        return self.floor is not None and not is_attainable(self.floor, self.level)

    @property
    def claim_status(self) -> ClaimStatus:
        """What `outcome` means for the declared claim.

        Superiority is contradicted where B is better; arms shown to lie within a margin leave it undecided, for A may be
        better by less. Equivalence is contradicted where the difference is shown to be *beyond* the margin: by the test of
        |difference| <= margin at alpha / family_size, two-sided, since a difference other than 0 may still lie within it.
        """
        if self.outcome is (Outcome.A_BETTER if self.claim == "superiority" else Outcome.EQUIVALENT):
            return ClaimStatus.SUPPORTED
        if self.claim == "superiority":
            return ClaimStatus.CONTRADICTED if self.outcome is Outcome.B_BETTER else ClaimStatus.UNDECIDED
        if self.tost is None or self.outcome not in (Outcome.A_BETTER, Outcome.B_BETTER):
            return ClaimStatus.UNDECIDED
        beyond = 1.0 - max(self.tost.p_lower, self.tost.p_upper)
        return ClaimStatus.CONTRADICTED if 2.0 * beyond <= self.alpha / self.family_size else ClaimStatus.UNDECIDED
