"""The typed answer to a claim: prose is generated from it, never the other way round."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from .degenerate import DegenerateReason
from .needed import Needed
from .tdist import TostResult
from .welch import WelchResult

Claim = Literal["superiority", "equivalence"]


class Outcome(StrEnum):
    """What a comparison decides.

    `UNATTAINABLE` says that no data could have decided the claim with this design; it is not a negative
    result, and neither is `INCONCLUSIVE`. `DEGENERATE` says that the input leaves the procedure undefined.
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
    file. `EXAMPLES`: both arms deterministic, on such examples.
    """

    SEEDS_AND_EXAMPLES = "seeds and examples"
    SEEDS = "seeds"
    EXAMPLES = "examples"


class ClaimStatus(StrEnum):
    """How a declared claim stands: that A is better (superiority), or that the two lie within the margin (equivalence)."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One decided claim about A against B; higher scores are better.

    `estimate`, `interval` (level 1 - `alpha`), `margin` and `tost` are of mean(A) - mean(B) in the unit of
    the scores. `p` is two-sided and unadjusted; `p_claim` is the p value that enters Holm's correction (of
    the difference for a superiority claim, of TOST for equivalence), and `p_adjusted` its adjusted value once
    the family is resolved. `p_exact` is the exact test over seeds, and `floor` the smallest value that it can
    take with these seeds. `n_seeds`, `deterministic` are (A, B); `paired` says that seed i of A and seed i of
    B are one draw. `n_examples` is None where only per-seed
    scores are known. `welch` is the companion over seeds, for this test file (where
    paired, the t interval of the paired differences). A figure that is undefined is
    None.
    """

    outcome: Outcome
    question: Question
    claim: Claim
    alpha: float
    family_size: int
    n_seeds: tuple[int, int]
    deterministic: tuple[bool, bool]
    paired: bool = False
    n_examples: int | None = None
    margin: float | None = None
    estimate: float | None = None
    interval: tuple[float, float] | None = None
    p: float | None = None
    p_adjusted: float | None = None
    p_exact: float | None = None
    floor: float | None = None
    p_a_greater_b: float | None = None
    tost: TostResult | None = None
    welch: WelchResult | None = None
    reason: DegenerateReason | None = None
    needed: Needed | None = None
    notes: tuple[str, ...] = ()

    @property
    def p_claim(self) -> float | None:
        """The p value of the declared claim, or None where there is none."""
        if self.claim == "superiority":
            return self.p
        return None if self.tost is None else self.tost.p

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
