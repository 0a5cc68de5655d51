"""The statistics of comparing two ways of fine-tuning: seeds and examples both count.

A leaf package over numpy and scipy: pure functions, frozen results, every procedure with its source. Higher scores are better
throughout, so negate a loss. Start at `decide_crossed`, at `decide_scores` where only per-seed scores are known, or at
`decide_checkpoints` where there is one run of an arm; `sentence` turns their verdict into English. Input on which a procedure
is undefined gives a `Degenerate` (or a verdict that says so), never a p value of 0.
"""

from __future__ import annotations

from .apart import seeds_apart
from .best_value import BestRatio, BestValues, best_ratio, best_values
from .checkpoints import decide_checkpoints
from .clusters import FEW_CLUSTERS, Clusters
from .collapse import CollapseResult, collapse_bound, collapse_rates
from .correlation import pearson, pearson_scores, spearman, spearman_scores
from .crossed import ArmComponents, CrossedResult, crossed
from .decide import decide_crossed, decide_scores
from .decide_tasks import Scope, decide_tasks, standardised
from .degenerate import Degenerate, DegenerateReason
from .describe import Description, describe
from .family import MIN_SEEDS, MIN_TASKS, holm, is_attainable, smallest_n_paired, smallest_n_unpaired
from .frontier import Placed, Standing, frontier
from .jackknife import balanced_accuracy, confusion_scores, f1, macro_f1, matthews, perplexity_scores, ratio_scores
from .mcnemar import McNemarResult, mcnemar
from .multibootstrap import MultiBootstrapResult, multi_bootstrap
from .needed import Needed, needed_crossed, needed_welch
from .noise import Noise, NoiseComponent, noise_components
from .noninferiority import NonInferiority, noninferiority
from .paired import crossed_paired, decide_paired, refused_pairs
from .permutation import (
    PermutationResult,
    floor_paired,
    floor_unpaired,
    permutation_paired,
    permutation_unpaired,
)
from .power import (
    Components,
    detectable_crossed,
    detectable_welch,
    examples_for_crossed,
    pilot_components,
    power_crossed,
    power_welch,
    seeds_for_crossed,
    seeds_for_welch,
)
from .power_equivalence import attainable_margin, examples_for_tost, power_tost, seeds_for_tost
from .prediction import Prediction, predict
from .probability import probability_a_greater, probability_interval
from .prose import format_floor, format_p, p_is
from .ranking import auroc_scores, average_precision_scores
from .resolve import resolve_family
from .sentence import sentence
from .several import PairResult, all_pairs, dunnett
from .shares import decide_shares
from .spending import Look, look_levels
from .sweep import benjamini_hochberg
from .tasks import TaskScores, mean_over_drawn_tasks, mean_over_tasks, spread_of
from .tdist import TostResult, tost
from .tuning import BudgetPoint, budget_curve, expected_best
from .verdict import Basis, Claim, ClaimStatus, ErrorParts, Outcome, Question, Verdict
from .welch import WelchResult, welch, welch_paired, welch_tost

__all__ = [
    "FEW_CLUSTERS",
    "MIN_SEEDS",
    "MIN_TASKS",
    "ArmComponents",
    "Basis",
    "BestRatio",
    "BestValues",
    "BudgetPoint",
    "Claim",
    "ClaimStatus",
    "Clusters",
    "CollapseResult",
    "Components",
    "CrossedResult",
    "Degenerate",
    "DegenerateReason",
    "Description",
    "ErrorParts",
    "Look",
    "McNemarResult",
    "MultiBootstrapResult",
    "Needed",
    "Noise",
    "NoiseComponent",
    "NonInferiority",
    "Outcome",
    "PairResult",
    "PermutationResult",
    "Placed",
    "Prediction",
    "Question",
    "Scope",
    "Standing",
    "TaskScores",
    "TostResult",
    "Verdict",
    "WelchResult",
    "all_pairs",
    "attainable_margin",
    "auroc_scores",
    "average_precision_scores",
    "balanced_accuracy",
    "benjamini_hochberg",
    "best_ratio",
    "best_values",
    "budget_curve",
    "collapse_bound",
    "collapse_rates",
    "confusion_scores",
    "crossed",
    "crossed_paired",
    "decide_checkpoints",
    "decide_crossed",
    "decide_paired",
    "decide_scores",
    "decide_shares",
    "decide_tasks",
    "describe",
    "detectable_crossed",
    "detectable_welch",
    "dunnett",
    "examples_for_crossed",
    "examples_for_tost",
    "expected_best",
    "f1",
    "floor_paired",
    "floor_unpaired",
    "format_floor",
    "format_p",
    "frontier",
    "holm",
    "is_attainable",
    "look_levels",
    "macro_f1",
    "matthews",
    "mcnemar",
    "mean_over_drawn_tasks",
    "mean_over_tasks",
    "multi_bootstrap",
    "needed_crossed",
    "needed_welch",
    "noise_components",
    "noninferiority",
    "p_is",
    "pearson",
    "pearson_scores",
    "permutation_paired",
    "permutation_unpaired",
    "perplexity_scores",
    "pilot_components",
    "power_crossed",
    "power_tost",
    "power_welch",
    "predict",
    "probability_a_greater",
    "probability_interval",
    "ratio_scores",
    "refused_pairs",
    "resolve_family",
    "seeds_apart",
    "seeds_for_crossed",
    "seeds_for_tost",
    "seeds_for_welch",
    "sentence",
    "smallest_n_paired",
    "smallest_n_unpaired",
    "spearman",
    "spearman_scores",
    "spread_of",
    "standardised",
    "tost",
    "welch",
    "welch_paired",
    "welch_tost",
]
